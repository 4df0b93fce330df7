//! What an append changes, inside the writer's transaction.

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use crate::domain::{ClientMessageId, Message, Participant, Timestamp, UserId};
use crate::log::{Invite, Record};
use crate::storage::append::Append;
use crate::storage::columns;
use crate::storage::error::StoreError;

/// Why an append did not go in.
#[derive(Debug)]
pub(super) enum AppendError {
    /// It makes no sense; others may go on.
    Append(StoreError),
    /// The database failed.
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::TooBig | ErrorCode::TypeMismatch | ErrorCode::ApiMisuse) => {
                Self::Append(StoreError::failed(&error))
            }
            _ => Self::Database(error),
        }
    }
}

/// The head of a conversation while an append goes in.
struct SqliteHead {
    key: i64,
    last_sequence: i64,
    updated_at: Timestamp,
    /// Creation or newest message.
    active_at: Option<Timestamp>,
}

/// Puts an append in. `ordinal` is the next one; it is used up if the append is an activity.
pub(super) fn put(connection: &Connection, append: &Append, ordinal: &mut i64) -> Result<(), AppendError> {
    let conflict = || AppendError::Append(StoreError::Conflict(append.conversation.clone()));
    let (mut head, rest) = match append.records.as_slice() {
        [Record::Created { .. }, ..] if append.after.is_some() => return Err(conflict()),
        [Record::Created { title, sites, mode, creator, at }, rest @ ..] => {
            let mut statement = connection.prepare_cached(
                "INSERT INTO conversations
                 (id, title, sites, mode, creator, created_at, updated_at, active_at, ordinal, last_append)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING RETURNING key",
            )?;
            let key = statement
                .query_row(
                    params![
                        append.conversation.as_str(),
                        title,
                        columns::sites_text(sites),
                        mode,
                        creator.as_str(),
                        at.as_millis(),
                        *ordinal,
                        append.id.as_bytes(),
                    ],
                    |row| row.get(0),
                )
                .optional()?;
            let key = key.ok_or_else(conflict)?;
            (SqliteHead { key, last_sequence: 0, updated_at: *at, active_at: Some(*at) }, rest)
        }
        rest => {
            let mut statement = connection.prepare_cached(
                "SELECT key, last_sequence, updated_at, last_append FROM conversations WHERE id = ?1",
            )?;
            let head = statement
                .query_row([append.conversation.as_str()], |row| {
                    Ok(SqliteHead {
                        key: row.get(0)?,
                        last_sequence: row.get(1)?,
                        updated_at: Timestamp::from_millis(row.get(2)?),
                        active_at: None,
                    })
                    .and_then(|head| Ok((head, row.get::<_, Vec<u8>>(3)?)))
                })
                .optional()?;
            let (head, latest) = head.ok_or_else(conflict)?;
            if append.after.is_none_or(|after| after.as_bytes() != latest) {
                return Err(conflict());
            }
            (head, rest)
        }
    };
    for record in rest {
        match record {
            Record::Created { .. } => return Err(conflict()),
            Record::Joined(participant) => {
                join(connection, head.key, participant)?;
                head.updated_at = participant.joined_at;
            }
            Record::Left { user, at } => {
                let mut statement =
                    connection.prepare_cached("DELETE FROM members WHERE conversation = ?1 AND user = ?2")?;
                statement.execute(params![head.key, user.as_str()])?;
                head.updated_at = *at;
            }
            Record::Edited { edit, at } => {
                let mut statement = connection.prepare_cached(
                    "UPDATE conversations SET title = coalesce(?2, title), sites = coalesce(?3, sites),
                     mode = coalesce(?4, mode) WHERE key = ?1",
                )?;
                let sites = edit.sites.as_deref().map(columns::sites_text);
                statement.execute(params![head.key, edit.title, sites, edit.mode])?;
                head.updated_at = *at;
            }
            Record::Posted(message) => {
                if columns::place(message.sequence) != head.last_sequence.saturating_add(1) {
                    return Err(conflict());
                }
                // Its place is free, so it is the sender's id that is not.
                if !post(connection, head.key, message)? {
                    return Err(AppendError::Append(StoreError::SentBefore));
                }
                head.last_sequence += 1;
                head.updated_at = message.timestamp;
                head.active_at = Some(message.timestamp);
            }
            Record::Invited(invite) => self::invite(connection, head.key, invite)?,
            Record::InviteUsed { invite } => {
                let mut statement = connection.prepare_cached(
                    "UPDATE invites SET uses = uses + 1 WHERE id = ?1 AND conversation = ?2 AND forgotten = 0",
                )?;
                statement.execute(params![invite.as_str(), head.key])?;
            }
            Record::Read { user, up_to } => {
                let mut statement = connection.prepare_cached(
                    "INSERT INTO read_positions (conversation, user, up_to) VALUES (?1, ?2, ?3)
                     ON CONFLICT (conversation, user) DO UPDATE SET up_to = excluded.up_to",
                )?;
                statement.execute(params![head.key, user.as_str(), columns::place(*up_to)])?;
            }
        }
    }
    let mut statement = connection.prepare_cached(
        "UPDATE conversations SET last_sequence = ?2, updated_at = ?3, active_at = coalesce(?4, active_at),
         ordinal = coalesce(?5, ordinal), last_append = ?6 WHERE key = ?1",
    )?;
    statement.execute(params![
        head.key,
        head.last_sequence,
        head.updated_at.as_millis(),
        head.active_at.map(Timestamp::as_millis),
        head.active_at.map(|_| *ordinal),
        append.id.as_bytes(),
    ])?;
    *ordinal += i64::from(head.active_at.is_some());
    Ok(())
}

