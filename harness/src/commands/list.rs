//! `list`.

use super::narrow::narrow;
use super::output::{print, refuse};
use super::selection::select_scenarios;
use crate::cli::ListArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::plan::label;

pub(crate) fn list(config: &Config, args: &ListArgs) -> Exit {
    let selected = match select_scenarios(config, &args.select, Exit::Nothing) {
        Ok(selected) => selected,
        Err(exit) => return exit,
    };
    let narrowed = match narrow(config, &args.narrow, &config.output, &selected) {
        Ok(narrowed) => narrowed,
        Err(error) => return refuse(&error),
    };
    let mut text = String::new();
    for scenario in &selected.scenarios {
        let tags = if scenario.tags.is_empty() { String::new() } else { format!("  [{}]", scenario.tags.join(", ")) };
        for row in &scenario.rows {
            let label = label(scenario, &row.name);
            if narrowed.labels.contains(&label) {
                text.push_str(&format!("{label}  {}{tags}\n", scenario.title));
            }
        }
    }
    print(&text)
}
