//! A server from its start to its end.

mod serve;

pub use self::serve::{Prepared, prepare, serve};
