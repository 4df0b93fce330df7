//! What one client may take: `rates` (how often) and `slots` (how many sockets).

mod rates;
mod slots;

pub(crate) use self::rates::Rates;
pub(crate) use self::slots::Slots;
