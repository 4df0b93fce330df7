//! `run --watch`.

use rustix::process::Signal;

use crate::project::Project;
use crate::server;
use crate::typed::Does::{Presses, Signals};
use crate::typed::{Piped, terminal};

fn talk() -> Project {
    Project::new().scenario(
        "talk/two",
        "Two talk",
        "steps:\n  - ann: enter\n  - ben: enter\n  - ann: { say: hello }\n  - ben: { hears: hello }\n",
    )
}

/// What a round played, by label and title, and its numbers.
fn played(text: &str) -> Vec<String> {
    let result = |line: &str| {
        let (status, rest) = line.trim_start().split_once(" [")?;
        let (_, what) = rest.split_once("] ")?;
        ["PASS", "FAIL"].contains(&status).then(|| format!("{status} {what}"))
    };
    let mut played: Vec<String> = text.lines().filter_map(result).collect();
    played.sort();
    played.extend(text.lines().filter(|line| line.ends_with(" skipped")).map(str::to_owned));
    played
}

#[test]
fn a_watched_selection_is_played_again_when_a_file_changes() {
    let project = talk().scenario("talk/other", "Others talk", "steps:\n  - ann: enter\n");
    let mut piped = Piped::start(&project, &["--watch"]);
    let first = piped.until("waiting for changes");
    assert_eq!(
        played(&first),
        ["PASS talk/other  Others talk", "PASS talk/two  Two talk", "2 passed, 0 failed, 0 skipped"]
    );
    let project = project.scenario("talk/other", "Others talk more", "steps:\n  - ann: enter\n  - ann: { say: x }\n");
    let own = piped.until("waiting for changes");
    assert_eq!(played(&own), ["PASS talk/other  Others talk more", "1 passed, 0 failed, 0 skipped"]);
    let project = project.scenario("talk/other", "Others talk", "steps:\n  - ann: { sya: x }\n");
    let broken = piped.until("waiting for changes");
    assert_eq!(played(&broken), [""; 0], "{broken}");
    let project = project.scenario("talk/other", "Others fail", "steps:\n  - check: \"1 == 2\"\n");
    piped.until("1 failed");
    piped.until("waiting for changes");
    let shared = format!("{}# A comment.\n", crate::project::PROTOCOL);
    let _project = project.file("scenarios/protocols/rooms.yaml", &shared);
    let failed = piped.until("waiting for changes");
    assert!(failed.contains("first what failed"), "{failed}");
    assert!(played(&failed).contains(&"0 passed, 1 failed, 0 skipped".to_owned()), "{failed}");
    piped.types("a\n");
    let all = piped.until("waiting for changes");
    assert_eq!(
        played(&all),
        ["FAIL talk/other  Others fail", "PASS talk/two  Two talk", "1 passed, 1 failed, 0 skipped"]
    );
    piped.types("q\n");
    assert_eq!(piped.rest().1, Some(1));
}

#[test]
fn what_a_run_writes_itself_is_no_change() {
    // The server writes a file at each start, and the report is written beside it.
    let table = server::table().replace("exec \"$0\"", "echo started >> state.txt; exec \"$0\"");
    let project = Project::with(&table).scenario("talk/two", "Two talk", "steps:\n  - ann: enter\n");
    let project = project.scenario("talk/other", "Others talk", "steps:\n  - ann: enter\n");
    let mut piped = Piped::run(&project, &["--server", "subprocess", "--watch", "--report", "junit=junit.xml"]);
    piped.until("waiting for changes");
    // A change that concerns one scenario alone: whatever else is taken for a change plays the other, too.
    let project = project.scenario("talk/other", "Others talk more", "steps:\n  - ann: enter\n");
    let own = piped.until("waiting for changes");
    assert_eq!(played(&own), ["PASS talk/other  Others talk more", "1 passed, 0 failed, 0 skipped"]);
    piped.types("q\n");
    let (rest, code) = piped.rest();
    assert_eq!(played(&rest), [""; 0], "{rest}");
    assert_eq!(code, Some(0));
    assert_eq!(project.read("state.txt").unwrap(), "started\nstarted\n");
}

