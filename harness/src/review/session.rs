//! A review in a terminal, without the terminal: keys in, what to do next out.

use super::decide::{ChangeDecision, Decisions};
use super::gather::Review;

/// Lines of a difference that a key goes up or down.
const SCROLLED: usize = 10;

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewKey {
    /// Accept the changes of this group in this snapshot.
    Accept,
    /// Reject them.
    Reject,
    /// Accept all alike: this group in every snapshot.
    AcceptAll,
    /// Reject all alike.
    RejectAll,
    /// Leave this group undecided and go on.
    Skip,
    /// Take back what was decided of this group.
    Undo,
    /// The next group.
    Next,
    /// The group before.
    Previous,
    /// The next snapshot of this group.
    NextMember,
    /// The snapshot before.
    PreviousMember,
    /// The whole difference of the snapshot, or only this change.
    Whole,
    /// Further down in the difference.
    Down,
    /// Further up.
    Up,
    /// The trace of the scenario.
    Trace,
    /// What the keys do.
    Help,
    /// Carry out what was decided.
    Finish,
    /// Leave everything as it is.
    Abort,
}

impl ReviewKey {
    /// The key of a letter.
    pub fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'a' => Self::Accept,
            'A' => Self::AcceptAll,
            'r' => Self::Reject,
            'R' => Self::RejectAll,
            's' | ' ' => Self::Skip,
            'u' => Self::Undo,
            'n' => Self::Next,
            'p' => Self::Previous,
            'j' => Self::NextMember,
            'k' => Self::PreviousMember,
            'd' => Self::Whole,
            'f' => Self::Down,
            'b' => Self::Up,
            't' => Self::Trace,
            '?' | 'h' => Self::Help,
            'q' => Self::Finish,
            _ => return None,
        })
    }
}

/// What the terminal does after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextAction {
    /// Show where it stands.
    Show,
    /// Open the trace of this pending snapshot's scenario.
    Trace(usize),
    /// Carry out what was decided.
    Finish,
    /// Leave everything as it is.
    Abort,
}

/// The state of a review.
#[derive(Debug)]
pub struct ReviewSession<'r> {
    /// What is reviewed.
    pub review: &'r Review,
    /// What was decided.
    pub decisions: Decisions,
    /// The group that is shown.
    pub group: usize,
    /// The snapshot of it that is shown.
    pub member: usize,
    /// Whether the whole difference is shown, of this change in this snapshot alone.
    pub whole: bool,
    /// How many lines of the difference stand above what is shown; the screen shows its end at most.
    pub above: usize,
    /// Whether the keys are explained.
    pub help: bool,
}

impl<'r> ReviewSession<'r> {
    /// At the first group, with nothing decided.
    pub fn new(review: &'r Review) -> Self {
        Self { review, decisions: Decisions::default(), group: 0, member: 0, whole: false, above: 0, help: false }
    }

    /// Takes a key.
    pub fn press(&mut self, key: ReviewKey) -> NextAction {
        let help = std::mem::take(&mut self.help);
        match key {
            ReviewKey::Accept => return self.decide(ChangeDecision::Accept),
            ReviewKey::Reject => return self.decide(ChangeDecision::Reject),
            ReviewKey::AcceptAll => return self.decide_all(ChangeDecision::Accept),
            ReviewKey::RejectAll => return self.decide_all(ChangeDecision::Reject),
            ReviewKey::Skip | ReviewKey::Next => self.go(1),
            ReviewKey::Previous => self.go(self.review.groups.len().saturating_sub(1)),
            ReviewKey::Undo => self.decisions.set_all(self.review, self.group, None),
            ReviewKey::NextMember => self.page(1),
            ReviewKey::PreviousMember => self.page(self.members().saturating_sub(1)),
            ReviewKey::Whole => (self.whole, self.above) = (!self.whole, 0),
            ReviewKey::Down => self.above += SCROLLED,
            ReviewKey::Up => self.above = self.above.saturating_sub(SCROLLED),
            ReviewKey::Trace => return self.file().map_or(NextAction::Show, NextAction::Trace),
            ReviewKey::Help => self.help = !help,
            ReviewKey::Finish => return NextAction::Finish,
            ReviewKey::Abort => return NextAction::Abort,
        }
        NextAction::Show
    }

    /// The pending snapshot that is shown.
    pub fn file(&self) -> Option<usize> {
        self.review.groups.get(self.group)?.members.get(self.member).map(|member| member.file)
    }

    /// How many groups are decided.
    pub fn decided(&self) -> usize {
        (0..self.review.groups.len()).filter(|group| self.decisions.decided(self.review, *group)).count()
    }

    fn members(&self) -> usize {
        self.review.groups.get(self.group).map_or(0, |group| group.members.len())
    }

    fn decide(&mut self, decision: ChangeDecision) -> NextAction {
        if let Some(file) = self.file() {
            self.decisions.set(file, self.group, Some(decision));
        }
        // The next snapshot of the group that is not decided, from here on and around.
        let count = self.members();
        let open = (1..count).map(|step| (self.member + step) % count).find(|member| {
            let file = self.review.groups.get(self.group).and_then(|group| group.members.get(*member));
            file.is_some_and(|member| self.decisions.of(member.file, self.group).is_none())
        });
        match open {
            Some(member) => {
                self.stand_at(self.group, member);
                NextAction::Show
            }
            None => self.advance(),
        }
    }

    fn decide_all(&mut self, decision: ChangeDecision) -> NextAction {
        self.decisions.set_all(self.review, self.group, Some(decision));
        self.advance()
    }

    /// To the next undecided group; without one, all is done.
    fn advance(&mut self) -> NextAction {
        let count = self.review.groups.len();
        let open = (1..count).find(|step| !self.decisions.decided(self.review, (self.group + step) % count));
        match open {
            Some(step) => {
                self.go(step);
                NextAction::Show
            }
            None => NextAction::Finish,
        }
    }

    fn go(&mut self, step: usize) {
        self.stand_at((self.group + step) % self.review.groups.len().max(1), 0);
    }

    fn page(&mut self, step: usize) {
        self.stand_at(self.group, (self.member + step) % self.members().max(1));
    }

    /// Shows another change from its beginning, and that change alone.
    fn stand_at(&mut self, group: usize, member: usize) {
        (self.group, self.member, self.whole, self.above) = (group, member, false, 0);
    }
}
