//! Stores that are lost and found again, and those that must not be opened.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::cluster::schema_of;
use super::log::Log;
use super::{SETTINGS, TestStore, metrics};
use crate::config::Durability;
use crate::domain::SequenceId;
use crate::storage::append::BatchLimits;
use crate::storage::postgres::PostgresStore;
use crate::storage::settings::StoreSettings;
use crate::storage::sqlite::SqliteStore;
use crate::storage::{LogStore, Store, StoreError};

async fn opened(home: &TestStore) -> Arc<SqliteStore> {
    let folder = home.file().parent().unwrap().to_owned();
    Arc::new(SqliteStore::open(&folder, SETTINGS, metrics()).await.unwrap())
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_mends_by_itself() {
    let home = TestStore::sqlite();
    let store = opened(&home).await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    talk.say(&*store, "ann", None, "before").await;
    store.limit_pages(Some(1)).await;
    let large = "x".repeat(100_000);
    let message = talk.message("ann", Some("1"), &large);
    let refused = talk.append(&*store, vec![message]).await.unwrap_err();
    assert!(refused.to_string().contains("make room on the disk"), "{refused}");
    assert!(matches!(refused, StoreError::Failed(_)), "a full disk leaves no doubt");
    // A store that failed tries a commit before it calls itself ready.
    assert!(store.check().await.is_err());
    talk.check(&*store).await;
    store.limit_pages(None).await;
    store.check().await.unwrap();
    talk.say(&*store, "ann", Some("1"), &large).await;
    talk.check(&*store).await;
}

#[tokio::test]
async fn a_full_disk_fails_the_whole_batch_and_no_more() {
    let home = TestStore::sqlite();
    let store = opened(&home).await;
    let mut talks = Vec::new();
    for _ in 0..6 {
        talks.push(Log::create(&*store, &["ann"], 1).await);
    }
    store.limit_pages(Some(1)).await;
    let large = "x".repeat(50_000);
    let messages: Vec<_> = talks.iter_mut().map(|talk| talk.message("ann", None, &large)).collect();
    let appends = talks.iter().zip(messages).map(|(talk, message)| store.append(talk.next(vec![message])));
    let results = futures_util::future::join_all(appends).await;
    assert!(results.iter().all(Result::is_err), "{results:?}");
    store.limit_pages(None).await;
    for talk in &mut talks {
        talk.check(&*store).await;
        talk.say(&*store, "ann", None, "after").await;
    }
}

#[tokio::test]
async fn a_commit_that_ends_in_an_error_of_the_disk_is_in_doubt_until_the_database_tells() {
    use rusqlite::ffi::{SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE};
    let home = TestStore::sqlite();
    let store = opened(&home).await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    for code in [SQLITE_IOERR_FSYNC, SQLITE_IOERR_WRITE] {
        let message = talk.message("ann", None, "perhaps");
        let append = talk.next(vec![message.clone()]);
        store.fail_commit(code);
        let result = store.append(append.clone()).await;
        assert!(matches!(result, Err(StoreError::InDoubt(_))), "{code}: {result:?}");
        // It had happened; only its answer told of an error.
        assert_eq!(store.has_append(&talk.id, append.id).await, Ok(true));
        talk.state.fold(&message);
        talk.last = append.id;
        talk.check(&*store).await;
    }
    let message = talk.message("ann", None, "no room");
    store.fail_commit(SQLITE_FULL);
    let refused = store.append(talk.next(vec![message])).await;
    assert!(matches!(refused, Err(StoreError::Failed(_))), "a full disk leaves no doubt: {refused:?}");
}

#[tokio::test]
async fn a_database_that_is_taken_away_takes_no_more_and_comes_back() {
    let home = TestStore::sqlite();
    let store = opened(&home).await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    talk.say(&*store, "ann", None, "kept").await;
    let away = home.file().with_extension("away");
    std::fs::rename(home.file(), &away).unwrap();
    assert!(store.check().await.is_err());
    let message = talk.message("ann", Some("1"), "into the void");
    let refused = talk.append(&*store, vec![message]).await.unwrap_err();
    assert!(refused.to_string().contains("chat.db is gone; put it back"), "{refused}");
    // What is open can still be read.
    talk.check(&*store).await;
    std::fs::rename(&away, home.file()).unwrap();
    store.check().await.unwrap();
    talk.say(&*store, "ann", Some("1"), "into the void").await;
    talk.check(&*store).await;
}

#[tokio::test]
async fn a_backup_in_the_databases_place_is_read_from_then_on() {
    let home = TestStore::sqlite();
    let backup = home.file().with_extension("backup");
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    talk.say(&*store, "ann", None, "in the backup").await;
    store.close().await.unwrap();
    std::fs::copy(home.file(), &backup).unwrap();
    let before = (talk.state.clone(), talk.last);
    let store = home.open().await;
    talk.say(&*store, "ann", None, "behind it").await;

    for name in ["chat.db", "chat.db-wal", "chat.db-shm"] {
        let _ = std::fs::remove_file(home.file().with_file_name(name));
    }
    std::fs::rename(&backup, home.file()).unwrap();
    store.check().await.unwrap();
    // What the owner believes no longer fits, and it is told so.
    let message = talk.message("ann", None, "too far ahead");
    assert!(matches!(talk.append(&*store, vec![message]).await, Err(StoreError::Conflict(_))));
    (talk.state, talk.last) = before;
    talk.check(&*store).await;
    talk.say(&*store, "ann", None, "from here on").await;
    talk.check(&*store).await;
}

#[tokio::test]
async fn one_commit_for_each_append_stores_the_same() {
    let home = TestStore::sqlite();
    let store = home.open_with(StoreSettings { limits: BatchLimits::of(1), ..SETTINGS }).await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    for _ in 0..5 {
        talk.say(&*store, "ann", None, "text").await;
    }
    talk.check(&*store).await;
}

#[tokio::test]
async fn a_folder_has_one_user() {
    let home = TestStore::sqlite();
    let store = home.open().await;
    let folder = home.file().parent().unwrap().to_owned();
    // Held by another program, as far as the lock file says.
    std::fs::write(folder.join("roundtable.lock"), "4000000\n").unwrap();
    let refused = SqliteStore::open(&folder, SETTINGS, metrics()).await.err().unwrap().to_string();
    assert!(refused.contains("is already in use by pid 4000000; stop that server"), "{refused}");
    drop(store);
}

#[tokio::test]
async fn a_server_that_starts_again_in_its_process_waits_for_the_last_one() {
    let home = TestStore::sqlite();
    let store = home.open().await;
    let talk = Log::create(&*store, &["ann"], 1).await;
    let folder = home.file().parent().unwrap().to_owned();
    let again =
        tokio::spawn(async move { SqliteStore::open(&folder, SETTINGS, metrics()).await.map(|store| (store, ())) });
    drop(store);
    let (store, ()) = again.await.unwrap().unwrap();
    talk.check(&store).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = SqliteStore::open(&file.join("data"), SETTINGS, metrics()).await.err().unwrap().to_string();
    assert!(refused.contains("file/data can't be used") && refused.contains("`data`"), "{refused}");
}

/// Stands between the store and PostgreSQL.
struct Proxy {
    port: u16,
    /// Set to cut the next connection that commits, before or behind its commit.
    cut: watch::Sender<Cut>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    No,
    BeforeCommit,
    BehindCommit,
    /// Nobody gets through.
    All,
}

impl Proxy {
    async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = watch::Sender::new(Cut::No);
        let control = cut.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *control.borrow() != Cut::All {
                    let server = TcpStream::connect(&target).await.unwrap();
                    tokio::spawn(carry(client, server, control.clone()));
                }
            }
        });
        Self { port, cut }
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, control: watch::Sender<Cut>) {
    let (mut up, mut down) = ([0; 1 << 16], [0; 1 << 16]);
    let mut changed = control.subscribe();
    loop {
        let closing = async { drop(changed.wait_for(|cut| *cut == Cut::All).await) };
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let commits = up[..count].windows(7).any(|window| window == b"COMMIT\0");
                let cut = *control.borrow();
                if commits && cut == Cut::BeforeCommit {
                    control.send_replace(Cut::No);
                    return;
                }
                server.write_all(&up[..count]).await.unwrap();
                if commits && cut == Cut::BehindCommit {
                    control.send_replace(Cut::No);
                    // The commit is done when the server says so; the store never hears of it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
            () = closing => return,
        }
    }
}

