//! Questions, each answered by an index.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use deadpool_postgres::Object;
use futures_util::future::try_join4;
use tokio_postgres::types::ToSql;
use tokio_postgres::{IsolationLevel, Row};

use super::connect::describe;
use crate::domain::{ConversationId, InviteId, Message, Participant, SequenceId, Timestamp, UserId};
use crate::log::{Invite, SentKey, StoredState};
use crate::storage::append::AppendId;
use crate::storage::columns::{self, InviteRow, MemberRow, MessageRow};
use crate::storage::error::StoreError;
use crate::storage::store::{ConversationPage, ConversationSummary, LoadedConversation, PREVIEW_CHARS};

/// Why a question was not answered.
#[derive(Debug)]
pub(super) enum ReadError {
    Database(tokio_postgres::Error),
    Store(StoreError),
}

impl ReadError {
    /// Whether the connection ended, so that another one may do better.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Database(error) if error.as_db_error().is_none() && error.is_closed()
            || error.code().is_some_and(|code| code.code() == "57P01"))
    }
}

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::failed(describe(&error)),
            ReadError::Store(error) => error,
        }
    }
}

/// What a column of bytes says.
fn text(row: &Row, column: usize) -> Result<String, StoreError> {
    let bytes: Vec<u8> = row.try_get(column).map_err(StoreError::failed)?;
    String::from_utf8(bytes).map_err(StoreError::failed)
}

/// The columns of a message, for [`message`].
const MESSAGE: &str = "sequence, id, client_id, sender, sender_name, content, kind, at, metadata";

/// Roughly the bytes of a message, as `Message::bytes` counts them.
const MESSAGE_BYTES: &str =
    "octet_length(content) + octet_length(metadata) + octet_length(sender) + octet_length(sender_name) + 400";

fn message(row: &Row) -> Result<Arc<Message>, ReadError> {
    let client_id: Option<&[u8]> = row.try_get(2)?;
    let row = MessageRow {
        sequence: row.try_get(0)?,
        id: row.try_get(1)?,
        client_id: client_id.map(|_| text(row, 2)).transpose()?,
        sender: text(row, 3)?,
        sender_name: text(row, 4)?,
        content: text(row, 5)?,
        kind: row.try_get(6)?,
        at: row.try_get(7)?,
        metadata: text(row, 8)?,
    };
    Ok(row.try_into()?)
}

/// No conversation has such an id, and text cannot hold one.
fn is_impossible(id: &ConversationId) -> bool {
    id.as_str().contains('\0')
}

