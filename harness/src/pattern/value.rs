//! JSON values: what shape they have, and when two are equal.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The shape of a value, in words that fit behind "expected" and "got": `a string`, `an object`,
/// `null`.
pub fn shape_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Whether two values have the same JSON type.
pub(super) fn same_shape(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// Whether two values are equal, deeply: numbers by their mathematical value (`1` equals `1.0`),
/// objects with the same keys in whatever order, arrays element by element.
pub fn json_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number_cmp(a, b) == Ordering::Equal,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| json_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| json_equal(a, b)))
        }
        _ => a == b,
    }
}

/// Compares two JSON numbers by their exact mathematical value, without rounding an integer to a
/// float: 9007199254740993 is greater than 9007199254740992.0.
pub fn number_cmp(a: &Number, b: &Number) -> Ordering {
    match (integer(a), integer(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => integer_float_cmp(a, float(b)),
        (None, Some(b)) => integer_float_cmp(b, float(a)).reverse(),
        // A JSON number is finite, so two of them always compare.
        (None, None) => float(a).partial_cmp(&float(b)).unwrap_or(Ordering::Equal),
    }
}

/// Whether a number has no fractional part; `1.0` has none.
pub(super) fn is_integral(number: &Number) -> bool {
    integer(number).is_some() || float(number).fract() == 0.0
}

fn integer(number: &Number) -> Option<i128> {
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

fn float(number: &Number) -> f64 {
    number.as_f64().unwrap_or(0.0)
}

/// `integer` lies between -2^63 and 2^64, so every float beyond these bounds is decided by its sign
/// and every other float's whole part fits an `i128` exactly.
fn integer_float_cmp(integer: i128, float: f64) -> Ordering {
    const BOUND: f64 = 36_893_488_147_419_103_232.0; // 2^65
    if float >= BOUND {
        return Ordering::Less;
    }
    if float <= -BOUND {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    let by_fraction = || 0.0_f64.partial_cmp(&(float - whole));
    integer.cmp(&(whole as i128)).then_with(|| by_fraction().unwrap_or(Ordering::Equal))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compare(a: Value, b: Value) -> Ordering {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => {
                assert_eq!(number_cmp(&a, &b), number_cmp(&b, &a).reverse());
                number_cmp(&a, &b)
            }
            _ => panic!("two numbers"),
        }
    }

    #[test]
    fn numbers_compare_exactly() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            (json!(1), json!(1.0), Equal),
            (json!(0), json!(-0.0), Equal),
            (json!(1), json!(1.000_000_000_000_000_2), Less),
            (json!(-1), json!(-1.5), Greater),
            (json!(-2), json!(-1.5), Less),
            (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0), Greater),
            (json!(9_007_199_254_740_992_u64), json!(9_007_199_254_740_992.0), Equal),
            (json!(u64::MAX), json!(18_446_744_073_709_551_616.0), Less),
            (json!(i64::MIN), json!(-9_223_372_036_854_775_808.0), Equal),
            (json!(u64::MAX), json!(-1), Greater),
            (json!(u64::MAX), json!(1e300), Less),
            (json!(i64::MIN), json!(-1e300), Greater),
            (json!(0.1), json!(0.1), Equal),
            (json!(0.3), json!(0.1 + 0.2), Less),
        ] {
            assert_eq!(compare(a.clone(), b.clone()), expected, "{a} against {b}");
        }
    }

    #[test]
    fn equality_is_deep_and_keeps_null_from_absent() {
        assert!(json_equal(&json!({"a": [1, {"b": 2.0}]}), &json!({"a": [1.0, {"b": 2}]})));
        assert!(!json_equal(&json!({"a": null}), &json!({})));
        assert!(!json_equal(&json!({"a": null}), &json!({"b": null})));
        assert!(!json_equal(&json!([1]), &json!([1, 1])));
        assert!(!json_equal(&json!("1"), &json!(1)));
    }
}
