//! What an actor does, except for calls of verbs, which are steps again.

use crate::event::Failure;
use crate::lock::lock;
use crate::run::context::connections::{connection, watched};
use crate::run::context::step_context::StepContext;
use crate::run::prove::absence::prove;
use crate::run::prove::endings::{closed, ends_within};
use crate::run::prove::expect::expect;
use crate::run::state::connection::described;
use crate::scenario::model::{Action, Call};

use super::connect::connect;
use super::request::request;
use super::send::send;
use super::stub::act_as_stub;

/// What is left of an action.
pub(crate) enum Acted<'a> {
    /// The action is complete.
    Done,
    /// The steps of a verb.
    Call(&'a Call),
}

/// Plays an action of the actor.
pub(crate) async fn act<'a>(
    context: &mut StepContext,
    action: &'a Action,
    is_main: bool,
) -> Result<Acted<'a>, Box<Failure>> {
    match action {
        Action::Call(call) => return Ok(Acted::Call(call)),
        Action::Http(http) => request(context, http, is_main).await?,
        Action::Connect(asked) => connect(context, asked, is_main).await?,
        Action::Send { frame, via } => send(context, frame, via.as_ref(), is_main).await?,
        Action::Close { code, reason, via, within } => {
            let code = context.render(code)?;
            let Some(code) = code.as_u64().and_then(|code| u16::try_from(code).ok()) else {
                return Err(context.wrong(format!("{code} is no close code")));
            };
            let reason = context.text(reason)?;
            let connection = connection(context, via.as_ref())?;
            connection.close(code, &reason);
            let limit = context.patience(*within);
            let missed = || format!("the server didn't answer the close frame within {limit:?}");
            let end = ends_within(context, &connection.mailbox, limit, missed).await?;
            if end.code.is_none() {
                let why = described(&end);
                return Err(
                    context.failure(format!("the server didn't answer the close frame with one: it ended {why}"))
                );
            }
        }
        Action::Drop { via } => {
            let connection = connection(context, via.as_ref())?;
            connection.outlet.drop_now("");
            let limit = context.patience(None);
            ends_within(context, &connection.mailbox, limit, || "the connection can't be dropped".to_owned()).await?;
        }
        Action::Closed { pattern, via, within } => {
            let pattern = context.pattern(pattern)?;
            let connection = connection(context, via.as_ref())?;
            closed(context, &connection.mailbox, &pattern, *within).await?;
        }
        Action::Reading { on, via } => connection(context, via.as_ref())?.read(*on),
        Action::Expect(expected) => expect(context, expected).await?,
        Action::Mark { name, via, listen } => {
            let watched = watched(context, via.as_ref())?;
            prove(context, &watched, *listen, || false).await?;
            let mut inbox = lock(&watched.mailbox().inbox);
            let place = inbox.frames.len();
            inbox.marks.insert(name.clone(), place);
        }
        Action::Stub { action, to } => act_as_stub(context, action, to.as_ref()).await?,
    }
    Ok(Acted::Done)
}
