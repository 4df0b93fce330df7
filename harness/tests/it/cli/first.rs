//! `init`: the first files for a server of one's own.

use crate::project::Project;
use crate::server;

/// A folder without any file; what `init` is given names the rooms application of this program.
fn command() -> String {
    let program = std::env::current_exe().unwrap();
    let script = "exec \"$0\" --exact server::serves_rooms_where_a_port_is_given --nocapture > /dev/null";
    format!("ROOMS_PORT={{port}} sh -c '{script}' {}", program.display())
}

fn empty() -> Project {
    let project = Project::new();
    std::fs::remove_file(project.path().join("roundtable.toml")).unwrap();
    std::fs::remove_dir_all(project.path().join("scenarios")).unwrap();
    project
}

#[test]
fn a_server_is_looked_at_and_its_first_scenario_passes() {
    let project = empty();
    project.run(&["init", "--name", "rooms", "--url", &server::url()]).matches_snapshot("init_url");
    let written = ["scenarios/protocols/rooms.yaml", "scenarios/first.yaml"].map(|file| project.read(file).unwrap());
    crate::project::snapshot("init_files", &written.join("\n"));
    // A second time nothing is overwritten.
    project.run(&["init", "--url", &server::url()]).matches_snapshot("init_again");
}

#[test]
fn a_ping_is_found_by_whatever_field_names_kinds() {
    let project = empty();
    let made = project.run(&["init", "--name", "rooms", "--url", &server::url(), "--websocket", "/keyed"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let protocol = project.read("scenarios/protocols/rooms.yaml").unwrap();
    assert!(protocol.contains("kind: $.op"), "{protocol}");
    assert!(protocol.contains("barrier: { echo: { send: { op: ping }, receive: { op: pong } } }"), "{protocol}");
}

#[test]
fn a_refusal_is_shown_with_what_it_says() {
    empty()
        .run(&["init", "--name", "rooms", "--url", &server::url(), "--websocket", "/quiz"])
        .matches_snapshot("init_refused");
}

#[test]
fn a_server_without_a_socket_gets_a_request() {
    let project = empty();
    let url = format!("{}/plain", server::url());
    project.run(&["init", "--name", "rooms", "--url", &url]).matches_snapshot("init_no_socket");
    let project = empty();
    project.run(&["init", "--name", "rooms", "--url", &url, "--get", "/nothing"]).matches_snapshot("init_no_such_path");
    let url = format!("{}/nothing", server::url());
    project.run(&["init", "--name", "rooms", "--url", &url]).matches_snapshot("init_nothing");
    project
        .run(&["init", "--name", "rooms", "--url", &url, "--websocket", "/nowhere"])
        .matches_snapshot("init_no_such_socket");
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 0);
}

#[test]
fn a_command_is_started_and_stopped() {
    let project = empty();
    let made = project.run(&["init", "--name", "rooms", "--command", &command()]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    let table = project.read("roundtable.toml").unwrap();
    assert!(table.contains("ready = \"/ready\"") && table.contains("own = true"), "{table}");
    let twice = project.run(&["run", "--repeat", "2", "--jobs", "2"]);
    assert_eq!(twice.code, Some(0), "{}{}", twice.stdout, twice.stderr);
}

#[test]
fn what_cannot_be_looked_at_writes_nothing() {
    let project = empty();
    project.run(&["init"]).matches_snapshot("init_without_server");
    project.run(&["init", "--command", "exec serve"]).matches_snapshot("init_without_port");
    project
        .run(&["init", "--name", "rooms", "--command", "sh -c 'echo no database; exit 3' {port}"])
        .matches_snapshot("init_server_ends");
    project.run(&["init", "no/such/folder", "--url", "http://127.0.0.1:1"]).matches_snapshot("init_no_folder");
    assert_eq!(std::fs::read_dir(project.path()).unwrap().count(), 0);
}
