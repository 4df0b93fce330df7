//! What an AI is told besides the question.

use std::sync::Arc;

use crate::domain::{Message, MessageKind, SequenceId};

/// The most human messages in a context.
const HUMAN_MESSAGES: usize = 5;

/// The talk before a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// The last human messages up to the question, the question included, oldest first. Each knows its sender.
    pub(crate) human: Vec<Arc<Message>>,
    /// The last answer of an AI before the question.
    pub(crate) last_answer: Option<Arc<Message>>,
}

impl Context {
    /// Builds the context of the question at `place` from recent messages, oldest first.
    pub(crate) fn build<'a>(recent: impl DoubleEndedIterator<Item = &'a Arc<Message>>, place: SequenceId) -> Self {
        let mut context = Self::default();
        for message in recent.rev().filter(|message| message.sequence <= place) {
            match message.kind {
                MessageKind::Text if context.human.len() < HUMAN_MESSAGES => {
                    context.human.push(Arc::clone(message));
                }
                MessageKind::NlwebResponse if context.last_answer.is_none() => {
                    context.last_answer = Some(Arc::clone(message));
                }
                _ => {}
            }
        }
        context.human.reverse();
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MessageId, Timestamp, UserId};

    fn message(place: u64, sender: &str, kind: MessageKind) -> Arc<Message> {
        Arc::new(Message {
            id: MessageId::from(format!("msg_{place}")),
            client_id: None,
            sequence: SequenceId(place),
            sender: UserId::from(sender),
            sender_name: sender.to_owned(),
            content: format!("{sender} {place}"),
            kind,
            timestamp: Timestamp::from_millis(0),
            metadata: serde_json::Map::new(),
        })
    }

    #[test]
    fn holds_the_last_five_human_messages_and_the_last_answer() {
        use MessageKind::{Error, NlwebResponse, Text};
        let talk = [
            message(1, "alice", Text),
            message(2, "nlweb_1", NlwebResponse),
            message(3, "bob", Text),
            message(4, "alice", Text),
            message(5, "nlweb_1", NlwebResponse),
            message(6, "bob", Text),
            message(7, "nlweb_1", Error),
            message(8, "alice", Text),
            message(9, "carol", Text),
            message(10, "carol", Text),
        ];
        let context = Context::build(talk.iter(), SequenceId(9));
        let said: Vec<_> = context.human.iter().map(|message| message.content.as_str()).collect();
        assert_eq!(said, ["bob 3", "alice 4", "bob 6", "alice 8", "carol 9"]);
        assert_eq!(context.last_answer.map(|answer| answer.sequence), Some(SequenceId(5)));
    }

    #[test]
    fn is_empty_without_talk() {
        assert_eq!(Context::build([].iter(), SequenceId(1)), Context::default());
    }
}
