//! What every store does.

use std::sync::Arc;

use futures_util::future::join_all;

use super::TestStore;
use super::log::{Log, at, created, key, member, user};
use crate::domain::{ConversationId, InviteId, SequenceId};
use crate::log::{Edit, Invite, RECENT, Record, StoredState};
use crate::storage::{Append, ConversationSummary, Store, StoreError};

pub(super) async fn a_log_reads_back_as_it_was_written(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann", "ben", "ai"], 1_000).await;
    talk.check(store).await;
    talk.say(store, "ann", Some("1"), "hello").await;
    let records = vec![
        Record::Left { user: user("ann"), at: at(1_010) },
        Record::Joined(member("cat", 1_020)),
        talk.message("ai", None, "an answer"),
        Record::Read { user: user("ben"), up_to: SequenceId(1) },
        // Whoever comes back stands at the end.
        Record::Joined(member("ann", 1_030)),
    ];
    talk.append(store, records).await.unwrap();
    talk.check(store).await;
    let edit = |title: Option<&str>, sites: Option<Vec<String>>, mode: Option<&str>| Edit {
        title: title.map(str::to_owned),
        sites,
        mode: mode.map(str::to_owned),
    };
    for edit in [edit(Some("new"), None, None), edit(None, Some(vec![]), None), edit(None, None, Some("free"))] {
        talk.append(store, vec![Record::Edited { edit, at: at(1_040) }]).await.unwrap();
        talk.check(store).await;
    }
    // A read moves nothing but the position; a leave keeps it.
    let read = Record::Read { user: user("ben"), up_to: SequenceId(2) };
    talk.append(store, vec![read, Record::Left { user: user("ben"), at: at(1_050) }]).await.unwrap();
    talk.check(store).await;
    assert_eq!(store.load(&ConversationId::from("conv_0"), RECENT).await.unwrap(), None);
    assert_eq!(store.load(&ConversationId::from("conv\0' OR 1=1 --"), RECENT).await.unwrap(), None);
}

pub(super) async fn what_was_stored_is_there_when_it_is_opened_again(home: TestStore) {
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann", "ben"], 1).await;
    for number in 1..=200 {
        talk.say(&*store, "ann", Some(&number.to_string()), "text").await;
    }
    store.close().await.unwrap();
    drop(store);
    let store = home.open().await;
    talk.check(&*store).await;
    assert_eq!(talk.state.recent.len(), RECENT);
    let bare = store.load(&talk.id, 1).await.unwrap().unwrap().state;
    assert_eq!(bare.recent.iter().map(|message| message.sequence.0).collect::<Vec<_>>(), [200]);
    assert_eq!(bare, StoredState { recent: bare.recent.clone(), ..talk.state.clone() });
    talk.say(&*store, "ben", None, "and on").await;
    talk.check(&*store).await;
}

pub(super) async fn an_append_that_does_not_fit_changes_nothing(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    talk.say(store, "ann", Some("1"), "one").await;
    let first = talk.state.recent[0].clone();
    let second = talk.message("ann", Some("1"), "the id was used");
    let third = {
        let mut ahead = StoredState::clone(&talk.state);
        std::mem::swap(&mut ahead, &mut talk.state);
        let second = talk.message("ann", None, "x");
        talk.state.fold(&second);
        let third = talk.message("ann", None, "a gap in front");
        std::mem::swap(&mut ahead, &mut talk.state);
        third
    };
    let wrong = [
        vec![created(2)],
        vec![Record::Joined(member("ben", 2)), created(2)],
        vec![Record::Posted(first)],
        vec![Record::Joined(member("ben", 2)), third],
        vec![Record::Joined(member("ben", 2)), second],
    ];
    for records in wrong {
        let shown = format!("{records:?}");
        let refused = store.append(talk.next(records)).await;
        assert!(refused.is_err(), "{shown}");
        talk.check(store).await;
    }
    let nowhere = ConversationId::from("conv_1");
    let joins = vec![Record::Joined(member("ann", 1))];
    let refused = store.append(Append::follow(nowhere.clone(), talk.last, joins)).await;
    assert_eq!(refused, Err(StoreError::Conflict(nowhere.clone())));
    assert_eq!(store.load(&nowhere, RECENT).await.unwrap(), None);
    talk.say(store, "ann", None, "and on").await;
    store.check().await.unwrap();
}

