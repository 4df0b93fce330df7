//! Tables: pattern, value, and the lines a reader gets.

use serde_json::{Value, json};

use super::*;

fn compile(pattern: &Value) -> Pattern {
    Pattern::compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Each row: pattern, value, the difference lines (none where it matches).
fn assert_lines(rows: &[(Value, Value, &[&str])]) {
    for (pattern, value, expected) in rows {
        let compiled = compile(pattern);
        let differences = compiled.differences(value);
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(lines, *expected, "\npattern {pattern}\nvalue {value}");
        assert_eq!(compiled.matches(value), expected.is_empty(), "\npattern {pattern}\nvalue {value}");
    }
}

#[test]
fn scalars_are_equal() {
    assert_lines(&[
        (json!("hello"), json!("hello"), &[]),
        (json!("hello"), json!("hallo"), &[r#"$: expected "hello", got "hallo""#]),
        (json!(1), json!(1.0), &[]),
        (json!(1), json!(2), &["$: expected 1, got 2"]),
        (
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992.0),
            &["$: expected 9007199254740993, got 9007199254740992.0"],
        ),
        (json!(0.3), json!(0.1 + 0.2), &["$: expected 0.3, got 0.30000000000000004"]),
        (json!(true), json!(false), &["$: expected true, got false"]),
        (json!("1"), json!(1), &[r#"$: expected the string "1", got the number 1"#]),
        (json!(null), json!(0), &["$: expected null, got the number 0"]),
        (json!("a"), json!(null), &[r#"$: expected the string "a", got null"#]),
        (json!("a b"), json!("a\u{a0}b"), &[r#"$: expected "a b", got "a\u00a0b""#]),
    ]);
}

#[test]
fn objects_are_subsets() {
    assert_lines(&[
        (json!({}), json!({"a": 1}), &[]),
        (json!({}), json!("bob"), &[r#"$: expected an object, got the string "bob""#]),
        (json!({"type": "pong"}), json!({"type": "pong", "at": 3}), &[]),
        (json!({"content": "x"}), json!({}), &[r#"$.content: missing, expected "x""#]),
        (json!({"a": null}), json!({}), &["$.a: missing, expected null"]),
        (
            json!({"participantId": "bob"}),
            json!({"participant_id": "bob"}),
            &[r#"$.participantId: missing, expected "bob" (there is "participant_id")"#],
        ),
        (
            json!({"message": {"content": "hello", "sender": {"id": "bob"}}}),
            json!({"message": {"content": "hallo", "sender": "bob"}}),
            &[
                r#"$.message.content: expected "hello", got "hallo""#,
                r#"$.message.sender: expected an object, got the string "bob""#,
            ],
        ),
        (json!({"$$ref": 1}), json!({"$ref": 1}), &[]),
        (json!({"$$ref": 1}), json!({"$ref": 2}), &[r#"$["$ref"]: expected 1, got 2"#]),
        (json!({"$$$": 1}), json!({"$$": 1}), &[]),
    ]);
}

#[test]
fn arrays_match_element_by_element() {
    assert_lines(&[
        (json!([]), json!([]), &[]),
        (json!([1, "a"]), json!([1.0, "a"]), &[]),
        (json!([1]), json!({"0": 1}), &[r#"$: expected an array, got the object {"0":1}"#]),
        (
            json!({"participants": [{"id": "al"}, {"id": "bob"}]}),
            json!({"participants": [{"id": "al"}, "bob"]}),
            &[r#"$.participants[1]: expected an object, got the string "bob""#],
        ),
        (
            json!(["a", "b", "c"]),
            json!(["a", "c"]),
            &["$: expected 3 elements, got 2 elements", r#"$[1]: missing, expected "b""#],
        ),
        (
            json!(["a", "c"]),
            json!(["a", "b", "c"]),
            &["$: expected 2 elements, got 3 elements", r#"$[1]: expected no further element, got "b""#],
        ),
        (
            json!(["m1", "m2", "m3"]),
            json!(["m2", "m3", "m4"]),
            &[r#"$[0]: missing, expected "m1""#, r#"$[2]: expected no further element, got "m4""#],
        ),
        (
            json!(["a", "b"]),
            json!(["b", "a"]),
            &[r#"$: expected ["a","b"] in this order, got the same elements in another order, ["b","a"]"#],
        ),
        (json!(["a"]), json!(["b"]), &[r#"$[0]: expected "a", got "b""#]),
    ]);
}

#[test]
fn presence_and_type() {
    assert_lines(&[
        (json!({"a": {"$any": true}}), json!({"a": null}), &[]),
        (json!({"a": {"$any": true}}), json!({}), &["$.a: missing, expected any value"]),
        (json!({"a": {"$absent": true}}), json!({}), &[]),
        (json!({"a": {"$absent": true}}), json!({"a": null}), &["$.a: expected no value, got null"]),
        (json!({"$type": "integer"}), json!(2.0), &[]),
        (json!({"$type": "integer"}), json!(2.5), &["$: expected an integer, got 2.5"]),
        (json!({"$type": "integer"}), json!("2"), &[r#"$: expected an integer, got the string "2""#]),
        (json!({"$type": ["string", "null"]}), json!(null), &[]),
        (
            json!({"$type": ["string", "number", "null"]}),
            json!({"id": 1}),
            &[r#"$: expected a string, a number or null, got the object {"id":1}"#],
        ),
        (
            json!({"$type": "string", "$len": 3, "$regex": "x"}),
            json!([1]),
            &["$: expected a string, got the array [1]"],
        ),
        (
            json!({"id": {"$type": "string", "$regex": "^m"}}),
            json!({}),
            &["$.id: missing, expected a string matching /^m/"],
        ),
    ]);
}

#[test]
fn strings_and_bounds() {
    assert_lines(&[
        (json!({"$regex": "ell"}), json!("hello"), &[]),
        (json!({"$regex": "^ell"}), json!("hello"), &[r#"$: expected a string matching /^ell/, got "hello""#]),
        (json!({"$regex": "1"}), json!(1), &["$: expected a string matching /1/, got the number 1"]),
        (json!({"$format": "uuid"}), json!("67e55044-10b1-426f-9247-bb680e5fe0c8"), &[]),
        (json!({"$format": "uuid"}), json!("msg_1"), &[r#"$: expected a UUID, got "msg_1""#]),
        (
            json!({"$format": "timestamp"}),
            json!("2026-01-15T10:30:00"),
            &[r#"$: expected an RFC 3339 timestamp in UTC, got "2026-01-15T10:30:00""#],
        ),
        (json!({"$gte": 3, "$lte": 3}), json!(3.0), &[]),
        (json!({"$gte": 3}), json!(2), &["$: expected at least 3, got 2"]),
        (json!({"$lte": 3}), json!(3.5), &["$: expected at most 3, got 3.5"]),
        (json!({"$gt": 3}), json!(3), &["$: expected more than 3, got 3"]),
        (json!({"$gt": 1, "$lt": 3}), json!(2), &[]),
        (json!({"$gt": 1, "$lt": 3}), json!(3), &["$: expected less than 3, got 3"]),
        (json!({"$gt": 1, "$lt": 3}), json!("2"), &[r#"$: expected a number, got the string "2""#]),
        (json!({"$gt": 9_007_199_254_740_992.0}), json!(9_007_199_254_740_993_u64), &[]),
        (json!({"$gte": "2026-01-15T10:30:00Z"}), json!("2026-01-15T11:30:00+01:00"), &[]),
        (
            json!({"$gt": "2026-01-15T10:30:00Z"}),
            json!("2026-01-15T10:30:00.000Z"),
            &[r#"$: expected a timestamp after 2026-01-15T10:30:00Z, got "2026-01-15T10:30:00.000Z""#],
        ),
        (
            json!({"$gt": "2026-01-15T10:30:00Z"}),
            json!("yesterday"),
            &[r#"$: expected a timestamp after 2026-01-15T10:30:00Z, got "yesterday""#],
        ),
        (json!({"$lt": "b"}), json!("a"), &[]),
        (json!({"$lte": "b"}), json!("c"), &[r#"$: expected a string that sorts at or in front of "b", got "c""#]),
    ]);
}

#[test]
fn lengths() {
    assert_lines(&[
        (json!({"$len": 2}), json!("ä🙂"), &[]),
        (json!({"$len": 2.0}), json!([1, 2]), &[]),
        (json!({"$len": 2}), json!("a"), &["$: expected 2 characters, got 1 character"]),
        (json!({"$len": 1}), json!([]), &["$: expected 1 element, got 0 elements"]),
        (json!({"$len": 1}), json!({"a": 1, "b": 2}), &["$: expected 1 field, got 2 fields"]),
        (json!({"$len": {"$gte": 2}}), json!([1]), &["$: expected a length of at least 2, got 1 element"]),
        (json!({"$len": 1}), json!(1), &["$: expected a string, an array or an object, got the number 1"]),
    ]);
}

#[test]
fn elements() {
    let members = json!([{"id": "al", "role": "owner"}, {"id": "bob", "role": "guest"}]);
    assert_lines(&[
        (json!({"$contains": {"id": "bob"}}), members.clone(), &[]),
        (
            json!({"$contains": {"id": "bob", "role": "owner", "at": {"$any": true}}}),
            members.clone(),
            &[
                r#"$: expected an element matching {"at":{"$any":true},"id":"bob","role":"owner"}, got 2 elements, the nearest is [0]"#,
                "$[0].at: missing, expected any value",
                r#"$[0].id: expected "bob", got "al""#,
            ],
        ),
        (
            json!({"members": {"$contains": {"id": "bob"}}}),
            json!({"members": ["al"]}),
            &[
                r#"$.members: expected an element matching {"id":"bob"}, got 1 element, the nearest is [0]"#,
                r#"$.members[0]: expected an object, got the string "al""#,
            ],
        ),
        (json!({"$contains": "b"}), json!(["a"]), &[r#"$: expected the element "b", got ["a"]"#]),
        (json!({"$contains": {"id": 1}}), json!([]), &[r#"$: expected an element matching {"id":1}, got []"#]),
        (json!({"$contains": "ell"}), json!("hello"), &[]),
        (json!({"$contains": "x"}), json!("hello"), &[r#"$: expected a string containing "x", got "hello""#]),
        (json!({"$contains": 1}), json!("1"), &[r#"$: expected an array, got the string "1""#]),
        (json!({"$contains": "x"}), json!({"x": 1}), &[r#"$: expected an array or a string, got the object {"x":1}"#]),
        (json!({"$each": {"$type": "string"}}), json!([]), &[]),
        (
            json!({"$each": {"id": {"$type": "string"}}}),
            json!([{"id": "a"}, {"id": 2}, "c"]),
            &["$[1].id: expected a string, got the number 2", r#"$[2]: expected an object, got the string "c""#],
        ),
        (json!({"$each": 1}), json!(1), &["$: expected an array, got the number 1"]),
    ]);
}

#[test]
fn any_order() {
    assert_lines(&[
        (json!({"$unordered": ["a", "b"]}), json!(["b", "a"]), &[]),
        // Taking the first fit for the first pattern would leave the second without one.
        (json!({"$unordered": [{"$any": true}, "a", {"$type": "string"}]}), json!(["a", "b", 1]), &[]),
        (
            json!({"$unordered": ["a", "b"]}),
            json!(["c", "a"]),
            &[r#"$: expected the element "b", got none, the nearest left over is [0], "c""#],
        ),
        (
            json!({"$unordered": ["a", "b"]}),
            json!(["b"]),
            &["$: expected 2 elements in any order, got 1 element", r#"$: expected the element "a", got none"#],
        ),
        (
            json!({"$unordered": ["a"]}),
            json!(["b", "a"]),
            &["$: expected 1 element in any order, got 2 elements", r#"$[0]: expected no further element, got "b""#],
        ),
        (
            json!({"$unordered": [{"id": "al", "on": true}, {"id": "bob", "on": true}]}),
            json!([{"id": "bob", "on": false}, {"id": "al", "on": true}]),
            &[
                r#"$: expected an element matching {"id":"bob","on":true}, got none, the nearest left over is [0]"#,
                "$[0].on: expected true, got false",
            ],
        ),
        (json!({"$unordered": []}), json!(null), &["$: expected an array, got null"]),
    ]);
}

#[test]
fn alternatives_and_exclusions() {
    let alternatives = json!({"$one_of": [{"type": "ack", "id": 1}, {"type": "error", "code": 409}]});
    assert_lines(&[
        (json!({"$one_of": ["a", null]}), json!(null), &[]),
        (json!({"a": {"$one_of": ["a", {"$absent": true}]}}), json!({}), &[]),
        (json!({"$one_of": ["a", "b"]}), json!("c"), &[r#"$: expected "a" or "b", got "c""#]),
        (json!({"$one_of": ["a", "b"]}), json!({"id": "a"}), &[r#"$: expected "a" or "b", got the object {"id":"a"}"#]),
        (
            alternatives,
            json!({"type": "error", "code": 429}),
            &[
                r#"$: expected {"id":1,"type":"ack"} or {"code":409,"type":"error"}, got {"code":429,"type":"error"}, nearest to the 2nd"#,
                "$.code: expected 409, got 429",
            ],
        ),
        (
            json!({"$one_of": [{"$gt": 5}, {"$lt": 2}]}),
            json!(3),
            &["$: expected more than 5 or less than 2, got 3, nearest to the 1st"],
        ),
        (json!({"$not": "a"}), json!(1), &[]),
        (json!({"a": {"$not": "a"}}), json!({}), &[]),
        (json!({"$not": "a"}), json!("a"), &[r#"$: expected anything but "a", got "a""#]),
        (json!({"a": {"$not": {"$absent": true}}}), json!({}), &["$.a: missing, expected any value"]),
    ]);
}

#[test]
fn exact_values() {
    assert_lines(&[
        (json!({"$exact": {"a": [1, {"b": 2}]}}), json!({"a": [1.0, {"b": 2}]}), &[]),
        (json!({"$exact": {"$regex": "x"}}), json!({"$regex": "x"}), &[]),
        (
            json!({"$exact": {"a": [{"b": 2}], "c": {}}}),
            json!({"a": [{"b": 2, "x": 1}], "c": [], "d": null}),
            &[
                "$.a[0].x: expected no such field, got 1",
                "$.c: expected an object, got the array []",
                "$.d: expected no such field, got null",
            ],
        ),
        (json!({"$exact": {"a": 1}}), json!({}), &["$.a: missing, expected 1"]),
        (json!({"$exact": "a"}), json!("b"), &[r#"$: expected "a", got "b""#]),
        (json!({"$exact": [1]}), json!(null), &["$: expected an array, got null"]),
    ]);
}

#[test]
fn absence() {
    for (pattern, satisfied) in [
        (json!({"$absent": true}), true),
        (json!({"$not": "x"}), true),
        (json!({"$not": {"$absent": true}}), false),
        (json!({"$one_of": [1, {"$absent": true}]}), true),
        (json!({"$any": true}), false),
        (json!({"$absent": true, "$type": "string"}), false),
        (json!(null), false),
        (json!({}), false),
    ] {
        let compiled = compile(&pattern);
        assert_eq!(compiled.matches_absent(), satisfied, "{pattern}");
        assert_eq!(compiled.differences_absent().is_empty(), satisfied, "{pattern}");
    }
    let line = compile(&json!({"$gte": 200})).differences_absent()[0].to_string();
    assert_eq!(line, "$: missing, expected at least 200");
}

#[test]
fn expectations_that_can_not_fail() {
    for (pattern, can_fail) in [
        (json!({}), false),
        (json!({"$any": true}), false),
        (json!({"$one_of": ["a", {"$any": true}]}), false),
        (json!({"$not": {"$absent": true}}), false),
        (json!({"$type": ["string", "number", "boolean", "null", "object", "array"]}), false),
        (json!({"$type": ["string", "integer", "boolean", "null", "object", "array"]}), true),
        (json!({"a": {}}), true),
        (json!({"$any": true, "$len": 1}), true),
        (json!({"$not": {}}), true),
        (json!(null), true),
        (json!([]), true),
    ] {
        assert_eq!(compile(&pattern).can_fail(), can_fail, "{pattern}");
    }
}

#[test]
fn errors_say_where_what_and_how_to_mend() {
    for (pattern, expected) in [
        (
            json!({"message": {"content": {"$regx": "a"}}}),
            r#"$.message.content.$regx: unknown matcher "$regx"; did you mean $regex? (a key of the value that begins with "$" is written "$$regx")"#,
        ),
        (
            json!({"a": {"$eq": 1}}),
            r#"$.a.$eq: unknown matcher "$eq"; write the value itself, without a matcher (a key of the value that begins with "$" is written "$$eq")"#,
        ),
        (
            json!({"$zzzz": 1}),
            r#"$.$zzzz: unknown matcher "$zzzz"; there are $any $absent $type $regex $format $len $gt $gte $lt $lte $contains $each $unordered $one_of $not $exact; a key of the value that begins with "$" is written "$$zzzz""#,
        ),
        (
            json!([{"id": 1, "$len": 2}]),
            r#"$[0]: matchers ($len) beside plain keys ("id"); keep either; a key of the value that begins with "$" is written with one more, "$$len""#,
        ),
        (
            json!({"a": {"$regex": "(x"}}),
            r#"$.a.$regex: "(x" is not a regular expression: unclosed group; write \ in front of a character that stands for itself"#,
        ),
        (
            json!({"$regex": "a(?=b)"}),
            r#"$.$regex: "a(?=b)" is not a regular expression: look-around, including look-ahead and look-behind, is not supported; say it without, for instance by a second pattern in $not"#,
        ),
        (json!({"$regex": 1}), "$.$regex: $regex can't be the number 1; it takes a regular expression as a string"),
        (json!({"$type": "sting"}), r#"$.$type: unknown type "sting"; did you mean string?"#),
        (
            json!({"$type": []}),
            "$.$type: $type can't be the array []; it takes one of string, number, integer, boolean, null, object, array, or a list of them",
        ),
        (json!({"$format": "email"}), r#"$.$format: unknown format "email"; there are uuid, timestamp"#),
        (
            json!({"$absent": false}),
            "$.$absent: $absent can't be the boolean false; it takes true (to ask that a field is present, write $any: true)",
        ),
        (
            json!({"$len": -1}),
            "$.$len: $len can't be the number -1; it takes a whole number from 0, or matchers for one",
        ),
        (json!({"$len": {"$gte": true}}), "$.$len.$gte: $gte can't be the boolean true; it takes a number or a string"),
        (json!({"$one_of": []}), "$.$one_of: $one_of can't be the array []; it takes a list of at least one pattern"),
        (
            json!({"$unordered": [1, {"$len": null}]}),
            "$.$unordered[1].$len: $len can't be null; it takes a whole number from 0, or matchers for one",
        ),
    ] {
        let error = Pattern::compile(&pattern).map(|_| ()).expect_err("an error");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_check_tells_every_error_and_lets_open_values_be() {
    let pattern = json!({
        "a": {"$len": "{{ n }}", "$gt": true},
        "b": [{"$oneof": []}, {"$type": "{{ t }}"}, {"$format": "{{ f }}"}],
        "c": {"$regex": "("},
    });
    let errors = Pattern::check(&pattern, &|text| text.contains("{{"));
    let paths: Vec<&str> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["$.a.$gt", "$.b[0].$oneof", "$.c.$regex"]);
    assert_eq!([false, true, false].as_slice(), errors.iter().map(|error| error.at_key).collect::<Vec<_>>());
    let steps = [Segment::Key("b".into()), Segment::Index(0), Segment::Key("$oneof".into())];
    assert_eq!(errors[1].segments, steps);
}

#[test]
fn what_nests_too_deeply_is_an_error() {
    let mut deep = json!(1);
    for _ in 0..1000 {
        deep = json!([deep]);
    }
    for pattern in [deep.clone(), json!({ "$exact": deep })] {
        let error = Pattern::compile(&pattern).map(|_| ()).expect_err("an error");
        assert_eq!(error.what, "nested more than 128 levels deep");
    }
}

#[test]
fn the_deepest_pattern_is_matched_and_explained() {
    let nest = |leaf: u32| (0..63).fold(json!(leaf), |inner, _| json!([{ "a": inner }]));
    for pattern in [nest(1), json!({ "$exact": nest(1) })] {
        let pattern = compile(&pattern);
        assert!(pattern.matches(&nest(1)));
        let differences = pattern.differences(&nest(2));
        assert_eq!(differences.len(), 1);
        assert!(differences[0].to_string().ends_with("a: expected 1, got 2"));
        assert!(nearest(&pattern, &[nest(2)]).is_some());
    }
}

#[test]
fn each_word_does_what_its_row_says() {
    for word in words() {
        let pattern = compile(&json(word.example));
        assert!(word.example.contains(&format!("{:?}", word.name)), "{}", word.name);
        assert!(pattern.matches(&json(word.accepts)), "{}", word.name);
        assert!(!pattern.matches(&json(word.refuses)), "{}", word.name);
        assert!(serde_json::from_str::<Value>(word.schema).is_ok(), "{}", word.name);
        assert!(word.doc.ends_with('.') && !word.doc.contains('\n'), "{}", word.name);
        assert_eq!(pattern.root().written(), *pattern.source(), "{}", word.name);
    }
}

#[test]
fn a_pattern_is_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    shared(&compile(&json!({"$regex": "x"})));
}

#[test]
fn a_pattern_is_described_as_written() {
    let pattern = compile(&json!({"b": {"$type": ["string"]}, "a": [1, "x"], "$$c": null}));
    assert_eq!(describe(&pattern), r#"{"$$c":null,"a":[1,"x"],"b":{"$type":["string"]}}"#);
}

#[test]
fn the_nearest_candidate_is_of_the_right_kind_first() {
    for (pattern, candidates, expected) in [
        // A kind in common outweighs several other fields.
        (
            json!({"type": "message", "room": 1, "from": "bob", "seq": 7}),
            vec![
                json!({"type": "typing", "room": 1, "from": "bob", "seq": 7}),
                json!({"type": "message", "room": 2, "from": "al", "seq": 8}),
                json!({"type": "presence", "room": 1}),
            ],
            1,
        ),
        // Also where it is called otherwise.
        (
            json!({"ev": "trade", "price": 5}),
            vec![json!({"ev": "trade", "price": 6}), json!({"ev": "quote", "price": 5})],
            0,
        ),
        // What is no object has no fields to tell kinds apart by.
        (
            json!({"ev": "trade", "price": 5}),
            vec![json!({"ev": "trade", "price": 6}), json!({"ev": "quote", "price": 5}), json!("hello")],
            0,
        ),
        // The right shape is nearer than another.
        (
            json!({"type": "list", "members": [{"id": "al"}]}),
            vec![json!({"type": "list", "members": [{"id": "bo"}]}), json!({"type": "list", "members": ["al"]})],
            0,
        ),
        // A similar string is nearer than another.
        (
            json!({"type": "message", "content": "while away 3"}),
            vec![json!({"type": "message", "content": "while away 2"}), json!({"type": "message", "content": "ok"})],
            0,
        ),
        // The latest of equals.
        (json!({"a": 1}), vec![json!({"a": 2}), json!({"a": 3}), json!([])], 1),
        (json!({"a": 1}), vec![json!("x"), json!([])], 1),
    ] {
        let nearest = nearest(&compile(&pattern), &candidates).map(|miss| miss.index);
        assert_eq!(nearest, Some(expected), "{pattern}");
    }
    assert_eq!(nearest(&compile(&json!({})), &[]), None);
}