/// A store behind a proxy.
async fn behind_proxy() -> Option<(TestStore, Proxy, PostgresStore)> {
    let home = TestStore::postgres().await?;
    let TestStore::Server(_, url) = &home else { return None };
    let address = url.split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    let proxy = Proxy::start(address.clone()).await;
    let through = url.replace(&address, &format!("127.0.0.1:{}", proxy.port));
    let store = PostgresStore::open(&through, SETTINGS, metrics()).await.unwrap();
    Some((home, proxy, store))
}

#[tokio::test]
async fn a_commit_whose_answer_gets_lost_is_in_doubt_until_the_database_tells() {
    let Some((_home, proxy, store)) = behind_proxy().await else { return };
    let mut talk = Log::create(&store, &["ann"], 1).await;
    for (cut, is_durable) in [(Cut::BehindCommit, true), (Cut::BeforeCommit, false)] {
        let message = talk.message("ann", None, "?");
        let append = talk.next(vec![message]);
        proxy.cut.send_replace(cut);
        let lost = store.append(append.clone()).await;
        assert!(matches!(lost, Err(StoreError::InDoubt(_))), "{cut:?}: {lost:?}");
        let told = loop {
            match store.has_append(&talk.id, append.id).await {
                Ok(told) => break told,
                // The database has not let go of the lost connection yet.
                Err(_) => tokio::task::yield_now().await,
            }
        };
        assert_eq!(told, is_durable, "{cut:?}");
        if is_durable {
            talk.state.fold(&append.records[0]);
            talk.last = append.id;
        }
        talk.check(&store).await;
        talk.say(&store, "ann", None, "and on").await;
    }
    talk.check(&store).await;
}