#[test]
fn what_holds_the_same_as_before_is_no_change() {
    let one = "steps:\n  - ann: enter\n";
    let project = talk().scenario("talk/same", "The same", one);
    let mut piped = Piped::start(&project, &["--watch"]);
    piped.until("waiting for changes");
    // Written without being different; and a folder and a file that were not there before.
    let project = project.scenario("talk/same", "The same", one).scenario("later/new", "New", one);
    let new = piped.until("waiting for changes");
    assert_eq!(played(&new), ["PASS later/new  New", "1 passed, 0 failed, 0 skipped"]);
    // A folder beside the others, which a changed configuration takes for the scenarios'.
    let table = project.read("roundtable.toml").unwrap();
    let more = |title: &str| format!("scenario: {title}\nparticipants: {{ ann: {{}} }}\nsteps:\n  - note: hello\n");
    let project = project.file("more/only.yaml", &more("First")).file("more/other.yaml", &more("Other"));
    let project = project.file("roundtable.toml", &format!("scenarios = \"more\"\n{table}"));
    let moved = piped.until("waiting for changes");
    assert_eq!(played(&moved).last().unwrap(), "2 passed, 0 failed, 0 skipped", "{moved}");
    assert!(moved.contains("  First\n") && moved.contains("  Other\n"), "{moved}");
    let _project = project.file("more/only.yaml", &more("Second"));
    let second = piped.until("waiting for changes");
    assert_eq!(played(&second).last().unwrap(), "1 passed, 0 failed, 0 skipped", "{second}");
    assert!(second.contains("  Second\n"), "{second}");
    piped.types("q\n");
    assert_eq!(piped.rest().1, Some(0));
}

#[test]
fn a_wrong_configuration_plays_nothing_and_secrets_of_a_mended_one_are_kept() {
    let step = "steps:\n  - note: said open sesame\n";
    let project = Project::new().scenario("talk/said", "Said", step);
    let table = project.read("roundtable.toml").unwrap();
    let mut piped = Piped::start_with(&project, &["--watch", "--debug"], &[("API_KEY", "open sesame")]);
    let first = piped.until("waiting for changes");
    assert!(first.contains("said open sesame"), "{first}");
    let project = project.file("roundtable.toml", &format!("secrets = [\"API_KEY\"]\n{table}"));
    let masked = piped.until("waiting for changes");
    assert!(masked.contains("said [secret API_KEY]") && !masked.contains("sesame"), "{masked}");
    let project = project.file("roundtable.toml", "secrets = nonsense");
    let wrong = piped.until("waiting for changes");
    assert!(wrong.contains("nothing is played until that is fixed") && !wrong.contains("said"), "{wrong}");
    piped.types("\n");
    let still = piped.until("waiting for changes");
    assert!(still.contains("nothing is played until that is fixed") && !still.contains("sesame"), "{still}");
    let _project = project.file("roundtable.toml", &format!("secrets = [\"API_KEY\"]\n{table}"));
    let mended = piped.until("waiting for changes");
    assert!(mended.contains("said [secret API_KEY]") && !mended.contains("sesame"), "{mended}");
    piped.types("q\n");
    assert_eq!(piped.rest().1, Some(0));
}

#[test]
fn a_terminal_gives_single_keys_and_is_left_as_it_was() {
    let project = talk();
    let url = server::url();
    let args = ["run", "--watch", "--server", &url];
    let waiting = "q ends\u{1b}[0m\r\n";
    let arrow = Presses("\u{1b}[A");
    // A word that means nothing is passed over, with its Enter.
    let word = Presses("xyz\r");
    let (code, seen) =
        terminal(&project, &args, &[(waiting, arrow), ("", word), ("", Presses("a")), (waiting, Presses("q"))]);
    assert_eq!(code, Some(0), "{seen}");
    assert_eq!(seen.matches("1 passed").count(), 2, "{seen}");
    assert_eq!(seen.matches("waiting for changes").count(), 2, "{seen}");
    let (code, seen) = terminal(&project, &args, &[(waiting, Signals(Signal::INT))]);
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains("interrupted"), "{seen}");
    // A round that is under way ends soon, and at once where that takes too long.
    let project = project.scenario("talk/two", "In vain", "steps:\n  - ann: enter\n  - ann: { hears: nothing }\n");
    let args = [&args[..], &["--debug"]].concat();
    let (code, seen) = terminal(&project, &args, &[("hears: nothing", Presses("q"))]);
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains(" STOP"), "{seen}");
    let (code, seen) = terminal(&project, &args, &[("hears: nothing", Signals(Signal::INT))]);
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains(" STOP"), "{seen}");
}

#[test]
fn what_makes_no_sense_while_watching_is_refused() {
    for option in ["--repeat=2", "--shard=1/2", "--ci", "--step", "--reproduce=2", "--keep-server"] {
        let ran = talk().play(&["--watch", option]);
        assert_eq!(ran.code, Some(2), "{option}");
        let name = option.split('=').next().unwrap();
        let told = ran.stderr.lines().next().unwrap_or_default();
        let named = told.strip_prefix("error: the argument '--watch' cannot be used with '").unwrap();
        assert_eq!(named.split([' ', '[', '\'']).next().unwrap(), name, "{}", ran.stderr);
    }
}
