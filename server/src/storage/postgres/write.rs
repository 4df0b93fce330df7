//! What a batch of appends changes: one transaction, a handful of statements however many messages there are.

use std::collections::{BTreeMap, HashMap};

use tokio_postgres::Client;

use super::connect::describe;
use crate::domain::{ConversationId, Message, Participant, Timestamp, UserId};
use crate::log::{Invite, Record};
use crate::storage::append::Append;
use crate::storage::columns;
use crate::storage::error::StoreError;

/// How a transaction ended that did not end well.
#[derive(Debug)]
pub(super) enum TransactionError {
    /// Something in it makes no sense to the database; it was rolled back.
    Content(StoreError),
    /// The database failed; nothing was stored.
    Database(StoreError),
    /// The database was lost while it committed.
    InDoubt(StoreError),
}

impl TransactionError {
    /// What a failure of the database means before the commit was asked for.
    pub(super) fn before_commit(error: &tokio_postgres::Error) -> Self {
        // Places are checked before, so what stands twice is a sender's id.
        let is_sent = error
            .as_db_error()
            .is_some_and(|said| said.code().code() == "23505" && said.constraint() == Some("messages_sent"));
        let said = if is_sent { StoreError::SentBefore } else { StoreError::failed(describe(error)) };
        // Data, integrity, limits: the other appends may be fine.
        let is_content =
            error.code().is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.code().starts_with(class)));
        if is_content { Self::Content(said) } else { Self::Database(said) }
    }

    fn at_commit(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // Told by the database itself, and not because it was told to stop in the middle.
            Some(said) if !said.code().code().starts_with("57") => Self::before_commit(error),
            _ => Self::InDoubt(StoreError::InDoubt(describe(error).into())),
        }
    }
}

impl From<tokio_postgres::Error> for TransactionError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::before_commit(&error)
    }
}

/// A conversation's row while the batch goes in.
struct Head {
    key: i64,
    last_sequence: i64,
    updated_at: i64,
    /// Creation or newest message.
    active_at: Option<i64>,
    /// The latest append; none in a new conversation.
    latest: Vec<u8>,
}

/// Stores a batch of appends, no two of them of one conversation. `committing` is set when the commit is under way.
/// Says for each append whether it went in.
pub(super) async fn store(
    client: &Client,
    batch: &[&Append],
    ordinal: &mut i64,
    committing: &mut bool,
) -> Result<Vec<Result<(), StoreError>>, TransactionError> {
    client.batch_execute("BEGIN").await?;
    let mut heads = heads(client, batch).await?;
    let mut results = Vec::with_capacity(batch.len());
    let mut rows = Rows::default();
    for append in batch {
        let result = put(client, append, &mut heads, &mut rows).await?;
        results.push(result);
        if let Some(head) = heads.get(append.conversation.as_str()).filter(|_| results.last() == Some(&Ok(()))) {
            rows.head(head, append, ordinal);
        }
    }
    rows.write(client).await?;
    *committing = true;
    client.batch_execute("COMMIT").await.map_err(|error| TransactionError::at_commit(&error))?;
    Ok(results)
}

/// The rows of the conversations that exist, locked, so that nobody else can give the next sequence ids away.
async fn heads(client: &Client, batch: &[&Append]) -> Result<HashMap<String, Head>, TransactionError> {
    let ids: Vec<&str> = batch.iter().map(|append| append.conversation.as_str()).collect();
    let sql = "SELECT id, key, last_sequence, updated_at, last_append FROM conversations
         WHERE id = ANY($1) FOR UPDATE";
    let mut heads = HashMap::new();
    for row in client.query(sql, &[&ids]).await? {
        let head = Head {
            key: row.try_get(1)?,
            last_sequence: row.try_get(2)?,
            updated_at: row.try_get(3)?,
            active_at: None,
            latest: row.try_get(4)?,
        };
        heads.insert(row.try_get(0)?, head);
    }
    Ok(heads)
}

/// Whether the messages among these records continue the log.
fn fits(head: &Head, records: &[Record]) -> bool {
    let places = records.iter().filter_map(|record| match record {
        Record::Posted(message) => Some(columns::place(message.sequence)),
        _ => None,
    });
    places.zip(head.last_sequence.saturating_add(1)..).all(|(found, expected)| found == expected)
        && !records.iter().any(|record| matches!(record, Record::Created { .. }))
}

