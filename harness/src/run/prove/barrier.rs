//! A barrier as a state machine: whom it asks in which order, and what the answers amount to. Pure; [`barriers`] drives
//! it.
//!
//! [`barriers`]: super::barriers

/// What a barrier gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everything caused before has arrived.
    Proven,
    /// There is no barrier here.
    None,
}

/// What became of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It was answered.
    Answered,
    /// The connection ended first.
    Ended,
    /// It can't be asked: nobody reads the answer, or no barrier is declared there.
    Unasked,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<Q> {
    /// These questions are asked at once; each gets a reply.
    Ask(Vec<Q>),
    /// Nothing more: what the barrier gave.
    Done(Proof),
}

/// The questions of a barrier, in rounds: those of a round are asked at once, and the next round begins when all of them
/// have a reply. What others sent must be through before the watcher is asked, so the watcher's round is the last.
#[derive(Debug)]
pub(crate) struct Barrier<Q> {
    rounds: std::vec::IntoIter<Vec<Q>>,
    open: usize,
    proof: Proof,
}

impl<Q> Barrier<Q> {
    /// A barrier with these rounds. One without a question proves nothing.
    pub(crate) fn new(rounds: Vec<Vec<Q>>) -> Self {
        let asks = rounds.iter().any(|round| !round.is_empty());
        let proof = if asks { Proof::Proven } else { Proof::None };
        Self { rounds: rounds.into_iter(), open: 0, proof }
    }

    /// What comes next, when every question so far has its reply.
    pub(crate) fn next(&mut self) -> Next<Q> {
        debug_assert_eq!(self.open, 0, "every question has its reply");
        match self.rounds.find(|round| !round.is_empty()) {
            Some(round) => {
                self.open = round.len();
                Next::Ask(round)
            }
            None => Next::Done(self.proof),
        }
    }

    /// Takes the reply to one question of the round.
    pub(crate) fn reply(&mut self, reply: Reply) {
        self.open = self.open.saturating_sub(1);
        match reply {
            Reply::Answered | Reply::Ended => {}
            Reply::Unasked => self.proof = Proof::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply() -> impl Strategy<Value = Reply> {
        prop_oneof![Just(Reply::Answered), Just(Reply::Ended), Just(Reply::Unasked)]
    }

    proptest! {
        #[test]
        fn every_question_is_asked_once_in_the_order_of_the_rounds(
            rounds in proptest::collection::vec(proptest::collection::vec(reply(), 0..4), 0..4),
        ) {
            let numbered: Vec<Vec<(usize, Reply)>> = rounds
                .iter()
                .enumerate()
                .map(|(number, round)| round.iter().map(|reply| (number, *reply)).collect())
                .collect();
            let mut barrier = Barrier::new(numbered);
            let mut asked = Vec::new();
            let proof = loop {
                match barrier.next() {
                    Next::Ask(round) => {
                        prop_assert!(!round.is_empty());
                        prop_assert!(round.iter().all(|(number, _)| *number == round[0].0), "one round at a time");
                        for (number, reply) in round {
                            barrier.reply(reply);
                            asked.push((number, reply));
                        }
                    }
                    Next::Done(proof) => break proof,
                }
            };
            let all: Vec<(usize, Reply)> = rounds
                .iter()
                .enumerate()
                .flat_map(|(number, round)| round.iter().map(move |reply| (number, *reply)))
                .collect();
            prop_assert_eq!(&asked, &all);
            let proven = !all.is_empty() && all.iter().all(|(_, reply)| *reply != Reply::Unasked);
            prop_assert_eq!(proof, if proven { Proof::Proven } else { Proof::None });
            prop_assert_eq!(barrier.next(), Next::Done(proof), "it stays done");
        }
    }
}
