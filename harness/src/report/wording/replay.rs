//! How a failure is reproduced.

use super::row::push_row;
use crate::event::ScenarioResult;
use crate::text::paint::Paint;

/// Racers whose release a failure shows.
const RACERS: usize = 10;

/// How many others the command plays too, of which the scenario has heard.
const OTHERS: usize = 8;

/// For a scenario that failed: how its races were released, and the command that plays it again with the same seed.
/// `arguments` are those of the run without which it would be played otherwise.
pub fn replay_rows(result: &ScenarioResult, arguments: &[String], paint: Paint) -> String {
    let mut text = String::new();
    if result.seed == 0 || result.failures().is_empty() {
        return text;
    }
    for (number, raced) in result.races.iter().enumerate() {
        let line = raced.place.as_ref().map(|place| format!("line {}: ", place.at.line)).unwrap_or_default();
        let order: Vec<String> = raced
            .order
            .iter()
            .map(|start| format!("{} +{:.3}", start.participant, start.after.as_secs_f64() * 1000.0))
            .collect();
        let order = if order.len() > RACERS {
            format!(
                "{}, … {} more, {}",
                order[..RACERS - 2].join(", "),
                order.len() - RACERS + 1,
                order[order.len() - 1]
            )
        } else {
            order.join(", ")
        };
        push_row(&mut text, if number == 0 { "released" } else { "" }, &format!("{line}{order} ms"), paint);
    }
    // A row of examples is no selector, and its scenario is. One that heard others needs them to fail again.
    let mut scenarios: Vec<&str> = Vec::new();
    for label in std::iter::once(&result.label).chain(&result.heard) {
        let scenario = label.split('@').next().unwrap_or_default();
        if !scenarios.contains(&scenario) && scenarios.len() <= OTHERS {
            scenarios.push(scenario);
        }
    }
    let seed = result.seed.to_string();
    let words = ["roundtable", "run"].into_iter().chain(scenarios).chain(["--seed", &seed]);
    let words = words.chain(arguments.iter().map(String::as_str));
    // Only what holds a null byte can't be quoted.
    let words = words.filter_map(|word| shlex::try_quote(word).ok());
    push_row(&mut text, "again", &words.collect::<Vec<_>>().join(" "), paint);
    text
}
