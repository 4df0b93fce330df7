//! Expectations on an inbox: waiting for them, and explaining why they were not met.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::barrier::Proof;
use super::here::Here;
use super::inbox::{Frame, Inbox, Look};
use super::socket::{Connection, changed_before, describe as describe_end, from_now};
use super::world::lock;
use crate::event::{Came, EventKind, Failure, FailureKind, Nearest};
use crate::pattern::{Difference, Pattern, describe, nearest};
use crate::scenario::model::{Capture, Expect, Expected};
use crate::subject::Death;
use crate::text::{brief, counted, millis, shorten};

/// How many frames a failure shows.
const SHOWN: usize = 12;
/// From which share of agreement on a near miss is told in the headline.
const NEAR: f64 = 0.5;
/// How many more frames a count may still be short of.
const MORE: usize = 1000;

/// What is waited for.
struct Wanted<'a> {
    what: &'a str,
    patterns: Vec<Pattern>,
    from: usize,
}

impl Wanted<'_> {
    fn look(&self, inbox: &Inbox) -> Look {
        match self.what {
            "receive_next" => inbox.next(&self.patterns[0], self.from),
            "receive_in_order" => inbox.in_order(&self.patterns, self.from),
            "receive_all" => inbox.all(&self.patterns, self.from),
            "collect" => inbox.collect(&self.patterns[0], &self.patterns[1], self.from),
            _ => inbox.one(&self.patterns[0], self.from),
        }
    }
}

impl Here {
    /// Plays an expectation.
    pub(crate) async fn expect(&mut self, expect: &Expect) -> Result<(), Box<Failure>> {
        let connection = self.connection(expect.via.as_ref())?;
        let since = expect.since.as_ref().or(self.since.as_ref());
        let from = match since {
            None => 0,
            Some(mark) => match lock(&connection.inbox).marks.get(mark) {
                Some(place) => *place,
                None => return Err(self.wrong(format!("connection {} has no mark `{mark}`", connection.name))),
            },
        };
        let wanted = match &expect.what {
            Expected::One(pattern) => Wanted { what: "receive", patterns: vec![self.pattern(pattern)?], from },
            Expected::Next(pattern) => Wanted { what: "receive_next", patterns: vec![self.pattern(pattern)?], from },
            Expected::InOrder(list) => Wanted { what: "receive_in_order", patterns: self.patterns(list)?, from },
            Expected::All(list) => Wanted { what: "receive_all", patterns: self.patterns(list)?, from },
            Expected::Collect { pattern, until } => {
                Wanted { what: "collect", patterns: vec![self.pattern(pattern)?, self.pattern(until)?], from }
            }
            Expected::Nothing { pattern, listen } => {
                let pattern = self.pattern(pattern)?;
                return self.nothing(&connection, &pattern, from, *listen).await;
            }
            Expected::Counted { pattern, times, listen } => {
                let (pattern, times) = (self.pattern(pattern)?, self.pattern(times)?);
                return self.counted(&connection, &pattern, &times, from, *listen).await;
            }
        };
        let places = self.wait(&connection, &wanted, expect.within.or(self.within)).await?;
        let values: Vec<Value> = {
            let mut inbox = lock(&connection.inbox);
            inbox.take(&places, self.line);
            places.iter().map(|place| Value::clone(&inbox.frames[*place].value)).collect()
        };
        let taken = |id: usize, places: &[usize]| {
            self.world.tell(|| EventKind::Taken {
                participant: connection.participant.clone(),
                id,
                step: self.step,
                numbers: places.iter().map(|place| place + 1).collect(),
            });
        };
        match self.stub() {
            _ if self.at_once => {}
            None => taken(connection.id.0, &places),
            // Each request has a connection of its own.
            Some(stub) => {
                for place in &places {
                    stub.connection_of(*place).iter().for_each(|id| taken(id.0, &[*place]));
                }
            }
        }
        let value = match expect.what {
            Expected::Collect { .. } => return self.take_joined(&values, &expect.capture),
            Expected::InOrder(_) | Expected::All(_) => Value::Array(values),
            _ => values.into_iter().next().unwrap_or(Value::Null),
        };
        self.take(&value, &expect.capture, wanted.what)
    }

