//! Records for tests, written down shortly.

use std::sync::Arc;

use serde_json::{Map, json};

use crate::domain::{
    ClientMessageId, ConversationId, Kind, Message, MessageId, MessageKind, Participant, SequenceId, Timestamp, UserId,
};
use crate::log::{RECENT, Record, SentKey, StoredState};
use crate::storage::{Append, AppendId, Store, StoreError};

/// A conversation as the test believes it to be, beside the store.
pub(super) struct Log {
    pub(super) id: ConversationId,
    pub(super) state: StoredState,
    /// The latest append.
    pub(super) last: AppendId,
    clock: i64,
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn user(name: &str) -> UserId {
    UserId::from(name)
}

pub(super) fn member(name: &str, joined_at: i64) -> Participant {
    let kind = if name == "ai" { Kind::Ai } else { Kind::Human };
    Participant {
        id: user(name),
        name: format!("{name} by name"),
        kind,
        joined_at: at(joined_at),
        added_by_others: name == "ben",
    }
}

pub(super) fn key(sender: &str, client_id: &str) -> SentKey {
    SentKey { sender: user(sender), client_id: ClientMessageId::from(client_id) }
}

pub(super) fn created(time: i64) -> Record {
    Record::Created {
        title: "a title".to_owned(),
        sites: vec!["one".to_owned(), "two".to_owned()],
        mode: "list".to_owned(),
        creator: user("ann"),
        at: at(time),
    }
}

impl Log {
    /// Creates a conversation in the store, with these members, at a moment.
    pub(super) async fn create(store: &dyn Store, members: &[&str], time: i64) -> Self {
        let id = ConversationId::random();
        let mut records = vec![created(time)];
        records.extend(members.iter().map(|name| Record::Joined(member(name, time))));
        let state = StoredState::replay(id.clone(), &records).unwrap();
        let append = Append::create(id.clone(), records);
        let last = append.id;
        store.append(append).await.unwrap();
        Self { id, state, last, clock: time }
    }

    /// The next message, not stored yet.
    pub(super) fn message(&mut self, sender: &str, client_id: Option<&str>, content: &str) -> Record {
        self.clock += 1;
        Record::Posted(Arc::new(Message {
            id: MessageId::random(),
            client_id: client_id.map(ClientMessageId::from),
            sequence: self.state.last_sequence.next(),
            sender: user(sender),
            sender_name: format!("{sender} by name"),
            content: content.to_owned(),
            kind: if sender == "ai" { MessageKind::NlwebResponse } else { MessageKind::Text },
            timestamp: at(self.clock),
            metadata: Map::from_iter([("sites".to_owned(), json!(["one", {"deep": null}]))]),
        }))
    }

    /// An append behind the latest one.
    pub(super) fn next(&self, records: Vec<Record>) -> Append {
        Append::follow(self.id.clone(), self.last, records)
    }

    /// Stores records, and takes them in if that went well.
    pub(super) async fn append(&mut self, store: &dyn Store, records: Vec<Record>) -> Result<(), StoreError> {
        let append = self.next(records.clone());
        let id = append.id;
        store.append(append).await?;
        self.last = id;
        for record in &records {
            self.state.fold(record);
        }
        Ok(())
    }

    pub(super) async fn say(&mut self, store: &dyn Store, sender: &str, client_id: Option<&str>, content: &str) {
        let message = self.message(sender, client_id, content);
        self.append(store, vec![message]).await.unwrap();
    }

    /// The store says the same as the test believes.
    pub(super) async fn check(&self, store: &dyn Store) {
        let loaded = store.load(&self.id, RECENT).await.unwrap().expect("the conversation is there");
        assert_eq!((loaded.state, loaded.last_append), (self.state.clone(), self.last));
    }

    /// The places of a page.
    pub(super) async fn places(&self, store: &dyn Store, after: u64, limit: usize) -> Vec<u64> {
        let page = store.messages_after(&self.id, SequenceId(after), limit, usize::MAX).await.unwrap();
        page.iter().map(|message| message.sequence.0).collect()
    }
}
