//! Questions, each answered by an index.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use indexmap::IndexMap;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::open::explain;
use crate::domain::{ConversationId, InviteId, Message, Participant, SequenceId, Timestamp, UserId};
use crate::log::{Invite, SentKey, StoredState};
use crate::storage::columns::{self, InviteRow, MemberRow, MessageRow};
use crate::storage::error::StoreError;
use crate::storage::store::ConversationPage;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::failed(explain(&error))
    }
}

/// The columns of a message, for [`message`].
const MESSAGE: &str = "sequence, id, client_id, sender, sender_name, content, kind, at, metadata";

fn message(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        sequence: row.get(0)?,
        id: row.get(1)?,
        client_id: row.get(2)?,
        sender: row.get(3)?,
        sender_name: row.get(4)?,
        content: row.get(5)?,
        kind: row.get(6)?,
        at: row.get(7)?,
        metadata: row.get(8)?,
    })
}

fn key(connection: &Connection, id: &ConversationId) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key FROM conversations WHERE id = ?1")?;
    Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?)
}

pub(super) fn load(
    connection: &Connection,
    id: &ConversationId,
    recent: usize,
) -> Result<Option<StoredState>, StoreError> {
    // One moment for all the questions.
    let moment = connection.unchecked_transaction()?;
    let mut statement = moment.prepare_cached(
        "SELECT key, title, sites, mode, creator, created_at, updated_at, last_sequence FROM conversations WHERE id = ?1",
    )?;
    let head = statement
        .query_row([id.as_str()], |row| {
            let sites: String = row.get(2)?;
            let durable = StoredState {
                id: id.clone(),
                title: row.get(1)?,
                sites: Vec::new(),
                mode: row.get(3)?,
                creator: row.get::<_, String>(4)?.into(),
                created_at: Timestamp::from_millis(row.get(5)?),
                updated_at: Timestamp::from_millis(row.get(6)?),
                members: IndexMap::new(),
                read_positions: BTreeMap::new(),
                invites: IndexMap::new(),
                last_sequence: columns::sequence(row.get(7)?),
                recent: VecDeque::new(),
            };
            Ok((row.get::<_, i64>(0)?, sites, durable))
        })
        .optional()?;
    let Some((key, sites, mut durable)) = head else {
        return Ok(None);
    };
    durable.sites = columns::sites(&sites)?;
    let mut statement = moment
        .prepare_cached("SELECT user, name, kind, joined_at FROM members WHERE conversation = ?1 ORDER BY position")?;
    let members = statement.query_map([key], |row| {
        Ok(MemberRow { user: row.get(0)?, name: row.get(1)?, kind: row.get(2)?, joined_at: row.get(3)? })
    })?;
    for member in members {
        let member = Participant::try_from(member?)?;
        durable.members.insert(member.id.clone(), member);
    }
    let mut statement = moment.prepare_cached("SELECT user, up_to FROM read_positions WHERE conversation = ?1")?;
    let positions = statement.query_map([key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    for position in positions {
        let (user, up_to) = position?;
        durable.read_positions.insert(user.into(), columns::sequence(up_to));
    }
    let mut statement = moment.prepare_cached(
        "SELECT id, made_by, created_at, expires_at, max_uses, uses FROM invites
         WHERE conversation = ?1 AND forgotten = 0 ORDER BY position",
    )?;
    let invites = statement.query_map([key], |row| {
        Ok(InviteRow {
            id: row.get(0)?,
            by: row.get(1)?,
            created_at: row.get(2)?,
            expires_at: row.get(3)?,
            max_uses: row.get(4)?,
            uses: row.get(5)?,
        })
    })?;
    for invite in invites {
        let invite = Invite::from(invite?);
        durable.invites.insert(invite.id.clone(), invite);
    }
    let newest = columns::place(durable.last_sequence).saturating_sub(columns::number(recent));
    durable.recent = messages(&moment, key, newest.max(0), recent)?.into();
    Ok(Some(durable))
}

fn messages(connection: &Connection, key: i64, after: i64, limit: usize) -> Result<Vec<Arc<Message>>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM messages WHERE conversation = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![key, after, columns::number(limit)], message)?;
    rows.map(|row| row?.try_into()).collect()
}

pub(super) fn messages_after(
    connection: &Connection,
    id: &ConversationId,
    after: SequenceId,
    limit: usize,
) -> Result<Vec<Arc<Message>>, StoreError> {
    match key(connection, id)? {
        Some(key) => messages(connection, key, columns::place(after), limit),
        None => Ok(Vec::new()),
    }
}

pub(super) fn find_sent(
    connection: &Connection,
    id: &ConversationId,
    keys: &[SentKey],
) -> Result<Vec<Option<Arc<Message>>>, StoreError> {
    // One moment for all of them: each statement alone would lock the database anew.
    let _moment = if keys.len() > 1 { Some(connection.unchecked_transaction()?) } else { None };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM messages
         WHERE conversation = (SELECT key FROM conversations WHERE id = ?1) AND sender = ?2 AND client_id = ?3"
    ))?;
    let mut find = |sent: &SentKey| {
        let row = statement
            .query_row(params![id.as_str(), sent.sender.as_str(), sent.client_id.as_str()], message)
            .optional();
        row?.map(TryInto::try_into).transpose()
    };
    keys.iter().map(&mut find).collect()
}

pub(super) fn count_by_others(
    connection: &Connection,
    id: &ConversationId,
    reader: &UserId,
    after: SequenceId,
    up_to: SequenceId,
) -> Result<u64, StoreError> {
    let all = up_to.0.saturating_sub(after.0);
    let Some(key) = key(connection, id)?.filter(|_| all > 0) else {
        return Ok(0);
    };
    // Places have no gaps, so only one's own messages need counting.
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM messages WHERE conversation = ?1 AND sender = ?2 AND sequence > ?3 AND sequence <= ?4",
    )?;
    let range = params![key, reader.as_str(), columns::place(after), columns::place(up_to)];
    let own: i64 = statement.query_row(range, |row| row.get(0))?;
    Ok(all.saturating_sub(columns::count(own)))
}

pub(super) fn conversation_of_invite(
    connection: &Connection,
    invite: &InviteId,
) -> Result<Option<ConversationId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT conversations.id FROM invites JOIN conversations ON key = conversation WHERE invites.id = ?1",
    )?;
    let id: Option<String> = statement.query_row([invite.as_str()], |row| row.get(0)).optional()?;
    Ok(id.map(Into::into))
}

pub(super) fn conversations_of(
    connection: &Connection,
    user: &UserId,
    offset: usize,
    limit: usize,
) -> Result<ConversationPage, StoreError> {
    let moment = connection.unchecked_transaction()?;
    let mut counting = moment.prepare_cached("SELECT count(*) FROM members WHERE user = ?1")?;
    let total: i64 = counting.query_row([user.as_str()], |row| row.get(0))?;
    let mut statement = moment.prepare_cached(
        "SELECT id FROM members JOIN conversations ON key = conversation WHERE user = ?1
         ORDER BY active_at DESC, ordinal DESC LIMIT ?2 OFFSET ?3",
    )?;
    let page = params![user.as_str(), columns::number(limit), columns::number(offset)];
    let ids = statement.query_map(page, |row| Ok(ConversationId::from(row.get::<_, String>(0)?)))?;
    let ids = ids.collect::<rusqlite::Result<_>>()?;
    Ok(ConversationPage { ids, total: usize::try_from(total).unwrap_or(0) })
}
