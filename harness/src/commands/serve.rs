//! `serve`.

use std::io::Write as _;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use super::interrupt::interruption;
use super::output::{complain, keep_secrets, masked, print, refuse};
use crate::cli::ServeArgs;
use crate::config::{Config, ServerSettings, SubjectChoice};
use crate::exit::Exit;
use crate::subject::{self, Subject, SubjectError};
use crate::text::paint::{Paint, Style};

pub(crate) fn serve(config: &Config, args: &ServeArgs, paint: Paint) -> Exit {
    if let Err(error) = keep_secrets(config, &[]) {
        return refuse(&error);
    }
    let (name, choice) = match args.server.as_str() {
        "in-process" => (None, SubjectChoice::InProcess),
        "subprocess" => (None, SubjectChoice::Subprocess),
        name => (Some(name), SubjectChoice::Subprocess),
    };
    let subject = config.server(name).and_then(|server| subject::choose(config, server, &choice));
    let mut subject = match subject {
        Ok(subject) => subject,
        Err(error) => return refuse(&error.to_string()),
    };
    match &mut subject {
        Subject::InProcess(subject) => subject.port = args.port.or(subject.port),
        Subject::Subprocess(spec) => spec.config.port = args.port.or(spec.config.port),
        Subject::Remote(_) => {}
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.to_string()),
    };
    let sink: crate::subject::LogSink = Arc::new(move |line: crate::subject::LogLine| {
        let _ = writeln!(std::io::stderr(), "{}", masked(&line.text));
    });
    let _scope = matches!(subject, Subject::InProcess(_)).then(|| {
        tracing::dispatcher::set_default(&crate::subject::in_process::log_dispatch(
            Arc::clone(&sink),
            LevelFilter::INFO,
        ))
    });
    let mut interrupted = interruption();
    runtime.block_on(async {
        let server = match subject.start(&ServerSettings::default(), sink).await {
            Ok(server) => server,
            Err(error) => {
                // What the server itself wrote is there already.
                if let SubjectError::BuildFailed { log, .. } = &error {
                    for line in log {
                        let _ = writeln!(std::io::stderr(), "  {}", masked(&line.text));
                    }
                }
                complain(&error.to_string());
                return if error.is_configuration() { Exit::Invalid } else { Exit::NoServer };
            }
        };
        print(&format!(
            "{} {}\n  roundtable run --server {}\n  Ctrl-C ends it\n",
            paint.text(Style::Good, "serving"),
            server.url(),
            server.url()
        ));
        tokio::select! {
            death = server.death() => {
                complain(&format!("the server ended: it {death}"));
                Exit::NoServer
            }
            _ = interrupted.wait_for(|now| *now) => {
                let _ = server.stop().await;
                Exit::Passed
            }
        }
    })
}
