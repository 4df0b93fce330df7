//! `run --watch`: plays again what a change of a file concerns.

mod events;
mod files;
mod keys;
mod round;
mod touched;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::sync::mpsc;

use crossterm::cursor::MoveTo;
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType};

use self::events::{DuringRound, Waited, wait};
use self::files::{Files, real};
use self::keys::Keys;
use self::round::{NextRound, play_round};
use self::touched::{is_edited_by_people, touched};
use super::interrupt::{interruption, set_playing};
use super::output::{complain, print, refuse};
use crate::cli::RunArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::under_ci;
use crate::source::shown_path;
use crate::text::paint::{Paint, Style};

/// Plays a selection, then after each change the scenarios that it affects, until the user quits.
pub(crate) fn watch(config: &Config, args: &RunArgs, paint: Paint) -> Exit {
    if under_ci(args.pipeline.ci) {
        return refuse("--watch waits for changes, and under CI nobody makes any");
    }
    let (sender, events) = mpsc::channel();
    let mut files = match Files::new(config, args, sender.clone()) {
        Ok(files) => files,
        Err(error) => return refuse(&format!("--watch: the files can't be watched: {error}")),
    };
    let interrupted = interruption();
    let keys = Keys::start(sender);
    let say = |line: &str| _ = print(&format!("{}\n", paint.text(Style::Dim, line)));
    let mut config = config.clone();
    let mut next = NextRound::All;
    // Files that were already reported to be the run's own.
    let mut reported = BTreeSet::new();
    let mut exit;
    loop {
        if std::io::stdout().is_terminal() {
            let _ = execute!(std::io::stdout(), Clear(ClearType::All), MoveTo(0, 0));
        }
        // The configuration may have changed too.
        let readable = match config.file.as_deref().map_or_else(|| Config::load(&config.dir), Config::load_file) {
            Ok(fresh) => {
                files.follow(&fresh, args);
                config = fresh;
                true
            }
            // Without a configuration it isn't known what to play.
            Err(error) => {
                complain(&error.to_string());
                say("nothing is played until that is fixed");
                false
            }
        };
        if readable {
            set_playing(true);
            exit = play_round(&config, args, &next, paint);
            set_playing(false);
        } else {
            exit = Exit::Invalid;
        }
        if *interrupted.borrow() {
            return exit;
        }
        let during = DuringRound::take(&events);
        if during.quit {
            return exit;
        }
        // Files that the run itself writes are no change: a server's own files would start round after round.
        let differing = during.changed.iter().flat_map(|path| files.differing(path));
        let (theirs, own): (BTreeSet<_>, BTreeSet<_>) =
            differing.partition(|file| is_edited_by_people(&config, args, file));
        if !theirs.is_empty()
            && let Some(found) = touched(&config, args, &theirs, paint)
        {
            next = found;
            continue;
        }
        for file in own.into_iter().filter(|file| !file.starts_with(real(&config.snapshots))) {
            if reported.insert(file.clone()) {
                say(&format!(
                    "{} changed meanwhile and is taken for the run's own: `sources` of a server names what is not",
                    shown_path(&file).display()
                ));
            }
        }
        let enter = if keys.single { "" } else { " (each with Enter)" };
        let help = format!("waiting for changes: Enter plays it again, f what failed, a all, q ends{enter}");
        print(&format!("\n{}\n", paint.text(Style::Dim, &help)));
        // Whether a letter without a meaning was pressed, as in a word that ends with Enter.
        let mut word = false;
        next = loop {
            match wait(&events, || *interrupted.borrow()) {
                Waited::Ended => return exit,
                Waited::Key(key) => match key {
                    '\n' if std::mem::take(&mut word) => {}
                    '\n' => break next,
                    'a' => break NextRound::All,
                    'f' => break NextRound::Failed,
                    'q' => return exit,
                    _ => word = keys.single,
                },
                Waited::Changed(paths) => {
                    let differing: BTreeSet<_> = paths.iter().flat_map(|path| files.differing(path)).collect();
                    if differing.is_empty() {
                        continue;
                    }
                    if let Some(found) = touched(&config, args, &differing, paint) {
                        break found;
                    }
                }
            }
        };
    }
}
