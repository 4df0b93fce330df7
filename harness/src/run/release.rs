//! The instant of a race: every racer's message lies at the server but for its last byte, then all last bytes go.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Answer;
use super::here::Here;
use super::lock;
use super::wire::Latch;
use super::world::World;
use crate::event::{EventKind, Place, Raced, Start};

/// Waits are slept up to so much before their end and spun from there: a sleep ends late by tens of microseconds.
const SPUN: Duration = Duration::from_micros(200);

/// One of several who are released at one instant.
pub(crate) struct Racer {
    release: Arc<Release>,
    /// Its place in the order of release.
    place: usize,
    /// What the race's outcomes are compared with.
    pub(crate) answer: Mutex<Option<Answer>>,
}

/// The instant for which all racers wait.
pub(crate) struct Release {
    world: Arc<World>,
    step: usize,
    at: Option<Place>,
    lanes: Mutex<Vec<Lane>>,
}

struct Lane {
    participant: String,
    /// How much later than the first it is let go.
    offset: Duration,
    state: State,
}

enum State {
    /// On its way to the line.
    Coming,
    /// At the line; what it holds back, and whom to tell.
    There(Option<Arc<Latch>>, oneshot::Sender<()>),
    /// It was let go, or failed on its way: the others don't wait for it.
    Gone,
}

impl Release {
    /// For these participants, whose order and offsets the scenario's chance gives.
    pub(crate) fn new(here: &Here, participants: &[String]) -> Arc<Self> {
        let world = &here.world;
        let spot = here.spot();
        let mut order: Vec<String> = participants.to_vec();
        world.chance.shuffle(spot, &mut order);
        let most = u64::try_from(world.jitter.as_micros()).unwrap_or(u64::MAX);
        let lane = |participant| {
            let offset = if most == 0 { 0 } else { world.chance.draw(spot) % most };
            Lane { participant, offset: Duration::from_micros(offset), state: State::Coming }
        };
        let mut lanes: Vec<Lane> = order.into_iter().map(lane).collect();
        lanes.sort_by_key(|lane| lane.offset);
        Arc::new(Self {
            world: Arc::clone(world),
            step: here.step,
            at: here.trail.first().cloned(),
            lanes: Mutex::new(lanes),
        })
    }

    fn arrive(self: &Arc<Self>, place: usize, state: State) {
        {
            let mut lanes = lock(&self.lanes);
            let Some(lane) = lanes.get_mut(place) else { return };
            if !matches!(lane.state, State::Coming) {
                return;
            }
            lane.state = state;
            if lanes.iter().any(|lane| matches!(lane.state, State::Coming)) {
                return;
            }
        }
        let ours = Arc::clone(self);
        // On a thread of its own: the offsets are finer than the runtime's timer, and heartbeats go on being answered.
        tokio::task::spawn_blocking(move || ours.go());
    }

    fn go(&self) {
        let mut lanes = std::mem::take(&mut *lock(&self.lanes));
        let began = Instant::now();
        let mut starts: Vec<(String, Instant)> = Vec::with_capacity(lanes.len());
        let mut told = Vec::with_capacity(lanes.len());
        for lane in &mut lanes {
            let State::There(latch, tell) = std::mem::replace(&mut lane.state, State::Gone) else { continue };
            wait_until(began + lane.offset);
            match latch {
                Some(latch) => {
                    starts.push((std::mem::take(&mut lane.participant), latch.release()));
                    told.push(tell);
                }
                // What it does begins when it is told.
                None => {
                    let _ = tell.send(());
                    starts.push((std::mem::take(&mut lane.participant), Instant::now()));
                }
            }
        }
        let Some(first) = starts.first().map(|(_, at)| *at) else { return };
        let order: Vec<Start> =
            starts.into_iter().map(|(participant, at)| Start { participant, after: at - first }).collect();
        let spread = order.last().map(|last| last.after).unwrap_or_default();
        let (step, jitter) = (self.step, self.world.jitter);
        self.world.tell(|| EventKind::Released { step, order: order.clone(), spread, jitter });
        lock(&self.world.races).push(Raced { place: self.at.clone(), order, spread });
        for tell in told {
            let _ = tell.send(());
        }
    }
}

impl Racer {
    /// A participant of a race.
    pub(crate) fn new(release: &Arc<Release>, participant: &str) -> Arc<Self> {
        let place = lock(&release.lanes).iter().position(|lane| lane.participant == participant).unwrap_or(usize::MAX);
        Arc::new(Self { release: Arc::clone(release), place, answer: Mutex::new(None) })
    }

    /// Says that this racer never will be there, where it isn't yet: the others don't wait for one that failed.
    pub(crate) fn give_up(&self) {
        self.release.arrive(self.place, State::Gone);
    }

    /// Waits for the instant; what the latch holds back is let go in it.
    pub(crate) async fn released(&self, latch: Option<&Arc<Latch>>) {
        let (tell, told) = oneshot::channel();
        self.release.arrive(self.place, State::There(latch.cloned(), tell));
        // Where it was let go already, there is nobody to tell.
        let _ = told.await;
    }
}

fn wait_until(moment: Instant) {
    if let Some(rest) = moment.checked_duration_since(Instant::now()).and_then(|rest| rest.checked_sub(SPUN)) {
        std::thread::sleep(rest);
    }
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
}
