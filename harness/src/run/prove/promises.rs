//! What a protocol promises of its streams, judged at the end of a scenario.

use std::sync::Arc;

use super::readback::{read_back, values_of};
use super::stream_patterns::stream_pattern;
use crate::event::{EventKind, Failure, FailureKind, StreamPattern};
use crate::invariant::{self, judge_all};
use crate::run::context::step_context::StepContext;
use crate::scenario::stream::StoredStream;

/// Judges the invariants over the whole record; violations are failures, and what is unknown is told.
pub(crate) async fn promises(context: &StepContext, failures: &mut Vec<Failure>) -> (Vec<String>, Vec<StreamPattern>) {
    let world = &context.world;
    let protocol = Arc::clone(&world.scenario.protocol);
    if protocol.invariants.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut stored = Vec::new();
    for stream in &protocol.streams {
        let values = values_of(stream, &world.recorder.history());
        for value in values {
            let items = read_back(context, stream, &value).await;
            stored.push(StoredStream { name: stream.name.clone(), stream: value, items });
        }
    }
    let record = world.recorder.history();
    for stream in protocol.streams.iter().filter(|_| world.recorder.detail) {
        for link in invariant::links(&record, &world.cast.members(), stream) {
            world.recorder.tell(|| EventKind::Linked {
                stream: stream.name.clone(),
                id: link.id,
                order: link.order,
                sent: link.sent,
                acks: link.acks,
                deliveries: link.deliveries,
            });
        }
    }
    let mut unknown = Vec::new();
    let (verdicts, uses) = judge_all(&record, &world.cast.members(), &protocol.streams, &stored, &protocol.invariants);
    for verdict in verdicts {
        match verdict.outcome {
            invariant::Judgement::Holds { .. } => {}
            invariant::Judgement::Unknown { why } => {
                unknown.push(format!("{} ({}): {why}", verdict.invariant.name(), verdict.stream));
            }
            invariant::Judgement::Violated(evidence) => {
                let headline = format!("{}: {}", verdict.invariant.name(), evidence.headline);
                let mut failure = Failure::new(FailureKind::Invariant, headline);
                failure.participant = Some(evidence.participant.clone());
                // They describe the entries of the record, each in a line.
                failure.details = evidence.details;
                failure.entries = evidence.entries.iter().map(|mention| mention.index).collect();
                failures.push(failure);
            }
        }
    }
    let patterns = protocol.streams.iter().zip(uses).flat_map(|(stream, uses)| {
        uses.into_iter().map(|used| stream_pattern(&protocol, &record, stream, used)).collect::<Vec<_>>()
    });
    (unknown, patterns.collect())
}
