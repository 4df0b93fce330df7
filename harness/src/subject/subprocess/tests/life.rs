//! A server that runs: its output, its end, its process group, its restarts.

use std::time::Duration;

use super::super::super::Subject;
use super::super::super::capture::keeping_sink;
use super::{FAMILY, Fifo, PATIENCE, SERVE, script, start};
use crate::config::ServerSettings;

#[tokio::test]
async fn output_is_captured_line_by_line() {
    let spec = script(
        r#"printf '\033[32m INFO\033[0m up\n'; printf 'bad \377 byte\nno end' >&2
        echo "127.0.0.1:$1" >"$2"; exec sleep 1000"#,
        "",
    );
    let (sink, lines) = keeping_sink();
    let subject = Subject::Subprocess(Box::new(spec));
    let server = subject.start(&ServerSettings::default(), sink).await.unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"), "{}", server.url());
    server.stop().await.unwrap();
    let mut texts: Vec<_> = lines.lock().unwrap().iter().map(|line| line.text.clone()).collect();
    texts.sort();
    assert_eq!(texts, [" INFO up", "bad \u{fffd} byte", "no end"]);
    assert_eq!(server.log_tail(10).len(), 3);
    assert_eq!(server.died(), None);
}

#[tokio::test]
async fn a_later_death_is_noticed_and_survives_a_stop() {
    let fifo = Fifo::new();
    let server = start(script(r#"echo "127.0.0.1:$1" >"$2"; read -r _ <"$3"; echo last words; exit 7"#, &fifo.path()))
        .await
        .unwrap();
    assert_eq!(server.died(), None);
    std::fs::write(fifo.path(), "end\n").unwrap();
    let death = tokio::time::timeout(PATIENCE, server.death()).await.unwrap();
    assert_eq!((death.description.as_str(), death.code), ("exited with code 7", Some(7)));
    assert_eq!(server.log_tail(1)[0].text, "last words");
    server.stop().await.unwrap();
    assert_eq!(server.died(), Some(death));
    server.start().await.unwrap();
    assert_eq!(server.died(), None);
}

#[tokio::test]
async fn a_restart_keeps_the_port() {
    let server = start(script(SERVE, "")).await.unwrap();
    let url = server.url().to_owned();
    server.restart().await.unwrap();
    server.kill().await.unwrap();
    server.kill().await.unwrap();
    server.start().await.unwrap();
    server.start().await.unwrap();
    assert_eq!((server.url(), server.died()), (url.as_str(), None));
}

#[tokio::test]
async fn the_whole_group_ends_with_the_server() {
    for end in ["stop", "kill", "drop"] {
        let fifo = Fifo::new();
        let gone = fifo.read();
        let server = start(script(FAMILY, &fifo.path())).await.unwrap();
        assert!(gone.try_recv().is_err());
        match end {
            "stop" => server.stop().await.unwrap(),
            "kill" => server.kill().await.unwrap(),
            _ => drop(server),
        }
        assert_eq!(gone.recv_timeout(PATIENCE).unwrap(), "up\n", "{end}");
    }
}

#[tokio::test]
async fn a_server_that_ignores_sigterm_is_killed_and_the_log_says_so() {
    let mut spec = script(r#"trap '' TERM; echo "127.0.0.1:$1" >"$2"; while :; do sleep 1000; done"#, "");
    spec.config.stop_timeout = Duration::from_millis(100);
    let server = start(spec).await.unwrap();
    server.stop().await.unwrap();
    assert_eq!(server.log_tail(1)[0].text, "roundtable: the server did not end within 100ms of SIGTERM and was killed");
}

#[tokio::test]
async fn a_kept_server_outlives_its_server_value_and_keeps_its_log() {
    let fifo = Fifo::new();
    let mut spec = script(
        r#"echo before; echo "127.0.0.1:$1" >"$2"; read -r _ <"$3"; echo after; echo and to stderr >&2"#,
        &fifo.path(),
    );
    spec.keepable = true;
    let (sink, lines) = keeping_sink();
    let subject = Subject::Subprocess(Box::new(spec));
    let server = subject.start(&ServerSettings::default(), sink).await.unwrap();
    let url = server.url().to_owned();
    let kept = server.detach().unwrap().unwrap();
    assert_eq!(kept.url, url);
    assert!(kept.pid > 1);
    std::fs::write(fifo.path(), "go on\n").unwrap();
    let log = || std::fs::read_to_string(&kept.log).unwrap();
    tokio::time::timeout(PATIENCE, async {
        while log().lines().count() < 3 || lines.lock().unwrap().len() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let log = log();
    let mut written: Vec<_> = log.lines().collect();
    written.sort();
    assert_eq!(written, ["after", "and to stderr", "before"]);
    std::fs::remove_dir_all(kept.log.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn the_log_of_a_kept_server_holds_no_secret_and_the_runner_sees_what_was_written() {
    let fifo = Fifo::new();
    let mut spec = script(
        r#"echo "key=open&sesame!"; echo "127.0.0.1:$1" >"$2"; read -r _ <"$3"; echo "then open&sesame!" >&2"#,
        &fifo.path(),
    );
    spec.keepable = true;
    let values = [("KEY".to_owned(), "open&sesame!".to_owned())].into();
    spec.secrets = crate::secret::Secrets::new(&values).unwrap();
    let (sink, lines) = keeping_sink();
    let server = Subject::Subprocess(Box::new(spec)).start(&ServerSettings::default(), sink).await.unwrap();
    let kept = server.detach().unwrap().unwrap();
    std::fs::write(fifo.path(), "go on\n").unwrap();
    let log = || std::fs::read_to_string(&kept.log).unwrap();
    tokio::time::timeout(PATIENCE, async {
        while log().lines().count() < 2 || lines.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let log = log();
    let mut written: Vec<_> = log.lines().collect();
    written.sort();
    assert_eq!(written, ["key=[secret KEY]", "then [secret KEY]"]);
    assert_eq!(lines.lock().unwrap()[0].text, "key=open&sesame!");
    std::fs::remove_dir_all(kept.log.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn a_server_that_was_not_started_to_be_kept_is_not() {
    let fifo = Fifo::new();
    let gone = fifo.read();
    let server = start(script(FAMILY, &fifo.path())).await.unwrap();
    assert!(server.detach().unwrap().is_none());
    gone.recv_timeout(PATIENCE).unwrap();
}
