//! What the recipes say that nobody can run in a test is held against the program: every command line is parsed as the
//! program parses it, every option is one, every YAML block is read, and what a workflow gives to the action exists.

use std::collections::BTreeSet;

use clap::Parser as _;
use regex::Regex;
use roundtable::cli::Cli;
use roundtable::scenario::error::Findings;
use roundtable::scenario::yaml;
use roundtable::source::Source;
use serde_json::Value;

use super::examples::blocks;
use super::{program, top};

const PAGES: [&str; 5] = ["ci", "debugging", "reviewing", "axum", "other-languages"];

fn page(name: &str) -> String {
    std::fs::read_to_string(top().join(format!("docs/recipes/{name}.md"))).unwrap()
}

/// Parses a command line, whose beginning `roundtable` is left out where it is given to the action.
#[track_caller]
fn parses(words: &[String], place: &str) {
    // What GitLab gives to each of parallel jobs.
    let words = words.iter().map(|word| word.replace("$CI_NODE_INDEX/$CI_NODE_TOTAL", "1/4"));
    let words: Vec<String> = words.filter(|word| word != "…").collect();
    if let Err(error) = Cli::try_parse_from(&words) {
        panic!("{place}: {words:?}: {error}");
    }
}

fn yaml(text: &str, place: &str) -> Value {
    let mut findings = Findings::new(Source::new(place, text));
    let root = yaml::parse(&mut findings);
    assert!(findings.list.is_empty(), "{place}: {:?}", findings.list);
    root.unwrap().to_value()
}

/// Every text in a value, with the key that it stands under.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

#[test]
fn every_command_of_the_recipes_is_one() {
    let span = Regex::new(r"`([^`]+)`").unwrap();
    let options: BTreeSet<String> = program()
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_long())
        .map(|long| format!("--{long}"))
        .chain(["--help".to_owned(), "--config".to_owned()])
        .collect();
    let mut parsed = 0;
    for name in PAGES {
        let page = page(name);
        let mut lines: Vec<String> = Vec::new();
        let mut prose = page.clone();
        for block in blocks(&page) {
            prose = prose.replace(&block.text, "");
            lines.extend(block.text.replace("\\\n", " ").lines().map(|line| line.trim_start_matches("$ ").to_owned()));
        }
        let spans = span.captures_iter(&prose).map(|found| found[1].split_whitespace().collect::<Vec<_>>().join(" "));
        lines.extend(spans);
        for line in lines {
            let place = format!("docs/recipes/{name}.md: {line}");
            let words = shlex::split(line.split(" # ").next().unwrap_or_default()).unwrap_or_default();
            match words.first().map(String::as_str) {
                Some("roundtable") if words.get(1).is_none_or(|word| word != "=") => {
                    parses(&words, &place);
                    parsed += 1;
                }
                Some(option) if option.starts_with("--") => {
                    let option = option.split('=').next().unwrap_or(option);
                    assert!(options.contains(option), "{place}: there is no {option}");
                }
                _ => {}
            }
        }
    }
    assert!(parsed > 10, "only {parsed} command lines were found");
}

#[test]
fn every_workflow_of_the_recipes_fits_the_action() {
    let action = yaml(&std::fs::read_to_string(top().join("action.yml")).unwrap(), "action.yml");
    let inputs = action["inputs"].as_object().unwrap();
    let (mut steps, mut scripts) = (0, 0);
    for name in PAGES {
        for block in blocks(&page(name)).into_iter().filter(|block| block.kind == "yaml") {
            let place = format!("docs/recipes/{name}.md:{}", block.line);
            let file = yaml(&block.text, &place);
            let jobs = file["jobs"].as_object().cloned().unwrap_or_default();
            for (job, value) in &jobs {
                if let Some(needed) = value["needs"].as_str() {
                    assert!(jobs.contains_key(needed), "{place}: {job} needs {needed}");
                }
                for step in value["steps"].as_array().into_iter().flatten() {
                    if !step["uses"].as_str().is_some_and(|uses| uses.contains("/roundtable@")) {
                        continue;
                    }
                    steps += 1;
                    let with = step["with"].as_object().unwrap();
                    if let Some(unknown) = with.keys().find(|key| !inputs.contains_key(*key)) {
                        panic!("{place}: action.yml has no input `{unknown}`");
                    }
                    // As scripts/action makes it of them.
                    let text = |key: &str| with.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                    let mut words: Vec<String> = match text("merge") {
                        folder if folder.is_empty() => ["roundtable", "run", "--ci"].map(str::to_owned).into(),
                        folder => ["roundtable".to_owned(), "merge-reports".to_owned(), folder].into(),
                    };
                    words.extend(text("arguments").lines().map(str::to_owned));
                    words.extend(text("server").lines().map(|server| format!("--server={server}")));
                    let shards = match text("shard") {
                        shard if shard == "${{ matrix.shard }}" => value["strategy"]["matrix"]["shard"].clone(),
                        shard => Value::from(vec![shard]),
                    };
                    for shard in shards.as_array().unwrap().iter().filter_map(Value::as_str) {
                        let shard = (!shard.is_empty()).then(|| format!("--shard={shard}"));
                        parses(&words.iter().cloned().chain(shard).collect::<Vec<_>>(), &place);
                    }
                }
            }
            let mut found = Vec::new();
            texts(&file, &mut found);
            for line in found.into_iter().filter(|text| text.starts_with("roundtable ")) {
                parses(&shlex::split(line).unwrap(), &place);
                scripts += 1;
            }
        }
    }
    assert!(steps >= 2 && scripts >= 1, "{steps} steps and {scripts} lines of scripts were found");
}
