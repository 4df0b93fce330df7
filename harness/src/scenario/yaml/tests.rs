use super::*;

fn read(text: &str) -> (Option<Node>, Vec<String>) {
    let mut findings = Findings::new(Source::new("t.yaml", text));
    let node = parse(&mut findings);
    (
        node,
        findings
            .list
            .iter()
            .map(|finding| format!("{}:{} {}", finding.at.line, finding.at.column, finding.message))
            .collect(),
    )
}

#[test]
fn scalars_follow_the_core_schema_strictly() {
    let (node, errors) = read("[1, -2, 1.5, 007, 1e3, yes, no, on, true, ~, '1', 0x10, 1.2.3, 18446744073709551615]");
    assert_eq!(errors, Vec::<String>::new());
    let value = node.unwrap().to_value();
    assert_eq!(
        value,
        serde_json::json!([
            1,
            -2,
            1.5,
            "007",
            1000.0,
            "yes",
            "no",
            "on",
            true,
            null,
            "1",
            "0x10",
            "1.2.3",
            18_446_744_073_709_551_615_u64
        ])
    );
}

#[test]
fn nodes_know_their_places() {
    let (node, _) = read("a:\n  - b: c\n");
    let node = node.unwrap();
    let inner = &node.get("a").unwrap().as_list().unwrap()[0];
    assert_eq!((inner.at.line, inner.at.column), (2, 5));
    assert_eq!(inner.get("b").unwrap().at, Position { line: 2, column: 8 });
}

#[test]
fn an_unquoted_template_gets_the_hint_and_the_rest_is_read() {
    let (node, errors) = read("a: {{ x }}\nb: 1\nb: 2\n");
    assert_eq!(
        errors,
        ["1:4 an unquoted template: YAML reads `{{` as a map", "3:1 the key `b` appears twice in this map"]
    );
    assert_eq!(node.unwrap().get("b").unwrap().to_value(), 1);
}

#[test]
fn a_tab_is_told_where_it_stands() {
    for (text, place) in
        [("a: 1\nb:\n\tc: 1\n", "3:1 "), ("a: 1\nb: x\n\n  \tc: 1\n", "4:3 "), ("a:\n  - b: 1\n\t- c: 1\n", "3:1 ")]
    {
        let (_, errors) = read(text);
        assert!(errors.len() == 1 && errors[0].starts_with(place), "{text:?} {errors:?}");
    }
}

#[test]
fn aliases_are_bounded() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..8 {
        let before = level - 1;
        let list = vec![format!("*a{before}"); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let (_, errors) = read(&text);
    assert_eq!(errors, ["6:15 the file is too large: more than 200000 values or 100 levels"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[-a-c:{}\\[\\],&*!|>'\"%#\\n \t0-9]{0,60}") {
        let _ = read(&text);
    }
}
