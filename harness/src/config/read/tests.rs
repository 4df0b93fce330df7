use std::time::Duration;

use super::*;
use serde_json::{Value, json};

fn read(text: &str) -> Config {
    config(Path::new("/p/roundtable.toml"), text).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let problems = config(Path::new("/p/roundtable.toml"), text).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_whole_file_is_read() {
    let config = read(
        r#"
        scenarios = "tests"
        deadline = "250ms"
        jobs = 4
        deny_unknown = true
        [server]
        in_process = "chat"
        build = ["cargo", "build"]
        command = ["{target_dir}/release/chat", "--port", "{port}", "--ready-file", "{ready_file}", "--config", "{config}"]
        stop_timeout = "3s"
        config = { queue = 0x10, ratio = 1.5, ai = { provider = "scripted", on = [true] } }
        [servers.lobby]
        command = ["python3", "lobby.py", "{port}"]
        ready = "/health"
        env = { LEVEL = "debug" }
        requires = ["python3"]
        "#,
    );
    assert_eq!(config.scenarios, Path::new("/p/tests"));
    assert_eq!(config.snapshots, Path::new("/p/snapshots"));
    assert_eq!((config.deadline, config.late), (Duration::from_millis(250), Duration::from_secs(1)));
    assert_eq!(config.jobs.unwrap().get(), 4);
    assert_eq!((config.deny_unknown, config.deny_unproven), (true, false));
    assert_eq!(config.server.name, "chat");
    assert_eq!(config.server.in_process, Some(Builtin::Chat));
    assert_eq!(
        Value::Object(config.server.defaults.config.clone()),
        json!({ "queue": 16, "ratio": 1.5, "ai": { "provider": "scripted", "on": [true] } })
    );
    assert_eq!(config.server.command.as_ref().unwrap().stop_timeout, Duration::from_secs(3));
    let lobby = config.server(Some("lobby")).unwrap();
    let command = lobby.command.as_ref().unwrap();
    assert_eq!((command.name.as_str(), command.dir.as_path()), ("lobby", Path::new("/p")));
    assert_eq!(command.defaults.env["LEVEL"], "debug");
    assert_eq!(command.requires, ["python3"]);
}

#[test]
fn all_mistakes_are_told_with_their_places() {
    let told = problems(
        "scenario = \"x\"\ndeadline = 5\nlate = \"soon\"\njobs = 0\n[server]\nin_process = \"chad\"\n\
         comand = [\"x\"]\nenv = { A = 1 }\n[servers.a]\ncommand = [\"x\", \"{prot}\"]\n\
         [servers.b]\ncommand = \"x\"\nready = \"/health\"\n",
    );
    assert_eq!(
        told,
        [
            "1:1: `scenario`: there is no such key; did you mean `scenarios`?",
            "2:12: `deadline`: it is a duration such as \"5s\", not 5",
            "3:8: `late`: `soon` is no duration: it starts with a number, as in `5s` or `250ms`",
            "4:8: `jobs`: it is a whole number from 1 on, not 0",
            "6:14: `server.in_process`: no server `chad` is part of this program; did you mean `chat`?",
            "7:1: `server.comand`: there is no such key; did you mean `command`?",
            "8:13: `server.env.A`: it is a string, not 1",
            "10:11: `servers.a`: `command` has the unknown placeholder {prot}; it may have {port}, \
             {ready_file}, {config}, {data}, {target_dir}, {dir}",
            "12:11: `servers.b.command`: it is a list of strings, one for each word, not \"x\"",
        ]
    );
}

#[test]
fn a_proxy_is_an_address_and_nothing_more() {
    assert_eq!(read("proxy = \"http://10.0.0.1:3128\"\n").proxy.as_deref(), Some("http://10.0.0.1:3128"));
    let wrong = [
        "10.0.0.1:3128",
        "https://10.0.0.1:3128",
        "http://me:word@10.0.0.1",
        "http://10.0.0.1/path",
        "socks5://10.0.0.1",
    ];
    for wrong in wrong {
        let told = problems(&format!("proxy = {wrong:?}\n"));
        assert_eq!(
            told,
            [format!("1:9: `proxy`: it is the address of an HTTP proxy, \"http://host:port\", not {wrong:?}")]
        );
    }
}

#[test]
fn broken_toml_is_told_with_its_place() {
    let told = problems("scenarios = \"x\"\ndeadline = \"5s\n");
    assert_eq!(told, ["2:15: invalid basic string, expected `\"`"]);
}

#[test]
fn keys_of_a_command_need_the_command() {
    let told = problems("[server]\nready = \"/health\"\n");
    assert_eq!(told, ["2:9: `server.ready`: it belongs to a `command`, which is missing"]);
}

#[test]
fn an_unknown_server_is_told_with_the_nearest() {
    let config = read("[servers.lobby]\ncommand = [\"x\", \"{ready_file}\"]\n");
    assert_eq!(
        config.server(Some("loby")).unwrap_err().to_string(),
        "no server is called `loby` in /p/roundtable.toml (did you mean `lobby`?); add a table [servers.loby] with \
         its `command`"
    );
}
