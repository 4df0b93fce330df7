//! `run --keep-server`.

use std::sync::Arc;

use crate::commands::output::{complain, print};
use crate::event::ScenarioResult;
use crate::subject::Server;

/// Leaves the shared servers of a run running, and prints how to reach and to end each.
pub(super) fn keep_servers(servers: Vec<Arc<Server>>, runtime: &tokio::runtime::Runtime, results: &[ScenarioResult]) {
    for server in servers {
        let Some(server) = Arc::into_inner(server) else { continue };
        let _inside = runtime.enter();
        let kept = match server.detach() {
            Ok(Some(kept)) => kept,
            Ok(None) => continue,
            Err(error) => {
                complain(&error.to_string());
                continue;
            }
        };
        let mut text = format!("\nkept: {} (process {}, log {})\n", kept.url, kept.pid, kept.log.display());
        let people = results.iter().rev().find(|result| !result.people.is_empty() && result.server == kept.url);
        for person in people.iter().flat_map(|result| &result.people) {
            let token = if person.token.is_empty() { String::new() } else { format!(" token {}", person.token) };
            let line = format!("  {:<12} id {:<28}{token}", person.key, person.id);
            text.push_str(&format!("{}\n", line.trim_end()));
        }
        if let Some(line) = people.and_then(|result| result.people.first()).and_then(|person| person.paste.as_ref()) {
            text.push_str(&format!("  {line}\n"));
        }
        let folder = kept.log.parent().unwrap_or(&kept.log);
        text.push_str(&format!("  roundtable run --server {}\n", kept.url));
        text.push_str(&format!("  kill {}; rm -r {}\n", kept.pid, folder.display()));
        print(&text);
    }
}
