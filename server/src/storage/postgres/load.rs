//! A conversation as it is read into memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use deadpool_postgres::Object;
use futures_util::future::try_join4;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;

use super::read::{MESSAGE, ReadError, message, text};
use crate::domain::{ConversationId, Participant, Timestamp};
use crate::log::{Invite, StoredState};
use crate::storage::append::AppendId;
use crate::storage::columns::{self, InviteRow, MemberRow};
use crate::storage::error::StoreError;
use crate::storage::store::LoadedConversation;

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
    let messages = moment
        .prepare_cached(&format!(
            "SELECT {MESSAGE} FROM messages WHERE conversation = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"
        ))
        .await?;
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
