//! Times in snapshots: by their distance from the scenario, so that an expiry in an hour looks the same in every run and
//! another than one in a day.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::{Captures, Regex};
use serde_json::Value;

use crate::snapshot::json_pointer::child;

/// Seconds before and behind the scenario that still belong to it: clocks differ, and whole seconds are cut off.
const NEAR: f64 = 15.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// Up to which distance times are rounded to which unit. Each is so wide that a scenario's own length doesn't show.
const ROUNDED: [(f64, f64); 5] =
    [(2.0 * MINUTE, 30.0), (2.0 * HOUR, MINUTE), (2.0 * DAY, 15.0 * MINUTE), (14.0 * DAY, HOUR), (400.0 * DAY, DAY)];

static TIMES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})")
        .expect("a constant expression")
});

/// When the scenario was played, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaySpan {
    pub(crate) began: f64,
    pub(crate) now: f64,
}

impl PlaySpan {
    /// Puts words for all times of a value but what stands at the pointers in `except`: texts of RFC 3339, and numbers
    /// that count seconds, milliseconds, microseconds or nanoseconds since 1970.
    pub(crate) fn replace(self, value: &mut Value, at: &str, except: &dyn Fn(&str) -> bool) {
        match value {
            Value::Number(number) if !except(at) => {
                let number = number.as_f64();
                let told = |unit: f64| number.and_then(|number| self.placeholder(number / unit));
                if let Some(told) = [1.0, 1e3, 1e6, 1e9].into_iter().find_map(told) {
                    *value = Value::from(told);
                }
            }
            Value::String(text) if TIMES.is_match(text) && !except(at) => {
                let told = TIMES.replace_all(text, |found: &Captures<'_>| {
                    let written = &found[0];
                    self.told_text(written).unwrap_or_else(|| written.to_owned())
                });
                *text = told.into_owned();
            }
            Value::Array(items) => {
                for (place, item) in items.iter_mut().enumerate() {
                    self.replace(item, &format!("{at}/{place}"), except);
                }
            }
            Value::Object(entries) => {
                for (key, value) in entries.iter_mut() {
                    self.replace(value, &child(at, key), except);
                }
            }
            _ => {}
        }
    }

    fn told_text(self, written: &str) -> Option<String> {
        let time: Timestamp = written.to_ascii_uppercase().parse().ok()?;
        self.placeholder(time.as_second() as f64 + f64::from(time.subsec_nanosecond()) / 1e9)
    }

    /// The text for a time: `[time]` within the scenario, else its rounded distance; none where it is too far away
    /// to have to do with when the scenario was played.
    fn placeholder(self, seconds: f64) -> Option<String> {
        if self.now < DAY {
            return None;
        }
        if (self.began - NEAR..self.now + NEAR).contains(&seconds) {
            return Some("[time]".to_owned());
        }
        let distance = seconds - self.began;
        let (_, unit) = ROUNDED.into_iter().find(|(up_to, _)| distance.abs() < *up_to)?;
        let rounded = (distance.abs() / unit).round() * unit;
        if rounded == 0.0 {
            return Some("[time]".to_owned());
        }
        Some(format!("[time {}{}]", if distance < 0.0 { '-' } else { '+' }, length(rounded)))
    }
}

/// A length of time in whole seconds: `1h30m`.
fn length(seconds: f64) -> String {
    let mut left = seconds;
    let mut text = String::new();
    for (unit, name) in [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1.0, 's')] {
        let count = (left / unit).floor();
        left -= count * unit;
        if count > 0.0 {
            text.push_str(&format!("{count}{name}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BEGAN: f64 = 1_790_000_000.0;

    fn told(value: Value) -> Value {
        let mut value = value;
        PlaySpan { began: BEGAN, now: BEGAN + 40.0 }.replace(&mut value, "", &|at| at == "/id");
        value
    }

    #[test]
    fn a_time_is_told_by_its_distance_from_the_scenario() {
        let at = |distance: i64| json!(1_790_000_000 + distance);
        for (distance, expected) in [
            (0, "[time]"),
            (-14, "[time]"),
            (54, "[time]"),
            (-40, "[time -30s]"),
            (300, "[time +5m]"),
            (3_603, "[time +1h]"),
            (3_599, "[time +1h]"),
            (5_405, "[time +1h30m]"),
            (86_410, "[time +1d]"),
            (129_600, "[time +1d12h]"),
            (-86_400 * 30, "[time -30d]"),
        ] {
            assert_eq!(told(at(distance)), json!(expected), "{distance}");
        }
        for distance in [86_400 * 401, -86_400 * 401] {
            assert_eq!(told(at(distance)), at(distance));
        }
    }

    #[test]
    fn times_are_texts_and_numbers_of_four_units() {
        let now = 1_790_000_000_i64;
        assert_eq!(
            told(json!({
                "s": now, "float": 1_790_000_012.25, "ms": now * 1000 + 5, "us": now * 1_000_000, "ns": now * 1_000_000_000,
                "text": "from 2026-09-21T14:13:20Z to 2026-09-21T17:13:20+02:00", "old": "1999-12-31T23:59:59Z",
                "none": "2026-99-99T00:00:00Z", "price": 179_000_000, "n": 4, "id": now,
            })),
            json!({
                "s": "[time]", "float": "[time]", "ms": "[time]", "us": "[time]", "ns": "[time]",
                "text": "from [time] to [time +1h]", "old": "1999-12-31T23:59:59Z",
                "none": "2026-99-99T00:00:00Z", "price": 179_000_000, "n": 4, "id": now,
            })
        );
    }
}
