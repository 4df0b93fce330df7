//! Which scenarios are under way at the same time.

use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// How many others are told of one scenario: those that began last.
const MOST: usize = 16;

/// The scenarios that are under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay(Mutex<Vec<Arc<Playing>>>);

/// One that is under way, until this is dropped.
pub(super) struct Stay<'a> {
    all: &'a UnderWay,
    playing: Arc<Playing>,
}

#[derive(Debug)]
struct Playing {
    label: Arc<str>,
    /// The address of its server, where others may be on it.
    shared: Option<String>,
    /// Who was under way at any moment of it, as it began.
    others: Mutex<Vec<Arc<str>>>,
}

impl Playing {
    /// Whether what one does may reach the other: on one server, or on one machine where neither shares a server.
    fn reaches(&self, other: &Self) -> bool {
        self.shared == other.shared && self.label != other.label
    }

    fn meet(&self, other: &Self) {
        let mut others = lock(&self.others);
        others.retain(|label| *label != other.label);
        others.push(Arc::clone(&other.label));
        if others.len() > MOST {
            others.remove(0);
        }
    }
}

impl UnderWay {
    /// A scenario begins.
    pub(super) fn begin(&self, label: &Arc<str>, shared: Option<String>) -> Stay<'_> {
        let playing = Arc::new(Playing { label: Arc::clone(label), shared, others: Mutex::default() });
        let mut all = lock(&self.0);
        for other in all.iter().filter(|other| other.reaches(&playing)) {
            other.meet(&playing);
            playing.meet(other);
        }
        all.push(Arc::clone(&playing));
        Stay { all: self, playing }
    }
}

impl Stay<'_> {
    /// The others that were under way at any moment until now, at most those sixteen that began last.
    pub(super) fn others(&self) -> Vec<Arc<str>> {
        lock(&self.playing.others).clone()
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        lock(&self.all.0).retain(|playing| !Arc::ptr_eq(playing, &self.playing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn others(stay: &Stay<'_>) -> Vec<String> {
        stay.others().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn those_that_overlap_on_one_server_are_others() {
        let (all, server) = (UnderWay::default(), Some("http://one".to_owned()));
        let begin = |label: &str, shared: &Option<String>| all.begin(&Arc::from(label), shared.clone());
        let early = begin("a/early", &server);
        let ann = begin("a/ann", &server);
        drop(early);
        let elsewhere = begin("a/elsewhere", &Some("http://two".to_owned()));
        let own = begin("a/own", &None);
        let late = begin("a/late", &server);
        let again = begin("a/ann", &server);
        assert_eq!(others(&ann), ["a/early", "a/late"]);
        assert_eq!(others(&late), ["a/ann"]);
        assert!(others(&elsewhere).is_empty() && others(&own).is_empty());
        drop((ann, late, again));
        let alone = begin("a/alone", &server);
        assert!(others(&alone).is_empty());
    }

    #[test]
    fn of_many_the_last_are_told() {
        let all = UnderWay::default();
        let one = all.begin(&Arc::from("a/one"), None);
        for number in 0..40 {
            drop(all.begin(&Arc::from(format!("a/{number}")), None));
        }
        let told = others(&one);
        assert_eq!((told.len(), told[0].as_str(), told[15].as_str()), (16, "a/24", "a/39"));
    }
}
