//! Trying the barriers of protocols: how, and what was tried.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::lock::lock;
use crate::text::counted;

/// With it, every step is followed by the barrier of every open connection, and no delivery may come behind that. Its
/// copies count together.
#[derive(Debug, Clone)]
pub struct BarrierAudit {
    /// How long no delivery may come.
    pub listen: Duration,
    tried: Arc<Mutex<BTreeMap<(String, &'static str), Tried>>>,
}

/// What was tried of one barrier.
#[derive(Debug, Default)]
struct Tried {
    times: usize,
    /// How often it proved nothing, and the first reason for that.
    unproven: usize,
    why: Option<String>,
}

impl BarrierAudit {
    /// Nothing is tried yet.
    pub fn new(listen: Duration) -> Self {
        Self { listen, tried: Arc::default() }
    }

    /// Counts one try of a protocol's barrier, by its kind, with the reason for which it proved nothing.
    pub fn count(&self, protocol: &str, kind: &'static str, unproven: Option<String>) {
        let mut all = lock(&self.tried);
        let tried = all.entry((protocol.to_owned(), kind)).or_default();
        tried.times += 1;
        if let Some(why) = unproven {
            tried.unproven += 1;
            tried.why.get_or_insert(why);
        }
    }

    /// A line for each barrier: what was tried, and how often. None where none was.
    pub fn told(&self) -> Vec<String> {
        let all = lock(&self.tried);
        let told = all.iter().map(|((protocol, kind), tried)| {
            let times = counted(tried.times, "time", "times");
            let listen = self.listen;
            let mut line =
                format!("tried the barrier `{kind}` of `{protocol}` {times}, each listening {listen:?} behind it");
            if let Some(why) = &tried.why {
                line.push_str(&format!("; {} proved nothing, such as: {why}", tried.unproven));
            }
            line
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_count_together() {
        let audit = BarrierAudit::new(Duration::from_millis(25));
        assert!(audit.told().is_empty());
        audit.clone().count("rooms", "echo", None);
        audit.count("rooms", "echo", Some("ann's connection isn't read".to_owned()));
        audit.count("rooms", "echo", Some("another".to_owned()));
        audit.count("board", "marker", None);
        assert_eq!(
            audit.told(),
            [
                "tried the barrier `marker` of `board` 1 time, each listening 25ms behind it",
                "tried the barrier `echo` of `rooms` 3 times, each listening 25ms behind it; 2 proved nothing, such as: ann's connection isn't read",
            ]
        );
    }
}
