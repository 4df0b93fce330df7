//! From TOML to the configuration, collecting every mistake with its place.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

use super::choice::SubjectChoice;
use super::command::CommandConfig;
use super::error::Problem;
use super::model::{Builtin, Config, Flaky, ServerConfig};
use super::reader::{TomlReader, hint, integer, join};
use super::settings::ServerSettings;

/// The keys of the file.
pub const TOP: [&str; 17] = [
    "scenarios",
    "snapshots",
    "output",
    "deadline",
    "late",
    "jobs",
    "retries",
    "flaky",
    "deny_unknown",
    "deny_unproven",
    "timeout",
    "run_timeout",
    "traceparent",
    "proxy",
    "secrets",
    "server",
    "servers",
];
/// The keys of a server's table.
pub const SERVER: [&str; 13] = [
    "in_process",
    "url",
    "own",
    "build",
    "command",
    "ready",
    "port",
    "start_timeout",
    "stop_timeout",
    "env",
    "config",
    "requires",
    "sources",
];
/// How often a scenario may be played again.
const MOST_RETRIES: usize = 10;
const IN_PROCESS: [&str; 1] = ["chat"];

/// The configuration that `text`, the content of `file`, says; or all its mistakes in order.
pub(super) fn config(file: &Path, text: &str) -> Result<Config, Vec<Problem>> {
    let mut reader = TomlReader { text, problems: Vec::new() };
    let (root, broken) = DeTable::parse_recoverable(text);
    for error in &broken {
        reader.problem(error.span().unwrap_or(0..0), "", error.message());
    }
    let mut config = Config::defaults(file.parent().unwrap_or(file).to_owned());
    config.file = Some(file.to_owned());
    // Reading on after broken TOML would report errors that aren't there.
    if broken.is_empty() {
        reader.top(root.get_ref(), &mut config);
    }
    if reader.problems.is_empty() {
        return Ok(config);
    }
    reader.problems.sort_by_key(|problem| (problem.line, problem.column));
    Err(reader.problems)
}

