//! Random operations, then a reload: the log says what the owner believed, whatever failed in between.
//!
//! The operations go through `decide`, as in the server; a store that is closed and opened again, or an append that
//! fails, must leave exactly what was answered.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Map;
use tokio::runtime::Runtime;

use super::TestStore;
use super::log::{at, created, key, member, user};
use crate::core::{Change, Decision, MessageDraft, Rules, decide};
use crate::domain::{ClientMessageId, ConversationId, InviteId, MessageId, MessageKind, SequenceId, SocketId};
use crate::log::{Edit, RECENT, Record, SentKey, StoredState};
use crate::storage::{Append, Store};

const USERS: [&str; 4] = ["ann", "ben", "cat", "d\0n"];

#[derive(Debug, Clone)]
enum Op {
    Say {
        talk: usize,
        user: usize,
        id: Option<u8>,
        content: String,
    },
    Join {
        talk: usize,
        user: usize,
    },
    Leave {
        talk: usize,
        user: usize,
    },
    Edit {
        talk: usize,
        title: Option<String>,
        sites: Option<Vec<String>>,
    },
    Read {
        talk: usize,
        user: usize,
        up_to: u64,
    },
    Invite {
        talk: usize,
        user: usize,
        lasts: u64,
        max_uses: Option<u32>,
    },
    /// By the invite of so many that were made.
    Accept {
        talk: usize,
        user: usize,
        invite: usize,
    },
    /// A message in a place that is taken: it must be refused whole.
    Repeat {
        talk: usize,
    },
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let (talk, user) = (0..3_usize, 0..USERS.len());
    let id = prop::option::weighted(0.7, 0..6_u8);
    prop_oneof![
        8 => (talk.clone(), user.clone(), id, any::<String>())
            .prop_map(|(talk, user, id, content)| Op::Say { talk, user, id, content }),
        3 => (talk.clone(), user.clone()).prop_map(|(talk, user)| Op::Join { talk, user }),
        2 => (talk.clone(), user.clone()).prop_map(|(talk, user)| Op::Leave { talk, user }),
        1 => (talk.clone(), any::<Option<String>>(), any::<Option<Vec<String>>>())
            .prop_map(|(talk, title, sites)| Op::Edit { talk, title, sites }),
        2 => (talk.clone(), user.clone(), 0..9_u64).prop_map(|(talk, user, up_to)| Op::Read { talk, user, up_to }),
        2 => (talk.clone(), user.clone(), 1..30_u64, prop::option::of(1..3_u32))
            .prop_map(|(talk, user, lasts, max_uses)| Op::Invite { talk, user, lasts, max_uses }),
        2 => (talk.clone(), user, 0..4_usize).prop_map(|(talk, user, invite)| Op::Accept { talk, user, invite }),
        1 => talk.prop_map(|talk| Op::Repeat { talk }),
        1 => Just(Op::Reopen),
    ]
}

/// What an operation asks for, given the invites that each conversation has made.
fn change(op: &Op, invites: &[Vec<InviteId>]) -> Option<(usize, Change)> {
    let name = |index: usize| user(USERS[index]);
    Some(match op.clone() {
        Op::Say { talk, user, id, content } => {
            let draft = MessageDraft {
                id: MessageId::random(),
                client_id: id.map(|id| ClientMessageId::from(id.to_string())),
                sender: name(user),
                socket: None,
                kind: MessageKind::Text,
                content,
                metadata: Map::new(),
            };
            (talk, Change::Post(draft))
        }
        Op::Join { talk, user } => {
            (talk, Change::Join { by: name(user), user: name(user), name: USERS[user].to_owned() })
        }
        Op::Leave { talk, user } => (talk, Change::Leave { user: name(user) }),
        Op::Edit { talk, title, sites } => {
            (talk, Change::Edit { by: name(0), edit: Edit { title, sites, mode: None } })
        }
        Op::Read { talk, user, up_to } => {
            (talk, Change::Read { user: name(user), socket: SocketId(1), up_to: SequenceId(up_to) })
        }
        Op::Invite { talk, user, lasts, max_uses } => {
            let lasts = Duration::from_millis(lasts);
            (talk, Change::CreateInvite { by: name(user), id: InviteId::random(), lasts, max_uses })
        }
        Op::Accept { talk, user, invite } => {
            let made = invites[talk].iter().rev().nth(invite)?;
            (talk, Change::AcceptInvite { invite: made.clone(), user: name(user), name: USERS[user].to_owned() })
        }
        Op::Repeat { .. } | Op::Reopen => return None,
    })
}