    /// Captures from the frames of a stream: texts are joined, anything else becomes a list.
    fn take_joined(&mut self, frames: &[Value], captures: &[Capture]) -> Result<(), Box<Failure>> {
        for capture in captures {
            let found: Vec<&Value> = frames.iter().flat_map(|frame| capture.path.query(frame).all()).collect();
            if found.is_empty() {
                let (name, path) = (&capture.name, &capture.source);
                let many = counted(frames.len(), "frame", "frames");
                let mut failure = self.failure(format!("collect: the capture `{name}`: {path} is in none of {many}"));
                failure.details = frames.iter().take(SHOWN).map(|frame| format!("in: {}", brief(frame, 200))).collect();
                return Err(failure);
            }
            let texts: Option<String> = found.iter().map(|value| value.as_str()).collect();
            let value = texts.map_or_else(|| Value::Array(found.into_iter().cloned().collect()), Value::String);
            self.capture(&capture.name, &value);
        }
        Ok(())
    }

    async fn wait(
        &self,
        connection: &Arc<Connection>,
        wanted: &Wanted<'_>,
        within: Option<Duration>,
    ) -> Result<Vec<usize>, Box<Failure>> {
        let mut changes = connection.changed.subscribe();
        let patience = if self.at_once { Duration::ZERO } else { self.world.deadlines.of(within) };
        let limit = from_now(patience);
        let mut waits = None;
        loop {
            if let Some(outcome) = self.look(connection, wanted) {
                let broke = lock(&connection.inbox).end.as_ref().is_some_and(|end| end.code.is_none());
                return match outcome {
                    Err(failure) if broke => Err(self.or_death(failure).await),
                    outcome => outcome,
                };
            }
            waits.get_or_insert_with(|| self.waits(shorten(&describe_all(wanted), 160)));
            let more = tokio::select! {
                more = changed_before(&mut changes, limit) => more,
                death = self.world.server.death() => return Err(self.server_died(&death)),
            };
            if !more {
                break;
            }
        }
        // Missed. Listen on for a moment, to say whether it came late or never.
        let missed = tokio::time::Instant::now();
        let late = self.late();
        loop {
            let found = wanted.look(&lock(&connection.inbox));
            if let Look::Found(_) = found {
                let shown = shorten(&describe_all(wanted), 160);
                let mut failure =
                    self.failure(format!("{} got {shown} too late: waited {patience:?}", who(connection)));
                failure.kind = FailureKind::Late;
                failure.late = Some(format!("it came {} ms after the deadline", missed.elapsed().as_millis()));
                failure.came = came(connection, wanted.from);
                return Err(failure);
            }
            if !connection.is_open() || !changed_before(&mut changes, missed + late).await {
                break;
            }
        }
        let mut failure = self.missed(connection, wanted, &format!("waited {patience:?}"));
        let end = lock(&connection.inbox).end.clone();
        failure.late = Some(match end {
            None => format!("it never came: the runner listened {late:?} longer"),
            Some(end) => {
                let after = missed.elapsed().as_millis();
                format!("it never came: the connection was closed {} {after} ms after the deadline", describe_end(&end))
            }
        });
        Err(failure)
    }

    /// How long is listened on behind a deadline.
    fn late(&self) -> Duration {
        if self.at_once { Duration::ZERO } else { self.world.deadlines.late() }
    }

