//! What the store answers, and what follows from it.

use super::Pipeline;
use crate::core::command::Change;
use crate::core::decide::Decision;
use crate::core::in_flight::{Appending, Found, InFlight};
use crate::core::step::{AppendOutcome, Step};
use crate::domain::Now;
use crate::log::Record;

/// The batch before anything was decided about it.
fn undecided<T>(batch: Vec<(Change, T, Decision)>) -> Vec<(Change, T)> {
    batch.into_iter().map(|(change, reply_to, _)| (change, reply_to)).collect()
}

impl<T> Pipeline<T> {
    /// The store answered [`Step::Lookup`]: what it has under each key, in the order of the keys. `None`: it failed.
    pub(crate) fn looked_up(&mut self, result: Option<Found>, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if let Some(batch) = self.answered(InFlight::into_looking_up) {
            match result {
                Some(found) => self.decide_batch(batch, Some(found), now, &mut steps),
                None => self.fail_batch(batch, &mut steps),
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// The store answered [`Step::Append`].
    pub(crate) fn appended(&mut self, outcome: AppendOutcome, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if let Some(Appending { batch, was_looked_up }) = self.answered(InFlight::into_appending) {
            match outcome {
                AppendOutcome::Stored => {
                    for (change, reply_to, decision) in batch {
                        self.settle(&change, reply_to, decision, now, &mut steps);
                    }
                }
                AppendOutcome::InDoubt => self.doubt(batch, now, &mut steps),
                AppendOutcome::SentBefore if !was_looked_up => self.look_up(undecided(batch), &mut steps),
                AppendOutcome::Failed | AppendOutcome::SentBefore => self.fail_batch(undecided(batch), &mut steps),
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// The store told at last whether the append of [`Step::Resolve`] is stored.
    pub(crate) fn resolved(&mut self, is_durable: bool, now: Now) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        let records = self.answered(InFlight::into_in_doubt).unwrap_or_default();
        for record in records.iter().filter(|_| is_durable) {
            steps.extend(self.state.apply(record, now).into_iter().map(Step::Effect));
            if let Record::Posted(message) = record {
                self.ask_ai(message, &mut steps);
            }
        }
        self.proceed(now, &mut steps);
        steps
    }

    /// Takes out the request that the store has answered; `None`, which is a defect, if it was asked something else.
    fn answered<R>(&mut self, expected: impl FnOnce(InFlight<T>) -> Result<R, InFlight<T>>) -> Option<R> {
        match self.in_flight.take().map(expected) {
            Some(Ok(request)) => Some(request),
            other => {
                self.in_flight = other.and_then(Result::err);
                let state = self.in_flight.as_ref().map_or("nothing is in flight", InFlight::name);
                debug_assert!(false, "the store answered what it was not asked: {state}");
                None
            }
        }
    }
}
