//! Servers that can't be started or reached, or that end too early; each tells why, with the end of its log.

use std::net::TcpListener;

use crate::project::Project;
use crate::server;

const STEPS: &str = "steps:\n  - ann: { get: /rooms/cellar, status: 404 }\n";

fn shell(script: &str, more: &str) -> Project {
    let table =
        format!("[server]\ncommand = [\"sh\", \"-c\", {script:?}, \"sh\", \"{{port}}\"]\nready = \"/ready\"\n{more}");
    Project::with(&table).scenario("one/cellar", "No cellar", STEPS)
}

#[test]
fn a_server_that_dies_at_its_start() {
    let project = shell("exec >&2; echo reading settings; echo 'ERROR no database'; exit 3", "");
    project.run(&["run", "--server", "subprocess"]).matches_snapshot("server_dies_at_start");
    project.run(&["serve", "--server", "subprocess"]).matches_snapshot("serve_dies_at_start");
}

#[test]
fn a_server_that_is_never_ready() {
    shell("echo warming up; exec sleep 1000", "start_timeout = \"1s\"\nstop_timeout = \"1s\"\n")
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("server_never_ready");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shell("exec sleep 1000", &format!("port = {port}\n"))
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("server_port_in_use");
}

#[test]
fn a_program_that_is_not_there() {
    Project::with("[server]\ncommand = [\"./no-such-server\", \"{port}\"]\nready = \"/ready\"\n")
        .scenario("one/cellar", "No cellar", STEPS)
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("server_not_found");
}

#[test]
fn a_build_that_fails() {
    Project::with(
        "[server]\nbuild = [\"sh\", \"-c\", \"echo 'error: expected `;`' >&2; exit 101\"]\ncommand = [\"true\", \"{port}\"]\nready = \"/ready\"\n",
    )
    .scenario("one/cellar", "No cellar", STEPS)
    .run(&["run", "--server", "subprocess"])
    .matches_snapshot("server_build_fails");
}

#[test]
fn a_server_that_dies_in_the_middle() {
    Project::with_command()
        .scenario(
            "one/ends",
            "The server goes away",
            "steps:\n  - all: enter\n  - parallel:\n      - ann: { get: /exit/7 }\n      - ben: { receive: { type: said } }\n",
        )
        .scenario("two/other", "Another scenario on the same server", STEPS)
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("server_dies_in_the_middle");
}

#[test]
fn a_url_that_nobody_answers() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Project::new()
        .scenario("one/cellar", "No cellar", STEPS)
        .run(&["run", "--server", &format!("http://127.0.0.1:{port}")])
        .matches_snapshot("server_unreachable");
}

#[test]
fn a_scenario_that_can_not_be_played_here_is_skipped_with_its_reason() {
    Project::with(&format!("{}requires = [\"no-such-program\"]\n", server::table()))
        .scenario("one/cellar", "No cellar", STEPS)
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("skipped_requirement");
    Project::new()
        .scenario("one/restart", "It restarts its server", "steps:\n  - server: restart\n  - ann: { get: /ready }\n")
        .scenario("two/wishes", "It wants another server", &format!("server: {{ env: {{ A: b }} }}\n{STEPS}"))
        .scenario("three/plain", "It takes what there is", STEPS)
        .play(&[])
        .matches_snapshot("skipped_by_url");
}

#[test]
fn the_log_of_the_server_stands_below_a_failure() {
    Project::with_command()
        .scenario(
            "one/log",
            "Ben awaits another text",
            "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { mark: here }\n  - ben: { hears: help, within: 5ms }\n",
        )
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("failing_with_log");
}

#[test]
fn a_failure_says_whose_ids_it_shows_on_a_shared_server() {
    let sits = "steps:\n  - ann: { post: /rooms/cellar/seat, json: { who: '{{ ann.id }}' }, status: 201 }\n";
    let project =
        Project::with_command().scenario("one/early", "Ann sits", sits).scenario("one/late", "So does she", sits);
    project.run(&["run", "--server", "subprocess", "--jobs", "1"]).matches_snapshot("neighbours");
}

