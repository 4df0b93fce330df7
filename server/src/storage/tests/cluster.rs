//! The PostgreSQL that `scripts/with-postgres` starts, and databases in it that no two tests share.

use std::sync::Arc;

use tokio_postgres::{Client, NoTls};

/// Names the URL of a PostgreSQL that tests may fill.
const VARIABLE: &str = "ROUNDTABLE_TEST_POSTGRES";

/// A running PostgreSQL.
pub(in crate::storage) struct Cluster {
    url: String,
}

impl Cluster {
    /// The one of the environment; `None`, and why on standard error, where there is none.
    pub(super) fn start() -> Option<Arc<Self>> {
        match std::env::var(VARIABLE) {
            Ok(url) => Some(Arc::new(Self { url })),
            Err(_) => {
                eprintln!("skipped: {VARIABLE} names no PostgreSQL; run this by `scripts/with-postgres cargo test`");
                None
            }
        }
    }

    /// A connection beside the store's own.
    pub(super) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// The URL of a place of its own: an empty schema.
    pub(super) async fn database(&self) -> String {
        let schema = format!("t_{}", uuid::Uuid::new_v4().simple());
        self.client().await.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        in_schema(&self.url, &schema)
    }
}

/// The same database, seen from a schema.
pub(super) fn in_schema(url: &str, schema: &str) -> String {
    format!("{url}?options=-c%20search_path%3D{schema}")
}

/// The schema that a URL names.
pub(super) fn schema_of(url: &str) -> &str {
    url.rsplit("%3D").next().unwrap()
}
