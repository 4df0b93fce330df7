//! The end of a scenario: what is still under way, and what nobody expected.

use std::sync::Arc;

use super::expect::{came, told};
use super::here::Here;
use super::world::lock;
use crate::event::{Failure, Place};
use crate::source::Position;
use crate::text::{brief, counted, millis};

impl Here {
    /// Runs the barrier on every open connection of everybody; where a protocol declares none, what has not arrived
    /// by now is not waited for.
    pub(crate) async fn settle(&self) -> Result<(), Box<Failure>> {
        let open: Vec<_> =
            self.world.participants.values().flat_map(|one| one.current()).filter(|one| one.is_open()).collect();
        if open.iter().all(|connection| connection.echo.is_some()) {
            // Twice on all at once: the first time passes what everybody sent, the second what that caused. A server
            // that hangs then costs one deadline and not one for each participant.
            for _ in 0..2 {
                let echoes = open.iter().map(|connection| self.echo(connection));
                for echoed in futures_util::future::join_all(echoes).await {
                    echoed?;
                }
            }
            return Ok(());
        }
        let mut broken = Ok(());
        for participant in self.world.participants.values() {
            for connection in participant.current().into_iter().filter(|connection| connection.is_open()) {
                let mut there = self.clone();
                there.me = Some(Arc::clone(participant));
                // One that breaks doesn't keep the others from passing.
                broken = broken.and(there.barrier(&connection).await.map(|_| ()));
            }
        }
        broken
    }

    /// Where the scenario says `strict`.
    fn strict_place(&self) -> Option<Place> {
        let source = &self.world.scenario.source;
        // A key of the file's top, which stands at the beginning of its line.
        let line = source.text.lines().position(|line| line.starts_with("strict:"))? + 1;
        Some(Place::new(source, Position { line, column: 1 }))
    }

    /// At the end: frames that fail a scenario and that no step expected; with `strict`, frames that no step took.
    pub(crate) fn leftovers(&self) -> Result<Vec<Failure>, Box<Failure>> {
        let scenario = &self.world.scenario;
        let ignore = self.patterns(&scenario.ignore)?;
        let mut failures = Vec::new();
        let stubs = self.world.stubs.values().map(|stub| &stub.actor);
        for participant in self.world.participants.values().chain(stubs) {
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
                    failure.details.push(format!("{} at {}", connection.frame(place), millis(frame.at)));
                    failures.push(failure);
                } else if let Some(first) = untaken.first() {
                    let headline = format!(
                        "strict: {} got {} that no step took, the first is {}",
                        connection.participant,
                        if connection.is_stub {
                            counted(untaken.len(), "request", "requests")
                        } else {
                            counted(untaken.len(), "frame", "frames")
                        },
                        told(connection, &inbox.frames[*first].value, usize::MAX)
                    );
                    let mut failure = Failure::new(crate::event::FailureKind::Expectation, headline);
                    failure.participant = Some(connection.participant.clone());
                    failure.place = self.strict_place();
                    drop(inbox);
                    failure.came = came(connection, 0).into_iter().filter(|frame| frame.taken_by.is_none()).collect();
                    failures.push(failure);
                }
            }
        }
        Ok(failures)
    }
}
