//! Calls of verbs, with their arguments.

use super::fields::{self, Fields};
use super::{Lower, Signature};
use crate::scenario::error::nearest_word;
use crate::scenario::model::Call;
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::BESIDE_VERB;

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
            self.wrapped(key, name, value);
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
                let help = if takes.is_empty() {
                    "write it as a bare word".to_owned()
                } else {
                    format!("it takes a map of {}", takes.join(", "))
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

    /// A verb's one value, written as if it took a map of parameters.
    fn wrapped(&mut self, verb: &Key, param: &str, value: &Node) {
        let Some([(key, _)]) = value.as_map() else { return };
        if key.text == param || nearest_word(&key.text, [param]).is_some() {
            let help = format!("write the value itself: `{}: …`", verb.text);
            let message = format!("`{}` takes one value: this map, key and all, becomes its `{param}`", verb.text);
            self.findings.warning(key.at, message, help);
        }
    }
}