pub(super) async fn load(
    mut client: Object,
    id: ConversationId,
    recent: usize,
) -> Result<Option<LoadedConversation>, ReadError> {
    if is_impossible(&id) {
        return Ok(None);
    }
    // One moment for all the questions.
    let moment = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let moment = moment.start().await?;
    let head = moment
        .prepare_cached(
            "SELECT key, title, sites, mode, creator, created_at, updated_at, last_sequence, last_append
             FROM conversations WHERE id = $1",
        )
        .await?;
    let Some(head) = moment.query_opt(&head, &[&id.as_str()]).await? else {
        return Ok(None);
    };
    let key: i64 = head.try_get(0)?;
    let last: i64 = head.try_get(7)?;
    let members = moment
        .prepare_cached("SELECT \"user\", name, kind, joined_at, added_by_others FROM members WHERE conversation = $1 ORDER BY position")
        .await?;
    let positions = moment.prepare_cached("SELECT \"user\", up_to FROM read_positions WHERE conversation = $1").await?;
    let invites = moment
        .prepare_cached(
            "SELECT id, made_by, created_at, expires_at, max_uses, uses FROM invites
             WHERE conversation = $1 AND NOT forgotten ORDER BY position",
        )
        .await?;
    let messages = moment.prepare_cached(&messages_sql()).await?;
    let (newest, limit) = (last.saturating_sub(columns::number(recent)).max(0), columns::number(recent));
    let key: &(dyn ToSql + Sync) = &key;
    let (of_one, of_messages) = ([key], [key, &newest, &limit]);
    let (members, positions, invites, messages) = try_join4(
        moment.query(&members, &of_one),
        moment.query(&positions, &of_one),
        moment.query(&invites, &of_one),
        moment.query(&messages, &of_messages),
    )
    .await?;
    let mut of_kinds = HashMap::new();
    if i64::try_from(messages.len()).is_ok_and(|count| count < last) {
        let sql = format!(
            "SELECT {MESSAGE} FROM messages WHERE conversation = $1 AND kind = $2 ORDER BY sequence DESC LIMIT $3"
        );
        let by_kind = moment.prepare_cached(&sql).await?;
        for (kind, count) in StoredState::CONTEXT {
            let (name, count) = (columns::message_kind_name(kind), columns::number(count));
            let rows = moment.query(&by_kind, &[key, &name, &count]).await?;
            of_kinds.insert(name, rows.iter().map(message).collect::<Result<Vec<_>, _>>()?);
        }
    }
    moment.commit().await?;
    let mut state = StoredState {
        id,
        title: text(&head, 1)?,
        sites: columns::sites(&text(&head, 2)?)?,
        mode: text(&head, 3)?,
        creator: text(&head, 4)?.into(),
        created_at: Timestamp::from_millis(head.try_get(5)?),
        updated_at: Timestamp::from_millis(head.try_get(6)?),
        members: Arc::default(),
        read_positions: Arc::default(),
        invites: Arc::default(),
        last_sequence: columns::sequence(last),
        recent: messages.iter().map(message).collect::<Result<VecDeque<_>, _>>()?,
        last_human: VecDeque::new(),
        last_answer: None,
    };
    for row in &members {
        let row = MemberRow {
            user: text(row, 0)?,
            name: text(row, 1)?,
            kind: row.try_get(2)?,
            joined_at: row.try_get(3)?,
            added_by_others: row.try_get(4)?,
        };
        let member = Participant::try_from(row)?;
        Arc::make_mut(&mut state.members).insert(member.id.clone(), member);
    }
    for row in &positions {
        Arc::make_mut(&mut state.read_positions).insert(text(row, 0)?.into(), columns::sequence(row.try_get(1)?));
    }
    for row in &invites {
        let invite = Invite::from(InviteRow {
            id: row.try_get(0)?,
            by: text(row, 1)?,
            created_at: row.try_get(2)?,
            expires_at: row.try_get(3)?,
            max_uses: row.try_get(4)?,
            uses: row.try_get(5)?,
        });
        Arc::make_mut(&mut state.invites).insert(invite.id.clone(), invite);
    }
    let is_whole = state.recent.len() as u64 == state.last_sequence.0;
    state.take_context(is_whole, |kind, _| {
        Ok::<_, StoreError>(of_kinds.remove(columns::message_kind_name(kind)).unwrap_or_default())
    })?;
    let last_append = AppendId::from_bytes(head.try_get::<_, &[u8]>(8)?)?;
    Ok(Some(LoadedConversation { state, last_append }))
}

fn messages_sql() -> String {
    format!("SELECT {MESSAGE} FROM messages WHERE conversation = $1 AND sequence > $2 ORDER BY sequence LIMIT $3")
}

pub(super) async fn messages_after(
    client: Object,
    id: ConversationId,
    after: SequenceId,
    limit: usize,
    bytes: usize,
) -> Result<Vec<Arc<Message>>, ReadError> {
    // The first message whatever its size, then those that fit.
    let statement = client
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM (
                 SELECT *, sum({MESSAGE_BYTES}) OVER (ORDER BY sequence) AS total, row_number() OVER (ORDER BY sequence)
                 FROM (SELECT * FROM messages
                       WHERE conversation = (SELECT key FROM conversations WHERE id = $1) AND sequence > $2
                       ORDER BY sequence LIMIT $3) AS page
             ) AS measured WHERE total <= $4 OR row_number = 1 ORDER BY sequence"
        ))
        .await?;
    let range: [&(dyn ToSql + Sync); 4] =
        [&id.as_str(), &columns::place(after), &columns::number(limit), &columns::number(bytes)];
    let rows = client.query(&statement, &range).await?;
    rows.iter().map(message).collect()
}

pub(super) async fn find_sent(
    client: Object,
    id: ConversationId,
    keys: Arc<Vec<SentKey>>,
) -> Result<Vec<Option<Arc<Message>>>, ReadError> {
    let statement = client
        .prepare_cached(&format!(
            "SELECT {MESSAGE}, number
             FROM unnest($2::bytea[], $3::bytea[]) WITH ORDINALITY AS asked (by, under, number)
             JOIN messages ON conversation = (SELECT key FROM conversations WHERE id = $1)
                          AND sender = by AND client_id = under"
        ))
        .await?;
    let senders: Vec<&[u8]> = keys.iter().map(|key| key.sender.as_str().as_bytes()).collect();
    let ids: Vec<&[u8]> = keys.iter().map(|key| key.client_id.as_str().as_bytes()).collect();
    let rows = client.query(&statement, &[&id.as_str(), &senders, &ids]).await?;
    let mut found = vec![None; keys.len()];
    for row in &rows {
        let number: i64 = row.try_get(9)?;
        let place = usize::try_from(number - 1).ok().and_then(|index| found.get_mut(index));
        if let Some(place) = place {
            *place = Some(message(row)?);
        }
    }
    Ok(found)
}

