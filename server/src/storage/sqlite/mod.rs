//! The log in an SQLite database: one writer thread, several readers, one folder that nobody else uses.

mod connection;
mod folder;
mod health;
mod open;
mod read;
mod readers;
mod store;
mod write;
mod writer;

pub(crate) use self::store::SqliteStore;
