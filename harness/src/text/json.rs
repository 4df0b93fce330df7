//! JSON from servers, read so that nothing of it is lost: what can't be kept exactly is no value but a text, with why.

use serde_json::Value;

/// What a text from a server is.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// JSON, every value of which is kept exactly.
    Json(Value),
    /// Text that is not meant as JSON.
    Text,
    /// Text that is meant as JSON and can't be read as such, and why.
    Unreadable(String),
}

/// Reads a text. One that begins with a brace or a bracket is meant as JSON.
pub fn read(text: &str) -> Reading {
    let meant = text.trim_start().starts_with(['{', '[']);
    let why = match serde_json::from_str(text) {
        Ok(value) => match inexact_number(text) {
            None => return Reading::Json(value),
            Some(number) => format!("the number {number} can't be kept exactly: it has more digits than 64 bits hold"),
        },
        Err(error) => error.to_string(),
    };
    if meant { Reading::Unreadable(format!("it can't be read as JSON: {why}")) } else { Reading::Text }
}

/// The first number of a JSON text that loses digits when it is read. Integers are kept up to 64 bits, others where a
/// shortest spelling of their double means the same decimal number.
fn inexact_number(json: &str) -> Option<&str> {
    /// With fewer characters, and without an exponent, every number is kept.
    const SAFE: usize = 16;
    let bytes = json.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        match bytes[place] {
            b'"' => {
                place += 1;
                while place < bytes.len() && bytes[place] != b'"' {
                    place += if bytes[place] == b'\\' { 2 } else { 1 };
                }
                place += 1;
            }
            b'-' | b'0'..=b'9' => {
                let begin = place;
                while place < bytes.len() && matches!(bytes[place], b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') {
                    place += 1;
                }
                let number = &json[begin..place];
                if (number.len() >= SAFE || number.contains(['e', 'E'])) && !is_kept(number) {
                    return Some(number);
                }
            }
            _ => place += 1,
        }
    }
    None
}

fn is_kept(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else { return false };
    // Where two spellings are equally short and near, such as 631909086018436.2 and 631909086018436.3, programs differ.
    let number = decimal(number);
    number == decimal(&format!("{double:e}")) || number == decimal(&serde_json::json!(double).to_string())
}

/// A number by its sign, its digits without zeros at either end, and the power of ten of the last of them.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (negative, number) = number.strip_prefix('-').map_or((false, number), |rest| (true, rest));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.trim_start_matches('+').parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let power = exponent - i64::try_from(fraction.len()).ok()? + i64::try_from(digits.len() - kept.len()).ok()?;
    let kept = kept.trim_start_matches('0');
    Some(if kept.is_empty() { (false, String::new(), 0) } else { (negative, kept.to_owned(), power) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_a_value_and_other_text_is_text() {
        assert_eq!(read(r#"{"a":1}"#), Reading::Json(json!({"a": 1})));
        assert_eq!(read("7"), Reading::Json(json!(7)));
        for text in ["hi", "", "1e400", "123456789012345678901234567890"] {
            assert_eq!(read(text), Reading::Text, "{text}");
        }
    }

    #[test]
    fn what_was_meant_as_json_says_why_it_is_none() {
        let why = |text| match read(text) {
            Reading::Unreadable(why) => why,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(why(r#"{"limit":1e400}"#), "it can't be read as JSON: number out of range at line 1 column 14");
        assert!(why(r#" {"a":"#).contains("EOF"), "{}", why(r#" {"a":"#));
        assert_eq!(
            why(r#"[12345678901234567890123]"#),
            "it can't be read as JSON: the number 12345678901234567890123 can't be kept exactly: it has more digits than 64 bits hold"
        );
        for text in ["[0.12345678901234567890]", "[1e-400]", r#"{"a\"1":9007199254740993.0}"#] {
            assert!(why(text).contains("can't be kept exactly"), "{text}");
        }
    }

    #[test]
    fn numbers_that_keep_their_value_are_read() {
        for text in [
            "[18446744073709551615]",
            "[-9223372036854775808]",
            "[0.1, 1.10, 100e-2, 1E3, 1e22, -0.0, 0e0]",
            "[1234567890.123456]",
            r#"["12345678901234567890123", "\"1e400"]"#,
        ] {
            assert!(matches!(read(text), Reading::Json(_)), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn of_two_shortest_spellings_each_is_kept() {
        for text in ["[631909086018436.2]", "[631909086018436.3]"] {
            assert!(matches!(read(text), Reading::Json(_)), "{text}: {:?}", read(text));
        }
        assert!(matches!(read("[631909086018436.21]"), Reading::Unreadable(_)));
    }

    proptest::proptest! {
        #[test]
        fn every_double_that_is_written_is_read_again(number: f64) {
            proptest::prop_assume!(number.is_finite());
            let text = format!("[{}]", json!(number));
            proptest::prop_assert_eq!(read(&text), Reading::Json(json!([number])));
        }

        #[test]
        fn every_integer_of_64_bits_is_read_again(signed: i64, unsigned: u64) {
            let value = json!([signed, unsigned]);
            proptest::prop_assert_eq!(read(&value.to_string()), Reading::Json(value));
        }
    }
}
