//! Verbs.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::scenario::error::Findings;
use crate::scenario::lower::context::{Lower, Signature};
use crate::scenario::lower::fields::{self, Fields};
use crate::scenario::lower::names;
use crate::scenario::model::{Action, Step, StepKind, Verb};
use crate::scenario::node::{Key, Kind, Node};
use crate::scenario::template::Template;
use crate::scenario::visit;
use crate::scenario::words::WordPlace;
use crate::text::nearest_word;

/// What other tools call the parameters; each is told as an error, and read as what is meant.
const MISNAMED: [&str; 4] = ["params", "parameters", "args", "arguments"];

/// What a verb takes, read before any steps are, so that verbs may call each other.
pub(super) fn signature(node: &Node, findings: &mut Findings) -> Signature {
    let takes = std::iter::once("takes").chain(MISNAMED).find_map(|name| node.get(name));
    let Some(takes) = takes else { return Signature::default() };
    match &takes.kind {
        Kind::String(one) => {
            fields::name(one, takes.at, "a parameter", findings);
            Signature { params: IndexMap::from([(one.clone(), false)]), positional: true }
        }
        Kind::List(items) => {
            let params = items
                .iter()
                .filter_map(|item| {
                    let name = fields::string(item, "a parameter", findings)?;
                    fields::name(&name, item.at, "a parameter", findings).then_some((name, false))
                })
                .collect();
            Signature { params, positional: false }
        }
        Kind::Map(entries) => {
            let mut params = IndexMap::new();
            for (key, _) in entries {
                if fields::name(&key.text, key.at, "a parameter", findings) {
                    params.insert(key.text.clone(), true);
                }
            }
            Signature { params, positional: false }
        }
        _ => {
            if !takes.is_broken() {
                findings.error_help(
                    takes.at,
                    "`takes` must be a name, a list of names, or a map with defaults",
                    "write for example `takes: text`",
                );
            }
            Signature::default()
        }
    }
}

impl Lower<'_> {
    pub(super) fn verb(&mut self, key: &Key, node: &Node, signature: &Signature) -> Option<Verb> {
        let mut inner = Fields::of(node, "a verb", self.findings)?;
        let mut takes = inner.take("takes");
        for name in MISNAMED {
            if let Some(at) = inner.get(name) {
                self.findings.error_help(at, format!("unknown key of a verb `{name}`"), "did you mean `takes`?");
                let meant = inner.take(name);
                takes = takes.or(meant);
            }
        }
        let defaults = takes.and_then(Node::as_map);
        let params = signature
            .params
            .keys()
            .map(|param| {
                let default = defaults.and_then(|map| map.iter().find(|(key, _)| key.text == *param));
                (param.clone(), default.map(|(_, node)| Template::lower(node, self.findings)))
            })
            .collect();
        let name = &key.text;
        let given = inner.take("gives");
        let gives = given.map(|node| fields::strings(node, "gives", self.findings)).unwrap_or_default();
        let doc = inner.take("doc").and_then(|node| fields::string(node, "doc", self.findings));
        let list = inner.need("steps", "a verb", self.findings);
        inner.finish("key of a verb", &fields::names_of(WordPlace::Verb), self.findings);
        let list = list?;
        let before = self.findings.list.len();
        let steps = self.steps(list, "steps");
        if let Some(given) = given.filter(|_| self.findings.list.len() == before) {
            self.gives(given, &steps);
        }
        let mut marked = Vec::new();
        for (place, item) in list.as_list().unwrap_or_default().iter().enumerate() {
            let Some(at) = self.says_main(item) else { continue };
            if !matches!(steps.get(place).map(|step| &step.kind), Some(StepKind::Act { action, .. }) if is_request(action))
            {
                self.findings.error(at, "`main` is allowed at a request, a connect, or the call of a verb");
            }
            marked.push(place);
        }
        if marked.len() > 1 {
            self.findings.error(list.at, format!("`{name}` has more than one main step"));
        }
        let requests: Vec<usize> = steps
            .iter()
            .enumerate()
            .filter(|(_, step)| matches!(&step.kind, StepKind::Act { action, .. } if is_request(action)))
            .map(|(place, _)| place)
            .collect();
        let main = if self.findings.list.len() > before {
            None
        } else {
            marked.first().copied().or(if requests.len() == 1 { Some(requests[0]) } else { None })
        };
        let source = Arc::clone(self.findings.source());
        Some(Verb {
            name: name.clone(),
            source,
            at: key.at,
            doc,
            params,
            positional: signature.positional,
            gives,
            steps,
            main,
        })
    }

    /// What a verb gives, one of its own steps must capture.
    fn gives(&mut self, given: &Node, steps: &[Step]) {
        let captured = names::captured_in(steps);
        let items = given.as_list().unwrap_or(std::slice::from_ref(given));
        for item in items {
            let Some(name) = item.as_str().filter(|name| !captured.contains(*name)) else { continue };
            let help = nearest_word(name, captured.iter().map(String::as_str)).map_or_else(
                || {
                    "capture it in one of the verb's own steps; a verb that it calls gives its captures itself"
                        .to_owned()
                },
                |near| format!("did you mean `{near}`?"),
            );
            self.findings.error_help(item.at, format!("no step of this verb captures `{name}`"), help);
        }
    }

    /// A verb that calls itself, directly or by others, would never end.
    pub(super) fn refuse_cycles(&mut self, verbs: &IndexMap<String, Arc<Verb>>) {
        for (name, verb) in verbs {
            // The shortest way back to the verb: each verb that it reaches, with the one that calls it first.
            let mut reached: IndexMap<String, Option<usize>> =
                visit::calls(&verb.steps).into_iter().map(|called| (called, None)).collect();
            let mut place = 0;
            while let Some((called, _)) = reached.get_index(place) {
                for further in verbs.get(called).map(|verb| visit::calls(&verb.steps)).unwrap_or_default() {
                    reached.entry(further).or_insert(Some(place));
                }
                place += 1;
            }
            let Some(mut last) = reached.get_index_of(name) else { continue };
            let mut chain = vec![name.as_str(), name.as_str()];
            while let Some(caller) = reached[last] {
                chain.insert(1, reached.get_index(caller).map_or("", |(name, _)| name));
                last = caller;
            }
            let message = match chain[..] {
                [_, _] => format!("`{name}` calls itself"),
                _ => format!("`{name}` calls itself: {}", chain.join(" → ")),
            };
            self.findings.error_help(verb.at, message, "it would never end: take one of these calls out");
        }
    }
}

fn is_request(action: &Action) -> bool {
    matches!(action, Action::Http(_) | Action::Connect(_) | Action::Call(_))
}
