//! A review by keys. The terminal is in raw mode only while a key is awaited, so that whatever ends the program leaves it
//! as it was.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crossterm::cursor::MoveTo;
use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use crossterm::execute;
use crossterm::terminal::{Clear, ClearType, disable_raw_mode, enable_raw_mode, size};
use tokio::signal::unix::{SignalKind, signal};

use super::decide::finish;
use super::folders::ReviewFolders;
use crate::cli::ReviewArgs;
use crate::commands::output::{print, refuse};
use crate::exit::Exit;
use crate::review::session::{NextAction, ReviewKey, ReviewSession};
use crate::review::{Review, screen};
use crate::source::shown_path;
use crate::text::counted;
use crate::text::paint::{Paint, Style};

/// A review by keys.
pub(super) fn ask(review: &Review, folders: &ReviewFolders, args: &ReviewArgs, paint: Paint) -> Exit {
    restore_at_signals();
    let stale = review.pending.iter().filter(|pending| pending.stale).count();
    let mut force = args.force;
    if stale > 0 && !force {
        for pending in review.pending.iter().filter(|pending| pending.stale) {
            print(&format!("  {}\n", pending.shown));
        }
        let what = counted(stale, "snapshot was", "snapshots were");
        let question =
            format!("{what} compared with another stored text than the one here. Take those accepted? [y/N] ");
        force = match show_and_read_key(&question) {
            Ok(event) => event.code == KeyCode::Char('y'),
            Err(error) => return terminal_error(&error),
        };
        print("\n");
    }
    let mut session = ReviewSession::new(review);
    let mut note = String::new();
    loop {
        // A terminal that doesn't know its size tells zero.
        let (columns, lines) = size().ok().filter(|(columns, lines)| *columns > 0 && *lines > 0).unwrap_or((80, 24));
        let text = screen::screen_text(&mut session, usize::from(lines), usize::from(columns), paint);
        if let Err(error) = execute!(io::stdout(), Clear(ClearType::All), MoveTo(0, 0)) {
            return terminal_error(&error);
        }
        let event = match show_and_read_key(&format!("{text}{note}")) {
            Ok(event) => event,
            Err(error) => return terminal_error(&error),
        };
        note.clear();
        let Some(pressed) = key_of(event) else { continue };
        match session.press(pressed) {
            NextAction::Show => {}
            NextAction::Trace(file) => note = trace(folders, review, file, paint),
            NextAction::Finish => break,
            NextAction::Abort => {
                print("\nnothing was written\n");
                return Exit::Interrupted;
            }
        }
    }
    let _ = execute!(io::stdout(), Clear(ClearType::All), MoveTo(0, 0));
    finish(review, &session.decisions, args, force, paint)
}

fn terminal_error(error: &io::Error) -> Exit {
    refuse(&format!("the terminal can't be used: {error}; --list, --accept and --reject need none"))
}

fn key_of(event: KeyEvent) -> Option<ReviewKey> {
    match event.code {
        KeyCode::Char('c' | 'd') if event.modifiers.contains(KeyModifiers::CONTROL) => Some(ReviewKey::Abort),
        KeyCode::Char(letter) if !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
            ReviewKey::of(letter)
        }
        KeyCode::Right => Some(ReviewKey::Next),
        KeyCode::Left => Some(ReviewKey::Previous),
        KeyCode::PageDown => Some(ReviewKey::Down),
        KeyCode::PageUp => Some(ReviewKey::Up),
        KeyCode::Down => Some(ReviewKey::NextMember),
        KeyCode::Up => Some(ReviewKey::PreviousMember),
        KeyCode::Esc => Some(ReviewKey::Finish),
        _ => None,
    }
}

/// The terminal is in raw mode for as long as this lives.
struct RawMode;

impl RawMode {
    fn on() -> io::Result<Self> {
        enable_raw_mode()?;
        Ok(Self)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

/// Prints a text and reads one key. Raw mode begins before the text is printed, so that no key is echoed into it.
fn show_and_read_key(text: &str) -> io::Result<KeyEvent> {
    let _raw = RawMode::on()?;
    print(&text.replace('\n', "\r\n"));
    loop {
        match read()? {
            Event::Key(event) if event.kind != KeyEventKind::Release => return Ok(event),
            // A key without a meaning shows the screen again, in its new size.
            Event::Resize(..) => return Ok(KeyEvent::new(KeyCode::Null, KeyModifiers::NONE)),
            _ => {}
        }
    }
}

/// A signal ends the program without running destructors.
fn restore_at_signals() {
    std::thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
            let [Ok(mut int), Ok(mut term), Ok(mut hangup)] = kinds.map(signal) else { return };
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
                _ = hangup.recv() => {}
            }
            let _ = disable_raw_mode();
            std::process::exit(i32::from(Exit::Interrupted.code()));
        });
    });
}

/// Opens a trace in a browser where there is a display; returns its path for the screen.
fn trace(folders: &ReviewFolders, review: &Review, file: usize, paint: Paint) -> String {
    let Some(pending) = review.pending.get(file) else { return String::new() };
    let path = folders.trace(&pending.label);
    let shown = shown_path(&path);
    let note = if path.is_file() {
        open(&path);
        format!("trace: {}", shown.display())
    } else {
        format!("there is no trace {}: `roundtable run {} --trace on` writes it", shown.display(), pending.label)
    };
    format!("{}\n", paint.text(Style::Note, &note))
}

fn open(path: &Path) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let display = ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if cfg!(target_os = "macos") || display {
        // Where it can't be opened, its path is on the screen.
        let started =
            Command::new(program).arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Ok(mut child) = started {
            std::thread::spawn(move || child.wait());
        }
    }
}
