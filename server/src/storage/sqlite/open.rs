//! Opening the database: who else may, in which mode, with which schema.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use tracing::info;

use crate::config::Durability;
use crate::storage::error::OpenError;

/// Marks a database as ours ("rndt").
const APPLICATION: i32 = 0x726e_6474;

/// The steps from nothing to the newest schema; the version is the number of steps taken.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_conversations.sql"),
    include_str!("../../../migrations/sqlite/0002_invites.sql"),
    include_str!("../../../migrations/sqlite/0003_own_memberships.sql"),
];

/// Nobody but a person with a tool is ever in the way, and not for long.
const BUSY: Duration = Duration::from_secs(5);

/// A new database, made once in a process.
static NEW: OnceLock<Vec<u8>> = OnceLock::new();

/// Opens the one connection that writes. Makes the database, or brings it to the newest schema.
pub(super) fn writer(file: &Path, durability: Durability) -> Result<Connection, OpenError> {
    whole(file)?;
    // A file that is thrown away need not be made step by step: many servers in one process, each with a new one, share
    // what the first one made. Who waits for the disk lets the database write it.
    if durability == Durability::None && !file.exists() {
        let made = NEW.get().map_or_else(make_new, |made| Ok(made.clone()));
        if let Ok(made) = made {
            let made = NEW.get_or_init(|| made);
            std::fs::write(file, made).map_err(|error| OpenError::file(file, error.to_string()))?;
        }
    }
    open_and_migrate(file, OpenFlags::SQLITE_OPEN_CREATE, durability, MIGRATIONS)
}

/// Opens a database that must be there, after it was lost.
pub(super) fn writer_again(file: &Path, durability: Durability) -> Result<Connection, OpenError> {
    whole(file)?;
    open_and_migrate(file, OpenFlags::empty(), durability, MIGRATIONS)
}

/// Opens a connection that reads.
pub(super) fn reader(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096")?;
    Ok(connection)
}