/// What was sent before is told apart from what does not fit.
pub(super) async fn what_was_sent_before_is_told(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    talk.say(store, "ann", Some("1"), "one").await;
    let again = talk.message("ann", Some("1"), "one");
    let joins = Record::Joined(member("ben", 2));
    assert_eq!(store.append(talk.next(vec![joins, again])).await, Err(StoreError::SentBefore));
    talk.check(store).await;
    // Another one's id is another one.
    talk.say(store, "ben", Some("1"), "one").await;
    talk.check(store).await;
}

pub(super) async fn a_bad_append_fails_alone(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talks = Vec::new();
    for _ in 0..8 {
        talks.push(Log::create(store, &["ann"], 1).await);
    }
    talks[3].say(store, "ann", Some("used"), "one").await;
    let messages: Vec<_> = talks.iter_mut().map(|talk| talk.message("ann", Some("used"), "two")).collect();
    let appends = talks.iter().zip(&messages).map(|(talk, message)| {
        let joins = Record::Joined(member("ben", 2));
        store.append(talk.next(vec![joins, message.clone()]))
    });
    let results = join_all(appends).await;
    for (index, ((talk, result), message)) in talks.iter_mut().zip(results).zip(messages).enumerate() {
        assert_eq!(result.is_ok(), index != 3, "{index}: {result:?}");
        if result.is_ok() {
            talk.state.fold(&Record::Joined(member("ben", 2)));
            talk.state.fold(&message);
            talk.last = store.load(&talk.id, 1).await.unwrap().unwrap().last_append;
        }
        talk.check(store).await;
    }
}

pub(super) async fn resends_are_found_however_old(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann", "ben"], 1).await;
    let other = Log::create(store, &["ann"], 1).await;
    talk.say(store, "ann", Some("one"), "first").await;
    talk.say(store, "ben", Some("one"), "second").await;
    for _ in 0..RECENT + 10 {
        talk.say(store, "ann", None, "and so on").await;
    }
    let keys = vec![key("ben", "one"), key("cat", "one"), key("ann", "two"), key("ann", "one"), key("ben", "one")];
    let found = store.find_sent(&talk.id, keys.clone()).await.unwrap();
    let places: Vec<_> = found.iter().map(|message| message.as_ref().map(|message| message.sequence.0)).collect();
    assert_eq!(places, [Some(2), None, None, Some(1), Some(2)]);
    assert_eq!(found[3].as_ref().unwrap().content, "first");
    assert_eq!(store.find_sent(&other.id, keys).await.unwrap(), vec![None; 5]);
}

pub(super) async fn pages_of_messages_are_ascending_and_bounded(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    let other = Log::create(store, &["ann"], 1).await;
    for _ in 0..7 {
        talk.say(store, "ann", None, "text").await;
    }
    assert_eq!(talk.places(store, 0, 3).await, [1, 2, 3]);
    assert_eq!(talk.places(store, 5, 100).await, [6, 7]);
    assert_eq!(talk.places(store, 7, 100).await, [0; 0]);
    assert_eq!(talk.places(store, u64::MAX, usize::MAX).await, [0; 0]);
    assert_eq!(other.places(store, 0, 100).await, [0; 0]);
    let page = store.messages_after(&talk.id, SequenceId(6), 1, usize::MAX).await.unwrap();
    assert_eq!(Some(&page[0]), talk.state.recent.back());
}

pub(super) async fn unread_counts_leave_out_ones_own(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann", "ben"], 1).await;
    for sender in ["ann", "ben", "ben", "ann", "ben"] {
        talk.say(store, sender, None, "text").await;
    }
    for (reader, after, up_to, expected) in [
        ("ann", 0, 5, 3),
        ("ann", 2, 5, 2),
        ("ann", 2, 3, 1),
        ("ben", 0, 5, 2),
        ("cat", 0, 5, 5),
        ("ann", 5, 5, 0),
        ("ann", 5, 2, 0),
    ] {
        let count = store.count_by_others(&talk.id, &user(reader), SequenceId(after), SequenceId(up_to)).await;
        assert_eq!(count, Ok(expected), "{reader} from {after} to {up_to}");
    }
}

