//! Scenarios for the tests of `run`, without a network: participants whose connections are feeds in memory, and a server
//! that nobody reaches.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use serde_json::Value;

use super::context::step_context::StepContext;
use super::state::cast::Cast;
use super::state::connection::{Connection, Rules};
use super::state::log_book::LogBook;
use super::state::markers::Markers;
use super::state::participant::Participant;
use super::state::progress::Progress;
use super::state::random::Random;
use super::state::recorder::Recorder;
use super::state::target::Target;
use super::state::world::{CollectedResults, World};
use super::steps::step::play_action;
use crate::event::{Failure, Instance};
use crate::lock::lock;
use crate::plan::{Deadlines, PlaySettings, Randomness};
use crate::scenario::model::{Action, Row, Scenario, StepKind};
use crate::scenario::testing::scenario;
use crate::subject::Server;
use crate::wire::codec::{Message, RawMessage};
use crate::wire::dial::Route;
use crate::wire::feed::{Feed, FeedReceiver as _};

/// A protocol with an `echo` barrier.
pub(crate) const ECHO: &str = "
protocol: chat
barrier: { echo: { send: { type: ping }, receive: { type: pong } } }
fails: { type: error }
";

/// Long enough for whatever comes, on a machine that is busy.
const LONG: Duration = Duration::from_secs(60);

/// For what never comes.
const SHORT: Duration = Duration::from_millis(20);

/// The top of a scenario in which everything is waited for that is to come.
pub(crate) fn patient(protocol: &str, story: &str) -> StepContext {
    top(scenario(protocol, story), LONG, LONG)
}

/// The top of a scenario in which something never comes.
pub(crate) fn impatient(protocol: &str, story: &str) -> StepContext {
    top(scenario(protocol, story), SHORT, SHORT)
}

/// The top of a scenario in which something never comes behind its deadline.
pub(crate) fn impatient_when_late(protocol: &str, story: &str) -> StepContext {
    top(scenario(protocol, story), LONG, SHORT)
}

/// A scenario of ann, ben and cy with these steps, the first in line 4.
pub(crate) fn story(steps: &str) -> String {
    format!("scenario: x\nuse: chat\nparticipants: {{ ann: {{}}, ben: {{}}, cy: {{}} }}\nsteps: [{steps}]\n")
}

fn top(scenario: Arc<Scenario>, default: Duration, late: Duration) -> StepContext {
    let began = Instant::now();
    let instance = Instance { label: "suite/story".into(), repetition: 1, attempt: 1 };
    let participants = scenario.participants.iter();
    let cast = Cast {
        participants: participants.map(|(key, spec)| (key.clone(), Arc::new(Participant::new(spec.clone())))).collect(),
        stubs: IndexMap::new(),
        groups: scenario.groups.clone(),
        given: Mutex::default(),
        roles: Mutex::default(),
    };
    let settings = PlaySettings {
        deadlines: Deadlines { default, late, slow: 1.0 },
        timeout: LONG,
        snapshots: None,
        barrier_audit: None,
        randomness: Randomness::of(7),
        deny_unknown: false,
        deny_unproven: false,
        detail: false,
        traceparent: false,
        proxy: None,
    };
    let world = World {
        scenario,
        row: Row::default(),
        run: "0123456789012345".to_owned(),
        settings,
        random: Arc::new(Random::new(7, "suite/story")),
        target: Target { server: Arc::new(Server::unreached("http://server")), route: Route::default(), trace: None },
        cast,
        captures: Mutex::default(),
        recorder: Arc::new(Recorder::new(Arc::new(instance), began, Arc::new(|_| {}), false)),
        markers: Arc::new(Markers::default()),
        findings: CollectedResults::default(),
        log: Arc::new(LogBook::new(began)),
        progress: Arc::new(Progress::default()),
        secrets: None,
    };
    StepContext::top(Arc::new(world), None, play_action)
}

/// Where a step of the scenario stands, with somebody acting.
pub(crate) fn at_step(top: &StepContext, place: usize, key: &str) -> StepContext {
    let scenario = Arc::clone(&top.world.scenario);
    top.enter(&scenario.steps[place], Some(key)).acting(&top.world.cast.participants[key])
}

/// What the actor of a step does.
pub(crate) fn action(top: &StepContext, place: usize) -> Arc<Action> {
    match &top.world.scenario.steps[place].kind {
        StepKind::Act { action, .. } => Arc::clone(action),
        other => panic!("{other:?} is no actor's"),
    }
}

/// Opens a connection `main` for somebody, to a server that answers what is sent with these texts.
pub(crate) fn connect(
    top: &StepContext,
    key: &str,
    answer: impl FnMut(&Message) -> Vec<String> + Send + 'static,
) -> Arc<Connection> {
    let world = &top.world;
    let participant = &world.cast.participants[key];
    let fails = participant.spec.protocol.fails.as_ref().map(|fails| top.pattern(fails).unwrap());
    let rules = Rules { fails, streams: Vec::new() };
    let (id, feed) = (world.recorder.next_connection(), Feed::in_memory(answer));
    let connection = Connection::start((key, "main"), id, feed, rules, (&world.recorder, &world.markers));
    lock(&participant.connections).push(Arc::clone(&connection));
    connection
}

/// A server that answers each ping and nothing else.
pub(crate) fn pongs(message: &Message) -> Vec<String> {
    if message.payload().value()["type"] == "ping" { vec![r#"{"type":"pong"}"#.to_owned()] } else { Vec::new() }
}

/// A server that answers nothing.
pub(crate) fn silence(_: &Message) -> Vec<String> {
    Vec::new()
}

/// A frame comes from the server.
pub(crate) fn comes(connection: &Connection, frame: &Value) {
    connection.message(RawMessage::Text(&frame.to_string()));
}

/// A step of the scenario sends a frame.
pub(crate) fn sends(connection: &Connection, frame: &Value) {
    use super::state::connection::Sender;
    let message = Message::json(frame);
    let payload = message.payload();
    drop(connection.send(1, message, payload, Sender::Step).unwrap());
}

/// The headline of a step's failure.
#[track_caller]
pub(crate) fn headline<T: std::fmt::Debug>(played: Result<T, Box<Failure>>) -> String {
    played.unwrap_err().headline
}
