//! Durations as people write them.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no duration: {reason}")]
pub struct DurationError {
    text: String,
    reason: &'static str,
}

/// Reads a duration: a number, with decimals if need be, and `ms`, `s`, `m` or `h`.
///
/// ```
/// use std::time::Duration;
/// use roundtable::text::parse_duration;
///
/// assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
/// assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
/// assert!(parse_duration("5").is_err());
/// ```
///
/// # Errors
/// Says what is missing: the number, the unit, or that the number is too large.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = |reason| DurationError { text: text.to_owned(), reason };
    let trimmed = text.trim();
    let unit_at = trimmed.find(|char: char| !char.is_ascii_digit() && char != '.');
    let (number, unit) = trimmed.split_at(unit_at.unwrap_or(trimmed.len()));
    if number.is_empty() {
        return Err(wrong("it starts with a number, as in `5s` or `250ms`"));
    }
    let seconds = match unit.trim() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err(wrong("it needs a unit, as in `5s` or `250ms`")),
        _ => return Err(wrong("the unit is one of ms, s, m, h")),
    };
    let number: f64 = number.parse().map_err(|_| wrong("the number can't be read"))?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong("the number is too large"))?;
    // Decimals of binary fractions end in odd nanoseconds; nobody means those.
    let micros = (duration + Duration::from_nanos(500)).as_micros();
    u64::try_from(micros).map(Duration::from_micros).map_err(|_| wrong("the number is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let read = |text| parse_duration(text).unwrap();
        assert_eq!(read("5s"), Duration::from_secs(5));
        assert_eq!(read(" 0.1 s "), Duration::from_millis(100));
        assert_eq!(read("2m"), Duration::from_secs(120));
        assert_eq!(read("1h"), Duration::from_secs(3600));
        assert_eq!(read("0ms"), Duration::ZERO);
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("5", "it needs a unit, as in `5s` or `250ms`"),
            ("-5s", "it starts with a number, as in `5s` or `250ms`"),
            ("", "it starts with a number, as in `5s` or `250ms`"),
            ("5 weeks", "the unit is one of ms, s, m, h"),
            ("1.2.3s", "the number can't be read"),
            ("99999999999999999999999s", "the number is too large"),
        ] {
            let told = parse_duration(text).unwrap_err().to_string();
            assert_eq!(told, format!("`{text}` is no duration: {why}"));
        }
    }
}
