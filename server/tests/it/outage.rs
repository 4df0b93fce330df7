//! A database server that goes down while the chat goes on.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::client::{Server, places, types};

/// A PostgreSQL of this test alone, which nobody misses while it is down.
struct Database {
    url: String,
    control: String,
    /// Cleans up when its standard input ends.
    script: Child,
}

impl Database {
    /// `None`, and why on standard error, where there is no PostgreSQL.
    fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/with-postgres");
        let wait = "echo \"${ROUNDTABLE_TEST_POSTGRES-}\"; echo \"${ROUNDTABLE_TEST_POSTGRES_CONTROL-}\"; cat";
        let mut script = Command::new(script)
            .args(["sh", "-c", wait])
            .env_remove("CI")
            .env_remove("ROUNDTABLE_TEST_POSTGRES")
            .env_remove("ROUNDTABLE_TEST_POSTGRES_CONTROL")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(script.stdout.take().unwrap()).lines();
        let (url, control) = (lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap());
        let database = Self { url, control, script };
        if database.url.is_empty() {
            eprintln!("skipped: there is no PostgreSQL");
            return None;
        }
        Some(database)
    }

    fn control(&self, word: &str) {
        assert!(Command::new(&self.control).arg(word).status().unwrap().success(), "{word}");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

#[tokio::test]
async fn a_database_server_that_goes_down_is_waited_for() {
    let Some(database) = Database::start() else { return };
    let server = Server::start(json!({"store": database.url})).await;
    let talk = server.conversation(&["ann", "ben"]).await;
    let mut ann = server.enter("ann", &talk).await;
    ann.say("before", "1").await;
    assert_eq!(types(&ann.ping().await), ["message_ack"]);

    database.control("stop");
    let status = async |path: &str| server.call("ben", "GET", path, Value::Null).await.status;
    let say = format!("/chat/{talk}/messages");
    let refused = server.call("ben", "POST", &say, json!({"content": "x"})).await;
    assert_eq!(refused.error(), (503, "STORAGE_UNAVAILABLE"));
    assert_eq!((status("/ready").await, status("/health").await), (503, 503));
    ann.say("meanwhile", "2").await;
    assert_eq!(ann.receive("error").await["error"], "storage_unavailable");
    // The socket lives, and what needs no store goes on.
    assert!(ann.ping().await.is_empty());

    database.control("start");
    while status("/ready").await != 200 {}
    ann.say("meanwhile", "2").await;
    assert_eq!(ann.receive("message_ack").await["sequence_id"], 2);
    ann.say("before", "1").await;
    let ack = ann.receive("message_ack").await;
    assert_eq!((&ack["sequence_id"], &ack["duplicate"]), (&json!(1), &json!(true)));
    let mut ben = server.connect("ben", &talk).await;
    assert_eq!(places(&ben.ping().await), [1, 2]);
}
