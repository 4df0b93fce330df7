//! What an actor does: built-in actions and calls of verbs, with their modifiers.

use super::fields::{self, Fields};
use super::{Lower, possible};
use crate::scenario::model::{Action, Body, Checks, Connect, Expect, Expected, Http, Outgoing};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::words::{self, Doer, Place};
use crate::source::Position;
use crate::text::nearest_word;

impl Lower<'_> {
    /// One action of an actor: a map with one action or verb and its modifiers, or a bare word.
    pub(super) fn action(&mut self, node: &Node, actor: &str) -> Option<Action> {
        match &node.kind {
            Kind::String(word) => {
                let key = Key { at: node.at, text: word.clone() };
                let nothing = Node { at: node.at, kind: Kind::Null };
                let alone = Node { at: node.at, kind: Kind::Map(Vec::new()) };
                if let Some(word) = words::word_of(Place::Action, word)
                    && !self.may(word, actor, &alone, node.at)
                {
                    return None;
                }
                let fields = Fields::of(&alone, "an action", self.findings)?;
                self.one(&key, &nothing, fields, actor, true)
            }
            Kind::Map(entries) => {
                let mut main: Option<(&Key, &Node)> = None;
                let mut unknown = false;
                for (key, value) in entries {
                    let verb = self.world.verbs_of(actor).is_some_and(|verbs| verbs.contains_key(&key.text));
                    if verb || words::word_of(Place::Action, &key.text).is_some() {
                        if let Some((first, _)) = main {
                            self.findings.error_help(
                                key.at,
                                format!("`{}` and `{}` stand in one step", first.text, key.text),
                                "one step does one thing: begin a new one with `- `",
                            );
                            return None;
                        }
                        main = Some((key, value));
                    } else if words::word_of(Place::Modifier, &key.text).is_none() {
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
                if let Some(word) = words::word_of(Place::Action, &key.text)
                    && !self.may(word, actor, node, key.at)
                {
                    return None;
                }
                let mut fields = Fields::of(node, "an action", self.findings)?;
                fields.take(&key.text);
                self.one(key, value, fields, actor, false)
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
        let built_in = || words::words_of(Place::Action).chain(words::words_of(Place::Modifier)).map(|word| word.name);
        if self.world.without_protocol
            && !self.world.stubs.contains(actor)
            && (self.told_bare || nearest_word(&key.text, built_in()).is_none())
        {
            // One cause for every verb of the file.
            if !self.told_bare {
                let message = format!("`{}` is no action, and the scenario names no protocol that has it", key.text);
                self.findings.error_help(
                    key.at,
                    message,
                    "say whose verbs it uses at the top of the file: `use: NAME`",
                );
            }
            self.told_bare = true;
            return;
        }
        let is_stub = self.world.stubs.contains(actor);
        let other = if is_stub { Doer::Participant } else { Doer::Stub };
        let known: Vec<String> = self
            .world
            .verbs_of(actor)
            .into_iter()
            .flat_map(|verbs| verbs.keys().cloned())
            .chain(
                words::WORDS
                    .iter()
                    .filter(|word| match word.place {
                        Place::Action => word.doer != other,
                        place => place == Place::Modifier,
                    })
                    .map(|word| word.name.to_owned()),
            )
            .collect();
        let what = if is_stub { "action of a stub" } else { "verb or action" };
        self.findings.unknown(key.at, what, &key.text, known.iter().map(String::as_str));
    }

    fn one(&mut self, key: &Key, value: &Node, mut rest: Fields<'_>, actor: &str, bare: bool) -> Option<Action> {
        let Some(word) = words::word_of(Place::Action, &key.text) else {
            let Some(signature) = self.world.verbs_of(actor).and_then(|verbs| verbs.get(&key.text)).cloned() else {
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
        let is_stub = self.world.stubs.contains(actor);
        let action = match word.name {
            "closed" if is_stub => {
                if let Some(code) = value.get("code") {
                    let help = "what ends is a request: write `closed: {}`";
                    self.findings.error_help(code.at, "a request has no close code", help);
                }
                self.stub(word, value, within, &mut rest)
            }
            _ if word.doer == Doer::Stub => self.stub(word, value, within, &mut rest),
            "get" | "post" | "put" | "patch" | "delete" => {
                let method = match word.name {
                    "get" => "GET",
                    "post" => "POST",
                    "put" => "PUT",
                    "patch" => "PATCH",
                    _ => "DELETE",
                };
                self.http(method, value, within, &mut rest).map(Action::Http)
            }
            "connect" => self.connect(value, within, &mut rest).map(Action::Connect),
            "send" => Some(Action::Send { frame: Outgoing::Json(Template::lower(value, self.findings)), via }),
            "send_text" => fields::text(value, "send_text", self.findings)
                .map(|text| Action::Send { frame: Outgoing::Text(text), via }),
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
                Some(Action::Send { frame: Outgoing::Binary(text), via })
            }
            "close" => self.close(value, via, within),
            "drop" => Some(Action::Drop { via }),
            "closed" => {
                possible::closed(value, self.findings);
                Some(Action::Closed { pattern: fields::pattern(value, self.findings), via, within })
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

    /// `main` is read where the verb is; inside a control it would mean nothing.
    pub(super) fn main(&mut self, rest: &mut Fields<'_>) {
        if let Some(node) = rest.take("main")
            && self.nested > 0
        {
            let help = "put the request before or behind it, or into a verb of its own that this one calls";
            self.findings.error_help(
                node.at,
                "`main` stands at a step of the verb itself, not inside `parallel`, `race`, `repeat` or `for_each`",
                help,
            );
        }
    }

    pub(super) fn leftovers(&mut self, rest: &Fields<'_>, action: &str, allowed: &[&str]) {
        for (key, _) in rest.rest() {
            if key.text == "main" && !self.in_verb {
                self.findings.error(key.at, "`main` stands in verbs only");
            } else if words::word_of(Place::Modifier, &key.text).is_some() {
                let shown: Vec<String> = allowed
                    .iter()
                    .filter(|name| self.in_verb || **name != "main")
                    .map(|name| format!("`{name}`"))
                    .collect();
                let help = if shown.is_empty() {
                    "it stands alone".to_owned()
                } else {
                    format!("it may have {}", shown.join(", "))
                };
                self.findings.error_help(key.at, format!("`{}` can't stand beside `{action}`", key.text), help);
            }
        }
    }

    pub(super) fn via(&mut self, rest: &mut Fields<'_>, allowed: &[&str]) -> Option<Template> {
        if !allowed.contains(&"via") {
            return None;
        }
        rest.take("via").and_then(|node| fields::text(node, "via", self.findings))
    }

    pub(super) fn within(&mut self, rest: &mut Fields<'_>) -> Option<std::time::Duration> {
        rest.take("within").and_then(|node| fields::duration(node, "within", self.findings))
    }

    fn listen(&mut self, rest: &mut Fields<'_>) -> Option<std::time::Duration> {
        rest.take("for").and_then(|node| fields::duration(node, "for", self.findings))
    }

    pub(super) fn capture(&mut self, rest: &mut Fields<'_>) -> Vec<crate::scenario::model::Capture> {
        rest.take("capture").map(|node| fields::captures(node, self.findings)).unwrap_or_default()
    }

    /// `status`, `expect`, `expect_headers` and `capture`, taken from the fields.
    pub(super) fn checks(&mut self, rest: &mut Fields<'_>) -> Checks {
        let mut pattern = |name: &str| {
            rest.take(name).map(|node| {
                let before = self.findings.list.len();
                let pattern = fields::pattern(node, self.findings);
                match name {
                    _ if self.findings.list.len() > before => {}
                    "status" => possible::status(node, self.findings),
                    _ => possible::expected(name, node, self.findings),
                }
                pattern
            })
        };
        let (status, expect, expect_headers) = (pattern("status"), pattern("expect"), pattern("expect_headers"));
        Checks { status, expect, expect_headers, capture: self.capture(rest) }
    }

    /// A request: the path stands at the method's key, everything else beside it.
    pub(super) fn http(
        &mut self,
        method: &'static str,
        path: &Node,
        within: Option<std::time::Duration>,
        rest: &mut Fields<'_>,
    ) -> Option<Http> {
        let query = self.query(rest);
        let headers = rest.take("headers").map(|node| fields::headers(node, self.findings)).unwrap_or_default();
        let mut bodies = Vec::new();
        for name in ["json", "text", "form"] {
            if method == "GET" {
                break;
            }
            if let Some(node) = rest.take(name) {
                let template = Template::lower(node, self.findings);
                bodies.push((
                    node.at,
                    match name {
                        "json" => Body::Json(template),
                        "text" => Body::Text(template),
                        _ => Body::Form(template),
                    },
                ));
            }
        }
        if let [_, (at, _), ..] = bodies[..] {
            self.findings.error(at, "a request has one body: `json`, `text` or `form`");
        }
        let checks = self.checks(rest);
        let eventually = rest.take("eventually").and_then(|node| {
            if method != "GET" {
                self.findings.error_help(
                    node.at,
                    "`eventually` repeats the request, so it stands beside `get` only",
                    "check the effect with a GET of its own",
                );
            }
            fields::duration(node, "eventually", self.findings)
        });
        let gives_up = rest.take("gives_up").and_then(|node| {
            if checks.status.is_some() || checks.expect.is_some() || eventually.is_some() {
                self.findings.error(node.at, "`gives_up` leaves no answer to check");
            }
            fields::duration(node, "gives_up", self.findings)
        });
        let body = bodies.into_iter().next().map(|(_, body)| body);
        let path = self.path(path)?;
        Some(Http { method, path, query, headers, body, checks, eventually, gives_up, within })
    }

    fn query(&mut self, rest: &mut Fields<'_>) -> Option<Template> {
        let node = rest.take("query")?;
        let query = Template::lower(node, self.findings);
        if query.as_literal().is_some_and(|value| !value.is_object() && !value.is_null()) {
            self.findings.error_help(
                node.at,
                format!("`query` must be a map, not {}", node.describe()),
                "write for example `query: { limit: 5 }`",
            );
        }
        Some(query)
    }

    fn path(&mut self, node: &Node) -> Option<Template> {
        let path = fields::text(node, "a path", self.findings)?;
        let written = node.as_str().unwrap_or_default();
        if !written.starts_with('/') && !written.starts_with("{{") {
            self.findings.error_help(
                node.at,
                format!("`{written}` is no path"),
                "a path begins with `/`; the server's address comes from the run",
            );
            return None;
        }
        Some(path)
    }

    fn connect(&mut self, value: &Node, within: Option<std::time::Duration>, rest: &mut Fields<'_>) -> Option<Connect> {
        let name = rest.take("as").and_then(|node| fields::text(node, "as", self.findings));
        let query = self.query(rest);
        let headers = rest.take("headers").map(|node| fields::headers(node, self.findings)).unwrap_or_default();
        let subprotocols = match rest.take("subprotocols") {
            Some(Node { kind: Kind::List(items), .. }) => {
                items.iter().filter_map(|item| fields::text(item, "subprotocols", self.findings)).collect()
            }
            Some(node) => fields::text(node, "subprotocols", self.findings).into_iter().collect(),
            None => Vec::new(),
        };
        let receive_buffer =
            rest.take("receive_buffer").and_then(|node| fields::count(node, "receive_buffer", self.findings));
        let refused = self.refused(rest);
        let expect_headers = rest.take("expect_headers").map(|node| fields::pattern(node, self.findings));
        let receive_buffer = receive_buffer.and_then(|bytes| usize::try_from(bytes).ok());
        Some(Connect {
            path: self.path(value)?,
            name,
            query,
            headers,
            subprotocols,
            receive_buffer,
            refused,
            expect_headers,
            within,
        })
    }

    /// `refused: 403` or `refused: {status, expect, expect_headers}`.
    pub(super) fn refused(&mut self, rest: &mut Fields<'_>) -> Option<Checks> {
        let node = rest.take("refused")?;
        if node.as_map().is_none() {
            return Some(Checks { status: Some(fields::pattern(node, self.findings)), ..Checks::default() });
        }
        let mut inner = Fields::of(node, "refused", self.findings)?;
        if inner.rest().iter().any(|(key, _)| key.text.starts_with('$')) {
            return Some(Checks { status: Some(fields::pattern(node, self.findings)), ..Checks::default() });
        }
        let checks = self.checks(&mut inner);
        inner.finish("key of `refused`", &["status", "expect", "expect_headers", "capture"], self.findings);
        if checks.status.is_none() {
            self.findings.error(node.at, "`refused` needs a `status`");
        }
        Some(checks)
    }

    fn close(&mut self, value: &Node, via: Option<Template>, within: Option<std::time::Duration>) -> Option<Action> {
        let mut code = Template::literal(value.at, 1000.into());
        let mut reason = Template::literal(value.at, "".into());
        if value.kind != Kind::Null {
            let mut inner = Fields::of(value, "close", self.findings)?;
            if let Some(node) = inner.take("code") {
                code = Template::lower(node, self.findings);
                let right =
                    |value: &serde_json::Value| value.as_u64().is_some_and(|code| (1000..=4999).contains(&code));
                if code.as_literal().is_some_and(|value| !right(value)) {
                    self.findings.error(node.at, "a close code lies between 1000 and 4999");
                }
            }
            if let Some(node) = inner.take("reason") {
                reason = fields::text(node, "reason", self.findings).unwrap_or(reason);
            }
            inner.finish("key of `close`", &["code", "reason"], self.findings);
        }
        Some(Action::Close { code, reason, via, within })
    }

    fn expected(&mut self, name: &str, value: &Node, rest: &mut Fields<'_>) -> Option<Expected> {
        Some(match name {
            "receive" => Expected::One(fields::pattern(value, self.findings)),
            "receive_next" => Expected::Next(fields::pattern(value, self.findings)),
            "receive_in_order" => Expected::InOrder(fields::patterns(value, name, self.findings)),
            "receive_all" => Expected::All(fields::patterns(value, name, self.findings)),
            "collect" => {
                let pattern = fields::pattern(value, self.findings);
                let Some(until) = rest.take("until") else {
                    let help = "say which frame is the last: `collect: { type: chunk }, until: { type: done }`";
                    self.findings.error_help(value.at, "`collect` needs `until`", help);
                    return None;
                };
                Expected::Collect { pattern, until: fields::pattern(until, self.findings) }
            }
            "receive_nothing" => {
                if let Some(node) = rest.take("times") {
                    self.findings.error(node.at, "`times` stands beside `received` only");
                }
                Expected::Nothing { pattern: fields::pattern(value, self.findings), listen: self.listen(rest) }
            }
            "received" => {
                let pattern = fields::pattern(value, self.findings);
                let Some(times) = rest.take("times") else {
                    self.findings.error_help(
                        value.at,
                        "`received` needs `times`",
                        "write for example `times: 1`; to wait for a frame, use `receive`",
                    );
                    return None;
                };
                let before = self.findings.list.len();
                let counted = fields::pattern(times, self.findings);
                if self.findings.list.len() == before {
                    possible::times(times, self.findings);
                }
                Expected::Counted { pattern, times: counted, listen: self.listen(rest) }
            }
            _ => return None,
        })
    }

    /// Where a step says `main: true`.
    pub(super) fn says_main(&mut self, node: &Node) -> Option<Position> {
        let (_, action) = node.as_map()?.first()?;
        let main = action.get("main")?;
        fields::boolean(main, "main", self.findings)?.then_some(main.at)
    }
}
