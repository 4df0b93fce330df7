//! What participants saw of a stream, and what they sent to it.

use crate::history::ConnectionId;

/// How a participant saw a position of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SightingKind {
    /// A participant received it as a delivery.
    Delivery,
    /// Its sender got an acknowledgement, which is a delivery to it.
    Ack,
    /// Its sender got an acknowledgement beside the delivery, which comes to it as to everybody.
    Receipt,
    /// Its sender got the acknowledgement of a repeated sending, which is no delivery.
    RepeatedAck,
    /// Its sender got the answer of the request that sent it, which is no delivery.
    Answer,
}

/// A place of the stream that a participant saw. What its frame doesn't say is none.
#[derive(Debug, Clone)]
pub(crate) struct Sighting<'a> {
    pub(crate) entry: usize,
    pub(crate) participant: &'a str,
    /// None for the answer of a request.
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) kind: SightingKind,
    pub(crate) stream: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) order: Option<i64>,
    /// What stands in the place of its order and can't be one, as JSON.
    pub(crate) misplaced: Option<String>,
    pub(crate) client_id: Option<String>,
}

impl Sighting<'_> {
    /// Whether it stands in the stream of its connection.
    pub(crate) fn is_delivery(&self) -> bool {
        matches!(self.kind, SightingKind::Delivery | SightingKind::Ack)
    }

    /// Whether it acknowledges a sending.
    pub(crate) fn acknowledges(&self) -> bool {
        !matches!(self.kind, SightingKind::Delivery)
    }

    /// `5 (msg_1)`, or what of it is known.
    pub(crate) fn place(&self) -> String {
        match (self.order, self.id.as_deref()) {
            (Some(order), Some(id)) => format!("{order} ({id})"),
            (Some(order), None) => order.to_string(),
            (None, Some(id)) => id.to_owned(),
            (None, None) => "a delivery without id and order".to_owned(),
        }
    }
}

/// A frame that somebody sent to the stream, with an id of its own.
pub(crate) struct Sending<'a> {
    pub(crate) entry: usize,
    pub(crate) participant: &'a str,
    pub(crate) client_id: String,
    /// Whether the server has refused it, so that it sent nothing.
    pub(crate) refused: bool,
}
