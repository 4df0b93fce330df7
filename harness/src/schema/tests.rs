//! Schema and parser know the same words: each word's example is accepted by both at its place, and a word that is
//! not in the table by neither.

use std::path::Path;
use std::sync::Arc;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Map, Value, json};

use super::schema;
use crate::scenario::error::Findings;
use crate::scenario::load::Library;
use crate::scenario::words::{BESIDE_VERB, Doer, NESTED_MAPS, NESTED_WORDS, WORDS, Word, WordPlace, word_of, words_of};
use crate::scenario::yaml;
use crate::source::Source;

/// Judges files as the parser and as an editor do.
struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
    folder: tempfile::TempDir,
}

impl Judge {
    fn new() -> Self {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.add_resource("schema.json", schema()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("protocols")).unwrap();
        // Whatever protocol a word's example names.
        let verbs =
            json!({ "say": { "takes": "text", "steps": [{ "me": { "post": "/x" } }, { "me": { "receive": {} } }] } });
        for name in ["chat", "backoffice"] {
            let barrier = json!({ "echo": { "send": { "type": "ping" }, "receive": { "type": "pong" } } });
            let invariants = ["reaches_all"];
            let protocol = json!({ "protocol": name, "barrier": barrier, "verbs": verbs, "invariants": invariants });
            std::fs::write(folder.path().join(format!("protocols/{name}.yaml")), protocol.to_string()).unwrap();
        }
        // What a word's example includes.
        std::fs::write(folder.path().join("common.yaml"), json!({ "protocol": "common" }).to_string()).unwrap();
        Self { schemas, index, folder }
    }

    /// What the schema has against a file.
    fn editor(&self, file: &Value) -> Option<String> {
        self.schemas.validate(file, self.index).err().map(|error| format!("{error:#}"))
    }

    /// What the parser has against a file. JSON is YAML.
    fn parser(&self, file: &Value) -> Option<String> {
        let path = self.folder.path().join("file.yaml");
        std::fs::write(&path, file.to_string()).unwrap();
        let mut library = Library::new(self.folder.path(), self.folder.path());
        let read = if file.get("protocol").is_some() {
            library.protocol_file(&path).map(drop)
        } else {
            library.scenario(&path).map(drop)
        };
        let findings: Vec<String> = library.findings().iter().map(ToString::to_string).collect();
        if read.is_none() { Some(findings.join("\n")) } else { None }
    }

    #[track_caller]
    fn both_accept(&self, what: &str, file: &Value) {
        assert_eq!(self.parser(file), None, "the parser refuses {what}");
        assert_eq!(self.editor(file), None, "the schema refuses {what}");
    }

    #[track_caller]
    fn both_refuse(&self, what: &str, file: &Value) {
        assert!(self.parser(file).is_some(), "the parser accepts {what}: {file}");
        assert!(self.editor(file).is_some(), "the schema accepts {what}: {file}");
    }
}

fn yaml(text: &str) -> Value {
    let mut findings = Findings::new(Source::new("example.yaml", text));
    let node = yaml::parse(&mut findings);
    assert!(findings.list.is_empty(), "{text}: {:?}", findings.list);
    node.unwrap().to_value()
}

fn example(word: &Word) -> Value {
    yaml(word.example)
}

/// A map with these entries; null ones that only fill a place are left out by giving none.
fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn with(mut base: Value, name: &str, value: Value) -> Value {
    base.as_object_mut().unwrap().insert(name.to_owned(), value);
    base
}

fn scenario(steps: &[Value]) -> Value {
    let stubs = json!({ "llm": {} });
    json!({ "scenario": "A title", "use": "chat", "participants": { "alice": {}, "bob": {} }, "stubs": stubs, "steps": steps })
}

/// A step of somebody who may do what a word says; `to` is a stub's alone.
fn step_of(word: &Word, beside: &str, mut action: Value) -> Value {
    if beside == "to" && word.name == "closed" {
        // What ends is a request, which has no code.
        action["closed"] = json!({});
    }
    if word.doer == Doer::Stub || beside == "to" { json!({ "llm": action }) } else { json!({ "alice": action }) }
}

fn verb(verb: &Value) -> Value {
    json!({ "protocol": "chat", "verbs": { "greet": verb } })
}

fn stream(stream: &Value) -> Value {
    json!({ "protocol": "chat", "streams": { "talk": stream } })
}

fn race(outcome: &Value) -> Value {
    scenario(&[json!({ "race": { "of": "all", "do": { "get": "/" }, "outcomes": [outcome, {}] } })])
}

