//! What a stub does in a scenario: the answers that steps give.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::event::{Failure, FailureKind, Nearest};
use crate::history::{Closing, StubEntry};
use crate::pattern::{Difference, Pattern, describe, nearest};
use crate::run::context::connections::stub;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::{from_now, patiently};
use crate::run::state::stub_actor::StubActor;
use crate::scenario::stub::{Chunk, Framing, StubAction};
use crate::scenario::template::Template;
use crate::stub::{RenderedReply, Stage, StubRequest, event, framed};
use crate::text::millis;

/// Which requests a step can refer to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RequestFilter {
    Waiting,
    Streaming,
    Open,
    /// Open, or given up by the server.
    OpenOrGivenUp,
}

impl RequestFilter {
    fn fits(self, stage: &Stage) -> bool {
        match stage {
            Stage::Waiting => self != Self::Streaming,
            Stage::Streaming(_) => self != Self::Waiting,
            Stage::Answered => false,
            Stage::Ended(end) => self == Self::OpenOrGivenUp && !end.by_participant,
        }
    }

    /// The missing request, for messages.
    fn what(self) -> &'static str {
        match self {
            Self::Waiting => "unanswered request",
            Self::Streaming => "open stream",
            Self::Open | Self::OpenOrGivenUp => "open request",
        }
    }
}

/// Plays an action of a stub.
pub(super) async fn act_as_stub(
    context: &StepContext,
    action: &StubAction,
    to: Option<&Template>,
) -> Result<(), Box<Failure>> {
    let Some(stub) = stub(context) else { return Err(context.wrong("this step's actor is no stub")) };
    let to = to.map(|to| context.pattern(to)).transpose()?;
    let find = |wanted| find_request(context, stub, to.as_ref(), wanted);
    match action {
        StubAction::Reply(reply) => {
            let given = RenderedReply::of(reply, context).map_err(|why| context.wrong(why))?;
            let exchange = find(RequestFilter::Waiting)?;
            stub.answered(&exchange, Some(context.place.number), &given);
            exchange.give(&given);
            written(context, stub, &exchange).await
        }
        StubAction::Chunk(chunk) => {
            let exchange = find(RequestFilter::Streaming)?;
            let Stage::Streaming(framing) = exchange.stage() else {
                return Err(context.wrong("the stream has ended"));
            };
            let piece = piece(context, chunk, framing)?;
            let shown = piece.trim_end().to_owned();
            stub.sent(&exchange, Some(context.place.number), StubEntry::Sent(piece.clone()), shown);
            exchange.send(piece);
            written(context, stub, &exchange).await
        }
        StubAction::Finish => {
            // Whoever has left by then has missed nothing: many clients leave when they have what they want.
            let exchange = match find(RequestFilter::Streaming) {
                Ok(exchange) => exchange,
                Err(_) if stub.take_left(to.as_ref()) => return Ok(()),
                Err(failure) => return Err(failure),
            };
            exchange.finish();
            match written(context, stub, &exchange).await {
                Err(_) if matches!(exchange.stage(), Stage::Ended(_)) => Ok(()),
                written => written,
            }
        }
        StubAction::HangUp => {
            let exchange = find(RequestFilter::Open)?;
            if let Some(end) = exchange.hang_up("hung up") {
                stub.ended(&exchange, &end);
            }
            Ok(())
        }
        StubAction::Closed { pattern, within } => {
            let pattern = context.pattern(pattern)?;
            let exchange = find(RequestFilter::OpenOrGivenUp)?;
            given_up(context, stub, &exchange, &pattern, *within).await
        }
        StubAction::Listening(on) => {
            let done = if *on { stub.stub.listen().await } else { stub.stub.stop_listening().await };
            done.map_err(|error| {
                let mut failure = context.failure(format!("{}'s port: {error}", stub.name()));
                failure.kind = FailureKind::Environment;
                failure
            })
        }
    }
}

fn piece(context: &StepContext, chunk: &Chunk, framing: Framing) -> Result<String, Box<Failure>> {
    match chunk {
        Chunk::Data(data) => Ok(framed(framing, &context.render(data)?)),
        Chunk::Text(text) => context.text(text),
        Chunk::Event(_) if framing != Framing::Events => {
            Err(context.wrong("`chunk_event` needs an answer that began with `stream: sse`"))
        }
        Chunk::Event(fields) => {
            let fields = fields.fields().map(|(name, value)| Ok((name, context.render(value)?)));
            Ok(event(&fields.collect::<Result<Vec<_>, Box<Failure>>>()?))
        }
    }
}

