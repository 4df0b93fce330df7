//! TCP: [`listen`] (the listeners that a configuration asks for), `tcp` (connections, tuned and served) and `tasks` (tasks
//! that never outlive their owner).

mod hyper_errors;
pub mod listen;
mod tasks;
mod tcp;

pub(crate) use self::tasks::Tasks;
pub(crate) use self::tcp::{ConnectionSettings, Connections, accept, released};