/// An action or control with what it can't do without.
fn alone(word: &Word) -> Value {
    let mut made = Map::from_iter([(word.name.to_owned(), example(word))]);
    if word.name == "received" {
        made.insert("times".to_owned(), json!(1));
    }
    if word.name == "collect" {
        made.insert("until".to_owned(), json!({ "last": true }));
    }
    if word.place == WordPlace::Control && word.beside.contains(&"steps") {
        made.insert("steps".to_owned(), json!([{ "note": "inside" }]));
    }
    Value::Object(made)
}

/// Files that hold a word at its place, each as small as can be, with what they are called.
fn files(word: &Word) -> Vec<(String, Value)> {
    let called = |beside: &str| format!("`{}` ({:?}) {beside}", word.name, word.place);
    let marked = json!({ "alice": { "mark": "before" } });
    let one = |file: Value| vec![(called(""), file)];
    let value = example(word);
    match word.place {
        WordPlace::File => one(with(scenario(&[json!({ "note": "x" })]), word.name, value)),
        WordPlace::Participant => {
            let base = scenario(&[json!({ "note": "x" })]);
            one(with(base, "participants", json!({ "alice": map([(word.name, value)]) })))
        }
        WordPlace::Control => one(scenario(&[alone(word)])),
        WordPlace::ControlModifier => words_of(WordPlace::Control)
            .filter(|control| control.beside.contains(&word.name))
            .map(|control| {
                (
                    called(&format!("beside `{}`", control.name)),
                    scenario(&[with(alone(control), word.name, value.clone())]),
                )
            })
            .collect(),
        WordPlace::Action => one(scenario(&[step_of(word, "", alone(word))])),
        WordPlace::Modifier => {
            let actions = words_of(WordPlace::Action).filter(|action| action.beside.contains(&word.name));
            let mut files: Vec<(String, Value)> = actions
                .map(|action| {
                    let action_with = with(alone(action), word.name, value.clone());
                    let file = if word.name == "main" {
                        verb(&json!({ "steps": [{ "me": action_with }] }))
                    } else {
                        scenario(&[marked.clone(), step_of(action, word.name, action_with)])
                    };
                    (called(&format!("beside `{}`", action.name)), file)
                })
                .collect();
            if BESIDE_VERB.contains(&word.name) {
                let call = with(json!({ "say": "hello" }), word.name, value);
                files.push((called("beside a verb"), scenario(&[marked, json!({ "alice": call })])));
            }
            files
        }
        WordPlace::Protocol => one(with(json!({ "protocol": "chat" }), word.name, value)),
        WordPlace::Verb => one(verb(&with(
            json!({ "steps": [{ "me": { "get": "/", "capture": { "last_seq": "$.n" } } }] }),
            word.name,
            value,
        ))),
        WordPlace::Stream => {
            let base = json!({ "frame": { "type": "x" }, "stream": "$.room", "id": "$.id", "order": "$.n" });
            one(stream(&with(base, word.name, value)))
        }
        WordPlace::Outcome => one(race(&map([(word.name, value)]))),
        WordPlace::Inside(name) => {
            let mut whole = needed(name);
            if name == "sending" {
                let frame = matches!(word.name, "frame" | "client_id" | "refused");
                whole = sending(if frame { &["frame", "client_id"] } else { &["request", "stream", "id", "order"] });
            }
            one(around(name, &with(whole, word.name, value)))
        }
    }
}

/// What one of the smaller maps can't do without, made of its words' examples.
fn needed(name: &'static str) -> Value {
    let words = words_of(WordPlace::Inside(name)).filter(|word| word.required);
    map(words.map(|word| (word.name, example(word))))
}

fn sending(names: &[&str]) -> Value {
    let words = words_of(WordPlace::Inside("sending")).filter(|word| names.contains(&word.name));
    map(words.map(|word| (word.name, example(word))))
}

