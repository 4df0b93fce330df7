//! Finds the frames of an inbox that may match a pattern, so that those that nobody takes aren't held against every later
//! step's pattern. It is pure.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use super::frame::Frame;
use crate::pattern::{Pattern, RequiredPart};

/// The places of frames by what stands in them, for the parts that patterns have asked for.
#[derive(Debug, Default)]
pub(super) struct FrameIndex {
    parts: HashMap<Vec<String>, PartIndex>,
}

/// The places of frames by what stands in one part of them.
#[derive(Debug, Default)]
struct PartIndex {
    /// How many frames were read.
    read: usize,
    /// Those that have the part.
    there: FramePlaces,
    /// Those in which it is a scalar, by the scalar's hash: two that are equal have the same.
    equal: HashMap<u64, FramePlaces>,
}

/// Ascending places of frames.
#[derive(Debug, Default)]
struct FramePlaces {
    all: Vec<usize>,
    /// How many of the first are taken.
    taken: usize,
}

impl FrameIndex {
    /// The places of frames from one on that may match, in order, those that are taken at the front left out; none where
    /// the pattern says nothing by which they could be found.
    pub(super) fn untaken(&mut self, frames: &[Frame], pattern: &Pattern, from: usize) -> Option<&[usize]> {
        let places = self.fewest(frames, pattern)?;
        let Some(places) = places else { return Some(&[]) };
        while places.all.get(places.taken).is_some_and(|place| frames[*place].taken_by.is_some()) {
            places.taken += 1;
        }
        let untaken = &places.all[places.taken..];
        Some(&untaken[untaken.partition_point(|place| *place < from)..])
    }

    /// The places of frames from one on that may match, in order, taken ones too.
    pub(super) fn any(&mut self, frames: &[Frame], pattern: &Pattern, from: usize) -> Option<&[usize]> {
        let places = self.fewest(frames, pattern)?;
        let all = places.map_or(&[][..], |places| &places.all);
        Some(&all[all.partition_point(|place| *place < from)..])
    }

    /// Of all parts that the pattern requires the one that the fewest frames have; `Some(None)` where none has it.
    fn fewest(&mut self, frames: &[Frame], pattern: &Pattern) -> Option<Option<&mut FramePlaces>> {
        let required = pattern.required();
        let mut best: Option<(usize, Vec<String>, Option<u64>)> = None;
        for RequiredPart { path, equal } in required {
            let path: Vec<String> = path.into_iter().map(str::to_owned).collect();
            let part = self.parts.entry(path.clone()).or_default();
            part.read(&path, frames);
            let key = equal.map(hash_of);
            let places = match key {
                Some(key) => part.equal.get(&key),
                None => Some(&part.there),
            };
            let count = places.map_or(0, |places| places.all.len() - places.taken);
            if best.as_ref().is_none_or(|(fewest, ..)| count < *fewest) {
                best = Some((count, path, key));
            }
        }
        let (_, path, key) = best?;
        let part = self.parts.get_mut(&path)?;
        Some(match key {
            Some(key) => part.equal.get_mut(&key),
            None => Some(&mut part.there),
        })
    }
}

impl PartIndex {
    /// Reads the frames that have come since.
    fn read(&mut self, path: &[String], frames: &[Frame]) {
        for (place, frame) in frames.iter().enumerate().skip(self.read) {
            let Some(part) = path.iter().try_fold(&*frame.value, |value, key| value.as_object()?.get(key)) else {
                continue;
            };
            self.there.all.push(place);
            if !part.is_object() && !part.is_array() {
                self.equal.entry(hash_of(part)).or_default().all.push(place);
            }
        }
        self.read = frames.len();
    }
}

/// A hash of a scalar. Numbers that are equal have the same nearest float, whether they are written `1` or `1.0`.
fn hash_of(scalar: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match scalar {
        Value::String(text) => text.hash(&mut hasher),
        // Zero has two floats.
        Value::Number(number) => (number.as_f64().unwrap_or_default() + 0.0).to_bits().hash(&mut hasher),
        Value::Bool(value) => value.hash(&mut hasher),
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn frames(values: &[Value]) -> Vec<Frame> {
        values.iter().map(|value| Frame::new(Duration::ZERO, 0, Arc::new(value.clone()))).collect()
    }

    fn pattern(value: &Value) -> Pattern {
        Pattern::compile(value).unwrap()
    }

    #[test]
    fn the_rarest_part_decides_who_may_match() {
        let mut frames = frames(&[json!({"t": "a", "n": 1}), json!({"t": "a", "n": 2}), json!({"t": "b"}), json!("a")]);
        let mut index = FrameIndex::default();
        assert_eq!(index.untaken(&frames, &pattern(&json!({"t": "a", "n": 2.0})), 0), Some(&[1][..]));
        assert_eq!(index.untaken(&frames, &pattern(&json!({"t": "a", "n": {"$gt": 0}})), 1), Some(&[1][..]));
        assert_eq!(index.untaken(&frames, &pattern(&json!({"t": "c"})), 0), Some(&[][..]));
        assert_eq!(index.untaken(&frames, &pattern(&json!("a")), 0), Some(&[3][..]));
        assert_eq!(index.untaken(&frames, &pattern(&json!({"$any": true})), 0), None);
        frames[0].taken_by = Some(1);
        assert_eq!(index.untaken(&frames, &pattern(&json!({"t": "a"})), 0), Some(&[1][..]));
        assert_eq!(index.any(&frames, &pattern(&json!({"t": "a"})), 0), Some(&[0, 1][..]));
    }

    fn value() -> impl proptest::strategy::Strategy<Value = Value> {
        use proptest::prelude::*;
        let scalar = prop_oneof![
            Just(json!(null)),
            Just(json!(true)),
            Just(json!("a")),
            Just(json!("1")),
            Just(json!(1)),
            Just(json!(1.0)),
            Just(json!(0)),
            Just(json!(-0.0)),
            Just(json!(9_007_199_254_740_993_u64)),
            Just(json!(9_007_199_254_740_992_u64))
        ];
        scalar.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..2).prop_map(Value::from),
                proptest::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect()))
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn no_frame_that_matches_is_left_out(
            values in proptest::collection::vec(value(), 0..8), wanted in value(), from in 0_usize..4,
        ) {
            let (frames, wanted) = (frames(&values), pattern(&wanted));
            let matching: Vec<usize> =
                (from..frames.len()).filter(|place| wanted.matches(&frames[*place].value)).collect();
            if let Some(found) = FrameIndex::default().any(&frames, &wanted, from) {
                let found: Vec<usize> =
                    found.iter().copied().filter(|place| wanted.matches(&frames[*place].value)).collect();
                proptest::prop_assert_eq!(found, matching);
            }
        }
    }
}
