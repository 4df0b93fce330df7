//! Questions, each answered by an index.

use std::sync::Arc;

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::connect::describe;
use crate::domain::{ConversationId, InviteId, Message, SequenceId, Timestamp, UserId};
use crate::log::SentKey;
use crate::storage::columns::{self, MessageRow};
use crate::storage::error::StoreError;
use crate::storage::store::{ConversationPage, ConversationSummary, PREVIEW_CHARS};

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
pub(super) fn text(row: &Row, column: usize) -> Result<String, StoreError> {
    let bytes: Vec<u8> = row.try_get(column).map_err(StoreError::failed)?;
    String::from_utf8(bytes).map_err(StoreError::failed)
}

/// The columns of a message, for [`message`].
pub(super) const MESSAGE: &str = "sequence, id, client_id, sender, sender_name, content, kind, at, metadata";

/// Roughly the bytes of a message, as `Message::bytes` counts them.
const MESSAGE_BYTES: &str =
    "octet_length(content) + octet_length(metadata) + octet_length(sender) + octet_length(sender_name) + 400";

/// Reads the columns of [`MESSAGE`].
pub(super) fn message(row: &Row) -> Result<Arc<Message>, ReadError> {
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