/// A file in which a smaller map stands where it belongs.
fn around(name: &str, inner: &Value) -> Value {
    let base = scenario(&[json!({ "note": "x" })]);
    let stream_with = |key: &str, value: Value| {
        stream(&with(json!({ "frame": { "type": "x" }, "stream": "$.room", "id": "$.id", "order": "$.n" }), key, value))
    };
    let protocol = |key: &str, value: Value| with(json!({ "protocol": "chat" }), key, value);
    match name {
        "wishes" => with(base, "server", inner.clone()),
        "stub" => with(base, "stubs", json!({ "llm": inner })),
        "answer" => with(base, "stubs", json!({ "llm": { "answers": [inner] } })),
        "reply" => scenario(&[json!({ "llm": { "reply": inner } })]),
        "event" => scenario(&[json!({ "llm": { "chunk_event": inner } })]),
        "known_failure" => with(base, "expect_failure", inner.clone()),
        "quarantine" => with(base, "quarantine", inner.clone()),
        "redaction" => with(base, "redact", json!([inner])),
        "race" => scenario(&[json!({ "race": inner })]),
        "snapshot" => scenario(&[json!({ "snapshot": inner })]),
        "log" => scenario(&[json!({ "server": inner })]),
        "close" => scenario(&[json!({ "alice": { "close": inner } })]),
        "refusal" => scenario(&[json!({ "alice": { "connect": "/ws", "refused": inner } })]),
        "identity" => protocol("identity", inner.clone()),
        "echo" | "marker" => protocol("barrier", json!({ name: inner })),
        "position" => protocol("barrier", json!({ "get": inner })),
        "acks" | "membership" | "readback" => stream_with(name, inner.clone()),
        "sending" => stream_with("sends", json!([inner])),
        "refusals" => stream_with("sends", json!([with(sending(&["frame", "client_id"]), "refused", inner.clone())])),
        // Where there is one stream, a rule need not name it.
        "member" => {
            stream(&json!({ "frame": { "type": "x" }, "id": "$.id", "order": "$.n", "membership": { "join": inner } }))
        }
        "pieces" => protocol("coalesce", json!([inner])),
        _ => panic!("where does `{name}` stand?"),
    }
}

#[test]
fn smaller_maps_need_the_same_and_refuse_the_same() {
    let judge = Judge::new();
    for inner in NESTED_MAPS {
        let whole = if inner.name == "sending" { sending(&["frame", "client_id"]) } else { needed(inner.name) };
        judge.both_accept(inner.name, &around(inner.name, &whole));
        for key in whole.as_object().unwrap().keys() {
            let mut less = whole.clone();
            less.as_object_mut().unwrap().remove(key);
            judge.both_refuse(&format!("`{}` without `{key}`", inner.name), &around(inner.name, &less));
        }
        if inner.name == "sending" {
            let request = with(sending(&["request", "stream", "id", "order"]), "refused", needed("refusals"));
            judge.both_refuse("a request that sends, with `refused`", &around(inner.name, &request));
        }
        if !inner.open {
            let strange = with(whole, "strange", json!("x"));
            judge.both_refuse(&format!("`{}` with a strange key", inner.name), &around(inner.name, &strange));
        }
    }
}

#[test]
fn every_word_is_accepted_by_both_at_its_place() {
    let judge = Judge::new();
    for word in WORDS.iter().chain(NESTED_WORDS) {
        let files = files(word);
        assert!(!files.is_empty(), "`{}` ({:?}) can stand nowhere", word.name, word.place);
        for (called, file) in files {
            judge.both_accept(&called, &file);
        }
    }
}

#[test]
fn a_word_that_is_not_in_the_table_is_refused_by_both() {
    let judge = Judge::new();
    let base = scenario(&[json!({ "note": "x" })]);
    judge.both_accept("the base", &base);
    let strange = "strange";
    for (what, file) in [
        ("a scenario file", with(base.clone(), strange, json!(1))),
        ("a participant", with(base.clone(), "participants", json!({ "alice": { strange: 1 } }))),
        ("a control", scenario(&[json!({ "note": "x", strange: 1 })])),
        ("an action", scenario(&[json!({ "alice": { "get": "/", strange: 1 } })])),
        ("a snapshot", scenario(&[json!({ "snapshot": { "name": "x", strange: 1 } })])),
        ("a race", scenario(&[json!({ "race": { "of": "all", "do": { "get": "/" }, strange: 1 } })])),
        ("an outcome", race(&json!({ strange: 1 }))),
        ("a pattern", scenario(&[json!({ "alice": { "receive": { "$strange": 1 } } })])),
        ("a protocol file", json!({ "protocol": "chat", strange: 1 })),
        ("a barrier", json!({ "protocol": "chat", "barrier": { strange: {} } })),
        ("a verb", verb(&json!({ "steps": [], strange: 1 }))),
        ("a stream", stream(&json!({ "frame": {}, "stream": "$.a", "id": "$.b", "order": "$.c", strange: 1 }))),
        ("the server's wishes", with(base.clone(), "server", json!({ strange: 1 }))),
        ("the server's actions", scenario(&[json!({ "server": strange })])),
        ("an invariant", json!({ "protocol": "chat", "invariants": [strange] })),
    ] {
        judge.both_refuse(what, &file);
    }
}

#[test]
fn a_word_at_another_ones_place_is_refused_by_both() {
    let judge = Judge::new();
    for word in words_of(WordPlace::Modifier) {
        for action in words_of(WordPlace::Action).filter(|action| !action.beside.contains(&word.name)) {
            let file = scenario(&[step_of(action, word.name, with(alone(action), word.name, example(word)))]);
            // What an action can't do without is there already.
            if alone(action).get(word.name).is_none() {
                judge.both_refuse(&format!("`{}` beside `{}`", word.name, action.name), &file);
            }
        }
    }
    for word in words_of(WordPlace::Control) {
        let other = if word.name == "note" { "check" } else { "note" };
        let other = word_of(WordPlace::Control, other).unwrap();
        judge.both_refuse(word.name, &scenario(&[with(alone(word), other.name, example(other))]));
    }
}