fn join(connection: &Connection, key: i64, participant: &Participant) -> Result<(), AppendError> {
    let Participant { id, name, kind, joined_at, added_by_others } = participant;
    let mut statement = connection.prepare_cached(
        "INSERT INTO members (conversation, user, position, name, kind, joined_at, added_by_others)
         SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3, ?4, ?5, ?6 FROM members WHERE conversation = ?1
         ON CONFLICT (conversation, user)
         DO UPDATE SET name = excluded.name, kind = excluded.kind, joined_at = excluded.joined_at,
             added_by_others = excluded.added_by_others",
    )?;
    let (user, kind) = (UserId::as_str(id), columns::kind_name(*kind));
    statement.execute(params![key, user, name, kind, joined_at.as_millis(), added_by_others])?;
    Ok(())
}

/// Stores an invite, and forgets those that have expired by now.
fn invite(connection: &Connection, key: i64, invite: &Invite) -> Result<(), AppendError> {
    let Invite { id, by, created_at, expires_at, max_uses, uses } = invite;
    let mut statement = connection.prepare_cached(
        "UPDATE invites SET forgotten = 1 WHERE conversation = ?1 AND forgotten = 0 AND expires_at <= ?2",
    )?;
    statement.execute(params![key, created_at.as_millis()])?;
    let mut statement = connection.prepare_cached(
        "INSERT INTO invites (id, conversation, position, made_by, created_at, expires_at, max_uses, uses)
         SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3, ?4, ?5, ?6, ?7
         FROM invites WHERE conversation = ?2 AND forgotten = 0",
    )?;
    statement.execute(params![
        id.as_str(),
        key,
        UserId::as_str(by),
        created_at.as_millis(),
        expires_at.as_millis(),
        max_uses,
        uses
    ])?;
    Ok(())
}

/// Stores a message; `false` if there is one in its place or under its sender's id.
fn post(connection: &Connection, key: i64, message: &Message) -> Result<bool, AppendError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO messages
         (conversation, sequence, id, client_id, sender, sender_name, content, kind, at, metadata)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
    )?;
    let rows = statement.execute(params![
        key,
        columns::place(message.sequence),
        message.id.as_str(),
        message.client_id.as_ref().map(ClientMessageId::as_str),
        message.sender.as_str(),
        message.sender_name,
        message.content,
        columns::message_kind_name(message.kind),
        message.timestamp.as_millis(),
        columns::metadata_text(&message.metadata),
    ])?;
    Ok(rows == 1)
}