#[test]
fn a_server_is_restarted_stopped_and_its_log_awaited() {
    Project::with_command()
        .scenario(
            "one/restart",
            "Rooms are forgotten",
            concat!(
                "steps:\n",
                "  - ann: { sit: {} }\n",
                "  - server: restart\n",
                "  - ben: { sit: {} }\n",
                "  - server: { logged: \"POST /rooms\" }\n",
                "  - server: kill\n",
                "  - server: start\n",
                "  - ann: { sit: {} }\n",
            ),
        )
        .scenario("two/logged", "A line that never comes", "steps:\n  - server: { logged: the roof, within: 5ms }\n")
        .run(&["run", "--server", "subprocess"])
        .matches_snapshot("server_actions");
}

#[test]
fn the_barrier_can_be_tried() {
    let project =
        Project::new().scenario("talk/hello", "Ann greets Ben", "steps:\n  - all: enter\n  - ann: { say: hello }\n");
    let url = server::url();
    project.run(&["check", "--barrier", "2", "--server", &url]).matches_snapshot("barrier_holds");
    let bare =
        Project::new().file("scenarios/bare.yaml", "scenario: Bare\nparticipants: { ann: {} }\nsteps: [{ note: x }]\n");
    bare.run(&["check", "--barrier", "2", "--server", &url]).matches_snapshot("barrier_none");
}

#[test]
fn a_server_that_takes_its_time_to_end_is_told() {
    let project = Project::with(
        &server::table().replace("exec ", "trap \"\" TERM; exec ").replace("ready =", "stop_timeout = \"2s\"\nready ="),
    )
    .scenario("one/cellar", "No cellar", STEPS);
    project.run(&["run", "--server", "subprocess"]).matches_snapshot("server_ends_slowly");
}

#[test]
fn a_folder_without_a_configuration_is_told_its_server() {
    let project = Project::new()
        .file("elsewhere/scenarios/bare.yaml", "scenario: Bare\nparticipants: { ann: {} }\nsteps: [{ note: x }]\n");
    std::fs::remove_file(project.path().join("roundtable.toml")).unwrap();
    let project =
        project.file("scenarios/bare.yaml", "scenario: Bare\nparticipants: { ann: {} }\nsteps: [{ note: x }]\n");
    project.run(&["run", "bare"]).matches_snapshot("no_configuration");
    // That of a file that is named is found from the file.
    let project = project
        .file("elsewhere/roundtable.toml", "[server]\ncommand = [\"./no-such-server\", \"{port}\"]\nready = \"/\"\n");
    project.run(&["run", "elsewhere/scenarios/bare.yaml"]).matches_snapshot("configuration_of_a_named_file");
}