/// The bytes of a new database.
fn make_new() -> std::io::Result<Vec<u8>> {
    let folder = std::env::temp_dir().join(format!("roundtable-new-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&folder)?;
    let file = folder.join("new.db");
    let made = open_and_migrate(&file, OpenFlags::SQLITE_OPEN_CREATE, Durability::Relaxed, MIGRATIONS)
        .map_err(std::io::Error::other)
        // Closing writes the log back into the file.
        .and_then(|connection| connection.close().map_err(|(_, error)| std::io::Error::other(error)))
        .and_then(|()| std::fs::read(&file));
    let _ = std::fs::remove_dir_all(&folder);
    made
}

fn open_and_migrate(
    file: &Path,
    create: OpenFlags,
    durability: Durability,
    migrations: &[&str],
) -> Result<Connection, OpenError> {
    let wrong = |error: rusqlite::Error| OpenError::file(file, explain(&error));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let mut connection = Connection::open_with_flags(file, flags).map_err(wrong)?;
    connection.busy_timeout(BUSY).map_err(wrong)?;
    connection.set_prepared_statement_cache_capacity(64);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = number("user_version").map_err(wrong)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(wrong)?;
    let is_new = version == 0 && tables == 0;
    if !is_new && number("application_id").map_err(wrong)? != i64::from(APPLICATION) {
        let problem = "it belongs to another program; give another folder with `data`";
        return Err(OpenError::file(file, problem));
    }
    let known = migrations.len() as i64;
    if version > known {
        return Err(OpenError::Newer { place: file.display().to_string(), found: version, known });
    }
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Relaxed => "NORMAL",
        Durability::None => "OFF",
    };
    if durability == Durability::None {
        // Nobody wants the file behind this process: no journal for making it, nothing written back at the end.
        if is_new {
            connection.pragma_update(None, "journal_mode", "MEMORY").map_err(wrong)?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(wrong)?;
    }
    // The journal mode is kept in the file, the others are the connection's.
    let pragmas = format!(
        "PRAGMA synchronous = {synchronous}; PRAGMA journal_mode = WAL; PRAGMA cache_size = -16384;
         PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864"
    );
    connection.execute_batch(&pragmas).map_err(wrong)?;
    let steps = migrations.iter().enumerate().skip(usize::try_from(version).unwrap_or(0));
    let steps: Vec<(i64, &str)> = steps.map(|(index, step)| (index as i64 + 1, *step)).collect();
    // A new database is made at once; of an old one each step stands that was taken.
    for steps in steps.chunks(if is_new { steps.len().max(1) } else { 1 }) {
        migrate(&mut connection, steps).map_err(|(version, error)| OpenError::Migration {
            place: file.display().to_string(),
            version,
            problem: explain(&error),
        })?;
    }
    if !is_new && version < known {
        info!(from = version, to = known, "database schema migrated");
    }
    Ok(connection)
}

/// Takes steps in one transaction. An error tells which one it was.
fn migrate(connection: &mut Connection, steps: &[(i64, &str)]) -> Result<(), (i64, rusqlite::Error)> {
    let Some((newest, _)) = steps.last().copied() else { return Ok(()) };
    let whole = |error| (newest, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(whole)?;
    for (version, step) in steps {
        transaction.execute_batch(step).map_err(|error| (*version, error))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION).map_err(whole)?;
    transaction.pragma_update(None, "user_version", newest).map_err(whole)?;
    transaction.commit().map_err(whole)
}

/// Refuses a file that is shorter than its own first page says, which SQLite would notice only when somebody reads
/// what is missing. With a write-ahead log beside it the file may rightly be short.
fn whole(file: &Path) -> Result<(), OpenError> {
    use std::io::Read;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(log).is_ok_and(|metadata| metadata.len() > 0);
    let mut header = [0; 100];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut header));
    if has_log || read.is_err() || !header.starts_with(b"SQLite format 3\0") {
        return Ok(());
    }
    let number =
        |at: usize| u64::from(u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    };
    // The page count is valid only if the change counter says so.
    let announced = if number(24) == number(92) { number(28) * page } else { 0 };
    let found = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    if found < announced {
        let problem = format!("it is cut off: {found} bytes of {announced}; put a backup in its place, or {REPAIR}");
        return Err(OpenError::file(file, problem));
    }
    Ok(())
}

/// How to save what can be saved.
const REPAIR: &str = "save what can be read with `sqlite3 FILE .recover`";

/// What SQLite says, and how to mend it.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    let mend = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "it is no SQLite database; move it away, or give another folder with `data`",
        Some(ErrorCode::DatabaseCorrupt) => {
            return format!("it is damaged ({error}); put a backup in its place, or {REPAIR}");
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "mend the permissions of the file and its folder"
        }
        Some(ErrorCode::DiskFull) => "make room on the disk",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds it; end that program",
        Some(ErrorCode::SystemIoFailure) => "look into the system's log for the disk's errors",
        _ => return error.to_string(),
    };
    format!("{error}: {mend}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(file: &Path, migrations: &[&str]) -> Result<Connection, OpenError> {
        open_and_migrate(file, OpenFlags::SQLITE_OPEN_CREATE, Durability::Full, migrations)
    }

    #[test]
    fn each_step_is_taken_once_and_a_failing_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        let first = "CREATE TABLE a (x)";
        drop(opened(&file, &[first]).unwrap());
        let bad = opened(&file, &[first, "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"]).unwrap_err();
        assert!(bad.to_string().contains("schema version 2: no such table: nowhere"), "{bad}");
        let connection = opened(&file, &[first, "CREATE TABLE b (x)", "ALTER TABLE b ADD COLUMN y"]).unwrap();
        connection.execute("INSERT INTO b (x, y) VALUES (1, 2)", []).unwrap();
        drop(connection);
        let newer = opened(&file, &[first]).unwrap_err().to_string();
        assert!(newer.contains("has schema version 3, and this program knows up to 1"), "{newer}");
    }

    #[test]
    fn the_database_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        for (durability, synchronous) in [(Durability::Full, 2), (Durability::Relaxed, 1), (Durability::None, 0)] {
            let connection = writer(&file, durability).unwrap();
            let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
            assert_eq!(number("synchronous"), synchronous);
            let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[test]
    fn what_is_no_database_of_ours_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        std::fs::write(&file, "just some text, and enough of it to be read as the head of a database file, in vain")
            .unwrap();
        let error = writer(&file, Durability::Full).unwrap_err().to_string();
        assert!(error.contains("chat.db") && error.contains("no SQLite database; move it away"), "{error}");

        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = writer(&other, Durability::Full).unwrap_err().to_string();
        assert!(error.contains("belongs to another program"), "{error}");
        assert!(Connection::open(&other).unwrap().execute("INSERT INTO theirs VALUES (1)", []).is_ok());
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        drop(writer(&file, Durability::Full).unwrap());
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let error = writer(&file, Durability::Full).unwrap_err().to_string();
        assert!(error.contains("is cut off") && error.contains(".recover"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chat.db");
        drop(writer(&file, Durability::Full).unwrap());
        let mut bytes = std::fs::read(&file).unwrap();
        // Behind the header: the schema itself.
        bytes[100..4096].fill(0xA5);
        std::fs::write(&file, &bytes).unwrap();
        let error = writer(&file, Durability::Full).unwrap_err().to_string();
        assert!(error.contains("it is damaged") && error.contains(".recover"), "{error}");
    }
}
