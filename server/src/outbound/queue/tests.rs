//! The order of frames, and what a full queue drops.

use super::*;
use crate::outbound::recent::KEPT;

struct Bench {
    queue: Queue,
    recent: RecentFrames,
    limits: OutboundLimits,
    metrics: Metrics,
}

fn bench(frames: usize, bytes: usize) -> Bench {
    Bench {
        queue: Queue::default(),
        recent: RecentFrames::new(usize::MAX),
        limits: OutboundLimits { frames, bytes, presence_bytes: 20, max_faults_per_minute: 1 },
        metrics: Metrics::new().unwrap(),
    }
}

fn text(next: Option<NextWrite>) -> String {
    match next {
        None => "-".to_owned(),
        Some(NextWrite::Frame(frame, ..)) => String::from_utf8(frame.to_vec()).unwrap(),
        Some(NextWrite::FromLog(sequence)) => format!("log {sequence}"),
        Some(NextWrite::Page { after, .. }) => format!("page {after}"),
        Some(NextWrite::Close(reason)) => format!("{reason:?}"),
    }
}

impl Bench {
    fn next(&mut self) -> String {
        text(self.queue.next(&self.recent))
    }

    fn drained(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.queue.next(&self.recent)).map(|next| text(Some(next))).collect()
    }

    fn message(&self, sequence: u64) {
        self.recent.push(SequenceId(sequence), format!("message {sequence}").into(), Instant::now());
    }

    fn push(&mut self, frame: &'static str, priority: Priority) {
        self.queue.push(frame.into(), priority, &|| "list".into(), self.limits, &self.metrics);
    }
}

#[test]
fn frames_keep_their_place_between_messages() {
    let mut bench = bench(10, 1000);
    bench.queue.start(SequenceId(0), SequenceId(0));
    bench.push("hello", Priority::Required);
    bench.message(1);
    bench.queue.advance(SequenceId(1));
    bench.push("joined", Priority::Required);
    bench.message(2);
    bench.queue.ack(SequenceId(2), "ack 2".into(), None);
    bench.queue.advance(SequenceId(2));
    bench.push("pong", Priority::Required);
    assert_eq!(bench.drained(), ["hello", "message 1", "joined", "ack 2", "pong"]);
    assert_eq!(bench.next(), "-");
}

#[test]
fn what_is_no_longer_recent_is_read_from_the_log() {
    let mut bench = bench(10, 1000);
    for sequence in 1..=(KEPT as u64 + 1) {
        bench.message(sequence);
    }
    bench.queue.start(SequenceId(0), SequenceId(0));
    bench.queue.advance(SequenceId(2));
    assert_eq!(bench.next(), "log 1");
    bench.queue.passed(SequenceId(1));
    assert_eq!(bench.next(), "message 2");
}

#[test]
fn recent_frames_are_bounded_by_bytes() {
    let recent = RecentFrames::new(10);
    for sequence in 1..=3 {
        recent.push(SequenceId(sequence), "12345".into(), Instant::now());
    }
    assert!(recent.get(SequenceId(1)).is_none() && recent.get(SequenceId(2)).is_some());
    recent.push(SequenceId(4), "longer than all of them may be".into(), Instant::now());
    assert!(recent.get(SequenceId(3)).is_none() && recent.get(SequenceId(4)).is_some());
}

#[test]
fn a_full_queue_drops_typing_then_pieces_then_makes_one_list_and_keeps_what_is_required() {
    let mut bench = bench(3, 1000);
    bench.push("typing", Priority::Typing);
    bench.push("piece", Priority::AiChunk);
    bench.push("left", Priority::Roster);
    bench.push("mode", Priority::Mode);
    bench.push("typing again", Priority::Typing);
    bench.push("piece again", Priority::AiChunk);
    bench.push("renamed", Priority::Properties);
    bench.push("online", Priority::Presence);
    bench.push("mode again", Priority::Mode);
    bench.push("renamed again", Priority::Properties);
    bench.push("closing", Priority::Required);
    bench.queue.reply("pong".into(), None);
    bench.push("joined", Priority::Roster);
    assert_eq!(bench.drained(), ["mode again", "renamed again", "closing", "pong", "list"]);
    let metrics = bench.metrics.render();
    for shed in ["typing\"} 2", "ai_piece\"} 2", "mode\"} 1", "properties\"} 1"] {
        assert!(metrics.contains(shed), "{shed}: {metrics}");
    }
}

#[test]
fn a_burst_of_presence_becomes_one_list_behind_what_it_tells() {
    let mut bench = bench(100, 1000);
    bench.push("online 1", Priority::Presence);
    bench.push("joined", Priority::Roster);
    bench.push("online 2", Priority::Presence);
    assert_eq!(bench.drained(), ["online 1", "joined", "online 2"], "a few are told one by one");
    bench.push("online 3", Priority::Presence);
    bench.push("joined", Priority::Roster);
    bench.push("online 4", Priority::Presence);
    bench.push("online 5", Priority::Presence);
    bench.push("left", Priority::Roster);
    bench.push("offline 5", Priority::Presence);
    assert_eq!(bench.drained(), ["joined", "left", "list"]);
    assert!(bench.metrics.render().contains("coalesced_total{kind=\"presence\"} 3"), "{}", bench.metrics.render());
    bench.push("longer than all of them may be", Priority::Presence);
    assert_eq!(bench.drained(), ["longer than all of them may be"], "one alone is told as it is");
}

#[test]
fn bytes_fill_a_queue_as_frames_do() {
    let mut bench = bench(100, 10);
    bench.push("0123456789", Priority::Required);
    bench.push("typing", Priority::Typing);
    assert_eq!(bench.drained(), ["0123456789"]);
    bench.push("typing", Priority::Typing);
    assert_eq!(bench.drained(), ["typing"]);
}

#[test]
fn only_what_came_since_counts_as_slow() {
    let mut bench = bench(10, 1000);
    bench.queue.start(SequenceId(0), SequenceId(1));
    bench.queue.advance(SequenceId(3));
    for sequence in 1..=3 {
        assert_eq!(bench.next(), format!("log {sequence}"));
        assert_eq!(bench.queue.lags(), sequence > 1, "at {sequence}");
        bench.queue.passed(SequenceId(sequence));
    }
}

#[test]
fn nothing_follows_a_close() {
    let mut bench = bench(3, 1000);
    bench.message(1);
    bench.queue.advance(SequenceId(1));
    bench.queue.close(CloseReason::Left);
    bench.message(2);
    bench.queue.advance(SequenceId(2));
    bench.push("late", Priority::Required);
    assert_eq!(bench.drained(), ["message 1", "Left"]);
}
