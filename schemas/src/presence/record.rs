//! Records of `chat.presence`. Key: the user, of those about one; else none, and the partition says whom
//! it is about.
//!
//! A node appends what it tells of a partition in the order in which it happened, from one place: a
//! snapshot tells of every device whose record it stands behind, and of none whose end it stands
//! behind. A device is a socket here: two sockets of one telephone are two, under one name.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeviceKind, Status};
use crate::id::{InstanceId, UserId};
use crate::time::Timestamp;

/// A device of a user on a node, as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Whose; also the record's key.
    pub user_id: UserId,
    /// The socket: tells devices of a node apart.
    pub socket: Uuid,
    /// The device's name, as its client chose it; else its session.
    pub device_id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// What it is up to; `offline`: it is gone.
    pub status: Status,
    /// When its user last did something on it.
    pub last_active: Timestamp,
}

/// A device came, changed or went. The newest of a socket stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The node that has its socket.
    pub node_id: InstanceId,
    /// The device.
    pub device: Device,
    /// Of one that went: whether it said so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clean: bool,
    /// Of one that went in silence: when it was last heard. Offline follows 60 s later at the latest,
    /// however often he has come and gone before (G-24).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Timestamp>,
    /// With this its user has said a text, which follows as a decision of his: others hear of both at
    /// once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_follows: bool,
}

/// A node lives, and has so many devices in this partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    /// The node.
    pub node_id: InstanceId,
    /// Devices that it has told of and that are not gone, in this partition, as of this record's place.
    pub devices: u32,
}

/// All devices that a node has in this partition, in parts. What it has told of before and does not name
/// up to the last part is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The node.
    pub node_id: InstanceId,
    /// What it answers: parts of one answer have one ticket.
    pub ticket: Uuid,
    /// Devices, at most [`crate::limits::PRESENCE_CHUNK`].
    pub devices: Vec<Device>,
    /// Whether it is the last part.
    pub last: bool,
}

/// A node stops in good order. Its clients are on their way to other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// The node.
    pub node_id: InstanceId,
}

/// A user has decided something: his head tells what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// The user; also the record's key.
    pub user_id: UserId,
    /// It may be about what others see of him, and an answer may have shown it already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shown: bool,
}

/// What two users may see of each other is another now: one has blocked the other, or does so no
/// more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Related {
    /// One; also the record's key.
    pub user_id: UserId,
    /// The other.
    pub other: UserId,
}

/// A moment that the pool waits for has come: written by the pool to itself, so that time has its place
/// among the records and its effects have a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Due {
    /// Of the first one of an owner: what it has asked the nodes. Their answers stand behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Uuid>,
}
