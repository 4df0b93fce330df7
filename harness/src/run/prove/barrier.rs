//! A barrier as a state machine: whom it asks in which order, and what the answers amount to. Pure; [`barriers`] drives
//! it.
//!
//! [`barriers`]: super::barriers

/// Who asks for a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// A step.
    Step,
    /// The end of the scenario.
    End,
}

/// What a barrier gave, where it did not break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Everything caused before has arrived: every question was answered as declared.
    Proven,
    /// Unknown, for this reason.
    Unproven(String),
}

/// The reply to one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It was answered as declared.
    Answered,
    /// It can't be asked, for this reason.
    Unasked(String),
    /// It was asked and not answered as declared.
    Broken,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<Q> {
    /// These questions are asked at once; each gets a reply.
    Ask(Vec<Q>),
    /// Nothing more: what the barrier gave.
    Done(Proof),
    /// Nothing more: a question was not answered as declared.
    Broken,
}

/// The questions of a barrier, in rounds: those of a round are asked at once, and the next round begins when all of them
/// have a reply. What others sent must be through before the watcher is asked, so the watcher's round is the last. A round
/// with a broken question is the last too.
#[derive(Debug)]
pub(crate) struct BarrierRounds<Q> {
    rounds: std::vec::IntoIter<Vec<Q>>,
    open: usize,
    proof: Proof,
    broken: bool,
}

impl<Q> BarrierRounds<Q> {
    /// A barrier with these rounds. One without a question proves nothing.
    pub(crate) fn new(rounds: Vec<Vec<Q>>) -> Self {
        let asks = rounds.iter().any(|round| !round.is_empty());
        let proof = if asks { Proof::Proven } else { Proof::Unproven("nobody could be asked".to_owned()) };
        Self { rounds: rounds.into_iter(), open: 0, proof, broken: false }
    }

    /// What comes next, when every question so far has its reply.
    pub(crate) fn next(&mut self) -> Next<Q> {
        debug_assert_eq!(self.open, 0, "every question has its reply");
        if self.broken {
            return Next::Broken;
        }
        match self.rounds.find(|round| !round.is_empty()) {
            Some(round) => {
                self.open = round.len();
                Next::Ask(round)
            }
            None => Next::Done(self.proof.clone()),
        }
    }

    /// Takes the reply to one question of the round. Of several reasons the first is told.
    pub(crate) fn reply(&mut self, reply: Reply) {
        self.open = self.open.saturating_sub(1);
        match reply {
            Reply::Answered => {}
            Reply::Broken => self.broken = true,
            Reply::Unasked(why) if self.proof == Proof::Proven => self.proof = Proof::Unproven(why),
            Reply::Unasked(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reply() -> impl Strategy<Value = Reply> {
        prop_oneof![4 => Just(Reply::Answered), 1 => "[a-c]".prop_map(Reply::Unasked), 1 => Just(Reply::Broken)]
    }

    proptest! {
        #[test]
        fn a_barrier_is_proven_exactly_when_every_question_was_answered(
            rounds in proptest::collection::vec(proptest::collection::vec(reply(), 0..4), 0..4),
        ) {
            let numbered: Vec<Vec<(usize, Reply)>> = rounds
                .iter()
                .enumerate()
                .map(|(number, round)| round.iter().map(|reply| (number, reply.clone())).collect())
                .collect();
            let mut barrier = BarrierRounds::new(numbered);
            let mut asked = Vec::new();
            let end = loop {
                match barrier.next() {
                    Next::Ask(round) => {
                        prop_assert!(!round.is_empty());
                        prop_assert!(round.iter().all(|(number, _)| *number == round[0].0), "one round at a time");
                        for (number, reply) in round {
                            barrier.reply(reply.clone());
                            asked.push((number, reply));
                        }
                    }
                    end => break end,
                }
            };
            let all: Vec<(usize, Reply)> = rounds
                .iter()
                .enumerate()
                .flat_map(|(number, round)| round.iter().map(move |reply| (number, reply.clone())))
                .collect();
            let broken = all.iter().find(|(_, reply)| *reply == Reply::Broken).map(|(number, _)| *number);
            let expected: Vec<_> = all.iter().filter(|(number, _)| broken.is_none_or(|last| *number <= last)).collect();
            prop_assert_eq!(asked.iter().collect::<Vec<_>>(), expected, "each once, in order, and none behind a broken round");
            let unasked = all.iter().find_map(|(_, reply)| match reply {
                Reply::Unasked(why) => Some(why.clone()),
                Reply::Answered | Reply::Broken => None,
            });
            match (broken, unasked, all.is_empty()) {
                (Some(_), ..) => prop_assert_eq!(&end, &Next::Broken),
                (None, Some(why), _) => prop_assert_eq!(&end, &Next::Done(Proof::Unproven(why))),
                (None, None, false) => prop_assert_eq!(&end, &Next::Done(Proof::Proven)),
                (None, None, true) => prop_assert!(matches!(end, Next::Done(Proof::Unproven(_)))),
            }
            prop_assert_eq!(barrier.next(), end, "it stays done");
        }
    }
}
