//! `review`.

mod decide;
mod folders;
mod listing;
mod orphans;
mod terminal;

use std::io::IsTerminal as _;
use std::path::Path;

use self::decide::decide;
use self::folders::ReviewFolders;
use self::listing::{as_json, list, list_orphans};
use self::orphans::{find_orphans, remove_orphans};
use super::output::{complain, print, refuse};
use crate::cli::{ListFormat, ReviewArgs};
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::under_ci;
use crate::review::{Review, html};
use crate::snapshot::store;
use crate::source::shown_path;
use crate::text::paint::Paint;

/// Shows pending changes of snapshots and carries out what is decided on them.
pub(crate) fn review(config: &Config, args: &ReviewArgs, paint: Paint) -> Exit {
    let decides = !args.accept.is_empty() || !args.reject.is_empty();
    let asks = !decides && !args.list && args.html.is_none() && !args.remove_orphans;
    if asks && !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
        return refuse(
            "review asks questions, and this is not a terminal: --list shows what is pending, --accept and --reject decide",
        );
    }
    if under_ci(false) && (asks || decides || args.remove_orphans) {
        return refuse("review writes into the tree, which is never done where CI is set; --list and --html don't");
    }
    let folders = match ReviewFolders::of(config, args.from.as_deref()) {
        Ok(folders) => folders,
        Err(exit) => return exit,
    };
    let review = match Review::gather(&config.snapshots, &folders.pending) {
        Ok(review) => review,
        Err(error) => return refuse(&error.to_string()),
    };
    review.problems.iter().for_each(|problem| complain(problem));
    let orphans = find_orphans(config);
    if let Some(file) = &args.html {
        let exit = write_page(&review, &folders, file);
        if exit != Exit::Passed {
            return exit;
        }
    }
    if args.list {
        return match args.format {
            ListFormat::Human => print(&list(&review, &orphans, paint)),
            ListFormat::Json => print(&format!("{}\n", as_json(&review, &orphans))),
        };
    }
    if args.remove_orphans {
        let exit = remove_orphans(config, &orphans, paint);
        if exit != Exit::Passed {
            return exit;
        }
    }
    if decides {
        return decide(&review, args, paint);
    }
    if !asks {
        return Exit::Passed;
    }
    let exit = if review.pending.is_empty() {
        print(&format!("nothing is pending in {}\n", shown_path(&folders.pending).display()))
    } else {
        terminal::ask(&review, &folders, args, paint)
    };
    print(&list_orphans(&orphans, paint));
    exit
}

fn write_page(review: &Review, folders: &ReviewFolders, file: &Path) -> Exit {
    let trace = |label: &str| folders.trace_from(file, label);
    if let Err(error) = store::write(file, &html::page(review, &trace)) {
        return refuse(&error.to_string());
    }
    print(&format!("{} written\n", shown_path(file).display()))
}
