//! The one task that writes: it takes what waits into one transaction, answers behind the commit, and connects anew
//! when the database was lost.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use tracing::{debug, error, info};

use super::connect::{DatabaseAddress, Session, describe};
use super::transaction_error::PostgresTransactionError;
use super::write;
use crate::domain::ConversationId;
use crate::metrics::StoreMetrics;
use crate::storage::append::{Append, AppendId};
use crate::storage::error::StoreError;
use crate::storage::settings::StoreSettings;

type PostgresReply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer can be asked. The answer may be given up.
pub(super) enum PostgresJob {
    /// Make records durable.
    Append { append: Append, reply: PostgresReply<()> },
    /// Say whether an append came through.
    HasAppend { conversation: ConversationId, append: AppendId, reply: PostgresReply<bool> },
    /// Say whether a commit would be taken.
    Check(PostgresReply<()>),
}

/// The state of the task.
pub(super) struct Writer {
    place: Arc<DatabaseAddress>,
    /// None while the database is lost.
    session: Option<Session>,
    settings: StoreSettings,
    metrics: StoreMetrics,
    /// The next activity's; known once there is a session.
    ordinal: Option<i64>,
    /// Whether the last thing that was tried failed.
    fails: bool,
}

type WaitingAppend = (Append, PostgresReply<()>);

impl Writer {
    /// A writer with an open session.
    pub(super) fn new(
        place: Arc<DatabaseAddress>,
        session: Session,
        settings: StoreSettings,
        metrics: StoreMetrics,
    ) -> Self {
        Self { place, session: Some(session), settings, metrics, ordinal: None, fails: false }
    }

