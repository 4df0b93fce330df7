//! Reaching the database: connections, who holds it, and its schema.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};
use tracing::{debug, info};

use super::tls::{self, MakeTls};
use crate::config::Durability;
use crate::storage::error::OpenError;
use crate::storage::settings::StoreSettings;

/// The steps from nothing to the newest schema; the version is the number of steps taken.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_conversations.sql"),
    include_str!("../../../migrations/postgres/0002_invites.sql"),
    include_str!("../../../migrations/postgres/0003_own_memberships.sql"),
];

/// The first half of the lock that the server in charge of a database holds ("rndt"); the other half is the schema.
const LOCK: i32 = 0x726e_6474;

/// How long a new server waits for the one before it to let go of the database. After a SIGKILL that takes moments.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which database, and how it is used.
pub(in crate::storage) struct DatabaseAddress {
    config: Config,
    /// Where the connection must be encrypted.
    tls: Option<MakeTls>,
    settings: StoreSettings,
}

/// Host, port and name; no user, and above all no password.
impl fmt::Display for DatabaseAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        write!(f, "{} at {host}:{port}", self.config.get_dbname().unwrap_or("(default)"))
    }
}

/// The connection that writes.
pub(in crate::storage) struct Session {
    pub(super) client: Client,
    driver: JoinHandle<()>,
}

impl Session {
    /// Lets go of the database, so that the next server finds it free.
    pub(super) async fn close(mut self, patience: Duration) {
        let _ = timeout(patience, self.client.batch_execute("SELECT pg_advisory_unlock_all()")).await;
        self.driver.abort();
        let _ = (&mut self.driver).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl DatabaseAddress {
    /// Reads a URL.
    pub(super) fn parse(url: &str, settings: StoreSettings) -> Result<Self, OpenError> {
        let wrong = |problem: String| OpenError::Server { place: "of `store`".to_owned(), problem };
        let (url, tls) = tls::split(url).map_err(wrong)?;
        let mut config = Config::from_str(&url).map_err(|error| wrong(format!("the URL is wrong: {error}")))?;
        config.application_name(format!("roundtable-server pid {}", std::process::id()));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(settings.timeout);
        }
        // A peer that is gone without a word is found out within this time even where nothing is sent.
        config.tcp_user_timeout(settings.timeout);
        Ok(Self { config, tls, settings })
    }

    fn problem(&self, problem: impl fmt::Display) -> OpenError {
        OpenError::Server { place: self.to_string(), problem: problem.to_string() }
    }

    /// Connections that read.
    pub(super) fn pool(&self, size: usize) -> Result<Pool, OpenError> {
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), fast),
            None => Manager::from_config(self.config.clone(), NoTls, fast),
        };
        let pool = Pool::builder(manager).max_size(size).build();
        pool.map_err(|error| self.problem(error))
    }

    async fn connect(&self) -> Result<Session, OpenError> {
        let failed = |error| self.problem(describe(&error));
        let (client, driver) = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(failed)?;
                (client, tokio::spawn(drive(connection)))
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
                (client, tokio::spawn(drive(connection)))
            }
        };
        Ok(Session { client, driver })
    }

    /// Connects as the one server that writes to the database, and brings the schema up to date.
    pub(super) async fn open(&self) -> Result<Session, OpenError> {
        let session = self.hold(PATIENCE).await?;
        self.migrate(&session.client, MIGRATIONS).await?;
        Ok(session)
    }

    /// Connects as the one server that writes to the database. Another one is waited for.
    pub(in crate::storage) async fn hold(&self, patience: Duration) -> Result<Session, OpenError> {
        let session = self.connect().await?;
        let failed = |error| self.problem(describe(&error));
        let began = Instant::now();
        let try_lock = "SELECT pg_try_advisory_lock($1, hashtext(current_schema()))";
        while !session.client.query_one(try_lock, &[&LOCK]).await.map_err(failed)?.get::<_, bool>(0) {
            if began.elapsed() >= patience {
                return Err(self.in_use(&session.client).await);
            }
            sleep(Duration::from_millis(20)).await;
        }
        // Stronger settings than these are the administrator's to make.
        let waits = match self.settings.durability {
            Durability::Full => {
                "SELECT set_config('synchronous_commit', 'on', false)
                 WHERE current_setting('synchronous_commit') IN ('off', 'local')"
            }
            Durability::Relaxed | Durability::None => "SELECT set_config('synchronous_commit', 'off', false)",
        };
        session.client.query(waits, &[]).await.map_err(failed)?;
        Ok(session)
    }

    async fn in_use(&self, client: &Client) -> OpenError {
        let holder = "SELECT application_name, coalesce(host(client_addr), 'this machine')
             FROM pg_locks JOIN pg_stat_activity USING (pid)
             WHERE locktype = 'advisory' AND granted AND classid = $1::bigint::oid
               AND objid = (hashtext(current_schema())::bigint & 4294967295)::oid";
        let holder = match client.query(holder, &[&i64::from(LOCK)]).await.ok().and_then(|rows| rows.into_iter().next())
        {
            Some(row) => format!("{} on {}", row.get::<_, String>(0), row.get::<_, String>(1)),
            None => "another server".to_owned(),
        };
        self.problem(format!("it is already in use by {holder}; stop that server, or give this one another database"))
    }

    async fn migrate(&self, client: &Client, migrations: &[&str]) -> Result<(), OpenError> {
        let failed = |error| self.problem(describe(&error));
        let begin = "CREATE TABLE IF NOT EXISTS roundtable_schema (version bigint NOT NULL);
             INSERT INTO roundtable_schema SELECT 0 WHERE NOT EXISTS (SELECT FROM roundtable_schema)";
        client.batch_execute(begin).await.map_err(failed)?;
        let row = client.query_one("SELECT max(version) FROM roundtable_schema", &[]).await.map_err(failed)?;
        let found: i64 = row.get(0);
        let known = migrations.len() as i64;
        if found > known {
            return Err(OpenError::Newer { place: self.to_string(), found, known });
        }
        for (index, step) in migrations.iter().enumerate().skip(usize::try_from(found).unwrap_or(0)) {
            let version = index as i64 + 1;
            let step = format!("BEGIN; {step}; UPDATE roundtable_schema SET version = {version}; COMMIT");
            if let Err(error) = client.batch_execute(&step).await {
                let _ = client.batch_execute("ROLLBACK").await;
                let problem = describe(&error);
                return Err(OpenError::Migration { place: self.to_string(), version, problem });
            }
        }
        if (1..known).contains(&found) {
            info!(from = found, to = known, "database schema migrated");
        }
        Ok(())
    }
}

/// Carries what a client and the database say to each other.
async fn drive(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        debug!(%error, "a connection to the database ended");
    }
}

/// What the database says; the crate's own text leaves out the reason.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    use std::error::Error;
    match error.as_db_error() {
        Some(said) => format!("{} ({})", said.message(), said.code().code()),
        None => match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}
