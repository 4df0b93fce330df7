//! What holds for all patterns and values.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::nearest::scores;
use super::*;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ab]{0,3}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!("2026-01-15T10:30:00Z")),
        Just(json!("2026-01-15T10:30:00.5+01:00")),
    ]
}

fn nested(
    leaf: impl Strategy<Value = Value> + 'static,
    key: impl Strategy<Value = String> + 'static + Clone,
) -> impl Strategy<Value = Value> {
    leaf.prop_recursive(4, 32, 4, move |inner| {
        let field = (key.clone(), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            prop::collection::vec(field, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// JSON with few enough keys and values that patterns and values often meet.
fn value() -> impl Strategy<Value = Value> {
    nested(scalar(), "[abc]")
}

/// JSON with keys that may be matchers, misspelt matchers or escaped keys.
fn anything() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = words().iter().map(|word| word.name).collect();
    let key = prop_oneof![prop::sample::select(names).prop_map(str::to_owned), "[$]{0,3}[a-z]{0,3}", any::<String>()];
    let leaf = prop_oneof![
        scalar(),
        Just(json!(true)),
        "[a-z(+*?{$^\\\\]{0,5}".prop_map(Value::from),
        prop::sample::select(vec!["string", "integer", "uuid", "timestamp"]).prop_map(Value::from),
    ];
    nested(leaf, key.boxed())
}

/// A pattern that compiles.
fn pattern() -> impl Strategy<Value = Value> {
    let word = |name: &str, argument: Value| json!({ name: argument });
    let leaf = prop_oneof![
        4 => scalar(),
        1 => Just(word("$any", json!(true))),
        1 => Just(word("$absent", json!(true))),
        1 => "[ab\n]{0,2}".prop_map(move |source| word("$regex", json!(source))),
        1 => prop::sample::subsequence(vec!["string", "number", "integer", "boolean", "null", "object", "array"], 1..4)
            .prop_map(move |types| word("$type", json!(types))),
        1 => (0..3).prop_map(move |len| word("$len", json!(len))),
        1 => Just(json!({"$len": {"$gte": 1, "$not": 2}})),
        1 => scalar().prop_filter_map("a bound", move |bound| {
            (bound.is_number() || bound.is_string()).then(|| word("$gte", bound))
        }),
        1 => (-2..2, -1..3).prop_map(|(low, high)| json!({"$gt": low, "$lte": high})),
        1 => prop::sample::select(vec!["uuid", "timestamp"]).prop_map(move |format| word("$format", json!(format))),
        2 => value().prop_map(move |value| word("$exact", value)),
    ];
    leaf.prop_recursive(3, 24, 3, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let field = ("[abc]", inner.clone());
        prop_oneof![
            list.clone().prop_map(Value::from),
            prop::collection::vec(field, 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            prop::sample::select(vec!["$contains", "$each", "$not"])
                .prop_flat_map(move |name| { inner.clone().prop_map(move |argument| word(name, argument)) }),
            list.clone().prop_map(move |patterns| word("$unordered", json!(patterns))),
            list.prop_filter("an alternative", |list| !list.is_empty())
                .prop_map(move |patterns| word("$one_of", json!(patterns))),
        ]
    })
}

fn compiled() -> impl Strategy<Value = Pattern> {
    pattern().prop_map(|source| Pattern::compile(&source).unwrap_or_else(|error| panic!("{source}: {error}")))
}

/// Whether a pattern without matchers matches, said once more in the plainest way.
fn plainly_matches(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Array(patterns), Value::Array(values)) => {
            patterns.len() == values.len() && patterns.iter().zip(values).all(|(p, v)| plainly_matches(p, v))
        }
        (Value::Object(patterns), Value::Object(values)) => {
            patterns.iter().all(|(key, p)| values.get(key).is_some_and(|v| plainly_matches(p, v)))
        }
        _ => json_equal(pattern, value),
    }
}

/// All orders of a short list.
fn permutations(values: &[Value]) -> Vec<Vec<Value>> {
    let Some((first, rest)) = values.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in permutations(rest) {
        for at in 0..=order.len() {
            let mut order = order.clone();
            order.insert(at, first.clone());
            all.push(order);
        }
    }
    all
}

/// Paths of all object fields in a value, as JSON pointers to the object with the key.
fn fields(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                fields(element, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, field) in map {
                found.push((at.to_owned(), key.clone()));
                fields(field, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn differences_are_empty_exactly_when_it_matches(pattern in compiled(), value in value()) {
        let differences = pattern.differences(&value);
        prop_assert_eq!(pattern.matches(&value), differences.is_empty(), "{:?}", differences);
        prop_assert_eq!(pattern.matches_absent(), pattern.differences_absent().is_empty());
    }

    #[test]
    fn a_line_is_one_line(pattern in compiled(), value in value()) {
        for difference in pattern.differences(&value) {
            let several_lines = difference.to_string().contains(['\n', '\r', '\u{2028}']);
            prop_assert!(!several_lines);
            prop_assert!(difference.path.starts_with('$'));
        }
    }

    #[test]
    fn every_value_without_matchers_matches_itself(value in nested(scalar(), any::<String>().prop_filter("plain", |key| !key.starts_with('$')))) {
        let pattern = Pattern::compile(&value).expect("a plain value is a pattern");
        prop_assert!(pattern.matches(&value));
        prop_assert!(pattern.differences(&value).is_empty());
    }

    #[test]
    fn plain_patterns_match_as_the_rule_says(pattern in value(), value in value()) {
        let compiled = Pattern::compile(&pattern).expect("a plain value is a pattern");
        prop_assert_eq!(compiled.matches(&value), plainly_matches(&pattern, &value));
    }

    #[test]
    fn removing_a_key_breaks_a_match_and_is_told(value in value(), pick in any::<prop::sample::Index>()) {
        let value = json!({ "a": value });
        let mut found = Vec::new();
        fields(&value, "", &mut found);
        let (at, key) = &found[pick.index(found.len())];
        let pattern = Pattern::compile(&value).expect("a plain value is a pattern");
        let mut less = value.clone();
        let object = less.pointer_mut(at).and_then(Value::as_object_mut).expect("an object");
        object.remove(key);
        prop_assert!(!pattern.matches(&less));
        prop_assert!(!pattern.differences(&less).is_empty());
        // What is left is a subset, so it matches the whole the other way round.
        prop_assert!(Pattern::compile(&less).expect("a plain value is a pattern").matches(&value));
    }

    #[test]
    fn compiling_never_panics(source in anything(), value in value()) {
        let errors = Pattern::check(&source, &|_| false);
        match Pattern::compile(&source) {
            Ok(pattern) => {
                prop_assert!(errors.is_empty());
                prop_assert_eq!(pattern.matches(&value), pattern.differences(&value).is_empty());
            }
            Err(error) => prop_assert_eq!(Some(&error), errors.first()),
        }
    }

    #[test]
    fn exact_is_equality(a in anything(), b in anything()) {
        let pattern = Pattern::compile(&json!({ "$exact": a.clone() })).expect("every value can be exact");
        prop_assert!(pattern.differences(&a).is_empty());
        prop_assert_eq!(pattern.matches(&b), json_equal(&a, &b));
        prop_assert_eq!(pattern.matches(&b), pattern.differences(&b).is_empty());
    }

    #[test]
    fn unordered_is_some_order(patterns in prop::collection::vec(pattern(), 0..4), values in prop::collection::vec(value(), 0..4)) {
        let unordered = Pattern::compile(&json!({ "$unordered": patterns.clone() })).expect("a pattern");
        let ordered = Pattern::compile(&json!(patterns)).expect("a pattern");
        let some = permutations(&values).into_iter().any(|order| ordered.matches(&json!(order)));
        prop_assert_eq!(unordered.matches(&json!(values)), some);
    }

    #[test]
    fn what_can_not_fail_does_not(pattern in compiled(), fields in prop::collection::btree_map("[abc]", value(), 0..4)) {
        let object = Value::Object(fields.into_iter().collect::<Map<_, _>>());
        prop_assert!(pattern.can_fail() || pattern.matches(&object));
    }

    #[test]
    fn nearest_is_the_latest_best(pattern in compiled(), candidates in prop::collection::vec(value(), 1..6)) {
        let miss = nearest(&pattern, &candidates).expect("there are candidates");
        let scores = scores(&pattern, &candidates.iter().collect::<Vec<_>>());
        for (index, score) in scores.iter().enumerate() {
            prop_assert!(*score < miss.score || (*score == miss.score && index <= miss.index));
            prop_assert_eq!(score.share() == 1.0, pattern.matches(&candidates[index]));
        }
        prop_assert_eq!(&miss.differences, &pattern.differences(&candidates[miss.index]));
        let matching = candidates.iter().any(|candidate| pattern.matches(candidate));
        prop_assert_eq!(matching, miss.differences.is_empty());
    }

    #[test]
    fn a_pattern_is_rendered_as_one_that_means_the_same(pattern in compiled(), value in value()) {
        let again = Pattern::compile(&pattern.root().written()).expect("what was written compiles");
        prop_assert_eq!(pattern.matches(&value), again.matches(&value));
    }
}