pub(super) async fn conversations_come_by_newest_activity(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talks = Vec::new();
    for time in [10, 10, 5] {
        talks.push(Log::create(store, &["ann", "ben"], time).await);
    }
    let order = async |store: &dyn Store, name: &str, offset: usize, limit: usize| {
        let page = store.conversations_of(&user(name), offset, limit).await.unwrap();
        let number = |summary: &ConversationSummary| talks.iter().position(|talk| talk.id == summary.id).unwrap();
        (page.conversations.iter().map(number).collect::<Vec<_>>(), page.total)
    };
    // The second of two at the same time is newer.
    assert_eq!(order(store, "ann", 0, 10).await, (vec![1, 0, 2], 3));
    assert_eq!(order(store, "ann", 1, 1).await, (vec![0], 3));
    assert_eq!(order(store, "ann", 9, 1).await, (vec![], 3));
    assert_eq!(order(store, "cat", 0, 10).await, (vec![], 0));
    let message = talks[2].message("ben", None, "now");
    let later = vec![message, Record::Left { user: user("ben"), at: at(30) }];
    talks[2].append(store, later).await.unwrap();
    let edit = Edit { title: Some("no activity".to_owned()), ..Edit::default() };
    talks[0].append(store, vec![Record::Edited { edit, at: at(40) }]).await.unwrap();
    talks[0].append(store, vec![Record::Joined(member("cat", 50))]).await.unwrap();
    let ids = async |name: &str| {
        let page = store.conversations_of(&user(name), 0, 10).await.unwrap();
        page.conversations.into_iter().map(|summary| summary.id).collect::<Vec<_>>()
    };
    let [first, second, third] = &talks[..] else { panic!("three") };
    assert_eq!(ids("ann").await, [second.id.clone(), first.id.clone(), third.id.clone()]);
    assert_eq!(ids("ben").await, [second.id.clone(), first.id.clone()]);
    assert_eq!(ids("cat").await, std::slice::from_ref(&first.id));
}

pub(super) async fn invites_are_kept_and_lead_to_their_conversation(home: TestStore) {
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    let invite = |id: &str, created_at: i64, expires_at: i64, max_uses: Option<u32>| {
        let (created_at, expires_at) = (at(created_at), at(expires_at));
        Record::Invited(Invite { id: InviteId::from(id), by: user("ann"), created_at, expires_at, max_uses, uses: 0 })
    };
    let used = |id: &str| Record::InviteUsed { invite: InviteId::from(id) };
    talk.append(&*store, vec![invite("short", 10, 20, None)]).await.unwrap();
    talk.append(&*store, vec![invite("long", 15, 99, Some(2)), used("short"), used("long")]).await.unwrap();
    talk.check(&*store).await;
    // The first has expired when the third is made: it is forgotten, and no longer counts.
    talk.append(&*store, vec![invite("third", 20, 99, Some(u32::MAX)), used("short"), used("long")]).await.unwrap();
    talk.check(&*store).await;
    assert_eq!(talk.state.invites.keys().map(InviteId::as_str).collect::<Vec<_>>(), ["long", "third"]);
    store.close().await.unwrap();
    drop(store);
    let store = home.open().await;
    talk.check(&*store).await;
    for (id, expected) in [("long", Some(&talk.id)), ("short", Some(&talk.id)), ("none", None), ("n\0ne", None)] {
        let found = store.conversation_of_invite(&InviteId::from(id)).await.unwrap();
        assert_eq!(found.as_ref(), expected, "{id:?}");
    }
}

