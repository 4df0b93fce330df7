//! The same cases over every store: memory, SQLite, and PostgreSQL where one can be started.

mod cases;
mod cluster;
mod log;
mod outage;
mod reload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::cluster::Cluster;
use super::append::BatchLimits;
use super::postgres::PostgresStore;
use super::settings::StoreSettings;
use super::sqlite::SqliteStore;
use super::{MemoryStore, Store};
use crate::config::Durability;
use crate::metrics::{Metrics, StoreMetrics};

pub(super) const SETTINGS: StoreSettings = StoreSettings {
    durability: Durability::Full,
    readers: 2,
    timeout: Duration::from_secs(20),
    limits: BatchLimits::of(512),
};

/// What nobody looks at.
pub(super) fn metrics() -> StoreMetrics {
    Metrics::new().unwrap().store()
}

/// Where a store keeps its log, so that it can be closed and opened again.
pub(super) enum TestStore {
    /// A store in memory cannot be reopened; it stays open.
    Memory(Arc<MemoryStore>),
    Folder(tempfile::TempDir),
    Server(Arc<Cluster>, String),
}

impl TestStore {
    pub(super) fn memory() -> Self {
        Self::Memory(Arc::new(MemoryStore::new(metrics())))
    }

    pub(super) fn sqlite() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    /// A database of its own; `None`, and why on standard error, where there is no PostgreSQL.
    pub(super) async fn postgres() -> Option<Self> {
        let cluster = Cluster::start()?;
        let url = cluster.database().await;
        Some(Self::Server(cluster, url))
    }

    pub(super) fn file(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.path().join("chat.db"),
            _ => panic!("there is no file"),
        }
    }

    pub(super) async fn open(&self) -> Arc<dyn Store> {
        self.open_with(SETTINGS).await
    }

    pub(super) async fn open_with(&self, settings: StoreSettings) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => Arc::clone(store) as Arc<dyn Store>,
            Self::Folder(folder) => Arc::new(SqliteStore::open(folder.path(), settings, metrics()).await.unwrap()),
            Self::Server(_, url) => Arc::new(PostgresStore::open(url, settings, metrics()).await.unwrap()),
        }
    }
}

/// Makes a test of each case for each store.
macro_rules! over_all_stores {
    ($($case:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case(super::TestStore::memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::cases::$case(super::TestStore::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                if let Some(home) = super::TestStore::postgres().await {
                    super::cases::$case(home).await;
                }
            })*
        }
    };
}

over_all_stores![
    a_log_reads_back_as_it_was_written,
    what_was_stored_is_there_when_it_is_opened_again,
    an_append_that_does_not_fit_changes_nothing,
    a_bad_append_fails_alone,
    what_was_sent_before_is_told,
    resends_are_found_however_old,
    pages_of_messages_are_ascending_and_bounded,
    unread_counts_leave_out_ones_own,
    conversations_come_by_newest_activity,
    invites_are_kept_and_lead_to_their_conversation,
    every_character_is_kept,
    the_latest_append_is_recognised,
    many_at_once_keep_their_order,
    a_closed_store_says_so,
    an_append_behind_another_one_than_the_latest_is_refused,
    pages_are_bounded_by_bytes,
    the_last_words_of_people_are_kept_however_old,
    a_list_says_what_is_in_each_conversation,
];
