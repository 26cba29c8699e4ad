//! `receipts`: how far members have received and read their conversations.
//!
//! Watermarks only move forward, so that records may come twice and in any order: the larger stands.
//! What a batch says about one member is one row, stamped by the record that moved it last. When the
//! rows are written the requests are answered, and a frame for those whom it concerns goes to
//! `chat.signals`: to the authors of what was received or read, and to the reader's own devices, in
//! conversations that are routed by member, that is of at most 64 (HAZARDS 29). A frame may be lost; a
//! marker may not. What the rows become follows from the records alone (G-09): a marker of somebody who
//! was removed meanwhile is kept, which nobody reads, and told to nobody (G-15).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::log::{Append, Budget, Record};
use platform::port::store::{self, get_many, get_one};
use schemas::conversation::head::Routing;
use schemas::conversation::table::HeadRow;
use schemas::envelope::{self, Content, ReceiptCommand};
use schemas::message::table::{MessageBySeq, bucket};
use schemas::outbound::{Outbound, Reply};
use schemas::receipt::Kind;
use schemas::receipt::command::Mark;
use schemas::receipt::table::ReadMarker;
use schemas::receipt::view::Receipt;
use schemas::table::{Batch, Write};
use schemas::topic::{SIGNALS, header};
use schemas::{
    ApiError, Code, CommandId, ConversationId, InstanceId, Seq, Stamp, Timestamp, UserId, event,
    frame, limits, partition,
};
use uuid::Uuid;

use crate::fold::shell::{of_log, of_store};
use crate::routing;

/// Markers that a lane keeps.
const KNOWN_MAX: usize = 128;
/// Messages whose authors are looked up for one move of a marker: the newest.
const AUTHORS_OF: usize = 64;

/// The pool's handler.
#[derive(Debug)]
pub struct Receipts {
    platform: Platform,
}

/// What is known of one conversation: markers as they stand in the store.
#[derive(Debug)]
pub struct Lane {
    conversation: ConversationId,
    markers: HashMap<UserId, ReadMarker>,
}

/// A record, read.
struct Item {
    user: UserId,
    command: CommandId,
    reply_to: Option<InstanceId>,
    stamp: Stamp,
    at: Timestamp,
    mark: Result<Mark, ApiError>,
}

/// How far a batch has moved a marker.
struct Move {
    from: Seq,
    receipt: Receipt,
    private: bool,
}

impl Item {
    fn read(record: &Record) -> Result<Self, String> {
        let (meta, content) = envelope::decode::<ReceiptCommand>(&record.value)
            .map_err(|undecodable| undecodable.to_string())?;
        let mark = match content {
            Content::Known(ReceiptCommand::Mark(mark)) => Ok(mark),
            Content::Unsupported(what) => {
                let why = format!("{what} is not supported by this version");
                Err(ApiError::new(Code::Unsupported, why))
            }
        };
        Ok(Self {
            user: meta.actor,
            command: meta.id,
            reply_to: meta.reply_to,
            stamp: record.position.stamp(),
            at: record.appended_at,
            mark,
        })
    }
}

/// Moves a marker; whether the row is another one now.
fn merge(row: &mut ReadMarker, mark: &Mark, at: Timestamp) -> bool {
    let before = row.clone();
    match mark.kind {
        Kind::Delivered => {}
        Kind::Read if mark.seq > row.read_seq => {
            row.read_seq = mark.seq;
            row.read_n = row.read_n.max(mark.n);
            row.read_at = Some(at.0);
            row.read_message = mark.message_id;
            row.private = mark.private.then_some(true);
        }
        Kind::Read => row.private = mark.private.then_some(true),
    }
    // What was read was received.
    if mark.seq > row.delivered_seq {
        row.delivered_seq = mark.seq;
        row.delivered_at = Some(at.0);
    }
    *row != before
}

