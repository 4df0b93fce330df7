//! The filters and tests that an expression calls, looked up when its file is read.

use minijinja::ErrorKind;

use super::environment::environment;
use super::functions::Callable::{self, Filter, Function, Test};
use super::functions::FUNCTIONS;
use crate::scenario::error::Findings;
use crate::source::Position;
use crate::text::nearest_word;

/// Reports filters and tests that don't exist. Functions are names, and are reported as names.
pub(super) fn check(source: &str, at: Position, findings: &mut Findings) {
    for (kind, name) in called(source) {
        if is_known(kind, &name) {
            continue;
        }
        let what = if kind == Filter { "filter" } else { "test" };
        let known: Vec<&str> = FUNCTIONS.iter().filter(|word| word.kind == kind).map(|word| word.name).collect();
        let help = nearest_word(&name, known.iter().copied()).map_or_else(
            || format!("docs/language.md lists them: {}, …", known[..6].join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        findings.error_help(at, format!("there is no {what} `{name}`"), help);
    }
}

/// Whether there is such a filter or test: a call of one that there isn't fails in a way of its own.
fn is_known(kind: Callable, name: &str) -> bool {
    let (call, unknown) = match kind {
        Function => return true,
        Filter => (format!("none|{name}"), ErrorKind::UnknownFilter),
        Test => (format!("none is {name}"), ErrorKind::UnknownTest),
    };
    let tried = environment().compile_expression(&call).and_then(|compiled| compiled.eval(()));
    tried.err().is_none_or(|error| error.kind() != unknown)
}

/// The filters and tests that an expression calls, by their names.
fn called(source: &str) -> Vec<(Callable, String)> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let next = |by: usize| tokens.get(place + by).map(String::as_str).unwrap_or_default();
        match token.as_str() {
            "|" if is_word(next(1)) => {
                found.push((Filter, next(1).to_owned()));
                // `map('upper')` and `select('odd')` name another one.
                if next(2) == "(" {
                    let named = next(3).strip_prefix('\'').map(str::to_owned);
                    let kind = match next(1) {
                        "map" => Some(Filter),
                        "select" | "reject" => Some(Test),
                        _ => None,
                    };
                    found.extend(kind.zip(named));
                }
            }
            "is" => {
                let name = if next(1) == "not" { next(2) } else { next(1) };
                if is_word(name) && !matches!(name, "true" | "false" | "none" | "in") {
                    found.push((Test, name.to_owned()));
                }
            }
            _ => {}
        }
    }
    found
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, literals (as `'text`) and single signs; enough to see what stands behind `|` and `is`.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let mut text = String::from("'");
                while let Some(inner) = chars.next() {
                    match inner {
                        '\\' => text.extend(chars.next()),
                        _ if inner == c => break,
                        _ => text.push(inner),
                    }
                }
                tokens.push(text);
            }
            _ if c.is_whitespace() => {}
            _ if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(next) = chars.next_if(|next| next.is_alphanumeric() || *next == '_') {
                    word.push(next);
                }
                tokens.push(word);
            }
            _ => tokens.push(c.to_string()),
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;

    fn told(source: &str) -> Vec<String> {
        let mut findings = Findings::new(Source::new("t.yaml", source));
        check(source, Position { line: 1, column: 1 }, &mut findings);
        findings.list.into_iter().map(|one| format!("{} [{}]", one.message, one.help.unwrap_or_default())).collect()
    }

    #[test]
    fn unknown_filters_and_tests_are_told_with_the_nearest() {
        assert_eq!(told("x | lenght"), ["there is no filter `lenght` [did you mean `length`?]"]);
        assert_eq!(told("x is not sting"), ["there is no test `sting` [did you mean `string`?]"]);
        assert_eq!(told("x | map('uper') | list"), ["there is no filter `uper` [did you mean `upper`?]"]);
        assert_eq!(told("x | select('ood')"), ["there is no test `ood` [did you mean `odd`?]"]);
        assert_eq!(told("x | frobnicate").len(), 1);
    }

    #[test]
    fn what_only_looks_like_a_call_is_none() {
        for source in
            ["x ~ ' | lenght '", "x is none", "x is not in([1])", "a.is_open", "x | count", "x is divisibleby 3"]
        {
            assert_eq!(told(source), Vec::<String>::new(), "{source}");
        }
    }
}
