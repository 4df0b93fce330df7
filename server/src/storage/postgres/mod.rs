//! The log in a PostgreSQL database: one connection that writes and holds the database for this server, and a pool of
//! connections that read.

mod connect;
mod load;
mod read;
mod rows;
mod store;
mod tls;
mod transaction_error;
mod write;
mod writer;

pub(crate) use self::store::PostgresStore;
#[cfg(test)]
pub(in crate::storage) use self::store::place;
