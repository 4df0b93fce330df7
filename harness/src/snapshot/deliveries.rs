//! The deliveries of one stream to one participant.

use crate::snapshot::layout::FrameItem;
use crate::snapshot::prepare::PreparedValue;

/// A delivery, with the connections on which it came.
pub(crate) struct StreamDelivery {
    pub(crate) kind: String,
    pub(crate) order: Option<i64>,
    pub(crate) labels: Vec<String>,
    pub(crate) body: PreparedValue,
    pub(crate) before_race: bool,
}

impl StreamDelivery {
    /// The delivery as it is shown; its connections are named where the participant has several.
    pub(crate) fn into_item(self, several_connections: bool) -> FrameItem {
        let mut head = self.kind;
        if let Some(order) = self.order {
            head = format!("{head} {order}");
        }
        if several_connections {
            head = format!("{head} ({})", self.labels.join(" + "));
        }
        FrameItem { head, body: self.body, raced: false, before_race: self.before_race }
    }
}

/// Sorts deliveries by order, those without one last, and joins equal ones of different connections.
pub(crate) fn merge_equal(mut deliveries: Vec<StreamDelivery>) -> Vec<StreamDelivery> {
    deliveries.sort_by_key(|delivery| (delivery.order.is_none(), delivery.order));
    let mut merged: Vec<StreamDelivery> = Vec::new();
    for delivery in deliveries {
        let same = merged.iter_mut().rev().take_while(|other| other.order == delivery.order).find(|other| {
            other.kind == delivery.kind
                && other.body == delivery.body
                && !other.labels.iter().any(|label| delivery.labels.contains(label))
        });
        match same {
            Some(other) => other.labels.extend(delivery.labels),
            None => merged.push(delivery),
        }
    }
    merged
}
