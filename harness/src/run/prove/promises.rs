//! What a protocol promises of its streams, judged at the end of a scenario.

use std::sync::Arc;

use super::readback::{read_back, values_of};
use super::stream_patterns::stream_pattern;
use crate::event::{EventKind, Failure, FailureKind, InvariantResult, InvariantVerdict, StreamPattern};
use crate::invariant::{self, judge_all};
use crate::run::context::step_context::StepContext;
use crate::scenario::stream::StoredStream;

/// Judges the invariants over the whole record: what each says, and which patterns found something. Violations are
/// failures too.
pub(crate) async fn promises(
    context: &StepContext,
    failures: &mut Vec<Failure>,
) -> (Vec<InvariantResult>, Vec<StreamPattern>) {
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
    let mut results = Vec::new();
    let (verdicts, uses) = judge_all(&record, &world.cast.members(), &protocol.streams, &stored, &protocol.invariants);
    for verdict in verdicts {
        let told = match verdict.outcome {
            invariant::Judgement::Holds { judged } => InvariantVerdict::Held { judged },
            invariant::Judgement::NotAsked => InvariantVerdict::NotAsked,
            invariant::Judgement::Unknown { why } => {
                let exception = world.scenario.exceptions.unknown.get(&verdict.invariant);
                InvariantVerdict::Unknown { why, excepted: exception.map(|exception| exception.reason.clone()) }
            }
            invariant::Judgement::Violated(evidence) => {
                let headline = format!("{}: {}", verdict.invariant.name(), evidence.headline);
                let mut failure = Failure::new(FailureKind::Invariant, headline);
                failure.participant = Some(evidence.participant.clone());
                // They describe the entries of the record, each in a line.
                failure.details = evidence.details;
                failure.entries = evidence.entries.iter().map(|mention| mention.index).collect();
                failures.push(failure);
                InvariantVerdict::Violated { headline: evidence.headline }
            }
        };
        let (invariant, stream) = (verdict.invariant.name().to_owned(), verdict.stream);
        results.push(InvariantResult { invariant, stream, verdict: told });
    }
    let patterns = protocol.streams.iter().zip(uses).flat_map(|(stream, uses)| {
        uses.into_iter().map(|used| stream_pattern(&protocol, &record, stream, used)).collect::<Vec<_>>()
    });
    (results, patterns.collect())
}
