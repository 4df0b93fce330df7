//! What an actor does: frames, connections, calls of verbs; requests and expectations have modules of their own.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use super::barrier::Proof;
use super::here::{Here, MainMode};
use super::socket::Connection;
use super::step::{Played, one};
use super::world::lock;
use crate::event::Failure;
use crate::history::{EntryKind, Payload};
use crate::scenario::model::{Action, Call, Outgoing};
use crate::scenario::template::Template;

impl Here {
    /// Plays one action of the actor.
    pub(crate) fn act<'a>(&'a mut self, action: &'a Action, is_main: bool) -> BoxFuture<'a, Played> {
        async move {
            match action {
                Action::Http(http) => self.http(http, is_main).await.map_err(one),
                Action::Connect(connect) => self.connect(connect, is_main).await.map_err(one),
                Action::Send { frame, via } => self.send(frame, via.as_ref(), is_main).await.map_err(one),
                Action::Close { code, reason, via, within } => {
                    let code = self.render(code).map_err(one)?;
                    let Some(code) = code.as_u64().and_then(|code| u16::try_from(code).ok()) else {
                        return Err(one(self.wrong(format!("{code} is no close code"))));
                    };
                    let reason = self.text(reason).map_err(one)?;
                    let connection = self.connection(via.as_ref()).map_err(one)?;
                    connection.close(code, &reason);
                    let limit = self.world.deadlines.of(within.or(self.within));
                    let missed = || format!("the server didn't answer the close frame within {limit:?}");
                    self.ends_within(&connection, limit, missed).await.map_err(one)
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
                Action::Stub { action, to } => self.act_as_stub(action, to.as_ref()).await.map_err(one),
            }
        }
        .boxed()
    }

    pub(super) async fn call(&mut self, call: &Call, is_main: bool) -> Played {
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
        if matches!(there.main, MainMode::Refused(_) | MainMode::Observed(_)) && verb.main.is_none() {
            return Err(one(self.wrong(format!("`{}` has no main step that could be refused or raced", call.verb))));
        }
        let began = lock(&self.world.record).entries.len();
        let ends_behind_main = matches!(there.main, MainMode::Refused(_) | MainMode::Observed(_));
        for (place, step) in verb.steps.iter().enumerate() {
            let main = verb.main == Some(place);
            there.step(step, main).await?;
            if main && ends_behind_main {
                return Ok(());
            }
        }
        if !call.capture.is_empty() {
            return self.capture_from_last(call, began).map_err(one);
        }
        Ok(())
    }

    /// The checks of a `refused`, rendered where the call stands and not inside the verb.
    pub(super) fn filled(
        &self,
        checks: &crate::scenario::model::Checks,
    ) -> Result<crate::scenario::model::Checks, Box<Failure>> {
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
    pub(super) fn capture_from_last(&mut self, call: &Call, began: usize) -> Result<(), Box<Failure>> {
        let me = self.actor()?.key().to_owned();
        let last =
            lock(&self.world.record).entries.iter().skip(began).rev().filter(|entry| entry.participant == me).find_map(
                |entry| match &entry.what {
                    EntryKind::Exchange(exchange) => Some(exchange.answer.clone()),
                    _ => None,
                },
            );
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

    async fn send(&self, frame: &Outgoing, via: Option<&Template>, is_main: bool) -> Result<(), Box<Failure>> {
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
        let racer = match &self.main {
            MainMode::Released(racer) if is_main => Some(racer),
            _ => None,
        };
        let latch = racer.and_then(|_| connection.latch());
        if let Some(latch) = &latch {
            latch.hold();
        }
        let written = connection
            .send(&self.world, self.step, message, payload, None)
            .map_err(|why| self.failure(format!("the frame can't be sent: {why}")))?;
        // Awaited, so that a `drop` behind it doesn't take the frame along. A connection that ends meanwhile is told by
        // whatever expects something of it.
        let limit = self.world.deadlines.of(self.within);
        let waits = self.waits("the server to take a frame");
        let written = tokio::time::timeout(limit, written).await;
        drop(waits);
        if let Some(racer) = racer {
            let _waits = self.waits("the release of the race");
            racer.released(latch.as_ref()).await;
        }
        match written {
            Ok(_) => Ok(()),
            Err(_) => {
                Err(self.failure(format!("the server took no frame of {} for {limit:?}", connection.participant)))
            }
        }
    }
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
    fn hexadecimal_digits_become_bytes() {
        assert_eq!(unhex("00ff"), Some(vec![0, 255]));
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
    }
}
