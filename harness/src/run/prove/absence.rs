//! Expectations of no frames, or of an exact number, which a barrier proves.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::barriers::{AskedBy, Proof, barrier, tell_unproven};
use super::wanted::unreadable;
use crate::event::{Failure, FailureKind};
use crate::lock::lock;
use crate::pattern::{Pattern, describe, nearest};
use crate::run::context::connections::Watched;
use crate::run::context::step_context::StepContext;
use crate::run::context::wait::{changed_before, from_now};
use crate::run::state::connection::described;
use crate::run::state::look::{Look, LookProgress};
use crate::run::state::mailbox::{Mailbox, SHOWN};
use crate::text::{counted, millis, shorten};

/// How many more frames a count may still be short of.
const MORE: usize = 1000;

/// Listens for as long as the step says, then runs the barrier on what is watched. Where that proves nothing, what was
/// listened for is all there is: the step is unproven, and without a period it fails.
pub(crate) async fn prove(
    context: &StepContext,
    watched: &Watched,
    period: Option<Duration>,
    stop: impl Fn() -> bool,
) -> Result<(), Box<Failure>> {
    if let Some(period) = period {
        listen(context, watched.mailbox(), period, stop).await;
    }
    let proof = match watched {
        Watched::Connection(connection) => barrier(context, connection).await?,
        Watched::Stub(_) => {
            Proof::Unproven("no barrier proves that the server will ask nothing more a stub".to_owned())
        }
    };
    match proof {
        Proof::Proven => Ok(()),
        Proof::Unproven(why) if period.is_some() => {
            tell_unproven(context, watched.mailbox(), AskedBy::Step, &why);
            Ok(())
        }
        Proof::Unproven(why) => {
            let mut failure = context.failure(format!("nothing can be proven here: {why}"));
            failure.details.push(
                "make it provable with a `barrier` in the protocol file, or give `for: 200ms` and have it told as unproven"
                    .to_owned(),
            );
            Err(failure)
        }
    }
}

/// Listens for this long, or until the result is certain.
async fn listen(context: &StepContext, mailbox: &Mailbox, period: Duration, stop: impl Fn() -> bool) {
    let _waits = context.waits(format!("nothing more to come, for {period:?}"));
    let mut changes = mailbox.changes();
    let limit = from_now(context.world.settings.deadlines.of(Some(period)));
    while !stop() && changed_before(&mut changes, limit).await {}
}

/// Fails if a frame can't be read: whether it matches is unknown, so nothing is proven.
fn unreadable_frame(context: &StepContext, mailbox: &Mailbox, from: usize) -> Result<(), Box<Failure>> {
    let mut failure = {
        let mut inbox = lock(&mailbox.inbox);
        let Some(place) = inbox.unreadable(from) else { return Ok(()) };
        let frame = &inbox.frames[place];
        let why = frame.unreadable.as_deref().unwrap_or_default();
        let mut failure = context.failure(unreadable(mailbox, why, &mailbox.frame_text(&frame.value, 200)));
        failure.details.push(format!("{} at {}", mailbox.frame_name(place), millis(frame.at)));
        failure
    };
    failure.came = mailbox.came(from);
    Err(failure)
}

/// No matching frame may have arrived.
pub(super) async fn nothing(
    context: &StepContext,
    watched: &Watched,
    pattern: &Pattern,
    from: usize,
    period: Option<Duration>,
) -> Result<(), Box<Failure>> {
    let mailbox = watched.mailbox();
    let progress = Mutex::new(LookProgress::default());
    let found = || match lock(&mailbox.inbox).first_match(pattern, from, &mut lock(&progress)) {
        Look::Found(places) => places.first().copied(),
        _ => None,
    };
    prove(context, watched, period, || found().is_some()).await?;
    let Some(place) = found() else { return unreadable_frame(context, mailbox, from) };
    let inbox = lock(&mailbox.inbox);
    let frame = &inbox.frames[place];
    let mut failure = context.failure(format!(
        "{} got a {} that it must not get: {}",
        mailbox.who(),
        mailbox.nouns().0,
        mailbox.frame_text(&frame.value, 200)
    ));
    failure.expected = Some(format!("nothing that matches {}", describe(pattern)));
    failure.details.push(format!("{} at {}", mailbox.frame_name(place), millis(frame.at)));
    drop(inbox);
    failure.came = mailbox.came(from);
    Err(failure)
}

