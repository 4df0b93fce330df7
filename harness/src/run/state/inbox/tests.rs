use std::time::Duration;

use serde_json::json;

use super::*;

fn inbox(values: &[Value]) -> Inbox {
    let frames = values.iter().map(|value| Frame::new(Duration::ZERO, 0, Arc::new(value.clone()))).collect();
    Inbox { frames, ..Inbox::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn pattern(value: Value) -> Pattern {
    Pattern::compile(&value).unwrap()
}

#[test]
fn receive_is_selective_and_takes_the_earliest() {
    let mut inbox = inbox(&[json!({"n": 1}), json!({"n": 2, "k": 1}), json!({"n": 2, "k": 2})]);
    assert_eq!(inbox.first_match(&pattern(json!({"n": 2})), 0, &mut LookProgress::default()), Look::Found(vec![1]));
    inbox.take(&[1], 7);
    assert_eq!(inbox.first_match(&pattern(json!({"n": 2})), 0, &mut LookProgress::default()), Look::Found(vec![2]));
    assert_eq!(inbox.first_match(&pattern(json!({"n": 1})), 0, &mut LookProgress::default()), Look::Found(vec![0]));
    assert_eq!(
        inbox.first_match(&pattern(json!({"n": 1})), 1, &mut LookProgress::default()),
        Look::Missing { matched: 0, first: 0 }
    );
}

#[test]
fn the_next_frame_is_the_first_untaken_one() {
    let mut inbox = inbox(&[json!({"n": 1}), json!({"n": 2})]);
    assert_eq!(inbox.next(&pattern(json!({"n": 2})), 0), Look::Wrong(0));
    inbox.take(&[0], 1);
    assert_eq!(inbox.next(&pattern(json!({"n": 2})), 0), Look::Found(vec![1]));
}

#[test]
fn order_lets_others_lie_between_but_not_before() {
    let mut inbox = inbox(&[json!({"n": 1}), json!({"n": 9}), json!({"n": 2})]);
    let one = pattern(json!({"n": 1}));
    let two = pattern(json!({"n": 2}));
    assert_eq!(inbox.in_order(&[one.clone(), two.clone()], 0, &mut LookProgress::default()), Look::Found(vec![0, 2]));
    assert_eq!(inbox.in_order(&[two, one], 0, &mut LookProgress::default()), Look::Missing { matched: 1, first: 1 });
}

#[test]
fn all_gives_no_frame_to_two_patterns_and_finds_every_matching() {
    let inbox = inbox(&[json!({"a": 1, "b": 1}), json!({"a": 1})]);
    let wide = pattern(json!({"a": 1}));
    let narrow = pattern(json!({"b": 1}));
    assert_eq!(inbox.all(&[wide.clone(), narrow.clone()], 0, &mut LookProgress::default()), Look::Found(vec![1, 0]));
    assert_eq!(
        inbox.all(&[narrow.clone(), narrow], 0, &mut LookProgress::default()),
        Look::Missing { matched: 1, first: 1 }
    );
}

#[test]
fn a_stream_is_collected_up_to_its_end_and_leaves_what_lies_between() {
    let piece = |n: u8| json!({"piece": n});
    let mut inbox = inbox(&[json!({"said": 1}), piece(1), json!({"said": 2}), piece(2), json!({"end": 1}), piece(3)]);
    let (pieces, end) = (pattern(json!({"piece": {"$any": true}})), pattern(json!({"end": 1})));
    assert_eq!(inbox.collect(&pieces, &end, 0, &mut LookProgress::default()), Look::Found(vec![1, 3, 4]));
    assert_eq!(inbox.collect(&pieces, &end, 4, &mut LookProgress::default()), Look::Wrong(4));
    inbox.take(&[1, 3, 4], 7);
    assert_eq!(inbox.collect(&pieces, &end, 0, &mut LookProgress::default()), Look::Missing { matched: 1, first: 1 });
    assert_eq!(
        inbox.collect(&pattern(json!({"piece": 9})), &end, 0, &mut LookProgress::default()),
        Look::Missing { matched: 0, first: 0 }
    );
    // The last piece may be the end itself.
    assert_eq!(
        inbox.collect(&pieces, &pattern(json!({"piece": 3})), 0, &mut LookProgress::default()),
        Look::Found(vec![5])
    );
}

/// A thousand frames that come one by one, with a look behind each; how many frames were looked at.
fn looked_at(look: impl Fn(&mut Inbox, &mut LookProgress) -> Look) -> usize {
    let (mut one_by_one, mut progress) = (inbox(&[]), LookProgress::default());
    for n in 0..1000 {
        one_by_one.frames.push(Frame::new(Duration::ZERO, n, Arc::new(json!({ "n": n }))));
        assert!(matches!(look(&mut one_by_one, &mut progress), Look::Missing { .. }));
    }
    progress.looked
}

#[test]
fn a_wait_looks_at_each_frame_once() {
    let (never, any) = (pattern(json!({"x": 1})), pattern(json!({"n": {"$any": true}})));
    let both = [any.clone(), never.clone()];
    assert_eq!(looked_at(|inbox, progress| inbox.first_match(&never, 0, progress)), 1000);
    assert_eq!(looked_at(|inbox, progress| inbox.in_order(&both, 0, progress)), 1000);
    assert_eq!(looked_at(|inbox, progress| inbox.all(&both, 0, progress)), 1000);
    assert_eq!(looked_at(|inbox, progress| inbox.collect(&any, &never, 0, progress)), 1000);
}

#[test]
fn frames_that_are_taken_one_by_one_are_looked_at_once() {
    let values: Vec<Value> = (0..1000).map(|n| json!({ "n": n })).collect();
    let (mut inbox, mut looked) = (inbox(&values), 0);
    for n in 0..1000 {
        let mut progress = LookProgress::default();
        let found = inbox.first_match(&pattern(json!({ "n": n })), 0, &mut progress);
        assert_eq!(found, Look::Found(vec![n]));
        inbox.take(&[n], 1);
        looked += progress.looked;
        assert_eq!(inbox.first_untaken, n + 1);
    }
    // Nothing stood before the one that was found.
    assert_eq!(looked, 0);
}

/// How many frames were looked at, where a thousand are taken one by one and as many others stand between.
fn looked_at_between(wanted: impl Fn(usize) -> Vec<Pattern>) -> usize {
    let values: Vec<Value> =
        (0..1000).flat_map(|n| [json!({ "type": "other" }), json!({ "type": "said", "by": { "n": n } })]).collect();
    let (mut inbox, mut looked) = (inbox(&values), 0);
    for n in 0..1000 {
        let mut progress = LookProgress::default();
        let found = match &wanted(n)[..] {
            [one] => inbox.first_match(one, 0, &mut progress),
            many => inbox.in_order(many, 0, &mut progress),
        };
        let Look::Found(places) = found else { panic!("{n}: {found:?}") };
        assert_eq!(places[0], 2 * n + 1);
        inbox.take(&places[..1], 1);
        looked += progress.looked;
    }
    looked
}

#[test]
fn frames_that_nobody_takes_are_not_held_against_each_later_pattern() {
    // For each step the same few, not all that were left.
    let few = 1000 * (WINDOW + 4);
    assert!(looked_at_between(|_| vec![pattern(json!({ "type": "said" }))]) < few);
    assert!(looked_at_between(|n| vec![pattern(json!({ "by": { "n": n } }))]) < few);
    assert!(looked_at_between(|_| vec![pattern(json!({ "by": { "$type": "object" } }))]) < few);
    let and_another = |n: usize| vec![pattern(json!({ "by": { "n": n } })), pattern(json!({ "type": "said" }))];
    assert!(looked_at_between(|n| and_another(n)[..if n < 999 { 2 } else { 1 }].to_vec()) < 2 * few);
}

#[test]
fn nothing_is_counted_twice_and_taken_frames_count_too() {
    let mut inbox = inbox(&[json!({"n": 1}), json!({"n": 2}), json!({"n": 1}), json!("n")]);
    inbox.take(&[0], 1);
    assert_eq!(inbox.count(&pattern(json!({"n": 1})), 0), [0, 2]);
    assert_eq!(inbox.count(&pattern(json!({"n": 1})), 1), [2]);
    assert_eq!(inbox.count(&pattern(json!({"$any": true})), 1), [1, 2, 3]);
    assert!(inbox.frames.iter().all(|frame| frame.counted));
}

#[test]
fn a_frame_that_somebody_else_took_is_no_part_of_what_is_waited_for() {
    let mut inbox = inbox(&[json!({"n": 1}), json!({"n": 1})]);
    let (patterns, mut progress) = ([pattern(json!({"n": 1})), pattern(json!({"n": 2}))], LookProgress::default());
    assert_eq!(inbox.in_order(&patterns, 0, &mut progress), Look::Missing { matched: 1, first: 1 });
    inbox.take(&[0], 9);
    inbox.frames.push(Frame::new(Duration::ZERO, 0, Arc::new(json!({"n": 2}))));
    assert_eq!(inbox.in_order(&patterns, 0, &mut progress), Look::Found(vec![1, 2]));
}

#[test]
fn a_failing_frame_is_one_that_nothing_awaits() {
    let mut inbox = inbox(&[json!({"type": "error", "error": "x"})]);
    let fails = pattern(json!({"type": "error"}));
    assert_eq!(inbox.failing(Some(&fails), &[]), Some(0));
    assert_eq!(inbox.failing(Some(&fails), &[pattern(json!({"error": "x"}))]), None);
    inbox.take(&[0], 1);
    assert_eq!(inbox.failing(Some(&fails), &[]), None);
}

#[test]
fn an_unreadable_frame_fails_unless_a_step_expects_its_text() {
    let mut inbox = inbox(&[json!("{oops"), json!({"n": 1})]);
    inbox.frames[0].unreadable = Some("why".to_owned());
    assert_eq!(inbox.failing(None, &[pattern(json!({"n": 1}))]), Some(0));
    assert_eq!(inbox.failing(None, &[pattern(json!("{oops"))]), None);
    assert_eq!((inbox.unreadable(0), inbox.unreadable(1)), (Some(0), None));
    inbox.take(&[0], 1);
    assert_eq!((inbox.unreadable(0), inbox.failing(None, &[])), (None, None));
}

#[test]
fn an_answer_belongs_to_the_first_ping_that_it_answers() {
    let mut inbox = inbox(&[]);
    let pong = |n: u64| Arc::new(pattern(json!({"pong": n})));
    inbox.pings.push_back(Ping { by: PingSender::Step, pong: pong(1) });
    inbox.pings.push_back(Ping { by: PingSender::Barrier(7), pong: pong(2) });
    inbox.pings.push_back(Ping { by: PingSender::Barrier(8), pong: pong(2) });
    assert_eq!(inbox.answer(&json!({"pong": 3})), None);
    assert_eq!(inbox.answer(&json!({"pong": 2})), Some(PingSender::Barrier(7)));
    assert_eq!(inbox.answer(&json!({"pong": 1})), Some(PingSender::Step));
    assert_eq!((inbox.pongs, inbox.pings.len(), inbox.passed.contains(&7)), (2, 1, true));
}

proptest::proptest! {
    #[test]
    fn a_matching_is_found_exactly_when_there_is_one(values in proptest::collection::vec(0_u8..4, 0..6), wanted in proptest::collection::vec(proptest::collection::vec(0_u8..4, 1..3), 0..5)) {
        let inbox = inbox(&values.iter().map(|n| json!({"n": n})).collect::<Vec<_>>());
        let patterns: Vec<Pattern> = wanted.iter().map(|list| pattern(json!({"n": {"$one_of": list}}))).collect();
        fn exists(wanted: &[Vec<u8>], values: &[u8], used: &mut Vec<bool>) -> bool {
            let Some((first, rest)) = wanted.split_first() else { return true };
            (0..values.len()).any(|place| {
                if used[place] || !first.contains(&values[place]) { return false; }
                used[place] = true;
                let found = exists(rest, values, used);
                used[place] = false;
                found
            })
        }
        let found = matches!(inbox.all(&patterns, 0, &mut LookProgress::default()), Look::Found(_));
        proptest::prop_assert_eq!(found, exists(&wanted, &values, &mut vec![false; values.len()]));
    }
}
