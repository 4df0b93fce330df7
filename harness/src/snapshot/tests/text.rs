//! What is written is read back as the same tree, whatever stands in it.

use proptest::prelude::*;
use serde_json::{Map, Number, Value, json};

use crate::snapshot::parse::parse;
use crate::snapshot::render::render;
use crate::snapshot::tree::SnapshotNode;

fn strings() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[a-z ]{60,240}",
        r#"[ \n\t"'\\:#,{}\[\]&*!|>%@?-]{0,140}"#,
        "(-?[0-9]{1,20}(\\.[0-9]{1,3})?(e[0-9]{1,2})?)",
        "( |\u{a0}|\u{2028}|\u{feff}|\u{85}|\u{7f}|\u{0}|\u{200b}|\u{202e}|\u{fffe}|\u{1f600}|é|\\n){0,120}",
        prop::sample::select(vec![
            "null",
            "~",
            "true",
            "False",
            "yes",
            "on",
            "",
            " ",
            "  lead",
            "trail ",
            "a: b",
            "a #b",
            "- a",
            "---",
            "...",
            "? a",
            "[alice]",
            "0x1f",
            "012",
            "1e3",
            ".5",
            "+1",
            "2026-01-01",
            "12:30",
            "a:",
            ":a",
            "<<",
            "=",
            "a\tb",
            "!tag",
            "&anchor",
            "*alias",
            "|",
            ">",
            "%YAML",
            "@at",
            "`tick",
            "'quoted'",
            "\"quoted\"",
            "a\r\nb",
            "inf",
        ])
        .prop_map(str::to_owned),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |float| Number::from_f64(float).map(Value::from)),
        strings().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((strings(), inner), 0..8)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_read_back_as_the_same_tree(value in values()) {
        let node = SnapshotNode::from(&value);
        let text = render(&node);
        let back = parse(&text);
        prop_assert!(back.as_ref().is_ok_and(|back| *back == node), "{text}\n{back:?}\n{node:?}");
    }

    #[test]
    fn a_text_has_no_character_that_cannot_be_seen(value in values()) {
        let text = render(&SnapshotNode::from(&value));
        prop_assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
        prop_assert!(!text.contains(['\u{200b}', '\u{202e}', '\u{feff}']), "{text:?}");
    }
}

#[test]
fn short_things_stand_on_one_line_and_long_ones_do_not() {
    let value = json!({
        "empty": [{}, []],
        "long": "word ".repeat(40).trim_end(),
        "lines": "first\n  second, which goes on for quite a while so that it does not fit into the line at all, and longer still, until\nthird",
        "people": [{ "id": "[alice]", "online": true }, { "id": "[bob]", "name": "Bob", "online": false, "since": "[time]", "type": "human", "unread": 12, "way": null }],
        "12": 12, "text": "12", "sizes": [1, 2.5, -3],
    });
    insta::assert_snapshot!(render(&SnapshotNode::from(&value)), @r#"
    "12": 12
    empty: [{}, []]
    lines: "first\n\
      \  second, which goes on for quite a while so that it does not fit into the line at all, and longer still, \
      until\n\
      third"
    long: "word word word word word word word word word word word word word word word word word word word word word \
      word word word word word word word word word word word word word word word word word word word"
    people:
      - {id: "[alice]", online: true}
      - id: "[bob]"
        name: Bob
        online: false
        since: "[time]"
        type: human
        unread: 12
        way: null
    sizes: [1, 2.5, -3]
    text: "12"
    "#);
}

#[test]
fn very_long_keys_and_bare_scalars_are_read_back() {
    for value in
        [json!({ "k".repeat(3000): { "a b": [[["x"], {}], "y".repeat(300)] } }), json!("- a"), json!(null), json!([])]
    {
        let node = SnapshotNode::from(&value);
        assert_eq!(parse(&render(&node)).expect("our own text"), node);
    }
}

#[test]
fn what_is_not_ours_is_refused() {
    for text in ["a: &x 1", "a: *x", "!t a", "a: 1\n---\nb: 2", "[a", "? [a]\n: b", ""] {
        assert!(parse(text).is_err(), "{text}");
    }
}