/// Takes one append in: the rare records at once, messages and read positions into `rows`.
async fn put<'a>(
    client: &Client,
    append: &'a Append,
    heads: &mut HashMap<String, Head>,
    rows: &mut Rows<'a>,
) -> Result<Result<(), StoreError>, TransactionError> {
    let conflict = Ok(Err(StoreError::Conflict(append.conversation.clone())));
    let id = append.conversation.as_str();
    let records = match append.records.as_slice() {
        [created @ Record::Created { .. }, rest @ ..] => {
            let fresh = Head { key: 0, last_sequence: 0, updated_at: 0, active_at: None, latest: Vec::new() };
            if append.after.is_some() || heads.contains_key(id) || !fits(&fresh, rest) {
                return conflict;
            }
            let Some(head) = create(client, append, created).await? else {
                return conflict;
            };
            heads.insert(id.to_owned(), head);
            rest
        }
        records => {
            let is_next = |head: &Head| append.after.is_some_and(|after| after.as_bytes() == head.latest);
            if !heads.get(id).is_some_and(is_next) {
                return conflict;
            }
            records
        }
    };
    let Some(head) = heads.get_mut(id).filter(|head| fits(head, records)) else {
        return conflict;
    };
    for record in records {
        match record {
            Record::Created { .. } => {}
            Record::Joined(participant) => {
                join(client, head.key, participant).await?;
                head.updated_at = participant.joined_at.as_millis();
            }
            Record::Left { user, at } => {
                let sql = "DELETE FROM members WHERE conversation = $1 AND \"user\" = $2";
                client.execute(sql, &[&head.key, &user.as_str().as_bytes()]).await?;
                head.updated_at = at.as_millis();
            }
            Record::Edited { edit, at } => {
                let sql = "UPDATE conversations SET title = coalesce($2, title), sites = coalesce($3, sites),
                           mode = coalesce($4, mode) WHERE key = $1";
                let sites = edit.sites.as_deref().map(columns::sites_text);
                let bytes = |text: &'a Option<String>| text.as_deref().map(str::as_bytes);
                let (title, mode) = (bytes(&edit.title), bytes(&edit.mode));
                let sites = sites.as_deref().map(str::as_bytes);
                client.execute(sql, &[&head.key, &title, &sites, &mode]).await?;
                head.updated_at = at.as_millis();
            }
            Record::Posted(message) => {
                rows.messages.push((head.key, message));
                head.last_sequence += 1;
                head.updated_at = message.timestamp.as_millis();
                head.active_at = Some(message.timestamp.as_millis());
            }
            Record::Invited(invite) => self::invite(client, head.key, invite).await?,
            Record::InviteUsed { invite } => {
                let sql = "UPDATE invites SET uses = uses + 1 WHERE id = $1 AND conversation = $2 AND NOT forgotten";
                client.execute(sql, &[&invite.as_str(), &head.key]).await?;
            }
            Record::Read { user, up_to } => {
                rows.positions.insert((head.key, user), columns::place(*up_to));
            }
        }
    }
    Ok(Ok(()))
}

async fn create(client: &Client, append: &Append, created: &Record) -> Result<Option<Head>, TransactionError> {
    let Record::Created { title, sites, mode, creator, at } = created else {
        return Ok(None);
    };
    let sql = "INSERT INTO conversations
         (id, title, sites, mode, creator, created_at, updated_at, active_at, ordinal, last_append)
         VALUES ($1, $2, $3, $4, $5, $6, $6, $6, 0, $7) ON CONFLICT (id) DO NOTHING RETURNING key";
    let (id, sites, at) = (ConversationId::as_str(&append.conversation), columns::sites_text(sites), at.as_millis());
    let row = client
        .query_opt(
            sql,
            &[
                &id,
                &title.as_bytes(),
                &sites.as_bytes(),
                &mode.as_bytes(),
                &creator.as_str().as_bytes(),
                &at,
                &append.id.as_bytes(),
            ],
        )
        .await?;
    let head = |row: tokio_postgres::Row| {
        Ok(Head { key: row.try_get(0)?, last_sequence: 0, updated_at: at, active_at: Some(at), latest: Vec::new() })
    };
    row.map(head).transpose()
}

async fn join(client: &Client, key: i64, participant: &Participant) -> Result<(), TransactionError> {
    let Participant { id, name, kind, joined_at, added_by_others } = participant;
    let sql = "INSERT INTO members (conversation, \"user\", position, name, kind, joined_at, added_by_others)
         SELECT $1, $2, coalesce(max(position), 0) + 1, $3, $4, $5, $6 FROM members WHERE conversation = $1
         ON CONFLICT (conversation, \"user\")
         DO UPDATE SET name = excluded.name, kind = excluded.kind, joined_at = excluded.joined_at,
             added_by_others = excluded.added_by_others";
    let user = UserId::as_str(id).as_bytes();
    let (kind, at) = (columns::kind_name(*kind), Timestamp::as_millis(*joined_at));
    client.execute(sql, &[&key, &user, &name.as_bytes(), &kind, &at, added_by_others]).await?;
    Ok(())
}

/// Stores an invite, and forgets those that have expired by now.
async fn invite(client: &Client, key: i64, invite: &Invite) -> Result<(), TransactionError> {
    let Invite { id, by, created_at, expires_at, max_uses, uses } = invite;
    let (created_at, expires_at) = (created_at.as_millis(), expires_at.as_millis());
    let sql = "UPDATE invites SET forgotten = true WHERE conversation = $1 AND NOT forgotten AND expires_at <= $2";
    client.execute(sql, &[&key, &created_at]).await?;
    let sql = "INSERT INTO invites (id, conversation, made_by, created_at, expires_at, max_uses, uses)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let by = UserId::as_str(by).as_bytes();
    let (max_uses, uses) = (max_uses.map(i64::from), i64::from(*uses));
    client.execute(sql, &[&id.as_str(), &key, &by, &created_at, &expires_at, &max_uses, &uses]).await?;
    Ok(())
}

/// What all appends of a batch add, written together.
#[derive(Default)]
struct Rows<'a> {
    messages: Vec<(i64, &'a Message)>,
    /// A row may be written once in a statement: the last position counts.
    positions: BTreeMap<(i64, &'a UserId), i64>,
    keys: Vec<i64>,
    last_sequences: Vec<i64>,
    updated: Vec<i64>,
    active: Vec<Option<i64>>,
    ordinals: Vec<Option<i64>>,
    appends: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    /// The conversation's row as this append leaves it.
    fn head(&mut self, head: &Head, append: &'a Append, ordinal: &mut i64) {
        self.keys.push(head.key);
        self.last_sequences.push(head.last_sequence);
        self.updated.push(head.updated_at);
        self.active.push(head.active_at);
        self.ordinals.push(head.active_at.map(|_| *ordinal));
        self.appends.push(append.id.as_bytes());
        *ordinal += i64::from(head.active_at.is_some());
    }

    async fn write(&self, client: &Client) -> Result<(), TransactionError> {
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

    async fn write_messages(&self, client: &Client) -> Result<(), TransactionError> {
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
