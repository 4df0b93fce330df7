//! The beginning of a participant's connections.

use std::sync::Arc;

use serde_json::Value;

use super::checks::must;
use crate::event::{EventKind, Failure, FailureKind};
use crate::history::{ConnectionId, EntryKind};
use crate::lock::lock;
use crate::pattern::describe;
use crate::run::context::ask::{address, beginning, headers};
use crate::run::context::step_context::{MainMode, StepContext};
use crate::run::context::wait::{or_death, patiently};
use crate::run::state::answer::Answer;
use crate::run::state::connection::{Connection, Rules};
use crate::run::state::participant::Participant;
use crate::run::state::streams::stream_of;
use crate::scenario::model::{Checks, Connect};
use crate::scenario::template::as_text;
use crate::wire::WireError;
use crate::wire::feed::Feed;
use crate::wire::handshake::{self, Handshake, Opened};
use crate::wire::http::AnswerSoFar;
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
            judge_refusal(context, answer, &mode, refused.as_deref())
        }
    }
}

/// What a refusal means: of a racer an answer like others, else what the step expects of it, or a failure.
fn judge_refusal(
    context: &mut StepContext,
    answer: Answer,
    mode: &MainMode,
    refused: Option<&Checks>,
) -> Result<(), Box<Failure>> {
    if let MainMode::Observed(racer) = mode {
        *lock(&racer.answer) = Some(answer);
        return Ok(());
    }
    if let Some(checks) = refused {
        return must(context, &answer, checks, false);
    }
    let mut failure = context.failure(format!("{} was refused: {}", answer.what, answer.status));
    failure.details.push(format!("answer: {} {}", answer.status, answer.body));
    Err(failure)
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
    Ok(Handshake { url, headers, subprotocols, receive_buffer: asked.receive_buffer, heard: AnswerSoFar::default() })
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
            patiently(context, limit, handshake::open(handshake, &target.route), missed).await.map_err(told)?
        }
        MainMode::Observed(racer) | MainMode::Released(racer) => {
            let pending =
                patiently(context, limit, handshake::open_held_back(handshake, &target.route), missed).await?;
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::run::state::release::{Racer, Release};
    use crate::run::testing::{action, at_step, connect as connected, patient, silence, story};
    use crate::scenario::model::Action;
    use crate::wire::feed::FeedReceiver as _;

    const PLAIN: &str = "{ ann: { connect: /ws } }";

    fn asked(top: &StepContext) -> Connect {
        match &*action(top, 0) {
            Action::Connect(asked) => asked.clone(),
            other => panic!("{other:?} connects nobody"),
        }
    }

    fn forbidden() -> Answer {
        Answer {
            what: "GET /ws".to_owned(),
            status: 403,
            headers: Default::default(),
            body: json!({ "error": "origin" }),
            unreadable: None,
            entry: None,
        }
    }

    #[tokio::test]
    async fn a_name_serves_one_connection_at_a_time() {
        let top = patient("protocol: chat", &story(PLAIN));
        let mut context = at_step(&top, 0, "ann");
        let connection = connected(&top, "ann", silence);
        let failed = connect(&mut context, &asked(&top), false).await.unwrap_err();
        assert_eq!(
            failed.headline,
            "`ann` still has a connection `main` open: close it first, or name another with `as`"
        );
        connection.end(crate::history::Closing::dropped(""));
        let _opening = context.actor().unwrap().open_as("main").unwrap();
        let failed = connect(&mut context, &asked(&top), false).await.unwrap_err();
        assert_eq!(failed.headline, "two steps open a connection `main` of `ann` at once: name one of them with `as`");
    }

    #[test]
    fn a_refusal_that_no_step_expects_fails() {
        let top = patient("protocol: chat", &story(PLAIN));
        let mut context = at_step(&top, 0, "ann");
        let failed = judge_refusal(&mut context, forbidden(), &MainMode::Own, None).unwrap_err();
        assert_eq!(failed.headline, "GET /ws was refused: 403");
        assert_eq!(failed.details, ["answer: 403 {\"error\":\"origin\"}"]);
    }

    #[test]
    fn a_refusal_that_is_expected_must_be_the_expected_one() {
        let judge = |refused: &str| {
            let top = patient("protocol: chat", &story(&format!("{{ ann: {{ connect: /ws, refused: {refused} }} }}")));
            let checks = asked(&top).refused.unwrap();
            let mut context = at_step(&top, 0, "ann");
            judge_refusal(&mut context, forbidden(), &MainMode::Own, Some(&checks))
                .map(|()| lock(&context.world.captures).get("why").cloned())
                .map_err(|failed| failed.headline)
        };
        assert_eq!(judge("403"), Ok(None));
        assert_eq!(judge("{ status: 403, capture: { why: $.error } }"), Ok(Some(json!("origin"))));
        assert_eq!(judge("401"), Err("ann: GET /ws: expected status 401, got 403".to_owned()));
        assert_eq!(
            judge("{ status: 403, expect: { error: token } }"),
            Err("ann: GET /ws: $.error: expected \"token\", got \"origin\"".to_owned())
        );
    }

    #[test]
    fn a_racers_refusal_is_what_the_outcomes_are_compared_with() {
        let top = patient("protocol: chat", &story(PLAIN));
        let release = Release::new(vec![("ann".to_owned(), Duration::ZERO)], Box::new(|_, _| {}));
        let racer = Racer::new(&release, "ann");
        let mut context = at_step(&top, 0, "ann");
        let mode = MainMode::Observed(Arc::clone(&racer));
        judge_refusal(&mut context, forbidden(), &mode, None).unwrap();
        assert_eq!(lock(&racer.answer).as_ref().map(|answer| answer.status), Some(403));
    }
}
