//! Plays steps: an actor's action, or a control.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::barrier::Proof;
use super::expect::came;
use super::http::{query_of, target};
use super::socket::{Connection, Handshake, Opened, Rules, changed_before, describe, from_now, handshake};
use super::world::{Answer, Here, MainMode, Participant, Racer, Release, lock};
use crate::event::{EventKind, Failure, Nearest};
use crate::pattern::{Difference, Pattern, describe as describe_pattern};
use crate::record::{Payload, What};
use crate::scenario::model::{Action, Barrier, Call, Connect, Outgoing, Race, ServerAction, Step, StepKind};
use crate::scenario::template::{Expr, Template, as_text};
use crate::text::{brief, counted, millis};

/// What came of a step: nothing to tell, or one failure of each branch in the order of the file.
pub(crate) type Played = Result<(), Vec<Failure>>;

fn one(failure: Box<Failure>) -> Vec<Failure> {
    vec![*failure]
}

impl Here {
    /// Plays steps one after another, up to the first that fails.
    pub(crate) fn steps<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, Played> {
        async move {
            for step in steps {
                self.step(step, false).await?;
            }
            Ok(())
        }
        .boxed()
    }

    /// Plays one step.
    pub(crate) fn step<'a>(&'a mut self, step: &'a Step, is_main: bool) -> BoxFuture<'a, Played> {
        async move {
            match &step.kind {
                StepKind::Act { actor, action } => {
                    let actors =
                        if actor == "me" { self.me.clone().into_iter().collect() } else { self.world.actors(actor) };
                    let shared = self.shared || (actor != "me" && self.world.is_group(actor));
                    for who in actors {
                        let key = who.key().to_owned();
                        let mut there = self.enter(step, Some(&key));
                        there.me = Some(who);
                        there.shared = shared;
                        let played = there.act(action, is_main).await;
                        self.locals = there.locals;
                        played?;
                    }
                    Ok(())
                }
                StepKind::Parallel(branches) => self.enter(step, None).parallel(branches).await,
                StepKind::Race(race) => self.enter(step, None).race(race).await,
                StepKind::Repeat { count, steps } => {
                    let count = self.render(count).map_err(one)?;
                    let Some(count) = count.as_u64() else {
                        return Err(one(self.enter(step, None).wrong("`repeat` takes a whole number")));
                    };
                    self.each("index", (1..=count).map(Value::from).collect(), steps).await
                }
                StepKind::ForEach { name, values, steps } => {
                    let Value::Array(values) = self.render(values).map_err(one)? else {
                        return Err(one(self.enter(step, None).wrong("`for_each` takes a list of values")));
                    };
                    self.each(name, values, steps).await
                }
                StepKind::Snapshot { name, unordered, of, without } => {
                    let there = self.enter(step, None);
                    let name = there.text(name).map_err(one)?;
                    super::snapshot::take(&there, name, super::snapshot::View { unordered, of, without })
                        .await
                        .map_err(one)
                }
                StepKind::Check(expr) => self.enter(step, None).check(expr).map_err(one),
                StepKind::Note(text) => {
                    let text = self.text(text).map_err(one)?;
                    self.world.tell(|| EventKind::Note { text });
                    Ok(())
                }
                StepKind::Server(action) => self.enter(step, Some("server")).server(action).await.map_err(one),
            }
        }
        .boxed()
    }

    async fn each(&mut self, name: &str, values: Vec<Value>, steps: &[Step]) -> Played {
        let before = (self.locals.get(name).cloned(), self.locals.get("index").cloned());
        for (place, value) in values.into_iter().enumerate() {
            self.locals.insert("index".to_owned(), json!(place + 1));
            self.locals.insert(name.to_owned(), value);
            self.steps(steps).await?;
        }
        for (name, was) in [(name, before.0), ("index", before.1)] {
            match was {
                Some(value) => _ = self.locals.insert(name.to_owned(), value),
                None => _ = self.locals.remove(name),
            }
        }
        Ok(())
    }

