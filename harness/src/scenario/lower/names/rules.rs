//! What a protocol declares for all steps: identity, headers, the rules of connections, states, barriers. Their
//! templates are followed at the steps that need them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::state::{KnownNames, NameContext, Walk};
use crate::scenario::model::{Barrier, ParticipantSpec, Race};
use crate::scenario::template::{BUILT_IN, Template};
use crate::scenario::visit::{self, StepPart};
use crate::source::Position;
use crate::text::nearest_word;

impl Walk<'_, '_> {
    /// The identity's templates see the key, the name, the run, the row, and those before them.
    pub(super) fn identity(&mut self, spec: &ParticipantSpec, top: &NameContext) {
        let mut known: BTreeSet<String> = ["key", "name", "run"].map(str::to_owned).into();
        known.extend(top.locals.iter().cloned());
        for (name, template) in spec.protocol.identity.iter().chain(&spec.identity) {
            let mut missing = Vec::new();
            template.visit(&mut |expr| {
                let firsts = expr.names.iter().filter_map(|name| name.split('.').next());
                missing.extend(
                    firsts.filter(|first| !BUILT_IN.contains(first) && !known.contains(*first)).map(str::to_owned),
                );
            });
            for first in missing {
                let help = nearest_word(&first, known.iter().map(String::as_str)).map_or_else(
                    || format!("an identity sees {}", known.iter().cloned().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.findings.error_help(spec.at, format!("in the identity's `{name}`: there is no `{first}`"), help);
            }
            known.insert(name.clone());
        }
    }

    /// What is read before the server starts sees the stubs and the row.
    pub(super) fn before_the_start(&mut self, top: &NameContext) {
        let scenario = self.scenario;
        let mut known: BTreeSet<String> = top.locals.clone();
        known.extend(scenario.stubs.keys().cloned());
        let wishes = scenario.server.templates().map(|template| ("server", template));
        let answers = scenario.stubs.values().flat_map(|stub| &stub.answers);
        let answers =
            answers.flat_map(|one| std::iter::once(&one.to).chain(one.reply.templates())).map(|one| ("answers", one));
        let mut missing: Vec<(&str, Position, String)> = Vec::new();
        for (what, template) in wishes.chain(answers) {
            template.visit(&mut |expr| {
                for name in &expr.names {
                    let mut parts = name.split('.');
                    let (first, attribute) = (parts.next().unwrap_or_default(), parts.next());
                    let wrong = match attribute {
                        _ if BUILT_IN.contains(&first) => false,
                        _ if !known.contains(first) => true,
                        Some(attribute) if scenario.stubs.contains_key(first) => {
                            !matches!(attribute, "key" | "url" | "port")
                        }
                        _ => false,
                    };
                    if wrong {
                        missing.push((what, expr.at, name.clone()));
                    }
                }
            });
        }
        for (what, at, name) in missing {
            let first = name.split('.').next().unwrap_or_default();
            let stub = scenario.stubs.contains_key(first);
            let near = nearest_word(first, known.iter().map(String::as_str)).filter(|_| !stub);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if stub => format!("a stub has `{first}.url` and `{first}.port`"),
                None if known.is_empty() => "it is read before the server starts, when nothing is captured".to_owned(),
                None => {
                    let known: Vec<&str> = known.iter().map(String::as_str).collect();
                    format!("it is read before the server starts, and sees {}", known.join(", "))
                }
            };
            self.findings.error_help(at, format!("in `{what}`: there is no `{name}`"), help);
        }
    }

    /// Follows templates that a protocol file holds; what is wrong is told once, at the first step that needs it.
    fn of_protocol<'t>(
        &mut self,
        what: &str,
        templates: impl IntoIterator<Item = &'t Template>,
        at: Position,
        context: &NameContext,
        state: &KnownNames,
    ) {
        let before = self.findings.list.len();
        let site = context.site.clone().or_else(|| Some((at, what.to_owned())));
        let inner = NameContext { site, ..context.clone() };
        for template in templates {
            self.template(template, &inner, state);
        }
        for finding in self.findings.list.split_off(before) {
            if self.told.insert(format!("{what}: {}", finding.message)) {
                self.findings.list.push(finding);
            }
        }
    }

    /// The headers of a request or handshake.
    pub(super) fn headers(&mut self, at: Position, who: &str, context: &NameContext, state: &KnownNames) {
        let scenario = self.scenario;
        let Some(spec) = scenario.participants.get(who) else { return };
        self.of_protocol("headers", spec.protocol.headers.iter().map(|(_, value)| value), at, context, state);
        let declared = NameContext { site: None, me: vec![who.to_owned()], ..context.clone() };
        for (_, template) in &spec.headers {
            self.template(template, &declared, state);
        }
    }

    /// What a connection is given when it opens.
    pub(super) fn rules_of_a_connection(&mut self, at: Position, who: &str, context: &NameContext, state: &KnownNames) {
        let scenario = self.scenario;
        let Some(spec) = scenario.participants.get(who) else { return };
        self.of_protocol("fails", &spec.protocol.fails, at, context, state);
        self.of_protocol("closes", &spec.protocol.closes, at, context, state);
    }

