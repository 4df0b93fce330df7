//! What waits to be written to sockets: [`outbound`] (of one socket, with its writes), `queue` (its order),
//! `unsent` (what the connection has not taken yet), `transport` (where the bytes go), `recent` (the
//! newest messages, shared by all sockets of a conversation), `priority` (what a full queue drops first) and `permit` (how
//! many frames may be without outcome).

#[expect(clippy::module_inception, reason = "the main file of the folder")]
mod outbound;
mod permit;
mod priority;
mod queue;
mod recent;
mod transport;
mod unsent;

pub(crate) use self::outbound::{Need, Outbound, OutboundStatus};
pub(crate) use self::permit::{FramePermit, InFlightFrames, Permit};
pub(crate) use self::priority::Priority;
pub(crate) use self::queue::OutboundLimits;
pub(crate) use self::recent::RecentFrames;
pub(crate) use self::transport::Transport;
