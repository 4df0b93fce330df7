//! `init`, as typed.

use std::path::PathBuf;

use clap::Args;

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder for roundtable.toml and the scenarios.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The command that starts the server, such as "PORT={port} node server.js"; `{port}` stands for a free port.
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    pub command: Option<String>,
    /// The port that the command listens on, if it can't be told one.
    #[arg(long, value_name = "PORT", requires = "command")]
    pub port: Option<u16>,
    /// The address of a server that is already running.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The server's name, which is also the name of the protocol file. The default is the folder's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The path of its WebSocket, such as "/ws?user={{ me.id }}"; without it the usual places are tried.
    #[arg(long, value_name = "PATH")]
    pub websocket: Option<String>,
    /// A path that answers a GET, such as "/api/rooms"; without it the usual places are tried.
    #[arg(long, value_name = "PATH")]
    pub get: Option<String>,
    /// Overwrite files that exist already.
    #[arg(long)]
    pub force: bool,
    /// A header that every request needs, such as "Authorization: Bearer {{ me.token }}".
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
}
