//! From the command line to a command.

use std::path::Path;

use super::output::{printed, refuse};
use super::{check, completions, diff, init, list, report, review, run, schema, serve, watch};
use crate::cli::{Cli, Color, Command};
use crate::config::{Config, ConfigError};
use crate::exit::Exit;
use crate::text::paint::Paint;

/// Carries out a command line; gives how the program exits.
pub fn execute(cli: &Cli) -> Exit {
    let paint = match cli.color {
        Color::Auto => Paint::automatic(),
        Color::Always => Paint::new(true),
        Color::Never => Paint::new(false),
    };
    printed(execute_command(cli, paint))
}

fn execute_command(cli: &Cli, paint: Paint) -> Exit {
    // These need no configuration.
    match &cli.command {
        Command::Diff(args) => diff::diff(args, paint),
        Command::Schema(args) => schema::schema(args),
        Command::Report(args) => report::report(args, paint),
        Command::MergeReports(args) => report::merge(args, paint),
        Command::Completions { shell } => completions::completions(*shell),
        Command::Init(args) => init::init(args, paint),
        command => match configuration(cli, command) {
            Ok(config) => run_configured(command, &config, paint),
            Err(error) => refuse(&error.to_string()),
        },
    }
}

/// The commands that need a configuration.
fn run_configured(command: &Command, config: &Config, paint: Paint) -> Exit {
    match command {
        Command::Run(args) if args.watch => watch::watch(config, args, paint),
        Command::Run(args) => run::run(config, args, paint),
        Command::Serve(args) => serve::serve(config, args, paint),
        Command::List(args) => list::list(config, args),
        Command::Check(args) => check::check(config, args, paint),
        Command::Review(args) => review::review(config, args, paint),
        Command::Schema(_)
        | Command::Report(_)
        | Command::MergeReports(_)
        | Command::Diff(_)
        | Command::Init(_)
        | Command::Completions { .. } => Exit::Passed,
    }
}

/// The configuration that `--config` names; else that of this folder or one above; else that of the first file or folder
/// that is selected.
fn configuration(cli: &Cli, command: &Command) -> Result<Config, ConfigError> {
    if let Some(file) = &cli.config {
        return Config::load_file(file);
    }
    let here = Config::load(Path::new("."))?;
    let select = match command {
        Command::Run(args) => &args.select.select,
        Command::List(args) => &args.select.select,
        Command::Check(args) => &args.select.select,
        _ => return Ok(here),
    };
    if here.file.is_some() {
        return Ok(here);
    }
    for named in select.iter().map(Path::new).filter(|path| path.exists()) {
        let there = Config::load(named)?;
        if there.file.is_some() {
            return Ok(there);
        }
    }
    Ok(here)
}
