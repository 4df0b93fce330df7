//! Who a participant is, how nothing is proven, what a snapshot asks.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::scenario::lower::context::Lower;
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::lower::patterns;
use crate::scenario::model::{Action, Barrier, Http, Method, OutgoingFrame, Step, StepKind};
use crate::scenario::node::Node;
use crate::scenario::template::Template;

impl Lower<'_> {
    pub(super) fn identity(&mut self, node: &Node) -> (IndexMap<String, Template>, Vec<Step>) {
        let Some(mut inner) = Fields::of(node, "identity", self.findings) else { return Default::default() };
        let login = inner.take("steps").map(|node| self.steps(node, "steps")).unwrap_or_default();
        let mut identity = IndexMap::new();
        for (key, value) in inner.rest() {
            if matches!(key.text.as_str(), "key" | "run" | "steps") {
                self.findings.error(key.at, format!("`{}` is given by the runner", key.text));
            }
            identity.insert(key.text.clone(), Template::lower(value, self.findings));
        }
        (identity, login)
    }

    pub(super) fn barrier(&mut self, node: &Node) -> Option<Barrier> {
        let [(kind, value)] = node.as_map().unwrap_or_default() else {
            if !node.is_broken() {
                self.findings.error_help(
                    node.at,
                    "a barrier is one of `echo`, `marker` and `get`",
                    "write for example `barrier: { echo: { send: { type: ping }, receive: { type: pong } } }`",
                );
            }
            return None;
        };
        let what = format!("the barrier `{}`", kind.text);
        let mut inner = Fields::of(value, &what, self.findings)?;
        let (barrier, known): (Option<Barrier>, &[&str]) = match kind.text.as_str() {
            "echo" => {
                let send = self.echo_frame(&mut inner, &what);
                let receive =
                    inner.need("receive", &what, self.findings).map(|node| patterns::pattern(node, self.findings));
                (send.zip(receive).map(|(send, receive)| Barrier::Echo { send, receive }), &["send", "as", "receive"])
            }
            "marker" => {
                let action = inner.need("do", &what, self.findings).and_then(|node| {
                    let action = Arc::new(self.action(node, "me")?);
                    let kind = StepKind::Act { actor: "me".to_owned(), action };
                    Some(Box::new(Step { source: Arc::clone(self.findings.source()), at: node.at, kind }))
                });
                let receive =
                    inner.need("receive", &what, self.findings).map(|node| patterns::pattern(node, self.findings));
                let hides = inner
                    .take("hides")
                    .map(|node| patterns::patterns(node, "hides", self.findings))
                    .unwrap_or_default();
                (
                    action.zip(receive).map(|(action, receive)| Barrier::Marker { action, receive, hides }),
                    &["do", "receive", "hides"],
                )
            }
            "get" => {
                let get =
                    inner.need("get", &what, self.findings).and_then(|node| fields::text(node, "get", self.findings));
                let offset = inner
                    .need("offset", &what, self.findings)
                    .and_then(|node| fields::json_path(node, "offset", self.findings));
                let frame =
                    inner.need("frame", &what, self.findings).map(|node| patterns::pattern(node, self.findings));
                let passed = inner
                    .need("passed", &what, self.findings)
                    .and_then(|node| fields::json_path(node, "passed", self.findings));
                let answers = inner.take("answers").map(|node| patterns::pattern(node, self.findings));
                let all = get.zip(offset).zip(frame.zip(passed));
                (
                    all.map(|((get, offset), (frame, passed))| Barrier::Get { get, offset, frame, passed, answers }),
                    &["get", "offset", "frame", "passed", "answers"],
                )
            }
            other => {
                self.findings.unknown(kind.at, "barrier", other, ["echo", "marker", "get"]);
                return None;
            }
        };
        inner.finish("key of a barrier", known, self.findings);
        barrier
    }

    /// The ping of an echo barrier: JSON, text or bytes.
    fn echo_frame(&mut self, inner: &mut Fields<'_>, what: &str) -> Option<OutgoingFrame> {
        let form = inner.take("as").and_then(|node| Some((node, fields::string(node, "as", self.findings)?)));
        let send = inner.need("send", what, self.findings)?;
        match form.as_ref().map(|(node, form)| (node.at, form.as_str())) {
            None | Some((_, "json")) => Some(OutgoingFrame::Json(Template::lower(send, self.findings))),
            Some((_, "text")) => fields::text(send, "send", self.findings).map(OutgoingFrame::Text),
            Some((_, "binary")) => fields::text(send, "send", self.findings).map(OutgoingFrame::Binary),
            Some((at, other)) => {
                self.findings.unknown(at, "form of a frame", other, ["json", "text", "binary"]);
                None
            }
        }
    }

    pub(super) fn state(&mut self, node: &Node) -> Vec<(String, Http)> {
        let Some(inner) = Fields::of(node, "state", self.findings) else { return Vec::new() };
        let mut list = Vec::new();
        for (key, value) in inner.rest() {
            match self.action(value, "me") {
                Some(Action::Http(http)) if http.method == Method::Get => {
                    let checks = &http.checks;
                    let more = checks.status.is_some() || checks.expect.is_some() || !checks.capture.is_empty();
                    if more || http.eventually.is_some() || http.gives_up.is_some() {
                        self.findings.error_help(
                            value.at,
                            "a state is only shown",
                            "leave `status`, `expect`, `capture`, `eventually` and `gives_up` to steps",
                        );
                    }
                    list.push((key.text.clone(), http));
                }
                Some(_) => self.findings.error_help(value.at, "a state is asked by a GET", "write `{ get: /path }`"),
                None => {}
            }
        }
        list
    }
}
