//! The rows that a batch of appends adds, written together.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use super::transaction_error::PostgresTransactionError;
use crate::domain::{Message, UserId};
use crate::storage::append::Append;
use crate::storage::columns;

/// A conversation's row while the batch goes in.
pub(super) struct Head {
    pub(super) key: i64,
    pub(super) last_sequence: i64,
    pub(super) updated_at: i64,
    /// Creation or newest message.
    pub(super) active_at: Option<i64>,
    /// The latest append; none in a new conversation.
    pub(super) latest: Vec<u8>,
}

/// What all appends of a batch add, written together.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) messages: Vec<(i64, &'a Message)>,
    /// A row may be written once in a statement: the last position counts.
    pub(super) positions: BTreeMap<(i64, &'a UserId), i64>,
    keys: Vec<i64>,
    last_sequences: Vec<i64>,
    updated: Vec<i64>,
    active: Vec<Option<i64>>,
    ordinals: Vec<Option<i64>>,
    appends: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    /// The conversation's row as this append leaves it.
    pub(super) fn head(&mut self, head: &Head, append: &'a Append, ordinal: &mut i64) {
        self.keys.push(head.key);
        self.last_sequences.push(head.last_sequence);
        self.updated.push(head.updated_at);
        self.active.push(head.active_at);
        self.ordinals.push(head.active_at.map(|_| *ordinal));
        self.appends.push(append.id.as_bytes());
        *ordinal += i64::from(head.active_at.is_some());
    }

    /// Writes all of it.
    pub(super) async fn write(&self, client: &Client) -> Result<(), PostgresTransactionError> {
        if !self.messages.is_empty() {
            self.write_messages(client).await?;
        }
        if !self.positions.is_empty() {
            let sql = "INSERT INTO read_positions (conversation, \"user\", up_to)
                 SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[])
                 ON CONFLICT (conversation, \"user\") DO UPDATE SET up_to = excluded.up_to";
            let keys: Vec<i64> = self.positions.keys().map(|(key, _)| *key).collect();
            let users: Vec<&[u8]> = self.positions.keys().map(|(_, user)| user.as_str().as_bytes()).collect();
            let places: Vec<i64> = self.positions.values().copied().collect();
            client.execute(sql, &[&keys, &users, &places]).await?;
        }
        let sql = "UPDATE conversations AS c SET last_sequence = n.last_sequence, updated_at = n.updated_at,
                   active_at = coalesce(n.active_at, c.active_at), ordinal = coalesce(n.ordinal, c.ordinal),
                   last_append = n.last_append
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
                  AS n (key, last_sequence, updated_at, active_at, ordinal, last_append)
             WHERE c.key = n.key";
        client
            .execute(
                sql,
                &[&self.keys, &self.last_sequences, &self.updated, &self.active, &self.ordinals, &self.appends],
            )
            .await?;
        Ok(())
    }

    async fn write_messages(&self, client: &Client) -> Result<(), PostgresTransactionError> {
        let sql = "INSERT INTO messages
             (conversation, sequence, id, client_id, sender, sender_name, content, kind, at, metadata)
             SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[],
                                  $7::bytea[], $8::text[], $9::bigint[], $10::bytea[])";
        let messages = &self.messages;
        let keys: Vec<i64> = messages.iter().map(|(key, _)| *key).collect();
        let places: Vec<i64> = messages.iter().map(|(_, message)| columns::place(message.sequence)).collect();
        let ids: Vec<&str> = messages.iter().map(|(_, message)| message.id.as_str()).collect();
        let client_ids: Vec<Option<&[u8]>> =
            messages.iter().map(|(_, message)| message.client_id.as_ref().map(|id| id.as_str().as_bytes())).collect();
        let senders: Vec<&[u8]> = messages.iter().map(|(_, message)| message.sender.as_str().as_bytes()).collect();
        let names: Vec<&[u8]> = messages.iter().map(|(_, message)| message.sender_name.as_bytes()).collect();
        let contents: Vec<&[u8]> = messages.iter().map(|(_, message)| message.content.as_bytes()).collect();
        let kinds: Vec<&str> = messages.iter().map(|(_, message)| columns::message_kind_name(message.kind)).collect();
        let times: Vec<i64> = messages.iter().map(|(_, message)| message.timestamp.as_millis()).collect();
        let metadata: Vec<Vec<u8>> =
            messages.iter().map(|(_, message)| columns::metadata_text(&message.metadata).into_bytes()).collect();
        client
            .execute(sql, &[&keys, &places, &ids, &client_ids, &senders, &names, &contents, &kinds, &times, &metadata])
            .await?;
        Ok(())
    }
}
