//! The instant of a race: every racer's message is at the server except for its last byte; then all last bytes are sent.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::Answer;
use crate::event::RacerStart;
use crate::lock::lock;
use crate::wire::Latch;

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

/// The released racers in order, and the time between the first and the last release.
pub(crate) type Released = Box<dyn Fn(Vec<RacerStart>, Duration) + Send + Sync>;

/// The instant for which all racers wait.
pub(crate) struct Release {
    lanes: Mutex<Vec<Lane>>,
    released: Released,
}

struct Lane {
    participant: String,
    /// How much later than the first it is let go.
    offset: Duration,
    state: RacerState,
}

enum RacerState {
    /// On its way to the line.
    Coming,
    /// At the line; what it holds back, and whom to tell.
    There(Option<Arc<Latch>>, oneshot::Sender<()>),
    /// It was let go, or failed on its way: the others don't wait for it.
    Gone,
}

impl Release {
    /// For these participants, each with how much later than the first it is let go; of equal ones the first goes first.
    pub(crate) fn new(participants: Vec<(String, Duration)>, released: Released) -> Arc<Self> {
        let lane = |(participant, offset)| Lane { participant, offset, state: RacerState::Coming };
        let mut lanes: Vec<Lane> = participants.into_iter().map(lane).collect();
        lanes.sort_by_key(|lane| lane.offset);
        Arc::new(Self { lanes: Mutex::new(lanes), released })
    }

    fn arrive(self: &Arc<Self>, place: usize, state: RacerState) {
        {
            let mut lanes = lock(&self.lanes);
            let Some(lane) = lanes.get_mut(place) else { return };
            if !matches!(lane.state, RacerState::Coming) {
                return;
            }
            lane.state = state;
            if lanes.iter().any(|lane| matches!(lane.state, RacerState::Coming)) {
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
            let RacerState::There(latch, tell) = std::mem::replace(&mut lane.state, RacerState::Gone) else { continue };
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
        let order: Vec<RacerStart> =
            starts.into_iter().map(|(participant, at)| RacerStart { participant, after: at - first }).collect();
        let spread = order.last().map(|last| last.after).unwrap_or_default();
        (self.released)(order, spread);
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
        self.release.arrive(self.place, RacerState::Gone);
    }

    /// Waits for the instant; what the latch holds back is let go in it.
    pub(crate) async fn released(&self, latch: Option<&Arc<Latch>>) {
        let (tell, told) = oneshot::channel();
        self.release.arrive(self.place, RacerState::There(latch.cloned(), tell));
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

#[cfg(test)]
mod tests {
    use super::*;

    type Order = tokio::sync::mpsc::UnboundedReceiver<Vec<String>>;

    fn release(lanes: &[(&str, u64)]) -> (Arc<Release>, Order) {
        let (told, order) = tokio::sync::mpsc::unbounded_channel();
        let lanes = lanes.iter().map(|(who, offset)| ((*who).to_owned(), Duration::from_micros(*offset))).collect();
        let tell = move |starts: Vec<RacerStart>, _| {
            let _ = told.send(starts.into_iter().map(|start| start.participant).collect());
        };
        (Release::new(lanes, Box::new(tell)), order)
    }

    #[tokio::test]
    async fn all_are_let_go_when_the_last_is_there_in_the_order_of_their_offsets() {
        let (release, mut order) = release(&[("ann", 30), ("ben", 0)]);
        let (ann, ben) = (Racer::new(&release, "ann"), Racer::new(&release, "ben"));
        tokio::join!(ann.released(None), ben.released(None));
        assert_eq!(order.recv().await.unwrap(), ["ben", "ann"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_one_that_gave_up() {
        let (release, mut order) = release(&[("ann", 0), ("ben", 0)]);
        let (ann, ben) = (Racer::new(&release, "ann"), Racer::new(&release, "ben"));
        ben.give_up();
        ann.released(None).await;
        assert_eq!(order.recv().await.unwrap(), ["ann"]);
    }
}
