//! What a batch of appends changes: one transaction, a handful of statements however many messages there are.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::rows::{Head, Rows};
use super::transaction_error::PostgresTransactionError;
use crate::domain::{ConversationId, Participant, Timestamp, UserId};
use crate::log::{Invite, Record};
use crate::storage::append::Append;
use crate::storage::columns;
use crate::storage::error::StoreError;

/// Stores a batch of appends, no two of them of one conversation. `committing` is set when the commit is under way.
/// Says for each append whether it went in.
pub(super) async fn store(
    client: &Client,
    batch: &[&Append],
    ordinal: &mut i64,
    committing: &mut bool,
) -> Result<Vec<Result<(), StoreError>>, PostgresTransactionError> {
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
    client.batch_execute("COMMIT").await.map_err(|error| PostgresTransactionError::at_commit(&error))?;
    Ok(results)
}

/// The rows of the conversations that exist, locked, so that nobody else can give the next sequence ids away.
async fn heads(client: &Client, batch: &[&Append]) -> Result<HashMap<String, Head>, PostgresTransactionError> {
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
) -> Result<Result<(), StoreError>, PostgresTransactionError> {
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

async fn create(client: &Client, append: &Append, created: &Record) -> Result<Option<Head>, PostgresTransactionError> {
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

async fn join(client: &Client, key: i64, participant: &Participant) -> Result<(), PostgresTransactionError> {
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
async fn invite(client: &Client, key: i64, invite: &Invite) -> Result<(), PostgresTransactionError> {
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
