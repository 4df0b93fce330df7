//! `completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::output::print;
use crate::cli::Cli;
use crate::exit::Exit;

/// Prints what a shell needs to complete this program's command lines.
pub(crate) fn completions(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "roundtable", &mut script);
    print(&String::from_utf8_lossy(&script))
}
