//! A message as the fold knows it: everything in its row but the view. Changes of a message carry it,
//! so that its row can be written again without being loaded.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::table::{MessageBySeq, bucket};
use crate::id::{CommandId, ConversationId, MessageId, Rev, Seq, UserId};
use crate::position::Stamp;
use crate::table::Decode;

/// A message in its conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Placed {
    /// The message.
    pub message: MessageId,
    /// Its number.
    pub seq: Seq,
    /// Its sender.
    pub sender: UserId,
    /// Countable messages up to and with it.
    pub n: i64,
    /// Changes that carry its content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revs: Vec<Carrier>,
    /// The change that pinned it, while it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Rev>,
    /// Whether it was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// What a change did to a message's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// It is the message's first.
    Created,
    /// It replaced the text.
    Edited,
    /// It shows the message again: pinned, or no more.
    Shown,
}

/// A change that carries the content of a message: what is needed to write its row in the journal
/// without the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Carrier {
    /// The change.
    pub rev: Rev,
    /// Stamp of its command's position.
    pub stamp: Stamp,
    /// Its command.
    pub command: CommandId,
    /// What it did.
    pub kind: Kind,
}

/// Bytes of a carrier in a row: rev, stamp, command, kind.
const CARRIER: usize = 33;

fn pack(revs: &[Carrier]) -> Bytes {
    let mut out = Vec::with_capacity(revs.len() * CARRIER);
    for carrier in revs {
        out.extend_from_slice(&carrier.rev.to_be_bytes());
        out.extend_from_slice(&carrier.stamp.0.to_be_bytes());
        out.extend_from_slice(&carrier.command.bytes());
        out.push(match carrier.kind {
            Kind::Created => 0,
            Kind::Edited => 1,
            Kind::Shown => 2,
        });
    }
    out.into()
}

fn unpack(bytes: &[u8]) -> Option<Vec<Carrier>> {
    let number = |bytes: &[u8]| Some(i64::from_be_bytes(<[u8; 8]>::try_from(bytes).ok()?));
    if !bytes.len().is_multiple_of(CARRIER) {
        return None;
    }
    bytes
        .chunks_exact(CARRIER)
        .map(|one| {
            Some(Carrier {
                rev: number(one.get(..8)?)?,
                stamp: Stamp(number(one.get(8..16)?)?),
                command: CommandId(Uuid::from_slice(one.get(16..32)?).ok()?),
                kind: match one.get(32)? {
                    0 => Kind::Created,
                    1 => Kind::Edited,
                    2 => Kind::Shown,
                    _ => return None,
                },
            })
        })
        .collect()
}

impl Placed {
    /// The row, with this view.
    pub fn row(&self, conversation: ConversationId, body: Bytes) -> MessageBySeq {
        MessageBySeq {
            conversation,
            bucket: bucket(self.seq),
            seq: self.seq,
            message: self.message,
            sender: self.sender,
            n: self.n,
            body,
            revs: (!self.revs.is_empty()).then(|| pack(&self.revs)),
            deleted: self.deleted.then_some(true),
            pinned: self.pinned,
        }
    }

    /// Of a row.
    pub fn of(row: &MessageBySeq) -> Result<Self, Decode> {
        let fail = || Decode { table: "message_by_seq", column: "revs" };
        Ok(Self {
            message: row.message,
            seq: row.seq,
            sender: row.sender,
            n: row.n,
            revs: match &row.revs {
                None => Vec::new(),
                Some(bytes) => unpack(bytes).ok_or_else(fail)?,
            },
            pinned: row.pinned,
            deleted: row.deleted.unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back() {
        let carrier = |rev, kind| Carrier {
            rev,
            stamp: Stamp(rev * 1_000),
            command: CommandId(Uuid::from_u128(0xd1)),
            kind,
        };
        let placed = Placed {
            message: MessageId(Uuid::from_u128(1)),
            seq: 1_030,
            sender: UserId(Uuid::from_u128(2)),
            n: 1_029,
            revs: vec![
                carrier(1_031, Kind::Created),
                carrier(1_033, Kind::Edited),
                carrier(1_034, Kind::Shown),
            ],
            pinned: Some(1_034),
            deleted: false,
        };
        let row = placed.row(ConversationId(Uuid::from_u128(3)), Bytes::from_static(b"{}"));
        assert_eq!((row.bucket, row.revs.as_ref().map(Bytes::len)), (1, Some(3 * CARRIER)));
        assert_eq!(Placed::of(&row).unwrap(), placed);
        let broken = MessageBySeq { revs: Some(Bytes::from_static(&[0; 34])), ..row };
        assert!(Placed::of(&broken).is_err());
    }
}