/// Exactly this many matching frames must have arrived.
pub(super) async fn count(
    context: &StepContext,
    watched: &Watched,
    pattern: &Pattern,
    times: &Pattern,
    from: usize,
    period: Option<Duration>,
) -> Result<(), Box<Failure>> {
    let mailbox = watched.mailbox();
    prove(context, watched, period, || false).await?;
    let barrier = context.world.recorder.at();
    let places = lock(&mailbox.inbox).count(pattern, from);
    if times.matches(&Value::from(places.len())) {
        return unreadable_frame(context, mailbox, from);
    }
    // Too few: more that come now came behind the barrier, which is another defect than a lost frame.
    let more = (places.len() + 1..places.len() + MORE).any(|count| times.matches(&Value::from(count)));
    let (late, listened) =
        if more { listen_on(context, mailbox, pattern, from, places.len()).await } else { (0, None) };
    let inbox = lock(&mailbox.inbox);
    let mut failure = context.failure(format!(
        "{} got {} {}, expected {}",
        mailbox.who(),
        shorten(&describe(pattern), 160),
        counted(places.len(), "time", "times"),
        describe(times)
    ));
    if late > 0 {
        let behind = inbox.frames.iter().skip(from).filter(|frame| frame.at > barrier && pattern.matches(&frame.value));
        let after = behind.map(|frame| frame.at.saturating_sub(barrier)).next().unwrap_or_default();
        let _ = write!(failure.headline, " ({late} more came behind the barrier)");
        failure.kind = FailureKind::Late;
        failure.late = Some(format!(
            "{late} more came, the first {} behind the barrier: the server answers it before it has delivered",
            millis(after)
        ));
    } else if let Some(listened) = listened {
        let end = inbox.end.as_ref();
        failure.late = Some(match end {
            None => format!("no more came: the runner listened {listened:?} longer"),
            Some(end) => format!("no more came: the connection was closed {}", described(end)),
        });
    }
    for place in places.iter().take(SHOWN) {
        let frame = &inbox.frames[*place];
        failure.details.push(format!(
            "counted {} at {}: {}",
            mailbox.frame_name(*place),
            millis(frame.at),
            mailbox.frame_text(&frame.value, 200)
        ));
    }
    if places.is_empty() {
        let near = nearest(pattern, inbox.frames.iter().skip(from).map(|frame| &*frame.value))
            .filter(|near| !near.score.is_nothing());
        failure.nearest =
            near.map(|near| mailbox.nearest(pattern, from + near.index, &inbox.frames[from + near.index]));
    }
    drop(inbox);
    failure.came = mailbox.came(from);
    Err(failure)
}

/// Listens on after a count that was too small; gives how many more came, and how long it listened.
async fn listen_on(
    context: &StepContext,
    mailbox: &Mailbox,
    pattern: &Pattern,
    from: usize,
    had: usize,
) -> (usize, Option<Duration>) {
    let late = context.late();
    let mut changes = mailbox.changes();
    let limit = from_now(late);
    let (mut from, mut now) = (from, 0);
    loop {
        {
            let inbox = lock(&mailbox.inbox);
            now += inbox.frames[from..].iter().filter(|frame| pattern.matches(&frame.value)).count();
            from = inbox.frames.len();
        }
        if now > had {
            return (now - had, None);
        }
        if !mailbox.is_open() || !changed_before(&mut changes, limit).await {
            return (0, Some(late));
        }
    }
}

#[cfg(test)]
mod tests;