pub(super) async fn every_character_is_kept(home: TestStore) {
    let store = home.open().await;
    let strange = [
        "\0",
        "a\0b",
        "'; DROP TABLE messages; --",
        "%s {{ 7*7 }} $1 ?1 \\x00",
        "\u{FEFF}\u{200B}\u{202E}e\u{301}é🙂\u{10FFFF}",
        "\u{FFFE}\r\n\t\u{7f}",
        " ",
    ];
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    for (index, text) in strange.into_iter().enumerate() {
        let edit = Edit { title: Some(text.into()), sites: Some(vec![text.into()]), mode: Some(text.into()) };
        let records = vec![
            Record::Joined(member(text, 1)),
            talk.message(text, Some(text), &text.repeat(index + 1)),
            Record::Read { user: user(text), up_to: SequenceId(index as u64) },
            Record::Edited { edit, at: at(1) },
        ];
        talk.append(&*store, records).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    let store = home.open().await;
    talk.check(&*store).await;
    let sent = store.find_sent(&talk.id, strange.map(|text| key(text, text)).into()).await.unwrap();
    assert!(sent.iter().all(Option::is_some), "{sent:?}");
    for text in strange {
        assert_eq!(store.conversations_of(&user(text), 0, 1).await.unwrap().total, 1, "{text:?}");
    }
}

pub(super) async fn the_latest_append_is_recognised(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    let message = talk.message("ann", None, "one");
    let append = talk.next(vec![message]);
    assert_eq!(store.has_append(&talk.id, append.id).await, Ok(false));
    store.append(append.clone()).await.unwrap();
    assert_eq!(store.has_append(&talk.id, append.id).await, Ok(true));
    let again = Append { id: crate::storage::AppendId::random(), ..append.clone() };
    assert!(store.append(again.clone()).await.is_err(), "its place is taken");
    assert_eq!(store.has_append(&talk.id, again.id).await, Ok(false));
    assert_eq!(store.has_append(&talk.id, append.id).await, Ok(true));
    let read =
        Append::follow(talk.id.clone(), append.id, vec![Record::Read { user: user("ann"), up_to: SequenceId(1) }]);
    store.append(read.clone()).await.unwrap();
    assert_eq!(store.has_append(&talk.id, read.id).await, Ok(true));
}

pub(super) async fn many_at_once_keep_their_order(home: TestStore) {
    const TALKS: usize = 16;
    const EACH: usize = 20;
    let store = home.open().await;
    let write = async |number: usize| {
        let mut talk = Log::create(&*store, &["ann"], 1).await;
        for index in 0..EACH {
            let sender = format!("sender {}", (number + index) % 3);
            talk.say(&*store, &sender, Some(&index.to_string()), "text").await;
            // What was answered is there for whoever reads now.
            let newest = store.messages_after(&talk.id, SequenceId(index as u64), 10, usize::MAX).await.unwrap();
            assert_eq!(newest.len(), 1);
        }
        talk
    };
    let talks = join_all((0..TALKS).map(write)).await;
    for talk in talks {
        talk.check(&*store).await;
        assert_eq!(talk.state.last_sequence, SequenceId(EACH as u64));
    }
    assert_eq!(store.conversations_of(&user("ann"), 0, 5).await.unwrap().total, TALKS);
}

pub(super) async fn a_closed_store_says_so(home: TestStore) {
    if matches!(home, TestStore::Memory(_)) {
        return;
    }
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann"], 1).await;
    let message = talk.message("ann", None, "too late");
    store.close().await.unwrap();
    let refused = [talk.append(&*store, vec![message]).await.unwrap_err(), store.load(&talk.id, 1).await.unwrap_err()];
    assert!(refused.iter().all(|error| matches!(error, StoreError::Failed(_))), "{refused:?}");
    let again: Arc<dyn Store> = home.open().await;
    talk.check(&*again).await;
}

/// Of two owners of one conversation, should there ever be two, only one goes on, whatever it appends.
pub(super) async fn an_append_behind_another_one_than_the_latest_is_refused(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    let stale = talk.last;
    talk.append(store, vec![Record::Joined(member("ben", 2))]).await.unwrap();
    let edit = Edit { title: Some("theirs".to_owned()), ..Edit::default() };
    let (created_at, expires_at) = (at(3), at(9));
    let invite =
        Invite { id: InviteId::from("late"), by: user("ann"), created_at, expires_at, max_uses: None, uses: 0 };
    let late = [
        Record::Joined(member("cat", 3)),
        Record::Left { user: user("ann"), at: at(3) },
        Record::Edited { edit, at: at(3) },
        Record::Read { user: user("ann"), up_to: SequenceId(0) },
        Record::Invited(invite),
        talk.message("ann", None, "theirs"),
    ];
    let unknown = crate::storage::AppendId::random();
    for record in late {
        for after in [stale, unknown] {
            let append = Append::follow(talk.id.clone(), after, vec![record.clone()]);
            assert_eq!(store.append(append).await, Err(StoreError::Conflict(talk.id.clone())), "{record:?}");
            talk.check(store).await;
        }
    }
    let again = Append { after: Some(talk.last), ..Append::create(talk.id.clone(), vec![created(4)]) };
    assert_eq!(store.append(again).await, Err(StoreError::Conflict(talk.id.clone())));
    talk.say(store, "ann", None, "and on").await;
    talk.check(store).await;
}

/// Pages are bounded by the bytes of everything in them, and have one message at least.
pub(super) async fn pages_are_bounded_by_bytes(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    let mut talk = Log::create(store, &["ann"], 1).await;
    for _ in 0..6 {
        talk.say(store, "ann", None, &"x".repeat(10_000)).await;
    }
    let places = async |bytes: usize| {
        let page = store.messages_after(&talk.id, SequenceId(1), 100, bytes).await.unwrap();
        page.iter().map(|message| message.sequence.0).collect::<Vec<_>>()
    };
    assert_eq!(places(35_000).await, [2, 3, 4]);
    assert_eq!(places(1).await, [2]);
    assert_eq!(places(usize::MAX).await, [2, 3, 4, 5, 6]);
}

/// What an AI will be told is there after a restart, however long ago it was said.
pub(super) async fn the_last_words_of_people_are_kept_however_old(home: TestStore) {
    let store = home.open().await;
    let mut talk = Log::create(&*store, &["ann", "ai"], 1).await;
    for number in 0..7 {
        talk.say(&*store, "ann", None, &format!("question {number}")).await;
    }
    for number in 0..RECENT + 10 {
        talk.say(&*store, "ai", None, &format!("answer {number}")).await;
    }
    talk.check(&*store).await;
    store.close().await.unwrap();
    drop(store);
    let store = home.open().await;
    let state = store.load(&talk.id, 1).await.unwrap().unwrap().state;
    let said: Vec<_> = state.last_human.iter().map(|message| message.content.as_str()).collect();
    assert_eq!(said, ["question 2", "question 3", "question 4", "question 5", "question 6"]);
    assert_eq!(state.last_answer, talk.state.recent.back().cloned());
}

/// A list says what is in each conversation, and how many of them are one's own doing.
pub(super) async fn a_list_says_what_is_in_each_conversation(home: TestStore) {
    let store = home.open().await;
    let store = &*store;
    // Whoever is called ben was added by others.
    let mut talk = Log::create(store, &["ann", "ben"], 1).await;
    let mut other = Log::create(store, &["ann"], 2).await;
    let text = format!("\0{}", "é🙂".repeat(60));
    talk.say(store, "ann", None, "one").await;
    talk.say(store, "ben", None, &text).await;
    talk.append(store, vec![Record::Read { user: user("ben"), up_to: SequenceId(1) }]).await.unwrap();
    other.say(store, "ann", None, "two").await;
    let mine = store.conversations_of(&user("ann"), 0, 10).await.unwrap().conversations;
    let newest = |id: &ConversationId| mine.iter().find(|summary| summary.id == *id).unwrap();
    let preview: String = text.chars().take(100).collect();
    assert_eq!(newest(&talk.id).newest.as_ref().unwrap().1, preview);
    let (summary, expected) = (newest(&talk.id), (2, 1, "a title"));
    assert_eq!((summary.participants, summary.unread, summary.title.as_str()), expected);
    assert_eq!(newest(&other.id).unread, 0);
    let of_ben = store.conversations_of(&user("ben"), 0, 10).await.unwrap();
    assert_eq!((of_ben.total, of_ben.conversations[0].unread), (1, 0));
    assert_eq!((store.count_own(&user("ann")).await, store.count_own(&user("ben")).await), (Ok(2), Ok(0)));
}