#[test]
fn racers_are_released_at_once_over_tls_too() {
    let sit = "steps:\n  - race: { of: guest, do: sit, outcomes: [{ as: seated, count: 1, status: 201 }, { as: standing, count: 7, status: 409 }] }\n";
    // Over sockets that are open already: everybody gets all eight.
    let say = concat!(
        "steps:\n  - all: enter\n",
        "  - race: { of: guest, do: { send: { type: say, text: now } } }\n",
        "  - guest: { received: { type: said, text: now }, times: 8 }\n",
    );
    let guests = |title: &str, steps: &str| {
        format!("scenario: {title}\nuse: rooms\nparticipants: {{ guest: {{ count: 8 }} }}\n{steps}")
    };
    let project = Project::new()
        .file("scenarios/race/say.yaml", &guests("All speak at once", say))
        .file("scenarios/race/sit.yaml", &guests("One of eight gets the seat", sit));
    let url = crate::server::tls_url();
    let args = ["run", "--server", &url, "--report", "json=events.jsonl", "--trace", "on"];
    let strange = project.run(&args);
    assert_eq!(strange.code, Some(1), "{}{}", strange.stdout, strange.stderr);
    for wanted in
        ["FAIL [environment] race/say: All speak at once\n", "FAIL [environment] race/sit: One of eight", "no TLS"]
    {
        assert!(strange.stdout.contains(wanted), "{wanted}\nis not in\n{}", strange.stdout);
    }
    let ran = project.run_with(&args, &[("SSL_CERT_FILE", crate::server::CERTIFICATE)]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let events = project.events("events.jsonl");
    let releases: Vec<usize> = events
        .iter()
        .filter(|event| event["event"] == "released")
        .map(|event| event["order"].as_array().unwrap().len())
        .collect();
    assert_eq!(releases, [8, 8]);
}

const TALK: &str = concat!(
    "steps:\n  - all: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n",
    "  - ann: { get: \"/rooms/lobby_{{ run }}\", status: 200, capture: { said: $.said } }\n",
    "  - check: said == 1\n  - snapshot: talk\n",
);

#[test]
fn a_server_below_a_base_path_is_the_same_server() {
    let project = Project::new().scenario("one/talk", "They talk", TALK);
    let url = server::url();
    let ran = project.run(&["run", "--server", &url, "--update-snapshots"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    for below in ["/mounted", "/mounted/"] {
        let ran = project.run(&[
            "run",
            "--server",
            &format!("{url}{below}"),
            "--report",
            "json=events.jsonl",
            "--trace",
            "on",
        ]);
        assert_eq!(ran.code, Some(0), "{below}: {}{}", ran.stdout, ran.stderr);
        let events = project.events("events.jsonl");
        let paths: Vec<&str> = events.iter().filter_map(|event| event["path"].as_str()).collect();
        assert!(!paths.is_empty() && paths.iter().all(|path| path.starts_with("/rooms/")), "{paths:?}");
    }
}

#[test]
fn an_answer_that_does_not_end_tells_what_has_come() {
    Project::new()
        .scenario("one/endless", "A stream", "steps:\n  - ann: { get: /endless, status: 200, within: 1s }\n")
        .scenario("two/refusal", "No socket", "steps:\n  - ann: { connect: /endless, refused: 200, within: 1s }\n")
        .play(&[])
        .matches_snapshot("failing_endless");
}

#[test]
fn a_proxy_of_the_environment_is_not_used() {
    let project =
        Project::new().scenario("one/talk", "They talk", "steps:\n  - all: enter\n  - ann: { get: /ready }\n");
    let nowhere = "http://127.0.0.1:9";
    let proxies = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|name| (name, nowhere));
    let ran = project.run_with(&["run", "--server", &server::url()], &proxies);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    // A proxy that is set is none for loopback either.
    let project = project.file("roundtable.toml", &format!("proxy = \"{nowhere}\"\n"));
    let ran = project.run(&["run", "--server", &server::url()]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    project.run(&["run", "--server", "http://rooms.invalid"]).matches_snapshot("proxy_unreachable");
}

#[test]
fn a_run_that_plays_nothing_does_not_pass_unless_it_is_asked_to() {
    let project = Project::with(&format!("{}requires = [\"no-such-program\"]\n", server::table())).scenario(
        "one/cellar",
        "No cellar",
        STEPS,
    );
    let run = |more: &[&str]| project.run(&[&["run", "--server", "subprocess"], more].concat());
    assert_eq!(run(&[]).code, Some(4));
    assert_eq!(run(&["--pass-with-no-tests"]).code, Some(0));
    assert_eq!(run(&["--tag", "none-has-it"]).code, Some(4));
    let untagged = run(&["--tag", "none-has-it", "--pass-with-no-tests"]);
    let note = "note no scenario has the tag `none-has-it` (`roundtable list` shows all tags)\n";
    assert_eq!((untagged.code, &*untagged.stdout, &*untagged.stderr), (Some(0), note, ""));
    assert_eq!(run(&["--shard", "2/2"]).code, Some(4), "a part without scenarios");
}

#[test]
fn two_servers_of_one_run_on_a_fixed_port_are_told_of_each_other() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = server::table().replace("{port}", &port.to_string());
    // Each waits for the other, so that both are there at once.
    let steps = "steps:\n  - ann: { get: /ready }\n  - ann: { get: /never, gives_up: 2s }\n";
    let ran = Project::with(&format!("{server}port = {port}\nown = true\n"))
        .scenario("one/first", "First", steps)
        .scenario("one/second", "Second", steps)
        .run(&["run", "--server", "subprocess", "--jobs", "2"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stdout);
    let told = " is in use by another server of this run, so a second `sh` can't listen on it; leave `port` out, so \
                that each gets one of its own by `{port}`, or play one scenario at a time (--jobs 1)";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
}
