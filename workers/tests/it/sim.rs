//! A world of plain maps that carries out the steps of a round, and can stop at any of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use schemas::envelope::{Content, ConversationCommand, Meta, Once};
use schemas::position::Stamp;
use schemas::table::{Batch, Get, Op, Scan, Stored, TableDef, Value, Write};
use schemas::user::view::Snapshot;
use schemas::{
    CommandId, ConversationId, InstanceId, MessageId, Position, Timestamp, UserId, conversation,
    message,
};
use uuid::Uuid;
use workers::fold::round::{Answer, Error, Lane, Round, Step};
use workers::fold::{Emit, Fold, Item};

type Key = (u16, Vec<Value>);

/// The stores and the topics of a test.
#[derive(Clone, Default, Debug)]
pub struct World {
    pub rows: BTreeMap<Key, Stored>,
    /// When rows were deleted: an older write does not bring one back.
    pub gone: BTreeMap<Key, Stamp>,
    pub emitted: Vec<Emit>,
    /// Rows of several partitions are written side by side, the fence row last, and of two writes of a
    /// row the larger stamp stands: a store without transactions. Else a cut leaves a prefix.
    pub apart: bool,
    /// Every row that was written, in order.
    pub written: Vec<Write>,
}

/// Where a round is to be cut: the number of the step, and how much of it is still done.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub step: usize,
    /// Of the rows or emits of that step, in 1/256.
    pub part: u8,
}

#[derive(Debug, PartialEq)]
pub enum End {
    Done,
    Cut,
    Fenced,
}

impl World {
    pub fn get(&self, get: &Get) -> Option<Stored> {
        self.rows.get(&(get.def.prefix, get.key.clone())).cloned()
    }

    pub fn scan(&self, scan: &Scan) -> Vec<Stored> {
        let inside = |key: &[Value]| {
            let Some(cluster) = key.strip_prefix(scan.partition.as_slice()) else { return false };
            let cut = |bound: &[Value]| cluster[..bound.len().min(cluster.len())].to_vec();
            (match &scan.from {
                Bound::Included(from) => cut(from) >= *from,
                Bound::Excluded(from) => cut(from) > *from,
                Bound::Unbounded => true,
            }) && (match &scan.to {
                Bound::Included(to) => cut(to) <= *to,
                Bound::Excluded(to) => cut(to) < *to,
                Bound::Unbounded => true,
            })
        };
        let mut found: Vec<Stored> = self
            .rows
            .iter()
            .filter(|((prefix, key), _)| *prefix == scan.def.prefix && inside(key))
            .map(|(_, row)| row.clone())
            .collect();
        if scan.reverse {
            found.reverse();
        }
        found.truncate(scan.limit);
        found
    }

    /// Writes what a cut lets through of a batch: all or nothing of rows in one partition; else a
    /// prefix, or, where rows are written side by side, any of them but the fence row.
    fn write(&mut self, batch: &Batch, part: Option<u8>) -> Result<(), End> {
        if let Some((get, newest)) = &batch.fence
            && self.get(get).is_some_and(|row| row.stamp > *newest)
        {
            return Err(End::Fenced);
        }
        let first = batch.writes.first().map(|w| partition(w.def, &w.get().key));
        let together = batch.writes.iter().all(|w| Some(partition(w.def, &w.get().key)) == first);
        let fence = batch.fence.as_ref().map(|(get, _)| get.row());
        for (at, write) in batch.writes.iter().enumerate() {
            let through = match part {
                None => true,
                Some(_) if together => false,
                Some(part) if self.apart => {
                    Some(write.get().row()) != fence
                        && u32::from(part).rotate_right(u32::try_from(at).unwrap()) & 1 == 1
                }
                Some(part) => at < batch.writes.len() * usize::from(part) / 256,
            };
            if through {
                self.put(write);
            }
        }
        Ok(())
    }

    /// Writes a row; an older one than what stands changes nothing.
    pub fn put(&mut self, write: &Write) {
        let key = (write.def.prefix, write.get().key);
        let gone = self.gone.get(&key).copied().unwrap_or(Stamp(-1));
        let old = self.rows.get(&key).map_or(Stamp(-1), |row| row.stamp).max(gone);
        assert!(self.apart || old <= write.stamp, "an older write meets a newer row: {write:?}");
        if self.apart {
            self.written.push(write.clone());
        }
        if write.op == Op::Delete {
            if old <= write.stamp {
                self.rows.remove(&key);
                self.gone.insert(key, write.stamp);
            }
            return;
        }
        let row = Stored { cells: write.cells.clone(), stamp: write.stamp };
        if old == write.stamp && old == gone {
            return;
        }
        if old == write.stamp {
            assert_eq!(self.rows[&key], row, "the same stamp with another content");
        }
        if old <= write.stamp {
            self.rows.insert(key, row);
        }
    }
}