    /// One look; none while there is reason to wait.
    fn look(&self, connection: &Arc<Connection>, wanted: &Wanted<'_>) -> Option<Result<Vec<usize>, Box<Failure>>> {
        let inbox = lock(&connection.inbox);
        let look = wanted.look(&inbox);
        if let Look::Found(places) = look {
            return Some(Ok(places));
        }
        if let Look::Wrong(place) = look {
            let frame = &inbox.frames[place];
            let pattern = &wanted.patterns[0];
            let (got, expected) = (told(connection, &frame.value, 120), shorten(&describe(pattern), 120));
            let mut failure = self.failure(if wanted.what == "collect" {
                format!("{} got the end of a stream before anything of it: {got}, expected {expected}", who(connection))
            } else {
                format!("the next {} on {} is {got}, expected {expected}", noun(connection), who(connection))
            });
            failure.expected = Some(describe_all(wanted));
            failure.nearest = Some(nearest_of(pattern, connection, place, frame));
            drop(inbox);
            failure.came = came(connection, wanted.from);
            return Some(Err(failure));
        }
        if let Some(fails) = &connection.fails
            && let Some(place) = inbox.failing(fails, &wanted.patterns)
        {
            let mut failure = self.failure(format!(
                "{} got a frame that fails: {}",
                who(connection),
                brief(&inbox.frames[place].value, 200)
            ));
            failure.expected = Some(describe_all(wanted));
            failure
                .details
                .push("the protocol's `fails` names such frames; a step that expects one receives it first".to_owned());
            drop(inbox);
            failure.came = came(connection, wanted.from);
            return Some(Err(failure));
        }
        let end = inbox.end.clone()?;
        drop(inbox);
        Some(Err(self.missed(connection, wanted, &format!("its connection was closed {}", describe_end(&end)))))
    }

    fn missed(&self, connection: &Arc<Connection>, wanted: &Wanted<'_>, why: &str) -> Box<Failure> {
        let inbox = lock(&connection.inbox);
        let (matched, first) = match wanted.look(&inbox) {
            Look::Missing { matched, first } => (matched, first),
            _ => (0, 0),
        };
        let pattern = wanted.patterns.get(first).or_else(|| wanted.patterns.last());
        let many = wanted.patterns.len();
        let which = match (wanted.what, first) {
            ("collect", 0) => " (`collect`)".to_owned(),
            ("collect", _) => format!(", the end of a stream (`collect` has {})", counted(matched, "frame", "frames")),
            _ if many > 1 => format!(" ({} of {many}, `{}`)", first + 1, wanted.what),
            _ => String::new(),
        };
        let shown = pattern.map(describe).unwrap_or_default();
        let mut failure = self.failure(format!("{} never got {}{which}: {why}", who(connection), shorten(&shown, 160)));
        failure.expected = Some(describe_all(wanted));
        if let Some(pattern) = pattern {
            let candidates: Vec<(usize, &Frame)> = inbox
                .frames
                .iter()
                .enumerate()
                .skip(wanted.from)
                .filter(|(_, frame)| frame.taken_by.is_none())
                .collect();
            if let Some(near) = nearest(pattern, candidates.iter().map(|(_, frame)| &*frame.value))
                && !near.score.is_nothing()
            {
                let (place, frame) = candidates[near.index];
                let mut nearest = nearest_of(pattern, connection, place, frame);
                if near.differences.is_empty() {
                    failure.headline = format!(
                        "{} got {}{which} too early: {} stands before the frame that it must follow",
                        who(connection),
                        shorten(&shown, 160),
                        connection.frame(place)
                    );
                    nearest.differences.push("it matches, but stands before the frame that it must follow".to_owned());
                } else if near.score.share() >= NEAR
                    && let Some(difference) = nearest.differences.first()
                {
                    let _ = write!(failure.headline, "; {} is near: {difference}", connection.frame(place));
                }
                failure.nearest = Some(nearest);
                let taken = inbox.frames.iter().enumerate().skip(wanted.from).rev();
                let mut taken = taken.filter_map(|(place, frame)| Some((place, frame, frame.taken_by?)));
                if let Some((place, _, line)) = taken.find(|(_, frame, _)| pattern.matches(&frame.value)) {
                    failure.details.push(format!("{} matches, but line {line} took it", connection.frame(place)));
                }
            } else if let Some((place, frame)) =
                inbox.frames.iter().enumerate().skip(wanted.from).find(|(_, frame)| pattern.matches(&frame.value))
            {
                failure.nearest = Some(Nearest {
                    what: format!("{} at {}", connection.frame(place), millis(frame.at)),
                    entry: Some(frame.entry),
                    whole: Some(whole(connection, &frame.value)),
                    differences: vec![format!("it matches, but line {} took it", frame.taken_by.unwrap_or_default())],
                });
            }
        }
        drop(inbox);
        failure.came = came(connection, wanted.from);
        failure
    }

