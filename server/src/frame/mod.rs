//! Frames as JSON: [`encode`] (what the server says), [`parse`] (what clients say), [`body`] (the shapes, some of which
//! REST shows too) and [`faults`] (names and numbers of faults and closes).

mod body;
mod encode;
mod faults;
mod parse;

pub(crate) use self::body::{MemberBody, RosterEntryBody, STATUS, roster};
pub(crate) use self::encode::{FrameEncoder, FrameSettings, ack, message};
pub(crate) use self::faults::{close_frame, counts, fault, name_of};
pub(crate) use self::parse::{ClientFrame, parse};