async fn play(home: &TestStore, ops: &[Op]) {
    let mut store = home.open().await;
    let (mut states, mut lasts) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let records = vec![created(0), Record::Joined(member("ann", 0))];
        let id = ConversationId::random();
        let append = Append::create(id.clone(), records.clone());
        lasts.push(append.id);
        store.append(append).await.unwrap();
        states.push(StoredState::replay(id, &records).unwrap());
    }
    let mut log = vec![Vec::new(); 3];
    let mut invites = vec![Vec::new(); 3];
    for (time, op) in ops.iter().enumerate() {
        if let Some((talk, change)) = change(op, &invites) {
            let state = &mut states[talk];
            let sent = match &change {
                Change::Post(MessageDraft { sender, client_id: Some(client_id), .. }) => {
                    vec![SentKey { sender: sender.clone(), client_id: client_id.clone() }]
                }
                _ => Vec::new(),
            };
            let prior = store.find_sent(&state.id, sent).await.unwrap().pop().flatten();
            let rules = Rules { max_participants: 3, max_invites: 3, open_join: true };
            let Decision::Commit(records) = decide(state, &change, prior.as_ref(), rules, at(time as i64)) else {
                continue;
            };
            let append = Append::follow(state.id.clone(), lasts[talk], records.clone());
            lasts[talk] = append.id;
            store.append(append).await.unwrap();
            for record in &records {
                state.fold(record);
                match record {
                    Record::Posted(message) => log[talk].push(message.clone()),
                    Record::Invited(invite) => invites[talk].push(invite.id.clone()),
                    _ => {}
                }
            }
        }
        match op {
            Op::Repeat { talk } => {
                if let Some(message) = log[*talk].last() {
                    let records = vec![Record::Joined(member("ghost", 9)), Record::Posted(message.clone())];
                    let append = Append::follow(states[*talk].id.clone(), lasts[*talk], records);
                    store.append(append).await.unwrap_err();
                }
            }
            Op::Reopen => {
                store.close().await.unwrap();
                store = home.open().await;
            }
            _ => {}
        }
    }
    store.close().await.unwrap();
    let store = home.open().await;
    check(&*store, &states, &log).await;
    for (state, invites) in states.iter().zip(&invites) {
        for invite in invites {
            assert_eq!(store.conversation_of_invite(invite).await.unwrap().as_ref(), Some(&state.id));
        }
    }
}

async fn check(store: &dyn Store, states: &[StoredState], log: &[Vec<std::sync::Arc<crate::domain::Message>>]) {
    for (state, log) in states.iter().zip(log) {
        assert_eq!(store.load(&state.id, RECENT).await.unwrap().unwrap().state, *state);
        assert_eq!(store.messages_after(&state.id, SequenceId(0), usize::MAX, usize::MAX).await.unwrap(), *log);
        for message in log {
            if let Some(client_id) = &message.client_id {
                let found = store.find_sent(&state.id, vec![key(message.sender.as_str(), client_id.as_str())]).await;
                assert_eq!(found.unwrap(), [Some(message.clone())]);
            }
        }
        for name in USERS {
            let listed = store.conversations_of(&user(name), 0, 100).await.unwrap();
            assert_eq!(
                listed.conversations.iter().any(|summary| summary.id == state.id),
                state.members.contains_key(&user(name)),
                "{name}"
            );
            let unread = log.iter().filter(|message| message.sender != user(name)).count() as u64;
            let counted = store.count_by_others(&state.id, &user(name), SequenceId(0), state.last_sequence).await;
            assert_eq!(counted.unwrap(), unread);
        }
    }
}

fn holds(cases: u32, runtime: &Runtime, home: impl Fn() -> TestStore) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let ran = runner.run(&prop::collection::vec(op(), 1..40), |ops| {
        runtime.block_on(play(&home(), &ops));
        Ok(())
    });
    if let Err(error) = ran {
        panic!("{error}");
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn memory_reloads_what_was_answered() {
    holds(300, &runtime(), TestStore::memory);
}

#[test]
fn sqlite_reloads_what_was_answered() {
    holds(40, &runtime(), TestStore::sqlite);
}

#[test]
fn postgres_reloads_what_was_answered() {
    let runtime = runtime();
    if runtime.block_on(TestStore::postgres()).is_some() {
        holds(10, &runtime, || runtime.block_on(TestStore::postgres()).unwrap());
    }
}