/// The earliest request that a step received and that fits.
fn find_request(
    context: &StepContext,
    stub: &StubActor,
    to: Option<&Pattern>,
    wanted: RequestFilter,
) -> Result<Arc<StubRequest>, Box<Failure>> {
    let requests = stub.requests();
    let meant = |exchange: &StubRequest| to.is_none_or(|to| to.matches(&exchange.request));
    let found = requests
        .iter()
        .find(|(exchange, taken, _)| taken.is_some() && meant(exchange) && wanted.fits(&exchange.stage()));
    if let Some((exchange, ..)) = found {
        return Ok(Arc::clone(exchange));
    }
    let which = to.map(|to| format!(" that matches {}", describe(to))).unwrap_or_default();
    let mut failure = context.failure(format!("{} has no {}{which}", stub.name(), wanted.what()));
    for (exchange, taken, at) in &requests {
        let stage = match exchange.stage() {
            Stage::Waiting => "not answered".to_owned(),
            Stage::Streaming(_) => "its answer has begun".to_owned(),
            Stage::Answered => "answered".to_owned(),
            Stage::Ended(end) => ended(&end),
        };
        let received = match taken {
            Some(line) => format!("received in line {line}"),
            None => "no step received it".to_owned(),
        };
        failure.details.push(format!("{} at {}: {received}, {stage}", exchange.what(), millis(*at)));
    }
    let unreceived = requests
        .iter()
        .any(|(exchange, taken, _)| taken.is_none() && meant(exchange) && wanted.fits(&exchange.stage()));
    if requests.is_empty() {
        failure.details.push("nothing has been asked of it".to_owned());
    }
    let mut near = requests.iter().filter(|(exchange, ..)| wanted.fits(&exchange.stage()));
    if unreceived || requests.is_empty() {
        let name = stub.name();
        failure.details.push(format!("receive a request before it is answered: `- {name}: {{ receive: {{ … }} }}`"));
    } else if let Some(to) = to
        && let Some(found) = nearest(to, near.clone().map(|(exchange, ..)| &*exchange.request))
        && let Some((exchange, ..)) = near.nth(found.index)
    {
        failure.nearest = Some(Nearest {
            what: exchange.what(),
            entry: None,
            whole: Some(exchange.request.to_string()),
            differences: to.differences(&exchange.request).iter().map(Difference::to_string).collect(),
        });
    } else if wanted == RequestFilter::Streaming && requests.iter().any(|(one, ..)| one.stage() == Stage::Waiting) {
        failure.details.push("begin its answer before: `reply: { stream: sse }`".to_owned());
    }
    Err(failure)
}

/// Waits until what was sent has left, so that no later step comes before it.
async fn written(context: &StepContext, stub: &StubActor, exchange: &StubRequest) -> Result<(), Box<Failure>> {
    let limit = context.patience(None);
    let waits = context.waits(format!("the server to take an answer to {}", exchange.what()));
    let written = tokio::time::timeout(limit, exchange.written()).await;
    drop(waits);
    match written {
        Ok(true) => Ok(()),
        Ok(false) => {
            let how = match exchange.stage() {
                Stage::Ended(end) => ended(&end),
                _ => "its connection ended".to_owned(),
            };
            Err(context.failure(format!("{} could not answer {}: {how}", stub.name(), exchange.what())))
        }
        Err(_) => Err(context.failure(format!("the server took no answer to {} for {limit:?}", exchange.what()))),
    }
}

/// Waits until the server gives a request up.
async fn given_up(
    context: &StepContext,
    stub: &StubActor,
    exchange: &StubRequest,
    pattern: &Pattern,
    within: Option<Duration>,
) -> Result<(), Box<Failure>> {
    let patience = context.patience(within);
    let _waits = context.waits(format!("the server to give up {}", exchange.what()));
    let over = async {
        let mut changes = exchange.changes();
        loop {
            if let Stage::Ended(end) = exchange.stage() {
                return end;
            }
            if changes.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    // Longer than any step waits, so its result is never used.
    let long = from_now(patience + context.world.settings.deadlines.late() + Duration::from_secs(1));
    let over = async { tokio::time::timeout_at(long, over).await.ok() };
    let missed = || format!("the server didn't give up {} of {} within {patience:?}", exchange.what(), stub.name());
    let Some(end) = patiently(context, patience, over, missed).await? else { return Ok(()) };
    exchange.take_left();
    let value = json!({ "code": end.code, "reason": end.reason });
    if end.by_participant {
        let how = format!("{} was {}: the server didn't give it up", exchange.what(), end.reason);
        return Err(context.failure(how));
    }
    match pattern.differences(&value).first() {
        None => Ok(()),
        Some(difference) => Err(context.failure(format!("{} {}: {difference}", exchange.what(), ended(&end)))),
    }
}

/// How a request's connection ended, for people.
fn ended(end: &Closing) -> String {
    match (end.by_participant, end.reason.as_str()) {
        (true, reason) => reason.to_owned(),
        (false, "") => "the server gave it up".to_owned(),
        (false, reason) => format!("the server gave it up ({reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_means_requests_of_its_stage() {
        let left = Stage::Ended(Closing::by_server(None, ""));
        let hung_up = Stage::Ended(Closing::dropped("hung up"));
        let fitting = |stage: &Stage| {
            [RequestFilter::Waiting, RequestFilter::Streaming, RequestFilter::Open, RequestFilter::OpenOrGivenUp]
                .map(|wanted| wanted.fits(stage))
        };
        assert_eq!(fitting(&Stage::Waiting), [true, false, true, true]);
        assert_eq!(fitting(&Stage::Answered), [false; 4]);
        assert_eq!(fitting(&left), [false, false, false, true], "the server gave it up");
        assert_eq!(fitting(&hung_up), [false; 4]);
    }

    #[test]
    fn an_end_is_told_with_who_caused_it() {
        assert_eq!(ended(&Closing::dropped("hung up")), "hung up");
        assert_eq!(ended(&Closing::by_server(None, "")), "the server gave it up");
        assert_eq!(ended(&Closing::by_server(None, "reset")), "the server gave it up (reset)");
    }
}
