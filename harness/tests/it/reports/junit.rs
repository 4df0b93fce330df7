//! JUnit's XML.

use std::path::Path;
use std::process::Command;

use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};

use super::sample::{self, HOSTILE};
use crate::project::Project;

/// A test case as a reader sees it.
#[derive(Debug, Default, PartialEq)]
struct Case {
    suite: String,
    name: String,
    class: String,
    /// The elements within, with their `type` where they have one.
    parts: Vec<String>,
    text: String,
}

fn cases(xml: &str) -> Vec<Case> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut found, mut suite): (Vec<Case>, _) = (Vec::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(tag) | Event::Empty(tag) => {
                let value = |name: &str| {
                    let attribute = tag.try_get_attribute(name).unwrap();
                    attribute
                        .map(|a| a.normalized_value(XmlVersion::Explicit1_0).unwrap().into_owned())
                        .unwrap_or_default()
                };
                match tag.name().as_ref() {
                    b"testsuite" => suite = value("name"),
                    b"testcase" => {
                        let (suite, name, class) = (suite.clone(), value("name"), value("classname"));
                        found.push(Case { suite, name, class, ..Case::default() });
                    }
                    b"testsuites" => {}
                    part => {
                        let part = format!("{} {}", String::from_utf8_lossy(part), value("type"));
                        found.last_mut().unwrap().parts.push(part.trim().to_owned());
                    }
                }
            }
            Event::Text(text) => {
                if let Some(case) = found.last_mut() {
                    case.text.push_str(&text.decode().unwrap());
                }
            }
            _ => {}
        }
    }
}

/// Checks a file against the published schema.
#[track_caller]
fn validates(file: &Path) {
    if !super::has("xmllint", "apt-get install libxml2-utils") {
        return;
    }
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/junit-10.xsd");
    let ran = Command::new("xmllint").args(["--noout", "--schema"]).arg(schema).arg(file).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn every_way_to_end_has_its_element_and_hostile_texts_are_texts() {
    let project = Project::new().file("run.jsonl", &sample::text(&sample::everything(2)));
    let ran = project.run(&["report", "run.jsonl", "--report", "junit=out/junit.xml"]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""));
    validates(&project.path().join("out/junit.xml"));
    let xml = project.read("out/junit.xml").unwrap();
    let cases = cases(&xml);
    let told: Vec<String> =
        cases.iter().map(|case| format!("{} | {} | {}", case.suite, case.name, case.parts.join(", "))).collect();
    assert_eq!(
        told,
        [
            "plain | plain/number_000 | system-out",
            "plain | plain/number_001 | system-out",
            "rest | rest/gone | skipped, system-out, system-err",
            "rest | rest/skipped | skipped, system-out",
            "rest | rest/stopped | error interrupted, system-out, system-err",
            "talk | talk/a_hostile@a b | failure product, system-out, system-err",
            "talk | talk/changed | failure product, system-out, system-err",
            "talk | talk/died | error server_died, system-out, system-err",
            "talk | talk/flaky | flakyFailure product, stackTrace, system-out",
            "talk | talk/late | failure late, system-out, system-err",
            "talk | talk/quarantined | skipped, system-out, system-err",
        ]
    );
    assert_eq!(cases[5].class, "talk.a_hostile");
    let text = &cases[5].text;
    for wanted in [
        "[[PROPERTY|file=scenarios/talk/a_hostile@a b.yaml]]",
        "[[PROPERTY|line=9]]",
        "[[PROPERTY|owner=chat]]",
        "the server says hello",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in {text}");
    }
    assert_eq!(text.matches("the server says hello").count(), 1, "the log stands once");
    assert!(!xml.contains(HOSTILE) && !xml.contains(['\u{0}', '\u{1b}', '\u{fffe}']), "{xml}");
}

#[test]
fn a_run_and_its_event_file_give_the_same() {
    let project = Project::new()
        .scenario(
            "talk/hello",
            "Ann greets Ben",
            "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n",
        )
        .scenario(
            "talk/miss",
            "Nobody greets",
            "steps:\n  - ann: enter\n  - ann: { receive: { type: said }, within: 5ms }\n",
        );
    let ran = project.play(&["--report", "junit=one.xml", "--report", "json=run.jsonl", "--trace", "off"]);
    assert_eq!((ran.code, &*ran.stderr), (Some(1), ""));
    let again = project.run(&["report", "run.jsonl", "--report", "junit=two.xml"]);
    assert_eq!((again.code, &*again.stderr), (Some(1), ""));
    assert_eq!(again.stdout, ran.stdout);
    validates(&project.path().join("one.xml"));
    assert_eq!(project.read("two.xml"), project.read("one.xml"));
}
