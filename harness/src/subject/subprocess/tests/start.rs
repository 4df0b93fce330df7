//! How a start goes, or fails.

use std::time::Duration;

use serde_json::json;

use super::super::super::{Subject, SubjectError};
use super::super::SubprocessSpec;
use super::super::spec::find_program;
use super::{Fifo, PATIENCE, SERVE, script, silent, start};
use crate::config::{CommandConfig, ServerSettings};

#[tokio::test]
async fn a_server_that_dies_at_its_start_says_how() {
    let error = start(script("echo broken >&2; exit 3", "")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server `script` ended before it was ready: it exited with code 3; see the end of its log"
    );
    assert_eq!(error.log_tail()[0].text, "broken");
}

#[tokio::test]
async fn a_server_that_never_gets_ready_is_ended() {
    let fifo = Fifo::new();
    let gone = fifo.read();
    let mut spec = script(r#"exec 9>"$3"; echo starting; exec sleep 1000"#, &fifo.path());
    spec.config.start_timeout = Duration::from_millis(300);
    let error = start(spec).await.unwrap_err();
    let text = error.to_string();
    // The folder of the ready file is one of this run's own.
    let (before, behind) = text.split_once("ready file /").unwrap();
    assert_eq!(before, "the server `script` was not ready within 300ms: waited for its address in the ");
    let (_, behind) = behind.split_once(' ').unwrap();
    assert_eq!(behind, "(it was never written); see the end of its log, or raise `start_timeout` in roundtable.toml");
    // On a busy machine the script may have been ended before it opened the pipe. Opened for both,
    // it lets a waiting reader through and waits for none itself.
    let both = std::fs::OpenOptions::new().read(true).write(true).open(fifo.path());
    drop(both.unwrap());
    gone.recv_timeout(PATIENCE).unwrap();
}

#[tokio::test]
async fn a_fixed_port_in_use_is_told_before_anything_starts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = script(SERVE, "");
    let port = taken.local_addr().unwrap().port();
    spec.config.port = Some(port);
    let error = start(spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "port {port} is in use by another process, so the server `script` can't listen on it; end that process \
             (`lsof -i :{port}` shows it) or choose another port"
        )
    );
}

#[tokio::test]
async fn a_chosen_port_that_somebody_took_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let once = folder.path().join("once").to_string_lossy().into_owned();
    let claims = r#"[ -e "$3" ] || { : >"$3"; echo "OSError: [Errno 98] Address already in use"; exit 1; }"#;
    let server = start(script(&format!("{claims}; {SERVE}"), &once)).await.unwrap();
    let noted = server.log_tail(10);
    let taken = |text: &str| {
        let port = text
            .strip_prefix("roundtable: port ")
            .and_then(|rest| rest.strip_suffix(" was taken meanwhile; trying another"));
        port.is_some_and(|port| port.parse::<u16>().is_ok())
    };
    assert_eq!(noted.iter().filter(|line| taken(&line.text)).count(), 1, "{noted:?}");

    let error = start(script("echo EADDRINUSE; exit 1", "")).await.unwrap_err();
    assert!(matches!(error, SubjectError::PortInUse { .. }), "{error}");
    assert_eq!(error.log_tail().len(), 1);
}

#[tokio::test]
async fn the_build_runs_once_and_its_failure_carries_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut spec = script(SERVE, "");
    spec.config.dir = folder.path().to_owned();
    spec.config.build = ["sh", "-c", "echo built >>{dir}/builds"].map(str::to_owned).to_vec();
    let (one, two) = (start(spec.clone()).await.unwrap(), start(spec.clone()).await.unwrap());
    assert_ne!(one.url(), two.url());
    assert_eq!(std::fs::read_to_string(folder.path().join("builds")).unwrap(), "built\n");

    let mut broken = script(SERVE, "");
    broken.config.build = ["sh", "-c", "echo 'error: no such crate' >&2; exit 101"].map(str::to_owned).to_vec();
    for _ in 0..2 {
        let error = start(broken.clone()).await.unwrap_err();
        let SubjectError::BuildFailed { command, .. } = &error else { panic!("{error}") };
        assert_eq!(
            error.to_string(),
            format!(
                "the server `script` could not be built: {command} exited with code 101; see the end of its output"
            )
        );
        assert_eq!(error.log_tail()[0].text, "error: no such crate");
    }
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let spec = SubprocessSpec::new(CommandConfig::new("x", "/", ["no-such-program", "{port}", "{ready_file}"]));
    let error = start(spec).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the program `no-such-program` of the server `x` is not on the PATH; install it, or correct `command` in \
         roundtable.toml"
    );
    let spec = SubprocessSpec::new(CommandConfig::new("x", "/", ["{dir}/no/such", "{ready_file}"]));
    let error = start(spec).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the program `//no/such` of the server `x` does not exist or can't be executed; build it, or correct `command` \
         in roundtable.toml"
    );
}

#[tokio::test]
async fn settings_reach_the_command() {
    let mut spec =
        script(r#"cat "$3"; echo; echo "$FIRST $SECOND $4"; echo "127.0.0.1:$1" >"$2"; exec sleep 1000"#, "{config}");
    spec.config.defaults.env.insert("FIRST".to_owned(), "port={port}".to_owned());
    let mut settings = ServerSettings::default();
    settings.config.insert("queue".to_owned(), json!({ "limit": 3 }));
    settings.env.insert("SECOND".to_owned(), "two".to_owned());
    settings.args.push("--third".to_owned());
    let subject = Subject::Subprocess(Box::new(spec));
    let server = subject.start(&settings, silent()).await.unwrap();
    server.stop().await.unwrap();
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    let texts: Vec<_> = server.log_tail(2).into_iter().map(|line| line.text).collect();
    assert_eq!(texts, [r#"{"queue":{"limit":3}}"#.to_owned(), format!("port={port} two --third")]);
}

#[tokio::test]
async fn readiness_by_http_waits_for_2xx() {
    if find_program("python3", None, "/".as_ref()).is_none() {
        println!("not tried: python3 is not on the PATH");
        return;
    }
    let program = r#"
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0
    def do_GET(self):
        Handler.asked += 1
        self.send_response(503 if Handler.asked < 3 else 204)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;
    let mut spec = SubprocessSpec::new(CommandConfig::new("http", "/", ["python3", "-c", program, "{port}"]));
    spec.config.ready = Some("/health".to_owned());
    spec.config.start_timeout = PATIENCE;
    let server = start(spec).await.unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"), "{}", server.url());
    server.stop().await.unwrap();
    let log = server.log_tail(10);
    assert!(log[0].text.contains("503") && log[2].text.contains("204"), "{log:?}");
}
