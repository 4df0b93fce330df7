//! Requests, and how connections are opened and closed.

use std::time::Duration;

use super::context::Lower;
use super::fields::{self, Fields};
use super::patterns;
use crate::scenario::model::{Action, Body, Connect, Http, Method};
use crate::scenario::node::{Kind, Node};
use crate::scenario::template::Template;

type MakeBody = fn(Template) -> Body;

impl Lower<'_> {
    /// A request: the path stands at the method's key, everything else beside it.
    pub(super) fn http(
        &mut self,
        method: Method,
        path: &Node,
        within: Option<Duration>,
        rest: &mut Fields<'_>,
    ) -> Option<Http> {
        let query = self.query(rest);
        let headers = rest.take("headers").map(|node| fields::headers(node, self.findings)).unwrap_or_default();
        let kinds: &[(&str, MakeBody)] = match method {
            Method::Get => &[],
            _ => &[("json", Body::Json), ("text", Body::Text), ("form", Body::Form)],
        };
        let mut bodies = Vec::new();
        for (name, body) in kinds {
            if let Some(node) = rest.take(name) {
                bodies.push((node.at, body(Template::lower(node, self.findings))));
            }
        }
        if let [_, (at, _), ..] = bodies[..] {
            self.findings.error(at, "a request has one body: `json`, `text` or `form`");
        }
        let checks = self.checks(rest);
        let eventually = rest.take("eventually").and_then(|node| {
            if method != Method::Get {
                self.findings.error_help(
                    node.at,
                    "`eventually` repeats the request, so it is allowed beside `get` only",
                    "check the effect with a GET of its own",
                );
            }
            fields::duration(node, "eventually", self.findings)
        });
        let gives_up = rest.take("gives_up").and_then(|node| {
            if eventually.is_some() {
                self.findings.error(node.at, "`gives_up` leaves no answer to wait for: take `eventually` away");
            }
            let wants = [
                ("status", checks.status.is_some()),
                ("expect", checks.expect.is_some()),
                ("expect_headers", checks.expect_headers.is_some()),
                ("capture", !checks.capture.is_empty()),
            ];
            if let Some((word, _)) = wants.iter().find(|(_, stands)| *stands) {
                let help = "take it away, or `gives_up`: the client hangs up before it is answered";
                self.findings.error_help(node.at, format!("`gives_up` leaves no answer for `{word}`"), help);
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

    pub(super) fn connect(&mut self, value: &Node, within: Option<Duration>, rest: &mut Fields<'_>) -> Option<Connect> {
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
        let expect_headers = rest.take("expect_headers").map(|node| patterns::pattern(node, self.findings));
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

    pub(super) fn close(&mut self, value: &Node, via: Option<Template>, within: Option<Duration>) -> Option<Action> {
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
}
