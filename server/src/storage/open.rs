//! Which store a configuration names.

use std::sync::Arc;

use super::error::OpenError;
use super::memory::MemoryStore;
use super::postgres::PostgresStore;
use super::settings::StoreSettings;
use super::sqlite::SqliteStore;
use super::store::Store;
use crate::config::{Config, StoreChoice};
use crate::metrics::StoreMetrics;

/// Opens the store that the configuration names, and creates or migrates it where that is needed.
pub(crate) async fn open(config: &Config, metrics: StoreMetrics) -> Result<Arc<dyn Store>, OpenError> {
    let settings = StoreSettings::from(config);
    Ok(match config.store_choice() {
        StoreChoice::Memory => Arc::new(MemoryStore::new(metrics)),
        StoreChoice::Sqlite => Arc::new(SqliteStore::open(config.data.as_ref(), settings, metrics).await?),
        StoreChoice::Postgres => Arc::new(PostgresStore::open(&config.store, settings, metrics).await?),
    })
}