fn partition(def: &'static TableDef, key: &[Value]) -> (u16, Vec<Value>) {
    (def.prefix, key[..def.partition_columns()].to_vec())
}

/// Carries out one round.
pub fn drive<F: Fold>(
    world: &mut World,
    lane: &mut Lane<F>,
    items: Vec<Item<F::Command>>,
    cut: Option<Cut>,
) -> End {
    let mut round = Round::new(lane, items);
    let mut answer = Answer::Begin;
    for number in 0.. {
        let step = match round.next(answer) {
            Ok(step) => step,
            Err(Error::Fenced) => return End::Fenced,
            Err(error) => panic!("{error}"),
        };
        let here = cut.filter(|cut| cut.step == number);
        let share = |len: usize| here.map_or(len, |cut| len * usize::from(cut.part) / 256);
        answer = match step {
            Step::Get(gets) => Answer::Rows(gets.iter().map(|get| world.get(get)).collect()),
            Step::Scan(scan) => Answer::Page(world.scan(&scan)),
            Step::Write(batch) => {
                if let Err(end) = world.write(&batch, here.map(|cut| cut.part)) {
                    return end;
                }
                Answer::Written
            }
            Step::Emit(emits) => {
                let count = share(emits.len());
                world.emitted.extend(emits.into_iter().take(count));
                Answer::Emitted
            }
            Step::Done => return End::Done,
        };
        if here.is_some() {
            return End::Cut;
        }
    }
    unreachable!("a round ends")
}

pub fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(0xa000 + u128::from(n)))
}

pub fn conversation() -> ConversationId {
    ConversationId::direct(user(0), user(1))
}

pub fn snapshot(n: u8) -> Snapshot {
    Snapshot {
        id: user(n),
        username: format!("user{n}"),
        first_name: Some("F".to_owned()),
        last_name: None,
        avatar_url: None,
    }
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub enum Ask {
    Create,
    /// Sender, the client's own id, content.
    Send(u8, Option<u8>, u8),
}

/// The record of an ask, at an offset; some offsets belong to other conversations.
pub fn item(ask: &Ask, offset: u64) -> Item<ConversationCommand> {
    let (actor, command) = match ask {
        Ask::Create => (
            0,
            ConversationCommand::Create(conversation::command::Create {
                conversation_id: conversation(),
                kind: conversation::head::Kind::Direct,
                members: vec![snapshot(0), snapshot(1)],
                settings: conversation::head::Settings::default(),
            }),
        ),
        Ask::Send(sender, client, content) => (
            *sender,
            ConversationCommand::Send(message::command::Send {
                conversation_id: conversation(),
                message_id: client.map_or(MessageId(Uuid::from_u128(offset.into())), |client| {
                    MessageId::derived(user(*sender), conversation(), &client.to_string())
                }),
                client_message_id: client.map(|client| client.to_string()),
                retryable: client.is_some(),
                message_type: "text".to_owned(),
                content: format!("content {content}"),
                metadata: None,
                reply_to: None,
                sender: snapshot(*sender),
            }),
        ),
    };
    record(actor, command, None, offset)
}

/// The record of a command, at an offset.
pub fn record(
    actor: u8,
    command: ConversationCommand,
    once: Option<Once>,
    offset: u64,
) -> Item<ConversationCommand> {
    Item {
        position: Position { epoch: 1, partition: 2, offset },
        // A clock that jumps back and forth.
        appended_at: Timestamp(1_800_000_000_000 + i64::try_from(offset * 37 % 11).unwrap() * 500),
        meta: Meta {
            id: CommandId(Uuid::from_u128(0xc000_0000 + u128::from(offset))),
            actor: user(actor),
            at: Timestamp(0),
            reply_to: Some(InstanceId(Uuid::from_u128(1))),
            trace: None,
            once,
        },
        content: Content::Known(command),
    }
}

/// Payload bytes of emitted events, by rev, in the order of emission.
pub fn events(world: &World) -> Vec<(i64, Bytes)> {
    world
        .emitted
        .iter()
        .filter_map(|emit| match emit {
            Emit::Record { headers, value, topic, .. } if topic.name == "chat.events" => {
                let event = schemas::event::Event::read(headers, value.clone()).unwrap();
                Some((event.rev, event.frame()))
            }
            _ => None,
        })
        .collect()
}