impl Receipts {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }

    /// Loads the markers that are not known yet.
    async fn load(&self, lane: &mut Lane, items: &[Item]) -> Result<(), store::Error> {
        let unknown: BTreeSet<UserId> = items
            .iter()
            .map(|item| item.user)
            .filter(|user| !lane.markers.contains_key(user))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let gets: Vec<_> =
            unknown.iter().map(|user| ReadMarker::get(lane.conversation, *user)).collect();
        let rows = get_many::<ReadMarker>(&*self.platform.store, &gets).await?;
        for (user, row) in unknown.into_iter().zip(rows) {
            let row = row.unwrap_or_else(|| ReadMarker::none(lane.conversation, user));
            lane.markers.insert(user, row);
        }
        Ok(())
    }

    /// Who sent the messages `from..=to`, of the newest [`AUTHORS_OF`] of them.
    async fn authors(
        &self,
        conversation: ConversationId,
        from: Seq,
        to: Seq,
    ) -> Result<BTreeSet<UserId>, store::Error> {
        let store = &*self.platform.store;
        let scan = MessageBySeq::page_down(conversation, from, to, AUTHORS_OF);
        let mut rows = store::scan(store, scan).await?;
        let border = bucket(to) * limits::BUCKET_ROWS;
        if rows.len() < AUTHORS_OF && from < border {
            let left = AUTHORS_OF - rows.len();
            let scan = MessageBySeq::page_down(conversation, from, border - 1, left);
            rows.extend(store::scan(store, scan).await?);
        }
        Ok(rows.into_iter().map(|row| row.sender).collect())
    }

    /// The frames to push, each with its audience.
    async fn frames(
        &self,
        conversation: ConversationId,
        moves: Vec<Move>,
    ) -> Result<Vec<(Vec<UserId>, Bytes)>, store::Error> {
        let store = &*self.platform.store;
        let head = get_one::<HeadRow>(store, HeadRow::get(conversation)).await?;
        let Some(head) = head.map(|row| row.head()).transpose()? else { return Ok(Vec::new()) };
        // Of larger ones the markers are kept and not pushed.
        if !head.is_open() || head.routing == Routing::Conversation {
            return Ok(Vec::new());
        }
        let mut frames = Vec::new();
        for Move { from, receipt, private } in moves {
            if !head.members.0.contains(&receipt.user_id) {
                continue;
            }
            let mut audience = BTreeSet::new();
            if receipt.kind == Kind::Read {
                audience.insert(receipt.user_id);
            }
            if !private {
                audience.extend(self.authors(conversation, from, receipt.seq).await?);
                if receipt.kind == Kind::Delivered {
                    audience.remove(&receipt.user_id);
                }
            }
            audience.retain(|user| head.members.0.contains(user));
            if !audience.is_empty() {
                let frame = frame::receipt(conversation, &receipt);
                frames.push((audience.into_iter().collect(), frame));
            }
        }
        Ok(frames)
    }
}

#[async_trait]
impl Handler for Receipts {
    type Lane = Lane;

