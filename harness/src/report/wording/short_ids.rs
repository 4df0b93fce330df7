//! Long ids as people know them: `‹ann›` for the participant's own, `‹run›` for the digits that keep runs apart.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use crate::event::{Outcome, ScenarioResult};
use crate::text::expression::{alternatives, any_of, of_escaped};

/// From how many digits in a row on they can only be a run's.
const DIGITS: usize = 12;

/// Finds the ids of a scenario's participants in texts.
#[derive(Debug, Default)]
pub struct ShortIds {
    find: Option<Regex>,
    short: BTreeMap<String, String>,
}

impl ShortIds {
    /// The ids of those who took part. One that is short, or that two have, stands as it is.
    pub fn of(result: &ScenarioResult) -> Self {
        let mut short: BTreeMap<String, Option<String>> = BTreeMap::new();
        for person in &result.people {
            if let Some(run) = digits(&person.id) {
                short.insert(run.to_owned(), Some("‹run›".to_owned()));
                let name = format!("‹{}›", person.key);
                short.entry(person.id.clone()).and_modify(|other| *other = None).or_insert(Some(name));
            }
        }
        let short: BTreeMap<String, String> = short.into_iter().filter_map(|(id, name)| Some((id, name?))).collect();
        // The first that fits is taken, so longer ones stand first.
        let mut ids: Vec<&String> = short.keys().collect();
        ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
        Self { find: any_of(ids), short }
    }

    /// Ids of these participants as far as their form tells them: `ann_` with a run's digits behind it.
    pub fn of_keys(keys: &[String]) -> Self {
        let any = alternatives(keys);
        let find = (!keys.is_empty()).then(|| of_escaped(&format!(r"\b(?P<key>{any})_[0-9]{{{DIGITS},}}\b")));
        Self { find, short: BTreeMap::new() }
    }

    /// A text with names in the place of ids.
    pub fn shorten(&self, text: &str) -> String {
        let Some(find) = &self.find else { return text.to_owned() };
        let name = |found: &Captures<'_>| match found.name("key") {
            Some(key) => format!("‹{}›", key.as_str()),
            None => self.short.get(&found[0]).unwrap_or(&found[0].to_owned()).clone(),
        };
        find.replace_all(text, name).into_owned()
    }
}

/// A text about a scenario with short ids. The text of a scenario that passed contains none and stays unchanged.
pub fn with_short_ids(result: &ScenarioResult, text: String) -> String {
    if matches!(result.outcome, Outcome::Passed) && !result.is_flaky() {
        return text;
    }
    ShortIds::of(result).shorten(&text)
}

/// The first digits in a row that are a run's.
fn digits(id: &str) -> Option<&str> {
    id.split(|sign: char| !sign.is_ascii_digit()).find(|digits| digits.len() >= DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_known_form_become_names() {
        let names = ShortIds::of_keys(&["ann".to_owned(), "ann_2".to_owned()]);
        let text = "ann_1234567890123456 ann_2_1234567890123456 ann_12 joann_1234567890123456 lobby_1234567890123456";
        assert_eq!(names.shorten(text), "‹ann› ‹ann_2› ann_12 joann_1234567890123456 lobby_1234567890123456");
        assert_eq!(ShortIds::of_keys(&[]).shorten(text), text);
    }
}