impl TomlReader<'_> {
    fn top(&mut self, table: &DeTable<'_>, config: &mut Config) {
        self.check_keys(table, "", &TOP);
        if let Some(path) = self.string(table, "", "scenarios") {
            config.scenarios = config.dir.join(path);
        }
        if let Some(path) = self.string(table, "", "snapshots") {
            config.snapshots = config.dir.join(path);
        }
        if let Some(path) = self.string(table, "", "output") {
            config.output = config.dir.join(path);
        }
        set(&mut config.deadline, self.duration(table, "", "deadline"));
        set(&mut config.late, self.duration(table, "", "late"));
        config.jobs = self.positive(table, "", "jobs");
        set(&mut config.retries, self.retries(table));
        set(&mut config.flaky, self.flaky(table));
        set(&mut config.deny_unknown, self.boolean(table, "", "deny_unknown"));
        set(&mut config.deny_unproven, self.boolean(table, "", "deny_unproven"));
        set(&mut config.timeout, self.duration(table, "", "timeout"));
        config.run_timeout = self.duration(table, "", "run_timeout");
        set(&mut config.traceparent, self.boolean(table, "", "traceparent"));
        config.proxy = self.proxy(table);
        set(&mut config.secrets, self.list(table, "", "secrets", "a list of names of environment variables"));
        if let Some((span, server)) = self.table(table, "", "server") {
            config.server = self.server(span, server, "server", None, &config.dir);
        }
        if let Some((_, servers)) = self.table(table, "", "servers") {
            for (name, value) in servers {
                let path = format!("servers.{}", name.get_ref());
                match value.get_ref().as_table() {
                    Some(server) => {
                        let name = name.get_ref().as_ref();
                        let read = self.server(value.span(), server, &path, Some(name), &config.dir);
                        config.servers.insert(name.to_owned(), read);
                    }
                    None => self.mismatch(value, &path, "a table with its `command`"),
                }
            }
        }
    }

    fn server(
        &mut self,
        span: Range<usize>,
        table: &DeTable<'_>,
        path: &str,
        name: Option<&str>,
        dir: &Path,
    ) -> ServerConfig {
        self.check_keys(table, path, &SERVER);
        let command = self.strings(table, path, "command").unwrap_or_default();
        let name = name.unwrap_or_else(|| match command.first() {
            Some(program) => program.rsplit('/').next().unwrap_or(program),
            None => "server",
        });
        let mut server = ServerConfig::none(name, path);
        server.defaults = ServerSettings {
            config: self.json(table, path, "config").unwrap_or_default(),
            env: self.string_map(table, path, "env").unwrap_or_default(),
            args: Vec::new(),
            threads: None,
        };
        set(&mut server.stop_timeout, self.duration(table, path, "stop_timeout"));
        server.in_process = self.builtin(table, path);
        server.sources = self.globs(table, path);
        server.url = self.url(table, path);

        let mut spec = CommandConfig::new(name, dir, command.clone());
        spec.build = self.strings(table, path, "build").unwrap_or_default();
        spec.ready = self.string(table, path, "ready");
        spec.port = self.port(table, path);
        spec.own = self.boolean(table, path, "own").unwrap_or(false);
        spec.requires = self.strings(table, path, "requires").unwrap_or_default();
        spec.defaults = server.defaults.clone();
        spec.stop_timeout = server.stop_timeout;
        set(&mut spec.start_timeout, self.duration(table, path, "start_timeout"));
        if table.contains_key("command") {
            // A list that could not be read has its problem already.
            if let Err(problem) = spec.validate()
                && !(command.is_empty() && self.problems.iter().any(|p| p.key == join(path, "command")))
            {
                let at = table.get("command").map_or(span, Spanned::span);
                self.problem(at, path, &problem);
            }
            server.command = Some(spec);
        } else if let Some(key) = ["build", "ready", "port", "own"].iter().find(|key| table.contains_key(**key)) {
            let at = table.get(*key).map_or(span, Spanned::span);
            self.problem(at, &join(path, key), "it belongs to a `command`, which is missing");
        }
        server
    }

    fn builtin(&mut self, table: &DeTable<'_>, path: &str) -> Option<Builtin> {
        let name = self.string(table, path, "in_process")?;
        if name == "chat" {
            return Some(Builtin::Chat);
        }
        let span = table.get("in_process").map_or(0..0, Spanned::span);
        let message = format!("no server `{name}` is part of this program{}", hint(&name, &IN_PROCESS));
        self.problem(span, &join(path, "in_process"), &message);
        None
    }

    fn proxy(&mut self, table: &DeTable<'_>) -> Option<String> {
        let entry = table.get("proxy")?;
        let plain = |text: &&str| {
            let url = reqwest::Url::parse(text).ok();
            url.is_some_and(|url| {
                let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
                url.scheme() == "http"
                    && url.has_host()
                    && alone
                    && url.username().is_empty()
                    && url.password().is_none()
            })
        };
        let read = entry.get_ref().as_str().filter(plain).map(str::to_owned);
        self.or_mismatch(read, entry, "proxy", "the address of an HTTP proxy, \"http://host:port\"")
    }

    fn url(&mut self, table: &DeTable<'_>, path: &str) -> Option<String> {
        let url = self.string(table, path, "url")?;
        if url.parse::<SubjectChoice>().is_ok_and(|choice| matches!(choice, SubjectChoice::Remote(_))) {
            return Some(url.trim_end_matches('/').to_owned());
        }
        let span = table.get("url").map_or(0..0, Spanned::span);
        self.problem(span, &join(path, "url"), "it is a URL with http:// or https://");
        None
    }

    fn retries(&mut self, table: &DeTable<'_>) -> Option<usize> {
        let entry = table.get("retries")?;
        let read = integer(entry.get_ref()).and_then(|number| usize::try_from(number).ok());
        self.or_mismatch(read.filter(|number| *number <= MOST_RETRIES), entry, "retries", "a whole number from 0 to 10")
    }

    fn flaky(&mut self, table: &DeTable<'_>) -> Option<Flaky> {
        let entry = table.get("flaky")?;
        let read = match entry.get_ref().as_str() {
            Some("fail") => Some(Flaky::Fail),
            Some("pass") => Some(Flaky::Pass),
            _ => None,
        };
        self.or_mismatch(read, entry, "flaky", "\"fail\" or \"pass\"")
    }

    fn globs(&mut self, table: &DeTable<'_>, path: &str) -> Vec<String> {
        let expected = "a list of patterns of files, such as \"src/**\"";
        let globs = self.list(table, path, "sources", expected).unwrap_or_default();
        for glob in &globs {
            if let Err(error) = globset::Glob::new(glob) {
                let span = table.get("sources").map_or(0..0, Spanned::span);
                self.problem(span, &join(path, "sources"), &error.to_string());
            }
        }
        globs
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

#[cfg(test)]
mod tests;