    fn pool(&self) -> &'static str {
        "receipts"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        let text = std::str::from_utf8(&record.key).map_err(|e| e.to_string())?;
        Uuid::try_parse(text).map(|id| id.as_u128()).map_err(|e| format!("key: {e}"))
    }

    fn open(&self, key: LaneKey, _partition: u32) -> Lane {
        Lane { conversation: ConversationId(Uuid::from_u128(key)), markers: HashMap::new() }
    }

    async fn handle(&self, lane: &mut Lane, batch: &[Record]) -> Result<(), Failure> {
        let mut items = Vec::with_capacity(batch.len());
        for record in batch {
            let offset = record.position.offset;
            items.push(Item::read(record).map_err(|reason| Failure::Poison { offset, reason })?);
        }
        if lane.markers.len() > KNOWN_MAX {
            lane.markers.clear();
        }
        self.load(lane, &items).await.map_err(|error| of_store(&error))?;

        // On a copy: what is known stays what is stored until it is.
        let mut rows: HashMap<UserId, ReadMarker> = HashMap::new();
        let mut stamps: HashMap<UserId, Stamp> = HashMap::new();
        let mut moves: BTreeMap<(UserId, bool), Move> = BTreeMap::new();
        let mut replies = Vec::new();
        for item in &items {
            let reply = match &item.mark {
                Err(error) => Reply::Rejected(error.clone()),
                Ok(mark) => {
                    let stored = lane.markers.get(&item.user).cloned();
                    let row = rows.entry(item.user).or_insert_with(|| {
                        stored.unwrap_or_else(|| ReadMarker::none(lane.conversation, item.user))
                    });
                    let from = match mark.kind {
                        Kind::Read => row.read_seq,
                        Kind::Delivered => row.delivered_seq,
                    };
                    if merge(row, mark, item.at) {
                        stamps.insert(item.user, item.stamp);
                    }
                    let receipt = Receipt {
                        user_id: item.user,
                        kind: mark.kind,
                        seq: mark.seq.max(from),
                        message_id: mark.message_id,
                        at: item.at,
                    };
                    let payload = serde_json::to_vec(&receipt).expect("plain data serialises");
                    if mark.seq > from {
                        let key = (item.user, mark.kind == Kind::Read);
                        let from = moves.get(&key).map_or(from + 1, |earlier| earlier.from);
                        moves.insert(key, Move { from, receipt, private: mark.private });
                    }
                    Reply::Done { payload: payload.into() }
                }
            };
            if let Some(node) = item.reply_to {
                let reply = Outbound::Reply { command: item.command, reply };
                replies.push(routing::to(&self.platform, node, &reply));
            }
        }

        let writes: Vec<Write> = stamps
            .iter()
            .filter_map(|(user, stamp)| Some(Write::replace(rows.get(user)?, *stamp)))
            .collect();
        if !writes.is_empty() {
            let count = u64::try_from(writes.len()).unwrap_or(0);
            let batch = Batch { fence: None, writes };
            let written = self.platform.store.write(batch).await;
            written.map_err(|error| of_store(&error))?;
            self.platform.metrics.rows_written.inc_by(count);
        }
        lane.markers.extend(rows);

        let moves: Vec<Move> = moves.into_values().collect();
        let mut records = replies;
        if !moves.is_empty() {
            let frames = self.frames(lane.conversation, moves).await;
            let frames = frames.map_err(|error| of_store(&error))?;
            let key = Bytes::from(lane.conversation.to_string());
            let partition = partition::of(&key, self.platform.log.partitions(&SIGNALS));
            records.extend(frames.into_iter().map(|(audience, value)| Append {
                topic: &SIGNALS,
                partition,
                key: key.clone(),
                headers: vec![(header::AUDIENCE, event::pack(&audience))],
                value,
            }));
        }
        if records.is_empty() {
            return Ok(());
        }
        let appended = self.platform.log.append(Budget::Worker, records).await;
        appended.map(drop).map_err(|error| of_log(&error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mark(kind: Kind, seq: Seq) -> Mark {
        Mark {
            conversation_id: ConversationId(Uuid::nil()),
            kind,
            seq,
            n: seq,
            message_id: None,
            private: false,
        }
    }

    fn marks() -> impl Strategy<Value = Vec<Mark>> {
        let kind = prop_oneof![Just(Kind::Read), Just(Kind::Delivered)];
        proptest::collection::vec((kind, 0i64..50).prop_map(|(k, seq)| mark(k, seq)), 1..20)
    }

    proptest! {
        #[test]
        fn the_order_and_number_of_marks_does_not_matter(marks in marks(), seed in any::<u64>()) {
            let fold = |marks: &[Mark]| {
                let mut row = ReadMarker::none(ConversationId(Uuid::nil()), UserId(Uuid::nil()));
                for one in marks {
                    let before = row.clone();
                    merge(&mut row, one, Timestamp(1));
                    prop_assert!(row.read_seq >= before.read_seq);
                    prop_assert!(row.read_n >= before.read_n);
                    prop_assert!(row.delivered_seq >= before.delivered_seq.max(row.read_seq));
                }
                Ok((row.read_seq, row.read_n, row.delivered_seq))
            };
            let mut other: Vec<Mark> = marks.iter().chain(&marks).cloned().collect();
            let step = usize::try_from(seed % 7).unwrap() + 1;
            let length = other.len();
            for at in 0..length {
                other.swap(at, (at * step + 3) % length);
            }
            prop_assert_eq!(fold(&marks)?, fold(&other)?);
        }
    }
}