#[test]
fn what_a_file_can_not_do_without_is_missed_by_both() {
    let judge = Judge::new();
    let without = |file: &Value, name: &str| {
        let mut file = file.clone();
        file.as_object_mut().unwrap().remove(name);
        file
    };
    let base = scenario(&[json!({ "note": "x" })]);
    for name in ["scenario", "participants", "steps"] {
        judge.both_refuse(&format!("a scenario without `{name}`"), &without(&base, name));
    }
    let whole = json!({ "frame": {}, "id": "$.b", "order": "$.c" });
    for name in ["frame", "id", "order"] {
        judge.both_refuse(&format!("a stream without `{name}`"), &stream(&without(&whole, name)));
    }
    judge.both_refuse("a verb without steps", &verb(&json!({ "doc": "Nothing." })));
    judge.both_refuse("a repetition without steps", &scenario(&[json!({ "repeat": 3 })]));
    judge.both_refuse("a step without anything", &scenario(&[json!({})]));
    judge.both_refuse("a count without times", &scenario(&[json!({ "alice": { "received": {} } })]));
    judge.both_refuse("a stream without an end", &scenario(&[json!({ "alice": { "collect": {} } })]));
}

#[test]
fn editors_show_of_every_word_what_it_means_and_an_example() {
    let schema = schema();
    let shown = |definition: &str, word: &Word| {
        let shown = &schema["$defs"][definition]["properties"][word.name];
        let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
        for key in ["description", "markdownDescription"] {
            assert!(text(key).contains(word.doc) && text(key).contains(word.example), "{definition} {}", word.name);
        }
    };
    words_of(WordPlace::File).for_each(|word| shown("scenario", word));
    words_of(WordPlace::Protocol).for_each(|word| shown("protocol", word));
    words_of(WordPlace::Control).for_each(|word| shown("step", word));
    for inner in NESTED_MAPS {
        words_of(WordPlace::Inside(inner.name)).for_each(|word| shown(inner.name, word));
    }
}

#[test]
fn the_verbs_of_protocols_are_offered_and_what_they_do_not_take_is_refused() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut library = Library::new(package, package);
    let rooms = library.protocol_file(&package.join("examples/rooms/scenarios/protocols/rooms.yaml")).unwrap();
    let schema = super::schema_with(&[rooms]);
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("with.json", schema.clone()).unwrap();
    let index = compiler.compile("with.json", &mut schemas).unwrap();
    let right = |step: Value| schemas.validate(&scenario(&[step]), index).is_ok();
    assert!(right(json!({ "alice": "enter" })));
    assert!(right(json!({ "alice": { "enter": { "room": "cellar" } } })));
    assert!(right(json!({ "alice": { "say": "hello" } })));
    assert!(right(json!({ "alice": { "a_verb_of_another_protocol": 1 } })));
    assert!(right(json!({ "snapshot": "x", "unordered": ["talk", "another"] })));
    assert!(!right(json!({ "alice": { "enter": { "rom": "cellar" } } })));
    assert!(!right(json!({ "alice": { "enter": "cellar" } })));
    let verb = &schema["$defs"]["action"]["oneOf"][1]["properties"]["enter"];
    assert!(
        verb["description"].as_str().unwrap().starts_with("Opens a socket into a room and awaits one's own entry.")
    );
    assert_eq!(verb["properties"]["room"]["default"], "lobby");
}

/// All YAML files below a folder, protocol files included.
fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Library::files(folder).unwrap();
    let protocols: Vec<_> = std::fs::read_dir(folder.join("protocols")).into_iter().flatten().collect();
    files.extend(protocols.into_iter().map(|entry| entry.unwrap().path()));
    for entry in std::fs::read_dir(folder).unwrap() {
        let protocols = entry.unwrap().path().join("protocols");
        files.extend(std::fs::read_dir(protocols).into_iter().flatten().map(|entry| entry.unwrap().path()));
    }
    files
}

#[test]
fn the_files_of_this_repository_fit_the_schema() {
    let judge = Judge::new();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in [package.join("../scenarios"), package.join("examples/rooms/scenarios")] {
        for file in files_below(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut findings = Findings::new(Arc::clone(&Source::new(&file, text)));
            let Some(node) = yaml::parse(&mut findings) else { panic!("{}", file.display()) };
            assert_eq!(judge.editor(&node.to_value()), None, "{}", file.display());
            count += 1;
        }
    }
    assert!(count > 4, "only {count} files were found");
}
