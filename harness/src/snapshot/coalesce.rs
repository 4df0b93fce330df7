//! Streamed pieces of one answer, shown as one frame: how a text was cut into pieces differs between runs.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use std::sync::Arc;

use crate::history::{ConnectionId, Payload};
use crate::scenario::snapshot_rules::Coalesce;
use crate::scenario::stream::text_at;
use crate::snapshot::json_pointer::pointers;

/// A frame that a participant got, and where it stands.
#[derive(Clone)]
pub(crate) struct GotFrame<'r> {
    pub(crate) entry: usize,
    pub(crate) connection: ConnectionId,
    pub(crate) frame: &'r Payload,
    pub(crate) value: Arc<Value>,
}

/// Joins the pieces of each answer into its last one, at the place of its first. The values stand with the
/// frames that they came in.
pub(crate) fn coalesced<'r>(rules: &[Coalesce], got: Vec<&GotFrame<'r>>) -> Vec<GotFrame<'r>> {
    let mut out: Vec<GotFrame<'r>> = Vec::new();
    let mut open: BTreeMap<(usize, Option<String>), usize> = BTreeMap::new();
    for got in got {
        let rule = rules.iter().enumerate().find(|(_, rule)| rule.frames.matches(&got.value));
        let Some((which, rule)) = rule else {
            out.push(got.clone());
            continue;
        };
        let group = (which, text_at(&rule.by, &got.value));
        match open.get(&group).and_then(|place| out.get_mut(*place)) {
            Some(whole) => join(rule, Arc::make_mut(&mut whole.value), &got.value),
            None => {
                open.insert(group, out.len());
                out.push(got.clone());
            }
        }
    }
    out
}

fn join(rule: &Coalesce, whole: &mut Value, piece: &Value) {
    let so_far = rule.join.query(whole).first().and_then(|text| text.as_str()).map(str::to_owned);
    let more = rule.join.query(piece).first().and_then(|text| text.as_str());
    let at = pointers(&rule.join, piece).into_iter().chain(pointers(&rule.join, whole)).next();
    overlay(whole, piece);
    let joined = match (so_far, more) {
        (None, None) => return,
        (so_far, more) => so_far.unwrap_or_default() + more.unwrap_or_default(),
    };
    if let Some(place) = at.and_then(|at| whole.pointer_mut(&at)) {
        *place = Value::String(joined);
    }
}

/// What a later piece says stands; what only earlier ones said stays.
fn overlay(whole: &mut Value, piece: &Value) {
    match (whole, piece) {
        (Value::Object(whole), Value::Object(piece)) => {
            for (key, value) in piece {
                overlay(whole.entry(key).or_insert_with(|| Value::Object(Map::new())), value);
            }
        }
        (whole, piece) => *whole = piece.clone(),
    }
}
