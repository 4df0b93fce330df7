//! Writes over a connection that takes what a test lets it take.

use super::*;

/// Takes so many bytes, and keeps them.
#[derive(Default)]
struct Pipe(Mutex<(usize, Vec<u8>, usize)>);

impl Pipe {
    fn let_in(&self, bytes: usize) {
        self.0.lock().unwrap().0 += bytes;
    }

    fn taken(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap().1)).unwrap()
    }

    fn writes(&self) -> usize {
        std::mem::take(&mut self.0.lock().unwrap().2)
    }
}

impl Transport for Pipe {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut pipe = self.0.lock().unwrap();
        pipe.2 += 1;
        let all: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let taken = all.len().min(pipe.0);
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.0 -= taken;
        pipe.1.extend_from_slice(&all[..taken]);
        Ok(taken)
    }
}

fn outbound(pipe: &Arc<Pipe>) -> (Outbound, Arc<RecentFrames>) {
    let recent = Arc::new(RecentFrames::new(usize::MAX));
    let limits = OutboundLimits { frames: 10, bytes: 1_000, presence_bytes: 1_000, max_faults_per_minute: 2 };
    let metrics = Arc::new(Metrics::new().unwrap());
    let transport: Arc<dyn Transport> = Arc::<Pipe>::clone(pipe);
    let work = Arc::new(Notify::new());
    (Outbound::new(Some(transport), Arc::clone(&recent), limits, metrics, work), recent)
}

#[test]
fn what_one_turn_produced_goes_in_one_write() {
    let pipe = Arc::new(Pipe::default());
    pipe.let_in(1_000);
    let (outbound, recent) = outbound(&pipe);
    for sequence in 1..=3 {
        recent.push(SequenceId(sequence), format!("m{sequence}").into(), Instant::now());
        assert_eq!(outbound.advance(Some(SequenceId(sequence))), sequence == 1, "only the first asks for a flush");
    }
    outbound.reply(None, "pong".into(), None);
    outbound.flush(None);
    assert_eq!((pipe.taken().as_str(), pipe.writes()), ("m1m2m3pong", 1));
    outbound.flush(None);
    assert_eq!(pipe.writes(), 0, "nothing waits");
}

#[test]
fn a_frame_that_is_half_written_is_finished_before_anything_else() {
    let pipe = Arc::new(Pipe::default());
    pipe.let_in(2);
    let (outbound, _) = outbound(&pipe);
    outbound.reply(None, "first".into(), None);
    outbound.reply(None, "second".into(), None);
    outbound.flush(None);
    assert!(outbound.status().is_blocked);
    assert_eq!(outbound.status().written, 2);
    outbound.control("PING".into());
    pipe.let_in(100);
    outbound.flush(None);
    assert_eq!(pipe.taken(), "fi", "only the socket's own task writes to a blocked connection");
    outbound.unblock();
    assert_eq!(pipe.taken(), "rstPINGsecond");
    assert!(!outbound.status().is_blocked);
}

#[test]
fn acks_and_fan_out_are_counted_when_the_connection_took_them() {
    let pipe = Arc::new(Pipe::default());
    let (outbound, recent) = outbound(&pipe);
    recent.push(SequenceId(1), "message".into(), Instant::now());
    outbound.advance(Some(SequenceId(1)));
    outbound.flush(None);
    assert_eq!(outbound.metrics.fan_out.get_sample_count(), 0);
    pipe.let_in(6);
    outbound.unblock();
    assert_eq!(outbound.metrics.fan_out.get_sample_count(), 0, "one byte is missing");
    pipe.let_in(1);
    outbound.unblock();
    assert_eq!(outbound.metrics.fan_out.get_sample_count(), 1);
}

#[test]
fn what_is_read_from_the_log_keeps_its_place() {
    let pipe = Arc::new(Pipe::default());
    pipe.let_in(1_000);
    let (outbound, recent) = outbound(&pipe);
    outbound.start(SequenceId(0), SequenceId(0));
    recent.push(SequenceId(3), "m3".into(), Instant::now());
    outbound.advance(Some(SequenceId(3)));
    outbound.reply(None, "pong".into(), None);
    outbound.flush(None);
    for sequence in 1..=2 {
        assert!(matches!(outbound.take_need(), Some(Need::Message(SequenceId(place))) if place == sequence));
        outbound.provide(SequenceId(sequence), format!("log{sequence}").into());
    }
    assert_eq!(pipe.taken(), "log1log2m3pong");
    assert_eq!(outbound.metrics.slow_readers.get(), 1);
}

#[test]
fn a_close_is_the_last() {
    let pipe = Arc::new(Pipe::default());
    pipe.let_in(1_000);
    let (outbound, _) = outbound(&pipe);
    outbound.close(None, CloseReason::Left);
    outbound.reply(None, "late".into(), None);
    outbound.flush(None);
    outbound.control("PING".into());
    let status = outbound.status();
    assert!(status.is_closed);
    assert_eq!(status.written, 4 + "Left conversation".len() as u64);
}

#[test]
fn faults_are_counted_within_a_minute() {
    let (outbound, _) = outbound(&Arc::default());
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    assert!(!outbound.count_fault(at(0)));
    assert!(!outbound.count_fault(at(30)));
    assert!(!outbound.count_fault(at(61)), "the first one is forgotten");
    assert!(outbound.count_fault(at(62)));
}

#[test]
fn pongs_do_not_pile_up_for_a_connection_that_takes_nothing() {
    let (outbound, _) = outbound(&Arc::default());
    for _ in 0..10_000 {
        outbound.control("PONG".into());
    }
    assert!(outbound.lock().unsent.len() <= 2 * FRAMES);
}