#[tokio::test]
async fn a_lost_database_server_refuses_until_it_is_back() {
    let Some((_home, proxy, store)) = behind_proxy().await else { return };
    let mut talk = Log::create(&store, &["ann"], 1).await;
    talk.check(&store).await;
    proxy.cut.send_replace(Cut::All);
    let message = talk.message("ann", None, "nobody hears");
    assert!(talk.append(&store, vec![message]).await.is_err());
    assert!(store.check().await.is_err());
    assert!(store.load(&talk.id, 1).await.is_err());
    proxy.cut.send_replace(Cut::No);
    while store.check().await.is_err() {
        tokio::task::yield_now().await;
    }
    talk.say(&store, "ann", None, "back again").await;
    talk.check(&store).await;
}

#[tokio::test]
async fn readers_outlive_the_end_of_their_connections() {
    let Some(home) = TestStore::postgres().await else { return };
    let store = home.open().await;
    let talk = Log::create(&*store, &["ann"], 1).await;
    talk.check(&*store).await;
    let TestStore::Server(cluster, url) = &home else { return };
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
                 AND query LIKE '%' || $1 || '%' OR pid IN (
                     SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 1919837300
                     AND objid = (hashtext($1)::bigint & 4294967295)::oid)";
    cluster.client().await.query(ended, &[&schema_of(url)]).await.unwrap();
    talk.check(&*store).await;
}

