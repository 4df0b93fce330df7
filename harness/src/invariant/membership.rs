//! Who is a member of a stream, and when, as far as the history shows it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::history::{ConnectionId, EntryKind, History, Member};
use crate::invariant::connection::StreamConnection;
use crate::scenario::stream::{MemberRule, Stream};

/// A request, or a connection's beginning or end, that changed who is a member of a stream.
pub(crate) struct MembershipChange {
    /// Whose membership it changed, by identity id.
    members: Vec<Value>,
    /// The index that the next entry had when the request was sent; of a connection, its own.
    pub(crate) began: usize,
    /// The index of its answer; of a connection, its own.
    pub(crate) answered: usize,
    pub(crate) joins: bool,
}

/// Every change of membership that the history shows, by the stream's value, in order.
#[derive(Default)]
pub(crate) struct Memberships {
    changes: BTreeMap<String, Vec<MembershipChange>>,
}

impl Memberships {
    /// Finds them by what the protocol declares of the stream; `id_of` gives a participant's identity id.
    pub(crate) fn read<'k>(
        history: &'k History,
        stream: &Stream,
        connections: &BTreeMap<ConnectionId, StreamConnection<'_>>,
        id_of: impl Fn(&'k str) -> &'k Value,
    ) -> Self {
        let mut found = Self::default();
        let Some(membership) = &stream.membership else {
            return found;
        };
        // How many connections a participant has open to a stream.
        let mut open: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (index, entry) in history.entries.iter().enumerate() {
            let id = id_of(&entry.participant);
            match &entry.what {
                EntryKind::Exchange(exchange) => {
                    let value = exchange.value(id);
                    let joins = membership.join.iter().map(|rule| (rule, true));
                    let leaves = membership.leave.iter().map(|rule| (rule, false));
                    for (rule, joins) in joins.chain(leaves).filter(|(rule, _)| rule.request.matches(&value)) {
                        if let Some(stream) = stream.named(rule.stream.as_ref(), &value) {
                            let members = members_of(rule, &value, id);
                            found.push(
                                &stream,
                                MembershipChange { members, began: exchange.began, answered: index, joins },
                            );
                        }
                    }
                }
                EntryKind::Opened { connection, .. } | EntryKind::Closed { connection, .. } if membership.connected => {
                    let joins = matches!(entry.what, EntryKind::Opened { .. });
                    let Some(stream) = connections.get(connection).and_then(|it| it.stream.as_deref()) else {
                        continue;
                    };
                    let open = open.entry((&entry.participant, stream)).or_default();
                    let before = *open;
                    *open = if joins { before + 1 } else { before.saturating_sub(1) };
                    // Whoever has several is a member from the first one's beginning to the last one's end.
                    if (before == 0) != (*open == 0) {
                        let members = vec![id.clone()];
                        found.push(stream, MembershipChange { members, began: index, answered: index, joins });
                    }
                }
                EntryKind::Opened { .. }
                | EntryKind::Closed { .. }
                | EntryKind::Sent { .. }
                | EntryKind::Received { .. }
                | EntryKind::Stub { .. } => {}
            }
        }
        found
    }

    fn push(&mut self, stream: &str, change: MembershipChange) {
        self.changes.entry(stream.to_owned()).or_default().push(change);
    }

    /// The changes of one identity's membership of a stream, in order.
    pub(crate) fn changes_of(&self, id: &Value, stream: &str) -> impl Iterator<Item = &MembershipChange> {
        let all = self.changes.get(stream).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(move |change| change.members.iter().any(|member| Member::is_named_by(id, member)))
    }

    /// Whether anybody's join of this stream was seen; without one nobody knows its members.
    pub(crate) fn has_joins(&self, stream: &str) -> bool {
        self.changes.get(stream).is_some_and(|all| all.iter().any(|change| change.joins))
    }

    /// The indices of the answers to an identity's leaves.
    pub(crate) fn left_at(&self, id: &Value, stream: &str) -> Vec<usize> {
        self.changes_of(id, stream).filter(|change| !change.joins).map(|change| change.answered).collect()
    }

    /// Since when an identity is certainly a member that was one before entry `from` and had asked for no leave up to
    /// entry `until`: the index of the join's answer.
    pub(crate) fn member_since(&self, id: &Value, stream: &str, from: usize, until: usize) -> Option<usize> {
        // The first entry behind a request is the one at `began`.
        let leaves = self.changes_of(id, stream).filter(|change| !change.joins && change.began <= until);
        let left = leaves.map(|change| change.answered).max();
        // A join that overlaps with a leave may have come first.
        let joins = self
            .changes_of(id, stream)
            .filter(|change| change.joins && change.answered < from && left.is_none_or(|left| left < change.began));
        joins.map(|change| change.answered).min()
    }
}

/// Whose membership a request changes, by identity id.
fn members_of(rule: &MemberRule, exchange: &Value, requester: &Value) -> Vec<Value> {
    let Some(path) = &rule.member else {
        return vec![requester.clone()];
    };
    let named = path.query(exchange).into_iter();
    named.filter(|value| value.is_string() || value.is_number()).cloned().collect()
}
