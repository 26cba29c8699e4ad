//! G-29: a fold whose decisions are wrong is noticed before anything of them is written, and by the counter
//! of the guarantee that they break.

use std::sync::Arc;

use bytes::Bytes;
use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::partition::{Failure, Handler};
use platform::port::clock::SystemClock;
use platform::port::log::Record;
use platform::telemetry::{Metrics, label};
use schemas::conversation::change::Change;
use schemas::envelope::{self, Content, ConversationCommand};
use schemas::outbound::Reply;
use schemas::table::{Decode, Get, Scan, Stored, Write};
use schemas::{ConversationId, InstanceId, Position, Rev, topic};
use workers::fold::shell::Shell;
use workers::fold::{Decision, Emit, Fold, Item};
use workers::persist::{Conversation, Persist};

use crate::sim::{Ask, conversation, item};

/// Persist that numbers the change of "content 9" wrongly, or takes messages for something else.
struct Wrong<const REV: bool>;

impl<const REV: bool> Fold for Wrong<REV> {
    type Key = ConversationId;
    type Command = ConversationCommand;
    type Change = Change;
    type State = Conversation;

    const POOL: &'static str = Persist::POOL;

    fn decide(
        state: &Conversation,
        key: ConversationId,
        item: &Item<ConversationCommand>,
        command: &ConversationCommand,
    ) -> Decision<Change> {
        let mut decision = Persist::decide(state, key, item, command);
        if let Decision::Change(change) = &mut decision
            && matches!(command, ConversationCommand::Send(send) if send.content == "content 9")
        {
            change.rev += Rev::from(REV);
        }
        decision
    }
    fn is_message(change: &Change) -> bool {
        // A message that is none has a number that nothing accounts for.
        REV && Persist::is_message(change)
    }

    fn key(raw: u128) -> ConversationId {
        Persist::key(raw)
    }
    fn head(key: ConversationId) -> Get {
        Persist::head(key)
    }
    fn needs(
        state: &Conversation,
        key: ConversationId,
        item: &Item<ConversationCommand>,
        command: &ConversationCommand,
    ) -> Vec<Get> {
        Persist::needs(state, key, item, command)
    }
    fn load(state: &mut Conversation, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        Persist::load(state, row, stored)
    }
    fn applied(state: &Conversation) -> Option<(Rev, Position)> {
        Persist::applied(state)
    }
    fn changes_from(key: ConversationId, rev: Rev, limit: usize) -> Scan {
        Persist::changes_from(key, rev, limit)
    }
    fn changes_down(key: ConversationId, rev: Rev, limit: usize) -> Scan {
        Persist::changes_down(key, rev, limit)
    }
    fn read_change(stored: Stored) -> Result<Change, Decode> {
        Persist::read_change(stored)
    }
    fn evolve(state: &mut Conversation, change: &Change) {
        Persist::evolve(state, change);
    }
    fn journal(change: &Change) -> Write {
        Persist::journal(change)
    }
    fn rows(change: &Change) -> Vec<Write> {
        Persist::rows(change)
    }
    fn head_row(state: &Conversation, key: ConversationId) -> Option<Write> {
        Persist::head_row(state, key)
    }
    fn emits(state: &Conversation, change: &Change, reply_to: Option<InstanceId>) -> Vec<Emit> {
        Persist::emits(state, change, reply_to)
    }
    fn reply(change: &Change) -> Option<Reply> {
        Persist::reply(change)
    }
    fn seq(state: &Conversation) -> i64 {
        Persist::seq(state)
    }
}

fn record(ask: &Ask, offset: u64) -> Record {
    let Item { position, appended_at, mut meta, content } = item(ask, offset);
    meta.reply_to = None;
    let Content::Known(command) = content else { panic!("known") };
    let key = Bytes::from(conversation().to_string());
    let value = envelope::encode(&meta, &command).unwrap();
    Record { topic: &topic::COMMANDS, position, appended_at, key, headers: Vec::new(), value }
}

/// Folds a conversation, then a wrong message.
async fn noticed<const REV: bool>(id: &'static str) {
    assert!(label::INVARIANT.values.contains(&id));
    let (clock, faults) = (Arc::new(SystemClock), Faults::default());
    let store = MemoryStore::new(faults.clone());
    let platform = Platform {
        log: Arc::new(MemoryLog::new(clock.clone(), faults)),
        store: Arc::new(store.clone()),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    };
    let shell = Shell::<Wrong<REV>>::new(platform.clone());
    let mut lane = shell.open(conversation().0.as_u128(), 2);
    shell.handle(&mut lane, &[record(&Ask::Create, 1)]).await.unwrap();
    let count = || platform.metrics.invariant_violations.with_label_values(&[id]).get();
    let written = store.writes();
    assert_eq!(count(), 0);

    let batch = [record(&Ask::Send(0, None, 9), 5)];
    let failure = shell.handle(&mut lane, &batch).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Poison { offset: 5, reason } if reason.contains(id)),
        "{failure}"
    );
    assert_eq!(count(), 1);
    assert_eq!(store.writes(), written, "nothing of it was written");
}

#[tokio::test]
async fn a_change_with_another_number_than_the_next_is_noticed() {
    noticed::<true>("G-06").await;
}

#[tokio::test]
async fn a_message_number_that_does_not_count_on_by_one_is_noticed() {
    noticed::<false>("G-05").await;
}