    /// Where nothing must be proven: the barrier's own request, or that there is no barrier.
    pub(super) fn unproven(
        &mut self,
        listens: bool,
        at: Position,
        who: &str,
        context: &NameContext,
        state: &KnownNames,
    ) {
        let scenario = self.scenario;
        if scenario.stubs.contains_key(who) {
            if !listens {
                let help = "await what the server asks next with `receive_next`, or give `for: 200ms` and have it told as unproven";
                let message = "nothing can be proven here: no barrier proves that the server will ask nothing more";
                self.report(context, at, message.to_owned(), Some(help.to_owned()));
            }
            return;
        }
        let Some(spec) = scenario.participants.get(who) else { return };
        match &spec.protocol.barrier {
            Some(Barrier::Get { get, .. }) => self.of_protocol("barrier", [get], at, context, state),
            Some(Barrier::Echo { send, receive }) => {
                self.of_protocol("barrier", [send.template(), receive], at, context, state);
            }
            Some(Barrier::Marker { .. }) => {}
            None if listens => {
                let name = &spec.protocol.name;
                let source = match &context.site {
                    Some((_, verb)) => scenario.participants.get(who).and_then(|spec| spec.protocol.verbs.get(verb)),
                    None => None,
                };
                let message = format!("nothing is proven here: the protocol `{name}` declares no barrier");
                let help = "declare a `barrier`; without one a frame that comes a moment later is missed".to_owned();
                match source {
                    Some(verb) => self.findings.warning_in(&verb.source, verb.at, message, help),
                    None => self.findings.warning(context.site.as_ref().map_or(at, |(site, _)| *site), message, help),
                }
            }
            None => {
                let help =
                    "declare a `barrier` in the protocol file, or give `for: 200ms` and have it told as unproven";
                let message = "nothing can be proven here: there is no barrier".to_owned();
                self.report(context, at, message, Some(help.to_owned()));
            }
        }
    }

    /// What a snapshot asks as each participant that it shows.
    pub(super) fn states(
        &mut self,
        at: Position,
        of: &[String],
        without: &[String],
        context: &NameContext,
        state: &KnownNames,
    ) {
        let scenario = self.scenario;
        let all = ["all".to_owned()];
        for name in if of.is_empty() { &all[..] } else { of } {
            for who in state.actors.get(name).cloned().unwrap_or_default() {
                let Some(spec) = scenario.participants.get(&who) else { continue };
                self.seen.shown.insert(who.clone());
                let there = NameContext { me: vec![who.clone()], ..context.clone() };
                for (name, http) in spec.protocol.state.iter().filter(|(name, _)| !without.contains(name)) {
                    let mut templates = Vec::new();
                    visit::http(http, &mut |part| {
                        if let StepPart::Template(template) = part {
                            templates.push(template);
                        }
                    });
                    self.of_protocol(&format!("state {name}"), templates, at, &there, state);
                    self.headers(at, &who, &there, state);
                }
            }
        }
    }

    /// Reports names in `unordered` and `without` that look like a stream, a state or a kind of frame and aren't one.
    pub(super) fn names_of_a_snapshot(
        &mut self,
        at: Position,
        unordered: &[String],
        without: &[String],
        context: &NameContext,
    ) {
        let protocol = &self.scenario.protocol;
        let mut known: BTreeSet<String> = protocol.kinds();
        if let Some(key) = protocol.kind_key() {
            known.extend(crate::scenario::kinds::kinds_of(&self.scenario.steps, &key));
        }
        known.extend(protocol.streams.iter().map(|stream| stream.name.clone()));
        known.extend(protocol.state.iter().map(|(name, _)| name.clone()));
        for name in unordered.iter().chain(without).filter(|name| !known.contains(*name)) {
            let Some(near) = nearest_word(name, known.iter().map(String::as_str)) else { continue };
            let at = context.site.as_ref().map_or(at, |(at, _)| *at);
            let message = format!("the protocol has no stream, state or kind of frame `{name}`");
            self.findings.warning(at, message, format!("did you mean `{near}`?"));
        }
    }

    /// A race that can't end as its outcomes say.
    pub(super) fn race(&mut self, race: &Race, at: Position, members: &[String], context: &NameContext) {
        let at = context.site.as_ref().map_or(at, |(at, _)| *at);
        if members.len() == 1 {
            let help = "a race needs several: give it a group, or `all`";
            self.findings.warning(at, format!("`{}` races alone", race.of), help);
        }
        let counts: Vec<Option<u64>> =
            race.outcomes.iter().map(|one| one.count.as_ref()?.as_literal().and_then(Value::as_u64)).collect();
        let all: Option<u64> = counts.iter().copied().sum();
        let least: u64 = counts.iter().flatten().sum();
        // How many a race before this one has named is known in the run.
        let known = race.of == "all"
            || self.scenario.participants.contains_key(&race.of)
            || self.scenario.groups.contains_key(&race.of);
        let members = members.len() as u64;
        if known && members > 0 && !counts.is_empty() && (least > members || all.is_some_and(|all| all != members)) {
            let message = format!("the outcomes count {least}, and {members} take part");
            let help = "each of them ends in exactly one outcome".to_owned();
            self.report(context, at, message, Some(help));
        }
    }
}