    /// All branches at once; a group's step is a branch for each member.
    async fn parallel(&self, branches: &[Vec<Step>]) -> Played {
        let mut runs: Vec<BoxFuture<'_, Played>> = Vec::new();
        for branch in branches {
            match &branch[..] {
                [step @ Step { kind: StepKind::Act { actor, action }, .. }] if actor != "me" => {
                    let shared = self.world.is_group(actor);
                    for who in self.world.actors(actor) {
                        let mut there = self.enter(step, Some(who.key()));
                        there.shared |= shared;
                        there.me = Some(who);
                        runs.push(async move { there.act(action, false).await }.boxed());
                    }
                }
                steps => {
                    let mut there = self.clone();
                    runs.push(async move { there.steps(steps).await }.boxed());
                }
            }
        }
        let failures: Vec<Failure> = join_all(runs).await.into_iter().filter_map(Result::err).flatten().collect();
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// One release instant for everybody; with outcomes, each answer must fit one of them.
    async fn race(&self, race: &Race) -> Played {
        let mut racers = self.world.actors(&race.of);
        // Nobody is always first: the order of release differs from run to run.
        let start =
            self.world.run.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let length = racers.len().max(1);
        racers.rotate_left(start % length);
        if start / length % 2 == 1 {
            racers.reverse();
        }
        let release = Release::new(racers.len());
        let runs = racers.iter().map(|who| {
            let mut there = self.clone();
            there.me = Some(Arc::clone(who));
            there.shared = true;
            let racer = Racer::new(&release);
            async move {
                if race.outcomes.is_empty() {
                    racer.released().await;
                } else {
                    there.main = MainMode::Observed(Arc::clone(&racer));
                }
                let played = there.act(&race.action, true).await;
                racer.arrive();
                let answer: Option<Answer> = lock(&racer.answer).take();
                (there, played, answer)
            }
        });
        let mut ended = join_all(runs).await;
        let order: Vec<&str> = self.world.participants.keys().map(String::as_str).collect();
        ended.sort_by_key(|(there, ..)| {
            order.iter().position(|key| there.me.as_ref().is_some_and(|me| me.key() == *key))
        });
        let mut failures: Vec<Failure> = Vec::new();
        let mut counts = vec![Vec::new(); race.outcomes.len()];
        for (mut there, played, answer) in ended {
            if let Err(mut list) = played {
                failures.append(&mut list);
                continue;
            }
            let Some(answer) = answer else { continue };
            let mut near: Option<Vec<String>> = None;
            let mut fitting = None;
            for (place, outcome) in race.outcomes.iter().enumerate() {
                let lines = there.fits(&answer, outcome).map_err(one)?;
                if lines.is_empty() {
                    fitting = Some(place);
                    break;
                }
                if near.as_ref().is_none_or(|before| lines.len() < before.len()) {
                    near = Some(lines);
                }
            }
            let key = there.me.as_ref().map(|me| me.key().to_owned()).unwrap_or_default();
            match fitting {
                Some(place) => {
                    if let Err(failure) = there.take(&answer.body, &race.outcomes[place].checks.capture, &answer.what) {
                        failures.push(*failure);
                    }
                    counts[place].push(key);
                }
                None => {
                    let mut failure = there.failure(format!(
                        "{key}'s answer fits no outcome of the race: {} {}",
                        answer.status, answer.body
                    ));
                    failure.nearest =
                        near.map(|differences| Nearest { what: "the nearest outcome".to_owned(), differences });
                    failures.push(*failure);
                }
            }
        }
        for (outcome, keys) in race.outcomes.iter().zip(&counts) {
            if let Some(count) = &outcome.count {
                let wanted = self.render(count).map_err(one)?;
                if wanted.as_u64() != Some(keys.len() as u64) {
                    let name = outcome.name.as_deref().unwrap_or("this outcome");
                    let mut failure =
                        self.failure(format!("the race ended with {} as `{name}`, expected {wanted}", keys.len()));
                    for (outcome, keys) in race.outcomes.iter().zip(&counts) {
                        let name = outcome.name.as_deref().unwrap_or("unnamed");
                        failure.details.push(format!(
                            "{name}: {}",
                            if keys.is_empty() { "nobody".to_owned() } else { keys.join(", ") }
                        ));
                    }
                    failures.push(*failure);
                }
            }
            if let Some(name) = &outcome.name {
                lock(&self.world.given).insert(name.clone(), keys.clone());
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(failures) }
    }

    /// Plays one action of the actor.
    pub(crate) fn act<'a>(&'a mut self, action: &'a Action, is_main: bool) -> BoxFuture<'a, Played> {
        async move {
            match action {
                Action::Http(http) => self.http(http, is_main).await.map_err(one),
                Action::Connect(connect) => self.connect(connect, is_main).await.map_err(one),
                Action::Send { frame, via } => self.send(frame, via.as_ref()).map_err(one),
                Action::Close { code, reason, via, within } => {
                    let code = self.render(code).map_err(one)?;
                    let Some(code) = code.as_u64().and_then(|code| u16::try_from(code).ok()) else {
                        return Err(one(self.wrong(format!("{code} is no close code"))));
                    };
                    let reason = self.text(reason).map_err(one)?;
                    let connection = self.connection(via.as_ref()).map_err(one)?;
                    connection.close(code, &reason);
                    let limit = self.world.deadlines.of(within.or(self.within));
                    if !self.end_of(&connection, limit).await {
                        let mut failure =
                            self.failure(format!("the server didn't answer the close frame within {limit:?}"));
                        failure.came = came(&connection, 0);
                        return Err(one(failure));
                    }
                    Ok(())
                }
                Action::Drop { via } => {
                    let connection = self.connection(via.as_ref()).map_err(one)?;
                    connection.drop_now();
                    self.end_of(&connection, self.world.deadlines.of(None)).await;
                    Ok(())
                }
                Action::Closed { pattern, via, within } => {
                    let pattern = self.pattern(pattern).map_err(one)?;
                    let connection = self.connection(via.as_ref()).map_err(one)?;
                    self.closed(&connection, &pattern, *within).await.map_err(one)
                }
                Action::Reading { on, via } => {
                    self.connection(via.as_ref()).map_err(one)?.set_reading(*on);
                    Ok(())
                }
                Action::Expect(expect) => self.expect(expect).await.map_err(one),
                Action::Mark { name, via, listen } => {
                    let connection = self.connection(via.as_ref()).map_err(one)?;
                    if self.barrier(&connection).await.map_err(one)? == Proof::None {
                        self.listen(&connection, *listen, |_| false).await.map_err(one)?;
                    }
                    let mut inbox = lock(&connection.inbox);
                    let place = inbox.frames.len();
                    inbox.marks.insert(name.clone(), place);
                    Ok(())
                }
                Action::Call(call) => self.call(call, is_main).await,
            }
        }
        .boxed()
    }

    async fn call(&mut self, call: &Call, is_main: bool) -> Played {
        let me = Arc::clone(self.actor().map_err(one)?);
        let Some(verb) = me.spec.protocol.verbs.get(&call.verb).cloned() else {
            return Err(one(self.wrong(format!("`{}` knows no verb `{}`", me.key(), call.verb))));
        };
        let mut there = self.clone();
        there.locals = verb.params.keys().filter_map(|_| None::<(String, Value)>).collect();
        for (name, template) in &call.args {
            there.locals.insert(name.clone(), self.render(template).map_err(one)?);
        }
        for (name, default) in &verb.params {
            if let Some(default) = default
                && !there.locals.contains_key(name)
            {
                let value = there.render(default).map_err(one)?;
                there.locals.insert(name.clone(), value);
            }
        }
        there.in_verb = true;
        there.gives.clone_from(&verb.gives);
        if let Some(via) = &call.via {
            there.via = Some(self.text(via).map_err(one)?);
        }
        there.since = call.since.clone().or_else(|| self.since.clone());
        there.within = call.within.or(self.within);
        there.main = match &call.refused {
            Some(checks) => MainMode::Refused(Arc::new(self.filled(checks).map_err(one)?)),
            None if is_main => self.main.clone(),
            None => MainMode::Own,
        };
        let ends_behind_main = !matches!(there.main, MainMode::Own);
        for (place, step) in verb.steps.iter().enumerate() {
            let main = verb.main == Some(place);
            there.step(step, main).await?;
            if main && ends_behind_main {
                return Ok(());
            }
        }
        if !call.capture.is_empty() {
            return self.capture_from_last(call).map_err(one);
        }
        Ok(())
    }

    /// The checks of a `refused`, rendered where the call stands and not inside the verb.
    fn filled(&self, checks: &crate::scenario::model::Checks) -> Result<crate::scenario::model::Checks, Box<Failure>> {
        let fill = |template: &Option<Template>| -> Result<Option<Template>, Box<Failure>> {
            template.as_ref().map(|template| Ok(Template::literal(template.at, self.render(template)?))).transpose()
        };
        Ok(crate::scenario::model::Checks {
            status: fill(&checks.status)?,
            expect: fill(&checks.expect)?,
            expect_headers: fill(&checks.expect_headers)?,
            capture: checks.capture.clone(),
        })
    }

    /// `capture` beside a call speaks of the last answer that the actor got.
    fn capture_from_last(&mut self, call: &Call) -> Result<(), Box<Failure>> {
        let me = self.actor()?.key().to_owned();
        let last =
            lock(&self.world.record).entries.iter().rev().filter(|entry| entry.participant == me).find_map(|entry| {
                match &entry.what {
                    What::Exchange(exchange) => Some(exchange.answer.clone()),
                    _ => None,
                }
            });
        let Some(last) = last else { return Err(self.wrong(format!("`capture`: `{}` made no request", call.verb))) };
        self.take(&last, &call.capture, &call.verb)
    }

    /// The connection that is meant: named by the step, by the call, or the only one.
    pub(crate) fn connection(&self, via: Option<&Template>) -> Result<Arc<Connection>, Box<Failure>> {
        let me = self.actor()?;
        let name = match via {
            Some(via) => Some(self.text(via)?),
            None => self.via.clone(),
        };
        let current = me.current();
        if let Some(name) = name {
            return current
                .into_iter()
                .find(|connection| connection.name == name)
                .ok_or_else(|| self.wrong(format!("`{}` has no connection `{name}`", me.key())));
        }
        let mut open: Vec<Arc<Connection>> =
            current.iter().filter(|connection| connection.is_open()).cloned().collect();
        if open.is_empty() {
            // The newest, so that what came before its end can still be looked at.
            open.extend(current.into_iter().max_by_key(|connection| connection.id));
        }
        match &open[..] {
            [one] => Ok(Arc::clone(one)),
            [] => Err(self.wrong(format!("`{}` has no connection: connect first", me.key()))),
            many => {
                let names: Vec<&str> = many.iter().map(|connection| connection.name.as_str()).collect();
                Err(self.wrong(format!(
                    "`{}` has several connections open ({}): say which with `via`",
                    me.key(),
                    names.join(", ")
                )))
            }
        }
    }

    fn send(&self, frame: &Outgoing, via: Option<&Template>) -> Result<(), Box<Failure>> {
        let connection = self.connection(via)?;
        let (message, payload) = match frame {
            Outgoing::Json(template) => {
                let value = self.render(template)?;
                (Message::text(value.to_string()), Payload::json(value))
            }
            Outgoing::Text(template) => {
                let text = self.text(template)?;
                (Message::text(text.clone()), Payload::from_text(&text))
            }
            Outgoing::Binary(template) => {
                let hex = self.text(template)?;
                let bytes = unhex(&hex).ok_or_else(|| self.wrong("`send_binary` takes hexadecimal digits"))?;
                (Message::binary(bytes.clone()), Payload::Binary(bytes))
            }
        };
        connection
            .send(&self.world, self.step, message, payload, None)
            .map_err(|why| self.failure(format!("the frame can't be sent: {why}")))
    }

    async fn connect(&mut self, connect: &Connect, is_main: bool) -> Result<(), Box<Failure>> {
        let me = Arc::clone(self.actor()?);
        let mode = if is_main { self.main.clone() } else { MainMode::Own };
        let query = connect.query.as_ref().map(|query| self.render(query)).transpose()?;
        let url = self.url(&self.text(&connect.path)?, query.as_ref())?;
        let name = match &connect.name {
            Some(name) => self.text(name)?,
            None => self.via.clone().unwrap_or_else(|| "main".to_owned()),
        };
        if me.current().iter().any(|connection| connection.name == name && connection.is_open()) {
            return Err(self.wrong(format!("`{}` has a connection `{name}` already: name another with `as`", me.key())));
        }
        let headers = self
            .headers(&connect.headers, &url)?
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let mut subprotocols = Vec::new();
        for template in &connect.subprotocols {
            match self.render(template)? {
                Value::Array(items) => subprotocols.extend(items.iter().map(as_text)),
                one => subprotocols.push(as_text(&one)),
            }
        }
        let asked = Handshake { url: url.clone(), headers, subprotocols, receive_buffer: connect.receive_buffer };
        let limit = self.world.deadlines.of(connect.within.or(self.within));
        if let MainMode::Observed(racer) = &mode {
            racer.released().await;
        }
        let path = target(&url);
        let opened = tokio::time::timeout(limit, handshake(&asked))
            .await
            .map_err(|_| self.failure(format!("GET {path}: no answer to the handshake within {limit:?}")))?
            .map_err(|why| self.failure(format!("GET {path}: {why}")))?;
        let status = match &opened {
            Opened::Stream(_, answer) | Opened::Refused(answer) => answer.status,
        };
        self.world.tell(|| EventKind::Opened {
            participant: me.key().to_owned(),
            connection: name.clone(),
            path,
            status,
        });
        let refused = match &mode {
            MainMode::Refused(checks) => Some(Arc::clone(checks)),
            _ => connect.refused.clone().map(Arc::new),
        };
        match opened {
            Opened::Stream(stream, answer) => {
                if let Some(refused) = refused {
                    let wanted = refused.status.as_ref().map(|status| self.pattern(status)).transpose()?;
                    let wanted = wanted.map(|pattern| describe_pattern(&pattern)).unwrap_or_default();
                    return Err(
                        self.failure(format!("{} was accepted (101), expected a refusal with {wanted}", answer.what))
                    );
                }
                self.opened(&me, name, &url, *stream)?;
                if let MainMode::Observed(racer) = mode {
                    *lock(&racer.answer) = Some(answer.clone());
                }
                if let Some(expect) = &connect.expect_headers {
                    let checks =
                        crate::scenario::model::Checks { expect_headers: Some(expect.clone()), ..Default::default() };
                    self.must(&answer, &checks, false)?;
                }
                Ok(())
            }
            Opened::Refused(answer) => {
                if let MainMode::Observed(racer) = mode {
                    *lock(&racer.answer) = Some(answer);
                    return Ok(());
                }
                match refused {
                    Some(checks) => self.must(&answer, &checks, false),
                    None => {
                        let mut failure = self.failure(format!("{} was refused: {}", answer.what, answer.status));
                        failure.details.push(format!("answer: {} {}", answer.status, answer.body));
                        Err(failure)
                    }
                }
            }
        }
    }

    fn opened(
        &self,
        me: &Participant,
        name: String,
        url: &reqwest::Url,
        stream: tokio_tungstenite::WebSocketStream<hyper_util::rt::TokioIo<hyper::upgrade::Upgraded>>,
    ) -> Result<(), Box<Failure>> {
        let fails = me.spec.protocol.fails.as_ref().map(|fails| self.pattern(fails)).transpose()?;
        let echo = match &me.spec.protocol.barrier {
            Some(Barrier::Echo { send, receive }) => Some((self.render(send)?, self.pattern(receive)?)),
            _ => None,
        };
        let streams = me
            .spec
            .protocol
            .streams
            .iter()
            .map(|stream| super::stream_of(stream, url.path(), &query_of(url)))
            .collect();
        // The opening stands in the record before the first frame.
        let opened = What::Opened {
            connection: crate::record::ConnectionId(self.world.connections.load(std::sync::atomic::Ordering::Relaxed)),
            name: name.clone(),
            path: url.path().to_owned(),
            query: query_of(url),
        };
        self.world.note(me.key(), Some(self.step), opened);
        Connection::start(&self.world, me, name, stream, Rules { fails, echo, streams });
        Ok(())
    }

    async fn end_of(&self, connection: &Connection, limit: std::time::Duration) -> bool {
        let mut changes = connection.changed.subscribe();
        let limit = from_now(limit);
        while connection.is_open() {
            if !changed_before(&mut changes, limit).await {
                return !connection.is_open();
            }
        }
        true
    }

    async fn closed(
        &self,
        connection: &Arc<Connection>,
        pattern: &Pattern,
        within: Option<std::time::Duration>,
    ) -> Result<(), Box<Failure>> {
        let limit = self.world.deadlines.of(within.or(self.within));
        if !self.end_of(connection, limit).await {
            let mut failure = self.failure(format!(
                "the server didn't close {}'s connection {} within {limit:?}",
                connection.participant, connection.name
            ));
            failure.expected = Some(format!("a close that matches {}", describe_pattern(pattern)));
            failure.came = came(connection, 0);
            return Err(failure);
        }
        let end = lock(&connection.inbox).end.clone();
        let Some(end) = end else { return Ok(()) };
        let value = json!({ "code": end.code, "reason": end.reason });
        let found = pattern.differences(&value);
        if found.is_empty() {
            return Ok(());
        }
        let mut failure = self.failure(format!(
            "{}'s connection {} was closed {}: {}",
            connection.participant,
            connection.name,
            describe(&end),
            found[0]
        ));
        failure.nearest = Some(Nearest {
            what: "the close".to_owned(),
            differences: found.iter().map(Difference::to_string).collect(),
        });
        failure.came = came(connection, 0);
        Err(failure)
    }

    fn check(&self, expr: &Expr) -> Result<(), Box<Failure>> {
        let value = expr.eval(self).map_err(|error| self.unrendered(&error))?;
        let holds = match &value {
            Value::Bool(flag) => *flag,
            other => {
                let mut failure = self.wrong(format!("`{}` is neither true nor false but {other}", expr.source));
                failure.details = parts(expr, self);
                return Err(failure);
            }
        };
        if holds {
            return Ok(());
        }
        let mut failure = self.failure(format!("not true: {}", expr.source));
        failure.details = parts(expr, self);
        Err(failure)
    }

    async fn server(&self, action: &ServerAction) -> Result<(), Box<Failure>> {
        let server = &self.world.server;
        let done = match action {
            ServerAction::Restart => server.restart().await,
            ServerAction::Stop => server.stop().await,
            ServerAction::Start => server.start().await,
            ServerAction::Kill => server.kill().await,
            ServerAction::Logged { pattern, within } => return self.logged(pattern, *within).await,
        };
        if let Ok(fresh) = super::client(server.url()) {
            *lock(&self.world.http) = fresh;
        }
        done.map_err(|error| {
            let mut failure = self.failure(format!("the server: {error}"));
            failure.details.extend(error.log_tail().iter().map(ToString::to_string));
            failure
        })
    }

    async fn logged(&self, pattern: &Template, within: Option<std::time::Duration>) -> Result<(), Box<Failure>> {
        let wanted = self.render(pattern)?;
        let compiled = self.pattern(pattern)?;
        let fits = |line: &String| match &wanted {
            Value::String(text) => line.contains(text),
            _ => compiled.matches(&Value::String(line.clone())),
        };
        let mut versions = self.world.log.version.subscribe();
        let patience = self.world.deadlines.of(within);
        let limit = from_now(patience);
        loop {
            if lock(&self.world.log.lines).iter().any(fits) {
                return Ok(());
            }
            let more = tokio::select! {
                changed = versions.changed() => changed.is_ok(),
                () = tokio::time::sleep_until(limit) => false,
            };
            if !more {
                let shown = describe_pattern(&compiled);
                return Err(self.failure(format!("the server logged nothing that fits {shown} within {patience:?}")));
            }
        }
    }

    /// Runs the barrier on every open connection of everybody; where a protocol declares none, what has not arrived
    /// by now is not waited for.
    pub(crate) async fn settle(&self) -> Result<(), Box<Failure>> {
        for participant in self.world.participants.values() {
            for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
                let mut there = self.clone();
                there.me = Some(Arc::clone(participant));
                there.barrier(&connection).await?;
            }
        }
        Ok(())
    }

    /// At the end: frames that fail a scenario and that no step expected; with `strict`, frames that no step took.
    pub(crate) fn leftovers(&self) -> Result<Vec<Failure>, Box<Failure>> {
        let scenario = &self.world.scenario;
        let ignore = self.patterns(&scenario.ignore)?;
        let mut failures = Vec::new();
        for participant in self.world.participants.values() {
            for connection in lock(&participant.connections).iter() {
                let inbox = lock(&connection.inbox);
                let failing = connection.fails.as_ref().and_then(|fails| inbox.failing(fails, &[]));
                let untaken: Vec<usize> = if scenario.strict {
                    let surprises = inbox.frames.iter().enumerate().filter(|(_, frame)| {
                        frame.taken_by.is_none()
                            && !frame.counted
                            && !ignore.iter().any(|pattern| pattern.matches(&frame.value))
                    });
                    surprises.map(|(place, _)| place).collect()
                } else {
                    Vec::new()
                };
                if let Some(place) = failing {
                    let frame = &inbox.frames[place];
                    let headline = format!(
                        "{} got a frame that fails and that no step expected: {}",
                        connection.participant,
                        brief(&frame.value, 240)
                    );
                    let mut failure = Failure::new(crate::event::FailureKind::Expectation, headline);
                    failure.participant = Some(connection.participant.clone());
                    failure.details.push(format!("frame {} on {} at {}", place + 1, connection.name, millis(frame.at)));
                    failures.push(failure);
                } else if let Some(first) = untaken.first() {
                    let headline = format!(
                        "strict: {} got {} that no step took, the first is {}",
                        connection.participant,
                        counted(untaken.len(), "frame", "frames"),
                        inbox.frames[*first].value
                    );
                    let mut failure = Failure::new(crate::event::FailureKind::Expectation, headline);
                    failure.participant = Some(connection.participant.clone());
                    drop(inbox);
                    failure.came = came(connection, 0).into_iter().filter(|frame| frame.taken_by.is_none()).collect();
                    failures.push(failure);
                }
            }
        }
        Ok(failures)
    }
}

/// The parts of an expression with their values: both sides of a comparison, and what stands before each filter.
fn parts(expr: &Expr, here: &Here) -> Vec<String> {
    let mut sources: Vec<String> = Vec::new();
    let add = |source: &str, sources: &mut Vec<String>| {
        let source = source.trim().to_owned();
        let literal = serde_json::from_str::<Value>(&source).is_ok() || source.starts_with('\'');
        if !source.is_empty() && !literal && source != expr.source && !sources.contains(&source) {
            sources.push(source);
        }
    };
    for side in top_level(&expr.source, &["==", "!=", "<=", ">=", "<", ">", " and ", " or ", " in "]) {
        add(side, &mut sources);
        let pieces = top_level(side, &["|"]);
        for end in (1..pieces.len()).rev() {
            add(&pieces[..end].join("|"), &mut sources);
        }
    }
    for name in &expr.names {
        add(name, &mut sources);
    }
    let mut quiet = crate::scenario::error::Findings::new(crate::scenario::error::Source::new("", ""));
    sources
        .iter()
        .filter_map(|source| {
            let part = Expr::lower(source, expr.at, &mut quiet)?;
            let value = part.eval(here).map_or_else(|error| error.message, |value| value.to_string());
            Some(format!("{source} = {value}"))
        })
        .collect()
}

/// Splits at operators that stand outside brackets and quotes.
fn top_level<'t>(text: &'t str, operators: &[&str]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut start, mut skip) = (0_usize, None, 0, 0);
    for (place, c) in text.char_indices() {
        if place < skip {
            continue;
        }
        match quote {
            Some(open) => {
                if c == open {
                    quote = None;
                }
                continue;
            }
            None if c == '"' || c == '\'' => {
                quote = Some(c);
                continue;
            }
            None => {}
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0
            && let Some(operator) = operators.iter().find(|operator| text[place..].starts_with(**operator))
        {
            parts.push(&text[start..place]);
            skip = place + operator.len();
            start = skip;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Bytes from hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|place| u8::from_str_radix(&text[place..place + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_split_outside_brackets_and_quotes() {
        assert_eq!(top_level("a.b | unique | length == 1", &["==", "<"]), ["a.b | unique | length ", " 1"]);
        assert_eq!(top_level("f(a == b) == '=='", &["=="]), ["f(a == b) ", " '=='"]);
    }

    #[test]
    fn hexadecimal_digits_become_bytes() {
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