pub(super) async fn count_by_others(
    client: Object,
    id: ConversationId,
    reader: UserId,
    after: SequenceId,
    up_to: SequenceId,
) -> Result<u64, ReadError> {
    let all = up_to.0.saturating_sub(after.0);
    if all == 0 {
        return Ok(0);
    }
    // Places have no gaps, so only one's own messages need counting.
    let statement = client
        .prepare_cached(
            "SELECT count(*) FROM messages
             WHERE conversation = (SELECT key FROM conversations WHERE id = $1)
               AND sender = $2 AND sequence > $3 AND sequence <= $4",
        )
        .await?;
    let row = client
        .query_one(
            &statement,
            &[&id.as_str(), &reader.as_str().as_bytes(), &columns::place(after), &columns::place(up_to)],
        )
        .await?;
    Ok(all.saturating_sub(columns::count(row.try_get(0)?)))
}

pub(super) async fn conversation_of_invite(
    client: Object,
    invite: InviteId,
) -> Result<Option<ConversationId>, ReadError> {
    if invite.as_str().contains('\0') {
        return Ok(None);
    }
    let statement = client
        .prepare_cached(
            "SELECT c.id FROM invites AS i JOIN conversations AS c ON c.key = i.conversation WHERE i.id = $1",
        )
        .await?;
    let row = client.query_opt(&statement, &[&invite.as_str()]).await?;
    Ok(row.map(|row| row.try_get::<_, String>(0)).transpose()?.map(Into::into))
}

pub(super) async fn conversations_of(
    client: Object,
    user: UserId,
    offset: usize,
    limit: usize,
) -> Result<ConversationPage, ReadError> {
    // The total in the same statement, so that both are of one moment; it comes without any row behind the last page.
    let statement = client
        .prepare_cached(
            "WITH mine AS MATERIALIZED (SELECT conversation FROM members WHERE \"user\" = $1),
                  page AS (SELECT key, id, title, created_at, last_sequence, active_at, ordinal
                           FROM mine JOIN conversations ON key = conversation
                           ORDER BY active_at DESC, ordinal DESC LIMIT $2 OFFSET $3)
             SELECT (SELECT count(*) FROM mine), page.id, title, created_at,
                 (SELECT count(*) FROM members WHERE conversation = key),
                 last_sequence - coalesce(up_to, 0) - (SELECT count(*) FROM messages AS own
                     WHERE own.conversation = key AND sender = $1 AND own.sequence > coalesce(up_to, 0)),
                 newest.at, substring(newest.content FROM 1 FOR $4)
             FROM (SELECT) AS one LEFT JOIN page ON true
                 LEFT JOIN read_positions AS r ON r.conversation = key AND r.\"user\" = $1
                 LEFT JOIN messages AS newest ON newest.conversation = key AND newest.sequence = last_sequence
             ORDER BY page.active_at DESC, page.ordinal DESC",
        )
        .await?;
    // No character has more bytes than four.
    let preview = i32::try_from(PREVIEW_CHARS * 4).unwrap_or(i32::MAX);
    let user = user.as_str().as_bytes();
    let rows = client.query(&statement, &[&user, &columns::number(limit), &columns::number(offset), &preview]).await?;
    let mut page = ConversationPage::default();
    for row in &rows {
        page.total = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
        let Some(id) = row.try_get::<_, Option<String>>(1)? else {
            continue;
        };
        let newest = row.try_get::<_, Option<i64>>(6)?.zip(row.try_get::<_, Option<&[u8]>>(7)?);
        page.conversations.push(ConversationSummary {
            id: id.into(),
            title: text(row, 2)?,
            created_at: Timestamp::from_millis(row.try_get(3)?),
            participants: usize::try_from(row.try_get::<_, i64>(4)?).unwrap_or(0),
            unread: columns::count(row.try_get(5)?),
            newest: newest.map(|(at, content)| (Timestamp::from_millis(at), columns::preview(content))),
        });
    }
    Ok(page)
}

pub(super) async fn count_own(client: Object, user: UserId) -> Result<usize, ReadError> {
    let statement =
        client.prepare_cached("SELECT count(*) FROM members WHERE \"user\" = $1 AND NOT added_by_others").await?;
    let row = client.query_one(&statement, &[&user.as_str().as_bytes()]).await?;
    Ok(usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
}
