//! What waits to be written to sockets: [`queue`] (of one socket), [`recent`] (the newest messages, shared by all sockets
//! of a conversation) and [`priority`] (what a full queue drops first).

mod priority;
mod queue;
mod recent;

pub(crate) use self::priority::Priority;
pub(crate) use self::queue::{FramePermit, NextWrite, Outbound, OutboundLimits, Permit, Timing};
pub(crate) use self::recent::RecentFrames;