#[tokio::test]
async fn a_database_has_one_server() {
    let Some(home) = TestStore::postgres().await else { return };
    let store = home.open().await;
    let TestStore::Server(_, url) = &home else { return };
    let place = super::super::postgres::place(url, SETTINGS);
    let refused = place.hold(Duration::ZERO).await.err().unwrap().to_string();
    let expected = format!("already in use by roundtable-server pid {} on", std::process::id());
    assert!(refused.contains(&expected) && !refused.contains("trust"), "{refused}");
    store.close().await.unwrap();
    place.hold(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(home) = TestStore::postgres().await else { return };
    home.open().await.close().await.unwrap();
    let TestStore::Server(cluster, url) = &home else { return };
    let table = format!("{}.roundtable_schema", schema_of(url));
    cluster.client().await.batch_execute(&format!("UPDATE {table} SET version = 99")).await.unwrap();
    let refused = PostgresStore::open(url, SETTINGS, metrics()).await.err().unwrap().to_string();
    assert!(refused.contains("has schema version 99, and this program knows up to 3"), "{refused}");
}

#[tokio::test]
async fn an_unreachable_database_is_told_without_its_password() {
    let url = "postgres://somebody:hunter2@127.0.0.1:1/chat";
    let refused = PostgresStore::open(url, SETTINGS, metrics()).await.err().unwrap().to_string();
    assert!(refused.contains("chat at 127.0.0.1:1 can't be used") && !refused.contains("hunter2"), "{refused}");
    let relaxed = StoreSettings { durability: Durability::Relaxed, ..SETTINGS };
    let wrong = PostgresStore::open("postgres://host:port:/x", relaxed, metrics()).await.err().unwrap().to_string();
    assert!(wrong.contains("the URL is wrong"), "{wrong}");
}

#[tokio::test]
async fn pages_go_on_while_a_commit_is_under_way() {
    let home = TestStore::sqlite();
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    talk.say(&*store, "ann", None, "there").await;
    // Somebody holds the database for writing.
    let other = rusqlite::Connection::open(home.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let message = talk.message("ann", None, "waits");
    let append = talk.next(vec![message.clone()]);
    let id = append.id;
    let mut writing = store.append(append);
    let page = store.messages_after(&talk.id, SequenceId(0), 10, usize::MAX);
    tokio::select! {
        biased;
        written = &mut writing => panic!("{written:?} before the other let go"),
        page = page => assert_eq!(page.unwrap().len(), 1),
    }
    other.execute_batch("ROLLBACK").unwrap();
    writing.await.unwrap();
    talk.state.fold(&message);
    talk.last = id;
    talk.check(&*store).await;
}

#[tokio::test]
async fn a_database_over_tls_is_as_verified_as_was_asked() {
    let (Some(home), Ok(authority)) = (TestStore::postgres().await, std::env::var("ROUNDTABLE_TEST_POSTGRES_CA"))
    else {
        eprintln!("skipped: there is no PostgreSQL with a certificate");
        return;
    };
    let TestStore::Server(_, url) = &home else { panic!("no server") };
    let joined = if url.contains('?') { "&" } else { "?" };
    let open = async |url: &str, parameters: &str| {
        let url = format!("{url}{joined}{parameters}");
        let store = PostgresStore::open(&url, SETTINGS, metrics()).await?;
        let mut talk = Log::create(&store, &["ann"], 1).await;
        talk.say(&store, "ann", None, "over TLS").await;
        talk.check(&store).await;
        store.close().await.unwrap();
        Ok::<_, crate::storage::error::OpenError>(())
    };
    let full = format!("sslmode=verify-full&sslrootcert={authority}");
    let chain = format!("sslmode=verify-ca&sslrootcert={authority}");
    for parameters in ["sslmode=require", &chain, &full] {
        open(url, parameters).await.unwrap();
    }
    // The certificate is for 127.0.0.1 and not for this name of it.
    let elsewhere = url.replace("127.0.0.1", "localhost");
    open(&elsewhere, &chain).await.unwrap();
    let refused = open(&elsewhere, &full).await.unwrap_err().to_string();
    assert!(refused.contains("not valid for name") || refused.contains("certificate"), "{refused}");
    // An authority that nobody here knows.
    let refused = open(url, "sslmode=verify-full&sslrootcert=system").await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
}