    /// Works until nobody can ask any more.
    pub(super) async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<PostgresJob>) {
        let mut next = None;
        loop {
            let job = match next.take() {
                Some(job) => job,
                None => match jobs.recv().await {
                    Some(job) => job,
                    None => break,
                },
            };
            match job {
                PostgresJob::Append { append, reply } => {
                    let mut batch = vec![(append, reply)];
                    next = gather(&mut batch, &mut jobs, &self.settings);
                    self.append(batch).await;
                }
                PostgresJob::HasAppend { conversation, append, reply } => {
                    let _ = reply.send(self.has_append(&conversation, append).await);
                }
                PostgresJob::Check(reply) => {
                    let _ = reply.send(self.check().await);
                }
            }
        }
        if let Some(session) = self.session.take() {
            session.close(self.settings.timeout).await;
        }
    }

    /// The open session, a new one if the last one broke.
    async fn client(&mut self) -> Result<(&Client, &mut i64), StoreError> {
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        let opened = match self.session.take() {
            Some(session) => Ok(session),
            None => {
                // Another server may have taken over; then it stays there.
                let holding = self.place.hold(std::time::Duration::ZERO);
                timeout(self.settings.timeout, holding)
                    .await
                    .map_err(|_| "it did not answer in time".to_owned())
                    .and_then(|held| held.map_err(|error| error.to_string()))
            }
        };
        let session = match opened {
            Ok(session) => self.session.insert(session),
            Err(problem) => return Err(self.failed(StoreError::failed(problem))),
        };
        if self.ordinal.is_none() {
            let newest = session.client.query_one("SELECT coalesce(max(ordinal), 0) FROM conversations", &[]).await;
            match newest.and_then(|row| row.try_get::<_, i64>(0)) {
                Ok(newest) => self.ordinal = Some(newest + 1),
                Err(error) => {
                    self.session = None;
                    return Err(self.failed(StoreError::failed(describe(&error))));
                }
            }
        }
        match (&self.session, &mut self.ordinal) {
            (Some(session), Some(ordinal)) => Ok((&session.client, ordinal)),
            _ => Err(StoreError::failed("the database is not open")),
        }
    }

    fn failed(&mut self, problem: StoreError) -> StoreError {
        if !std::mem::replace(&mut self.fails, true) {
            error!(database = %self.place, %problem, "the database takes no commits; refusing writes until it does");
        }
        problem
    }

    fn works(&mut self) {
        if std::mem::replace(&mut self.fails, false) {
            info!(database = %self.place, "the database takes commits again");
        }
    }

    /// Stores a batch. If something in it makes no sense to the database, each append is tried alone.
    async fn append(&mut self, batch: Vec<WaitingAppend>) {
        let appends: Vec<&Append> = batch.iter().map(|(append, _)| append).collect();
        let results = match self.transaction(&appends).await {
            Ok(results) => results,
            Err(PostgresTransactionError::Content(error)) if appends.len() == 1 => vec![Err(error)],
            Err(PostgresTransactionError::Content(_)) => {
                let mut results = Vec::with_capacity(appends.len());
                for append in appends {
                    results.push(match self.transaction(&[append]).await {
                        Ok(results) => results.into_iter().next().unwrap_or(Ok(())),
                        Err(
                            PostgresTransactionError::Content(error)
                            | PostgresTransactionError::Database(error)
                            | PostgresTransactionError::InDoubt(error),
                        ) => Err(error),
                    });
                }
                results
            }
            Err(PostgresTransactionError::Database(error) | PostgresTransactionError::InDoubt(error)) => {
                vec![Err(error); appends.len()]
            }
        };
        for ((_, reply), result) in batch.into_iter().zip(results) {
            let _ = reply.send(result);
        }
    }

    async fn transaction(
        &mut self,
        appends: &[&Append],
    ) -> Result<Vec<Result<(), StoreError>>, PostgresTransactionError> {
        let began = Instant::now();
        let period = self.settings.timeout;
        let (client, ordinal) = self.client().await.map_err(PostgresTransactionError::Database)?;
        let mut committing = false;
        let stored = timeout(period, write::store(client, appends, ordinal, &mut committing)).await;
        let result = match stored {
            Ok(result) => result,
            Err(_) if committing => {
                let problem = format!("the commit was not answered within {period:?}");
                Err(PostgresTransactionError::InDoubt(StoreError::InDoubt(problem.into())))
            }
            Err(_) => Err(PostgresTransactionError::Database(StoreError::failed(format!(
                "the database did not answer within {period:?}"
            )))),
        };
        debug!(appends = appends.len(), micros = began.elapsed().as_micros(), works = result.is_ok(), "transaction");
        match &result {
            Ok(_) => {
                let records = appends.iter().map(|append| append.records.len()).sum();
                self.metrics.committed(records, began.elapsed());
                self.works();
            }
            Err(PostgresTransactionError::Content(_)) => self.undo().await,
            Err(PostgresTransactionError::Database(error) | PostgresTransactionError::InDoubt(error)) => {
                self.metrics.failed();
                // Whatever it was in the middle of, it ends with the connection.
                self.session = None;
                self.failed(error.clone());
            }
        }
        result
    }

    async fn undo(&mut self) {
        if let Some(session) = &self.session {
            let undone = timeout(self.settings.timeout, session.client.batch_execute("ROLLBACK")).await;
            if !matches!(undone, Ok(Ok(()))) {
                self.session = None;
            }
        }
    }

    /// The session that a lost commit was on ended before this one got hold of the database, so the answer is final.
    async fn has_append(&mut self, id: &ConversationId, append: AppendId) -> Result<bool, StoreError> {
        let period = self.settings.timeout;
        let (client, _) = self.client().await?;
        let sql = "SELECT last_append FROM conversations WHERE id = $1 FOR UPDATE";
        match timeout(period, client.query_opt(sql, &[&id.as_str()])).await {
            Ok(Ok(row)) => Ok(row.is_some_and(|row| row.get::<_, &[u8]>(0) == append.as_bytes())),
            Ok(Err(error)) => {
                self.session = None;
                Err(self.failed(StoreError::failed(describe(&error))))
            }
            Err(_) => {
                self.session = None;
                Err(self.failed(StoreError::failed(format!("the database did not answer within {period:?}"))))
            }
        }
    }

    /// A database that is read-only (a standby, a full disk's administrator) takes no commit.
    async fn check(&mut self) -> Result<(), StoreError> {
        let period = self.settings.timeout;
        let (client, _) = self.client().await?;
        let asked = timeout(period, client.query_one("SELECT current_setting('transaction_read_only')", &[])).await;
        let problem = match asked {
            Ok(Ok(row)) if row.get::<_, &str>(0) == "off" => {
                self.works();
                return Ok(());
            }
            Ok(Ok(_)) => "the database is read-only".to_owned(),
            Ok(Err(error)) => describe(&error),
            Err(_) => format!("the database did not answer within {period:?}"),
        };
        self.session = None;
        Err(self.failed(StoreError::failed(problem)))
    }
}

/// Takes in what waits, up to the limits and one append for each conversation. Gives back what goes into the next batch.
fn gather(
    batch: &mut Vec<WaitingAppend>,
    jobs: &mut mpsc::UnboundedReceiver<PostgresJob>,
    settings: &StoreSettings,
) -> Option<PostgresJob> {
    let limits = settings.limits;
    let mut conversations: HashSet<ConversationId> =
        batch.iter().map(|(append, _)| append.conversation.clone()).collect();
    let mut bytes: usize = batch.iter().map(|(append, _)| append.weight()).sum();
    while batch.len() < limits.appends && bytes < limits.bytes {
        match jobs.try_recv().ok()? {
            PostgresJob::Append { append, reply } if conversations.insert(append.conversation.clone()) => {
                bytes += append.weight();
                batch.push((append, reply));
            }
            other => return Some(other),
        }
    }
    None
}