    async fn nothing(
        &mut self,
        connection: &Arc<Connection>,
        pattern: &Pattern,
        from: usize,
        listen: Option<Duration>,
    ) -> Result<(), Box<Failure>> {
        let found = |connection: &Connection| match lock(&connection.inbox).one(pattern, from) {
            Look::Found(places) => places.first().copied(),
            _ => None,
        };
        if self.barrier(connection).await? == Proof::None {
            self.listen(connection, listen, |connection| found(connection).is_some()).await?;
        }
        let Some(place) = found(connection) else { return Ok(()) };
        let inbox = lock(&connection.inbox);
        let frame = &inbox.frames[place];
        let mut failure = self.failure(format!(
            "{} got a {} that it must not get: {}",
            who(connection),
            noun(connection),
            told(connection, &frame.value, 200)
        ));
        failure.expected = Some(format!("nothing that matches {}", describe(pattern)));
        failure.details.push(format!("{} at {}", connection.frame(place), millis(frame.at)));
        drop(inbox);
        failure.came = came(connection, from);
        Err(failure)
    }

    async fn counted(
        &mut self,
        connection: &Arc<Connection>,
        pattern: &Pattern,
        times: &Pattern,
        from: usize,
        listen: Option<Duration>,
    ) -> Result<(), Box<Failure>> {
        if self.barrier(connection).await? == Proof::None {
            self.listen(connection, listen, |_| false).await?;
        }
        let barrier = self.world.at();
        let places = mark_counted(connection, pattern, from);
        if times.matches(&Value::from(places.len())) {
            return Ok(());
        }
        // Too few: more that come now came behind the barrier, which is another defect than a lost frame.
        let more = (places.len() + 1..places.len() + MORE).any(|count| times.matches(&Value::from(count)));
        let (late, listened) =
            if more { self.listen_on(connection, pattern, from, places.len()).await } else { (0, None) };
        let inbox = lock(&connection.inbox);
        let mut failure = self.failure(format!(
            "{} got {} {}, expected {}",
            who(connection),
            shorten(&describe(pattern), 160),
            counted(places.len(), "time", "times"),
            describe(times)
        ));
        if late > 0 {
            let behind =
                inbox.frames.iter().skip(from).filter(|frame| frame.at > barrier && pattern.matches(&frame.value));
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
                Some(end) => format!("no more came: the connection was closed {}", describe_end(end)),
            });
        }
        for place in places.iter().take(SHOWN) {
            let frame = &inbox.frames[*place];
            failure.details.push(format!(
                "counted {} at {}: {}",
                connection.frame(*place),
                millis(frame.at),
                told(connection, &frame.value, 200)
            ));
        }
        if places.is_empty() {
            let near = nearest(pattern, inbox.frames.iter().skip(from).map(|frame| &*frame.value))
                .filter(|near| !near.score.is_nothing());
            failure.nearest =
                near.map(|near| nearest_of(pattern, connection, from + near.index, &inbox.frames[from + near.index]));
        }
        drop(inbox);
        failure.came = came(connection, from);
        Err(failure)
    }

    /// Listens on after a count that was too small; gives how many more came, and how long it listened.
    async fn listen_on(
        &self,
        connection: &Arc<Connection>,
        pattern: &Pattern,
        from: usize,
        had: usize,
    ) -> (usize, Option<Duration>) {
        let late = self.late();
        let mut changes = connection.changed.subscribe();
        let limit = from_now(late);
        loop {
            let now =
                lock(&connection.inbox).frames.iter().skip(from).filter(|frame| pattern.matches(&frame.value)).count();
            if now > had {
                return (now - had, None);
            }
            if !connection.is_open() || !changed_before(&mut changes, limit).await {
                return (0, Some(late));
            }
        }
    }

    /// What failed because a connection broke; where the server ended in that moment, that is what failed.
    pub(crate) async fn or_death(&self, failure: Box<Failure>) -> Box<Failure> {
        const MOMENT: Duration = Duration::from_millis(200);
        match tokio::time::timeout(MOMENT, self.world.server.death()).await {
            Ok(death) => self.server_died(&death),
            Err(_) => failure,
        }
    }

    /// The server ended while something was awaited.
    pub(crate) fn server_died(&self, death: &Death) -> Box<Failure> {
        let mut failure = self.failure(format!("the server died: it {death}"));
        failure.kind = FailureKind::ServerDied;
        failure
    }
}

