//! What an actor does: built-in actions and calls of verbs, with their modifiers.

use super::context::Lower;
use super::fields::{self, Fields};
use super::{patterns, possible};
use crate::scenario::model::{Action, Expect, Method, OutgoingFrame};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::{self, Doer, WordPlace};
use crate::text::nearest_word;

impl Lower<'_> {
    /// One action of an actor: a map with one action or verb and its modifiers, or a bare word.
    pub(super) fn action(&mut self, node: &Node, actor: &str) -> Option<Action> {
        match &node.kind {
            Kind::String(word) => {
                let key = Key { at: node.at, text: word.clone() };
                let nothing = Node { at: node.at, kind: Kind::Null };
                let alone = Node { at: node.at, kind: Kind::Map(Vec::new()) };
                if let Some(word) = words::word_of(WordPlace::Action, word)
                    && !self.may(word, actor, &alone, node.at)
                {
                    return None;
                }
                let fields = Fields::of(&alone, "an action", self.findings)?;
                self.action_or_verb(&key, &nothing, fields, actor, true)
            }
            Kind::Map(entries) => {
                let mut main: Option<(&Key, &Node)> = None;
                let mut unknown = false;
                for (key, value) in entries {
                    let verb = self.vocabulary.verbs_of(actor).is_some_and(|verbs| verbs.contains_key(&key.text));
                    if verb || words::word_of(WordPlace::Action, &key.text).is_some() {
                        if let Some((first, _)) = main {
                            self.findings.error_help(
                                key.at,
                                format!("`{}` and `{}` stand in one step", first.text, key.text),
                                "one step does one thing: begin a new one with `- `",
                            );
                            return None;
                        }
                        main = Some((key, value));
                    } else if words::word_of(WordPlace::Modifier, &key.text).is_none() {
                        self.unknown_action(key, actor);
                        unknown = true;
                    }
                }
                let Some((key, value)) = main else {
                    if !unknown {
                        self.findings.error(node.at, format!("`{actor}` does nothing here: no action and no verb"));
                    }
                    return None;
                };
                if let Some(word) = words::word_of(WordPlace::Action, &key.text)
                    && !self.may(word, actor, node, key.at)
                {
                    return None;
                }
                let mut fields = Fields::of(node, "an action", self.findings)?;
                fields.take(&key.text);
                self.action_or_verb(key, value, fields, actor, false)
            }
            Kind::Broken => None,
            _ => {
                self.findings.error_help(
                    node.at,
                    format!("what `{actor}` does must be a verb or a map with one action, not {}", node.describe()),
                    format!("write for example `- {actor}: {{ get: /health }}`"),
                );
                None
            }
        }
    }

    fn unknown_action(&mut self, key: &Key, actor: &str) {
        let built_in =
            || words::words_of(WordPlace::Action).chain(words::words_of(WordPlace::Modifier)).map(|word| word.name);
        if self.vocabulary.without_protocol
            && !self.vocabulary.stubs.contains(actor)
            && (self.told_no_protocol || nearest_word(&key.text, built_in()).is_none())
        {
            // One cause for every verb of the file.
            if !self.told_no_protocol {
                let message = format!("`{}` is no action, and the scenario names no protocol that has it", key.text);
                self.findings.error_help(
                    key.at,
                    message,
                    "say whose verbs it uses at the top of the file: `use: NAME`",
                );
            }
            self.told_no_protocol = true;
            return;
        }
        let is_stub = self.vocabulary.stubs.contains(actor);
        let other = if is_stub { Doer::Participant } else { Doer::Stub };
        let known: Vec<String> = self
            .vocabulary
            .verbs_of(actor)
            .into_iter()
            .flat_map(|verbs| verbs.keys().cloned())
            .chain(
                words::WORDS
                    .iter()
                    .filter(|word| match word.place {
                        WordPlace::Action => word.doer != other,
                        place => place == WordPlace::Modifier,
                    })
                    .map(|word| word.name.to_owned()),
            )
            .collect();
        let what = if is_stub { "action of a stub" } else { "verb or action" };
        self.findings.unknown(key.at, what, &key.text, known.iter().map(String::as_str));
    }

    /// The action or verb that `key` names.
    fn action_or_verb(
        &mut self,
        key: &Key,
        value: &Node,
        mut rest: Fields<'_>,
        actor: &str,
        bare: bool,
    ) -> Option<Action> {
        let Some(word) = words::word_of(WordPlace::Action, &key.text) else {
            let Some(signature) = self.vocabulary.verbs_of(actor).and_then(|verbs| verbs.get(&key.text)).cloned()
            else {
                self.unknown_action(key, actor);
                return None;
            };
            return Some(Action::Call(self.call(key, value, rest, &signature, bare)));
        };
        // Those that take nothing, and `close`, which has a default.
        let takes_nothing = word.schema == words::NOTHING;
        if bare && word.name != "close" && !takes_nothing {
            self.findings.error_help(
                key.at,
                format!("`{}` needs a value", word.name),
                format!("write `{{ {}: {} }}`", word.name, word.example),
            );
            return None;
        }
        let nothing = matches!(&value.kind, Kind::Null | Kind::Broken) || value.as_map().is_some_and(<[_]>::is_empty);
        if takes_nothing && !nothing {
            let help = match word.beside.first() {
                Some(beside) => {
                    format!("write `{}` alone, or `{}: {{}}` with `{beside}` beside it", word.name, word.name)
                }
                None => format!("write `{}` alone", word.name),
            };
            self.findings.error_help(value.at, format!("`{}` takes nothing", word.name), help);
        }
        let via = self.via(&mut rest, word.beside);
        let within = if word.beside.contains(&"within") { self.within(&mut rest) } else { None };
        let is_stub = self.vocabulary.stubs.contains(actor);
        let action = match word.name {
            name if let Some(method) = Method::named(name) => {
                self.http(method, value, within, &mut rest).map(Action::Http)
            }
            "closed" if is_stub => {
                if let Some(code) = value.get("code") {
                    let help = "what ends is a request: write `closed: {}`";
                    self.findings.error_help(code.at, "a request has no close code", help);
                }
                self.stub(word, value, within, &mut rest)
            }
            _ if word.doer == Doer::Stub => self.stub(word, value, within, &mut rest),
            "connect" => self.connect(value, within, &mut rest).map(Action::Connect),
            "send" => Some(Action::Send { frame: OutgoingFrame::Json(Template::lower(value, self.findings)), via }),
            "send_text" => fields::text(value, "send_text", self.findings)
                .map(|text| Action::Send { frame: OutgoingFrame::Text(text), via }),
            "send_binary" => {
                let text = fields::text(value, "send_binary", self.findings)?;
                if let Some(hex) = text.as_literal().and_then(serde_json::Value::as_str)
                    && (hex.len() % 2 != 0 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
                {
                    self.findings.error_help(
                        value.at,
                        "`send_binary` takes hexadecimal digits",
                        "write for example 00ff",
                    );
                }
                Some(Action::Send { frame: OutgoingFrame::Binary(text), via })
            }
            "close" => self.close(value, via, within),
            "drop" => Some(Action::Drop { via }),
            "closed" => {
                possible::closed(value, self.findings);
                Some(Action::Closed { pattern: patterns::pattern(value, self.findings), via, within })
            }
            "stop_reading" => Some(Action::Reading { on: false, via }),
            "resume_reading" => Some(Action::Reading { on: true, via }),
            "mark" => {
                let name = fields::string(value, "mark", self.findings)?;
                let listen = self.listen(&mut rest);
                Some(Action::Mark { name, via, listen })
            }
            name => self.expected(name, value, &mut rest).map(|what| {
                let since = rest.take("since").and_then(|node| fields::string(node, "since", self.findings));
                let capture = if word.beside.contains(&"capture") { self.capture(&mut rest) } else { Vec::new() };
                Action::Expect(Expect { what, within, since, via, capture })
            }),
        };
        if self.in_verb && word.beside.contains(&"main") {
            self.main(&mut rest);
        }
        self.leftovers(&rest, word.name, word.beside);
        action
    }
}
