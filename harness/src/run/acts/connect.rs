//! The beginning of a participant's connections.

use std::sync::Arc;

use serde_json::Value;

use super::checks::must;
use crate::event::{EventKind, Failure, FailureKind};
use crate::history::{ConnectionId, EntryKind};
use crate::pattern::describe;
use crate::run::context::ask::{address, beginning, headers};
use crate::run::context::step_context::{MainMode, StepContext};
use crate::run::context::wait::{or_death, patiently};
use crate::run::state::answer::Answer;
use crate::run::state::connection::{Connection, Rules};
use crate::run::state::lock::lock;
use crate::run::state::participant::Participant;
use crate::run::state::streams::stream_of;
use crate::scenario::model::{Checks, Connect};
use crate::scenario::template::as_text;
use crate::wire::WireError;
use crate::wire::feed::Feed;
use crate::wire::handshake::{self, Handshake, Opened};
use crate::wire::http::Heard;
use crate::wire::url::{Url, query};

/// Plays a `connect`.
pub(super) async fn connect(context: &mut StepContext, asked: &Connect, is_main: bool) -> Result<(), Box<Failure>> {
    let me = Arc::clone(context.actor()?);
    let mode = if is_main { context.main.clone() } else { MainMode::Own };
    let name = match &asked.name {
        Some(name) => context.text(name)?,
        None => context.call.via.clone().unwrap_or_else(|| "main".to_owned()),
    };
    let handshake = handshake(context, asked)?;
    if me.current().iter().any(|connection| connection.mailbox.name == name && connection.is_open()) {
        return Err(context.wrong(format!(
            "`{}` still has a connection `{name}` open: close it first, or name another with `as`",
            me.key()
        )));
    }
    let Some(_opening) = me.open_as(&name) else {
        return Err(context.wrong(format!(
            "two steps open a connection `{name}` of `{}` at once: name one of them with `as`",
            me.key()
        )));
    };
    let path = context.world.target.path_and_query(&handshake.url);
    let opened = shake(context, asked, &handshake, &mode).await?;
    let (Opened::Accepted(_, response) | Opened::Refused(response)) = &opened;
    let answer = Answer::new(format!("GET {path}"), response, None);
    let tell = |id: Option<ConnectionId>, name: String| {
        context.world.recorder.tell(|| EventKind::Opened {
            participant: me.key().to_owned(),
            connection: name,
            id: id.map(|id| id.0),
            step: context.place.number,
            path,
            status: answer.status,
        });
    };
    let refused = match &mode {
        MainMode::Refused(checks) => Some(Arc::clone(checks)),
        _ => asked.refused.clone().map(Arc::new),
    };
    match opened {
        Opened::Accepted(socket, _) => {
            if let Some(refused) = refused {
                tell(None, name);
                let wanted = refused.status.as_ref().map(|status| context.pattern(status)).transpose()?;
                let wanted = wanted.map(|pattern| describe(&pattern)).unwrap_or_default();
                return Err(
                    context.failure(format!("{} was accepted (101), expected a refusal with {wanted}", answer.what))
                );
            }
            let id = start(context, &me, &name, &handshake.url, socket.feed())?;
            tell(Some(id), name);
            if let MainMode::Observed(racer) = mode {
                *lock(&racer.answer) = Some(answer.clone());
            }
            if let Some(expect) = &asked.expect_headers {
                let checks = Checks { expect_headers: Some(expect.clone()), ..Default::default() };
                must(context, &answer, &checks, false)?;
            }
            Ok(())
        }
        Opened::Refused(_) => {
            tell(None, name);
            if let MainMode::Observed(racer) = mode {
                *lock(&racer.answer) = Some(answer);
                return Ok(());
            }
            match refused {
                Some(checks) => must(context, &answer, &checks, false),
                None => {
                    let mut failure = context.failure(format!("{} was refused: {}", answer.what, answer.status));
                    failure.details.push(format!("answer: {} {}", answer.status, answer.body));
                    Err(failure)
                }
            }
        }
    }
}

/// What the handshake asks for.
fn handshake(context: &StepContext, asked: &Connect) -> Result<Handshake, Box<Failure>> {
    let query = asked.query.as_ref().map(|query| context.render(query)).transpose()?;
    let url = address(context, &context.text(&asked.path)?, query.as_ref())?;
    let headers = headers(context, &asked.headers, &url)?
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut subprotocols = Vec::new();
    for template in &asked.subprotocols {
        match context.render(template)? {
            Value::Array(items) => subprotocols.extend(items.iter().map(as_text)),
            one => subprotocols.push(as_text(&one)),
        }
    }
    Ok(Handshake { url, headers, subprotocols, receive_buffer: asked.receive_buffer, heard: Heard::default() })
}

/// The handshake itself; as a racer, at the instant of the race.
async fn shake(
    context: &StepContext,
    asked: &Connect,
    handshake: &Handshake,
    mode: &MainMode,
) -> Result<Opened, Box<Failure>> {
    let limit = context.patience(asked.within);
    let (target, heard) = (&context.world.target, &handshake.heard);
    let path = target.path_and_query(&handshake.url);
    let _waits = context.waits(format!("an answer to the handshake of {path}"));
    let missed = || match heard.so_far() {
        Some(begun) => format!("GET {path}: answered {}, but the answer did not end within {limit:?}", begun.status),
        None => format!("GET {path}: no answer to the handshake within {limit:?}"),
    };
    let told = |mut failure: Box<Failure>| {
        failure.details.extend(heard.so_far().iter().filter(|begun| begun.status != 101).flat_map(beginning));
        failure
    };
    let broken = |error: WireError| {
        let mut failure = told(context.failure(format!("GET {path}: {}", error.why)));
        if error.local || (error.unreached && target.server.is_remote()) {
            failure.kind = FailureKind::Environment;
        }
        failure
    };
    let opened = match mode {
        MainMode::Own | MainMode::Refused(_) => {
            patiently(context, limit, handshake::open(handshake, &target.way), missed).await.map_err(told)?
        }
        MainMode::Observed(racer) | MainMode::Released(racer) => {
            let pending = patiently(context, limit, handshake::open_held_back(handshake, &target.way), missed).await?;
            let pending = match pending {
                Ok(pending) => pending,
                Err(error) => return Err(or_death(context, broken(error)).await),
            };
            let release = context.waits("the release of the race");
            racer.released(Some(pending.latch())).await;
            drop(release);
            patiently(context, limit, pending.opened(), missed).await.map_err(told)?
        }
    };
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) => Err(or_death(context, broken(error)).await),
    }
}

/// From here on the connection is the participant's.
fn start(
    context: &StepContext,
    me: &Participant,
    name: &str,
    url: &Url,
    feed: Feed,
) -> Result<ConnectionId, Box<Failure>> {
    let protocol = &me.spec.protocol;
    let fails = protocol.fails.as_ref().map(|fails| context.pattern(fails)).transpose()?;
    let (path, query) = (context.world.target.path(url), query(url));
    let streams = protocol.streams.iter().map(|stream| stream_of(stream, path, &query)).collect();
    let recorder = &context.world.recorder;
    let id = recorder.next_connection();
    // The opening stands in the history before the first frame.
    let opened = EntryKind::Opened { connection: id, name: name.to_owned(), path: path.to_owned(), query };
    recorder.note(me.key(), Some(context.place.number), opened);
    let rules = Rules { fails, streams };
    let connection = Connection::start((me.key(), name), id, feed, rules, (recorder, &context.world.markers));
    lock(&me.connections).push(connection);
    Ok(id)
}