/// The places of all matches from a place on; they are no surprise any more.
fn mark_counted(connection: &Connection, pattern: &Pattern, from: usize) -> Vec<usize> {
    let mut inbox = lock(&connection.inbox);
    let mut places = Vec::new();
    for (place, frame) in inbox.frames.iter_mut().enumerate().skip(from) {
        if pattern.matches(&frame.value) {
            frame.counted = true;
            places.push(place);
        }
    }
    places
}

fn nearest_of(pattern: &Pattern, connection: &Connection, place: usize, frame: &Frame) -> Nearest {
    Nearest {
        what: format!("{}: {}", connection.frame(place), told(connection, &frame.value, 200)),
        entry: Some(frame.entry),
        whole: Some(whole(connection, &frame.value)),
        differences: pattern.differences(&frame.value).iter().map(Difference::to_string).collect(),
    }
}

fn describe_all(wanted: &Wanted<'_>) -> String {
    let shown: Vec<String> = wanted.patterns.iter().map(describe).collect();
    match &shown[..] {
        [one] => one.clone(),
        [pattern, until] if wanted.what == "collect" => format!("{pattern}, until {until}"),
        many => format!("[{}]", many.join(", ")),
    }
}

/// What lies in an inbox.
fn noun(connection: &Connection) -> &'static str {
    if connection.is_stub { "request" } else { "frame" }
}

/// A frame in a line; of a request what tells it from others, which its headers rarely do.
pub(super) fn told(connection: &Connection, value: &Value, most: usize) -> String {
    match value {
        Value::Object(request) if connection.is_stub => {
            let mut request = request.clone();
            request.remove("headers");
            request.retain(|name, value| name != "query" || value.as_object().is_none_or(|query| !query.is_empty()));
            brief(&Value::Object(request), most)
        }
        value => brief(value, most),
    }
}

/// All of a frame; of a request nothing that proves who asks.
fn whole(connection: &Connection, value: &Value) -> String {
    if connection.is_stub { told(connection, value, usize::MAX) } else { value.to_string() }
}

fn who(connection: &Connection) -> String {
    if connection.name == "main" {
        connection.participant.clone()
    } else {
        format!("{} ({})", connection.participant, connection.name)
    }
}

/// The frames of an inbox from a place on, the latest where there are many.
pub(crate) fn came(connection: &Connection, from: usize) -> Vec<Came> {
    let inbox = lock(&connection.inbox);
    let frames: Vec<Came> = inbox
        .frames
        .iter()
        .skip(from)
        .map(|frame| Came {
            at: frame.at,
            entry: Some(frame.entry),
            frame: told(connection, &frame.value, 200),
            taken_by: frame.taken_by,
        })
        .collect();
    let skip = frames.len().saturating_sub(SHOWN);
    frames.into_iter().skip(skip).collect()
}
