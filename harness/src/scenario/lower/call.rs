//! Calls of verbs, with their arguments.

use super::context::{Lower, Signature};
use super::fields::{self, Fields};
use crate::scenario::model::Call;
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::BESIDE_VERB;
use crate::text::nearest_word;

impl Lower<'_> {
    pub(super) fn call(
        &mut self,
        key: &Key,
        value: &Node,
        mut rest: Fields<'_>,
        signature: &Signature,
        bare: bool,
    ) -> Call {
        let args = self.arguments(key, value, signature, bare);
        let via = self.via(&mut rest, BESIDE_VERB);
        let within = self.within(&mut rest);
        let since = rest.take("since").and_then(|node| fields::string(node, "since", self.findings));
        let refused = self.refused(&mut rest);
        let capture = self.capture(&mut rest);
        if refused.is_some()
            && let Some(first) = capture.first()
        {
            let help = "capture from the refusal: `refused: { status: …, capture: { … } }`";
            self.findings.error_help(first.at, "`capture` beside `refused`: the call ends with the refusal", help);
        }
        if self.in_verb {
            self.main(&mut rest);
        }
        self.leftovers(&rest, &key.text, BESIDE_VERB);
        Call { verb: key.text.clone(), args, refused, within, since, via, capture }
    }

    fn arguments(&mut self, key: &Key, value: &Node, signature: &Signature, bare: bool) -> Vec<(String, Template)> {
        let needed: Vec<&String> =
            signature.params.iter().filter(|(_, default)| !**default).map(|(name, _)| name).collect();
        if signature.positional && !bare {
            let Some((name, _)) = signature.params.first() else { return Vec::new() };
            if !self.is_one_value(key, name, value) {
                return Vec::new();
            }
            return vec![(name.clone(), Template::lower(value, self.findings))];
        }
        let mut args: Vec<(String, Template)> = Vec::new();
        match &value.kind {
            Kind::Map(entries) => {
                for (name, value) in entries {
                    if signature.params.contains_key(&name.text) {
                        args.push((name.text.clone(), Template::lower(value, self.findings)));
                    } else {
                        let what = format!("parameter of `{}`", key.text);
                        self.findings.unknown(name.at, &what, &name.text, signature.params.keys().map(String::as_str));
                    }
                }
            }
            Kind::Null | Kind::Broken => {}
            _ => {
                let takes: Vec<&str> = signature.params.keys().map(String::as_str).collect();
                let help = match takes[..] {
                    [] => "write it as a bare word".to_owned(),
                    [one] => format!(
                        "write `{}: {{ {one}: … }}`, or `takes: {one}` in the verb for a single value",
                        key.text
                    ),
                    _ => format!("it takes a map of {}", takes.join(", ")),
                };
                self.findings.error_help(value.at, format!("`{}` can't take {}", key.text, value.describe()), help);
                return args;
            }
        }
        let missing: Vec<String> = needed
            .into_iter()
            .filter(|name| !args.iter().any(|(given, _)| given == *name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            self.findings.error(key.at, format!("`{}` needs {}", key.text, missing.join(", ")));
        }
        args
    }

    /// Whether a verb's one value can be meant so. A map may be, where the verb sends it as JSON; one that has the
    /// parameter's own name among its keys is the way in which several parameters are given.
    fn is_one_value(&mut self, verb: &Key, param: &str, value: &Node) -> bool {
        let verb_name = &verb.text;
        let rename = "where this map is meant, give the parameter another name";
        let Some(entries) = value.as_map() else {
            if value.kind == Kind::Null {
                let help = format!("write `{verb_name}: …`, and `\"\"` for an empty text");
                self.findings.error_help(verb.at, format!("`{verb_name}` needs a value, its `{param}`"), help);
            }
            return value.kind != Kind::Null;
        };
        if let Some((key, given)) = entries.iter().find(|(key, _)| key.text == param) {
            let written = match &given.kind {
                Kind::String(text) if text.len() <= 40 && !text.contains(['\n', '{', '}']) => text.clone(),
                Kind::Number(number) => number.to_string(),
                Kind::Bool(flag) => flag.to_string(),
                _ => "…".to_owned(),
            };
            let message = format!("`{verb_name}` takes one value as it is, its `{param}`, and no map of parameters");
            self.findings.error_help(key.at, message, format!("write `{verb_name}: {written}`; {rename}"));
            return false;
        }
        if let [(key, _)] = entries
            && nearest_word(&key.text, [param]).is_some()
        {
            let message = format!("`{verb_name}` takes one value: this map, key and all, becomes its `{param}`");
            self.findings.warning(key.at, message, format!("write the value itself: `{verb_name}: …`"));
        }
        true
    }
}
