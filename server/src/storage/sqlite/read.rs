//! Questions, each answered by an index.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::open::explain;
use crate::domain::{ConversationId, InviteId, Message, Participant, SequenceId, Timestamp, UserId};
use crate::log::{Invite, SentKey, StoredState};
use crate::storage::append::AppendId;
use crate::storage::columns::{self, InviteRow, MemberRow, MessageRow};
use crate::storage::error::StoreError;
use crate::storage::store::{ConversationPage, ConversationSummary, LoadedConversation, PREVIEW_CHARS};

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
) -> Result<Option<LoadedConversation>, StoreError> {
    // One moment for all the questions.
    let moment = connection.unchecked_transaction()?;
    let mut statement = moment.prepare_cached(
        "SELECT key, title, sites, mode, creator, created_at, updated_at, last_sequence, last_append FROM conversations
         WHERE id = ?1",
    )?;
    let head = statement
        .query_row([id.as_str()], |row| {
            let sites: String = row.get(2)?;
            let state = StoredState {
                id: id.clone(),
                title: row.get(1)?,
                sites: Vec::new(),
                mode: row.get(3)?,
                creator: row.get::<_, String>(4)?.into(),
                created_at: Timestamp::from_millis(row.get(5)?),
                updated_at: Timestamp::from_millis(row.get(6)?),
                members: Arc::default(),
                read_positions: Arc::default(),
                invites: Arc::default(),
                last_sequence: columns::sequence(row.get(7)?),
                recent: VecDeque::new(),
                last_human: VecDeque::new(),
                last_answer: None,
            };
            Ok((row.get::<_, i64>(0)?, sites, state, row.get::<_, Vec<u8>>(8)?))
        })
        .optional()?;
    let Some((key, sites, mut state, last_append)) = head else {
        return Ok(None);
    };
    state.sites = columns::sites(&sites)?;
    let mut statement = moment.prepare_cached(
        "SELECT user, name, kind, joined_at, added_by_others FROM members WHERE conversation = ?1 ORDER BY position",
    )?;
    let members = statement.query_map([key], |row| {
        Ok(MemberRow {
            user: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            joined_at: row.get(3)?,
            added_by_others: row.get(4)?,
        })
    })?;
    for member in members {
        let member = Participant::try_from(member?)?;
        Arc::make_mut(&mut state.members).insert(member.id.clone(), member);
    }
    let mut statement = moment.prepare_cached("SELECT user, up_to FROM read_positions WHERE conversation = ?1")?;
    let positions = statement.query_map([key], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    for position in positions {
        let (user, up_to) = position?;
        Arc::make_mut(&mut state.read_positions).insert(user.into(), columns::sequence(up_to));
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
        Arc::make_mut(&mut state.invites).insert(invite.id.clone(), invite);
    }
    let newest = columns::place(state.last_sequence).saturating_sub(columns::number(recent));
    state.recent = messages(&moment, key, newest.max(0), recent, usize::MAX)?.into();
    let of_kind = |kind, count: usize| -> Result<Vec<Arc<Message>>, StoreError> {
        let mut statement = moment.prepare_cached(&format!(
            "SELECT {MESSAGE} FROM messages WHERE conversation = ?1 AND kind = ?2 ORDER BY sequence DESC LIMIT ?3"
        ))?;
        let rows =
            statement.query_map(params![key, columns::message_kind_name(kind), columns::number(count)], message)?;
        rows.map(|row| row?.try_into()).collect()
    };
    let is_whole = state.recent.len() as u64 == state.last_sequence.0;
    state.take_context(is_whole, of_kind)?;
    Ok(Some(LoadedConversation { state, last_append: AppendId::from_bytes(&last_append)? }))
}

fn messages(
    connection: &Connection,
    key: i64,
    after: i64,
    limit: usize,
    bytes: usize,
) -> Result<Vec<Arc<Message>>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {MESSAGE} FROM messages WHERE conversation = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![key, after, columns::number(limit)], message)?;
    let (mut page, mut total) = (Vec::new(), 0_usize);
    for row in rows {
        let message: Arc<Message> = row?.try_into()?;
        total = total.saturating_add(message.bytes());
        if total > bytes && !page.is_empty() {
            break;
        }
        page.push(message);
    }
    Ok(page)
}

pub(super) fn messages_after(
    connection: &Connection,
    id: &ConversationId,
    after: SequenceId,
    limit: usize,
    bytes: usize,
) -> Result<Vec<Arc<Message>>, StoreError> {
    match key(connection, id)? {
        Some(key) => messages(connection, key, columns::place(after), limit, bytes),
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
    // Which ones first, then what is in them: the order needs no more than their heads.
    let mut statement = moment.prepare_cached(
        "WITH page AS (
             SELECT key, id, title, created_at, last_sequence, active_at, ordinal
             FROM members JOIN conversations ON key = conversation WHERE user = ?1
             ORDER BY active_at DESC, ordinal DESC LIMIT ?2 OFFSET ?3
         )
         SELECT page.id, title, created_at, (SELECT count(*) FROM members WHERE conversation = key),
             last_sequence - coalesce(up_to, 0) - (SELECT count(*) FROM messages AS own
                 WHERE own.conversation = key AND sender = ?1 AND own.sequence > coalesce(up_to, 0)),
             newest.at, substr(CAST(newest.content AS BLOB), 1, ?4)
         FROM page LEFT JOIN read_positions AS r ON r.conversation = key AND r.user = ?1
             LEFT JOIN messages AS newest ON newest.conversation = key AND newest.sequence = last_sequence
         ORDER BY active_at DESC, ordinal DESC",
    )?;
    // No character has more bytes than four.
    let preview = columns::number(PREVIEW_CHARS * 4);
    let page = params![user.as_str(), columns::number(limit), columns::number(offset), preview];
    let conversations = statement.query_map(page, |row| {
        let newest: Option<(i64, Vec<u8>)> = row.get::<_, Option<i64>>(5)?.zip(row.get(6)?);
        Ok(ConversationSummary {
            id: row.get::<_, String>(0)?.into(),
            title: row.get(1)?,
            created_at: Timestamp::from_millis(row.get(2)?),
            participants: usize::try_from(row.get::<_, i64>(3)?).unwrap_or(0),
            unread: columns::count(row.get(4)?),
            newest: newest.map(|(at, content)| (Timestamp::from_millis(at), columns::preview(&content))),
        })
    })?;
    let conversations = conversations.collect::<rusqlite::Result<_>>()?;
    Ok(ConversationPage { conversations, total: usize::try_from(total).unwrap_or(0) })
}

pub(super) fn count_own(connection: &Connection, user: &UserId) -> Result<usize, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM members WHERE user = ?1 AND added_by_others = 0")?;
    let count: i64 = statement.query_row([user.as_str()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
