//! What the task of a conversation does with the steps of its pipeline, without a network.

use super::{Asked, Bench};
use crate::core::command::Outcome;
use crate::core::event::{Audience, Effect, Event, FaultKind};
use crate::core::model::Ticket;
use crate::core::model::rules::socket_of;
use crate::core::rejection::Rejection;
use crate::core::step::Step;
use crate::domain::{Mode, SocketId};

fn name(result: &Result<Outcome, Rejection>) -> String {
    match result {
        Ok(Outcome::Posted { message, duplicate }) => {
            format!("said {} {duplicate}", message.sequence)
        }
        Ok(Outcome::View(view)) => format!("seen {}", view.stored.members.len()),
        Ok(Outcome::Left { remaining }) => format!("left {remaining}"),
        Ok(Outcome::Invited(invite)) => format!("invited {}", invite.uses),
        Ok(Outcome::Done) => "done".to_owned(),
        Err(rejection) => {
            let debug = format!("{rejection:?}");
            debug.split('(').next().unwrap_or_default().to_owned()
        }
    }
}

impl Bench {
    /// Does what the conversation's task does. `works` is what the store just said, if it was asked.
    pub(super) fn take(&mut self, steps: Vec<Step<Ticket>>, works: Option<bool>) {
        let mut failing = works == Some(false);
        let mut failures = 0;
        for step in steps {
            match step {
                Step::Answer(ticket, result) => {
                    let unavailable = matches!(result, Err(Rejection::StorageUnavailable));
                    // Refused at once, because nobody knows which place is the next one.
                    let refused = unavailable && works.is_none() && self.model.is_in_doubt();
                    // One batch fails, as a whole and first of all.
                    failing &= unavailable;
                    failures += usize::from(unavailable);
                    assert!(!unavailable || failing || refused, "only what was in flight fails");
                    if !matches!(result, Err(Rejection::QueueFull)) && !refused {
                        let expected = self.model.answer(ticket, !failing);
                        assert_eq!(name(&result), expected, "{:?}", self.changes[&ticket]);
                    }
                    self.answer(ticket, &result);
                }
                Step::Reply(_, socket, event) => self.push(&Audience::Socket(socket), &event),
                Step::ReplyPage(_, effect) | Step::Effect(effect) => self.carry_out(effect),
                Step::Lookup(keys) => self.ask(Asked::Lookup(keys)),
                Step::Append(records) => self.ask(Asked::Append(records)),
                Step::Resolve => {
                    self.model.batch_ends();
                    self.ask(Asked::Resolve(self.doubted));
                }
                Step::JobDropped(_) => panic!("there is no AI"),
            }
        }
        assert!(works != Some(false) || failures > 0, "a failure is told");
    }

    fn ask(&mut self, asked: Asked) {
        assert!(self.asked.is_none(), "one batch in flight");
        self.asked = Some(asked);
    }

    fn answer(&mut self, ticket: Ticket, result: &Result<Outcome, Rejection>) {
        let Some((_, outbound)) = socket_of(&self.changes[&ticket]).and_then(|socket| self.outbounds.get(&socket))
        else {
            return;
        };
        match result {
            Ok(Outcome::Posted { message, duplicate }) => {
                let frame = format!("ack {} {duplicate}", message.sequence).into();
                if *duplicate {
                    outbound.reply(None, frame, None);
                } else {
                    outbound.ack(None, message.sequence, frame, None);
                }
            }
            Ok(_) => {}
            Err(_) => {
                outbound.reply(None, format!("error {}", name(result)).into(), None);
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Tell(audience, event) => self.push(&audience, &event),
            Effect::Posted(message) => {
                let frame = format!("message {}", message.sequence);
                self.recent.push(message.sequence, frame.into(), std::time::Instant::now());
                for (_, outbound) in self.outbounds.values() {
                    outbound.advance(Some(message.sequence));
                }
            }
            Effect::Replay { socket, up_to } => {
                self.outbounds[&socket].1.advance(Some(up_to));
            }
            Effect::Page { socket, after, current, roster } => {
                self.outbounds[&socket].1.push_page(None, after, current, roster, None);
            }
            Effect::Close(socket, reason) => {
                // The writer goes on until the close is out.
                self.outbounds[&socket].1.close(None, reason);
                self.receive(socket, usize::MAX);
                self.outbounds.remove(&socket);
            }
        }
    }

    fn push(&self, audience: &Audience, event: &Event) {
        let frame = match event {
            Event::Connected { current, .. } => format!("connected {current}"),
            Event::ParticipantList { .. } => "list".to_owned(),
            Event::Joined { participant, count, .. } => format!("joined {} {count}", participant.id),
            Event::Left { participant, count, .. } => format!("left {} {count}", participant.id),
            Event::Presence { online: true, participant, .. } => format!("online {}", participant.id),
            Event::Presence { participant, .. } => format!("offline {}", participant.id),
            Event::ModeChanged { mode, .. } => {
                format!("mode {}", *mode == Mode::Multi)
            }
            Event::Typing { participant, typing } => format!("typing {} {typing}", participant.id),
            Event::Pong => "pong".to_owned(),
            Event::Fault(fault) if fault.kind == FaultKind::InvalidSync => "error InvalidSync".to_owned(),
            other => panic!("unexpected {other:?}"),
        };
        for (socket, (owner, outbound)) in &self.outbounds {
            let hears = match audience {
                Audience::Everyone => true,
                Audience::Others(user) => owner != user,
                Audience::Socket(only) => socket == only,
            };
            if hears {
                outbound.reply(None, frame.clone().into(), None);
            }
        }
    }

    pub(super) fn receive(&mut self, socket: SocketId, frames: usize) {
        let Some((_, outbound)) = self.outbounds.get(&socket) else {
            return;
        };
        let received = self.received.entry(socket).or_default();
        for _ in 0..frames {
            match outbound.poll() {
                None => return,
                Some(frame) => received.push(frame),
            }
        }
    }
}
