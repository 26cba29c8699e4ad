//! A call as one of its participants has it: his note on its board, and its note on the board of his calls.

use std::time::Duration;

use bytes::Bytes;
use platform::port::ephemeral::Note;
use schemas::{Code, InstanceId, Timestamp, UserId, limits};
use uuid::Uuid;

use crate::error::Failure;
use crate::inbound::typing::admitted;
use crate::state::Ingest;

/// Age at which a participant's note is written anew when he is heard, ms.
const AGED_MS: i64 = 600_000;

/// See the module.
pub(super) struct Room<'a> {
    pub(super) ingest: &'a Ingest,
    pub(super) call: &'a str,
    pub(super) user: UserId,
}

/// What a participant's note says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stands {
    /// When it was written: by that it is written anew.
    at: Option<Timestamp>,
    /// Which join it was. The version before wrote none.
    join: Option<Join>,
}

/// A join on a socket: the node, and the number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Join {
    node: InstanceId,
    number: u64,
}

impl Stands {
    fn read(note: &[u8]) -> Self {
        let mut words = std::str::from_utf8(note).unwrap_or_default().split(' ');
        let at = words.next().and_then(|word| word.parse().ok()).map(Timestamp);
        let node = words.next().and_then(|word| word.parse().ok());
        let number = words.next().and_then(|word| word.parse().ok());
        Self { at, join: node.zip(number).map(|(node, number)| Join { node, number }) }
    }

    /// Whether he was joined last on this node, by a join up to this number.
    pub(super) fn was_joined_here(&self, ingest: &Ingest, up_to: u64) -> bool {
        let here = |join: Join| join.node == ingest.node.instance && join.number <= up_to;
        self.join.is_some_and(here)
    }

    /// Whether he has not joined again between these.
    pub(super) fn is_same_join(&self, other: &Self) -> bool {
        self.join == other.join
    }
}

/// The board of a call; its fields are users.
fn board_of(call: &str) -> String {
    format!("call:{call}")
}

/// A call on the board of a user's calls.
fn field_of(call: &str) -> Uuid {
    Uuid::from_bytes(schemas::id::body_hash(&[call.as_bytes()]))
}

fn not_joined() -> Failure {
    Failure::new(Code::Forbidden, "join the call first")
}

impl Room<'_> {
    /// Who hears it if he joins; refused if there are too many. Joining again is heard again: he may
    /// have come back.
    pub(super) async fn admits(&self) -> Result<Vec<UserId>, Failure> {
        let others = self.joined().await?;
        if others.len() >= limits::CALL_PARTICIPANTS {
            return Err(Failure::new(Code::Conflict, "too many users have joined this call"));
        }
        admitted(self.ingest, self.user, others).await
    }

    /// The call is one of his.
    pub(super) async fn list(&self) -> Result<(), Failure> {
        let life = Duration::from_millis(limits::CALL_MS);
        let says = Bytes::from(format!("{} {}", self.ingest.now().0, self.call));
        let note = Note::brief(field_of(self.call), says, life);
        Ok(self.ingest.platform.ephemeral.note(&self.own(), &[note]).await?)
    }

    /// He is one of its participants.
    pub(super) async fn stand(&self, number: Option<u64>) -> Result<(), Failure> {
        let node = self.ingest.node.instance;
        self.write(number.map(|number| Join { node, number })).await
    }

    /// Forgets him in the oldest of his calls, if this one is one too many.
    pub(super) async fn make_room(&self) -> Result<(), Failure> {
        let mut calls: Vec<(i64, String)> = Vec::new();
        for (field, note) in self.ingest.platform.ephemeral.board(&self.own()).await? {
            let text = std::str::from_utf8(&note).unwrap_or_default();
            let (since, call) = text.split_once(' ').unwrap_or_default();
            if field != field_of(self.call) {
                calls.push((since.parse().unwrap_or(0), call.to_owned()));
            }
        }
        calls.sort_unstable();
        let most = limits::CALLS_PER_USER.saturating_sub(1);
        for (_, call) in calls.iter().take(calls.len().saturating_sub(most)) {
            Room { call, ..*self }.wipe().await?;
        }
        Ok(())
    }

    /// What his note says, if he has joined.
    pub(super) async fn stands(&self) -> Result<Option<Stands>, Failure> {
        let own = self.noted(&[self.user]).await?.pop().flatten();
        Ok(own.map(|note| Stands::read(&note)))
    }

    /// He is no participant any more. His note in the call goes last: a second try finds it.
    pub(super) async fn wipe(&self) -> Result<(), Failure> {
        let ephemeral = &self.ingest.platform.ephemeral;
        ephemeral.note(&self.own(), &[Note::wipe(field_of(self.call))]).await?;
        Ok(ephemeral.note(&board_of(self.call), &[Note::wipe(self.user.0)]).await?)
    }

    /// Who hears what he says; he must have joined.
    pub(super) async fn others(&self) -> Result<Vec<UserId>, Failure> {
        let own = self.stands().await?;
        self.heard(own).await?;
        self.present().await
    }

    /// Who hears him.
    pub(super) async fn present(&self) -> Result<Vec<UserId>, Failure> {
        admitted(self.ingest, self.user, self.joined().await?).await
    }

    /// One other who hears him; both must have joined.
    pub(super) async fn target(&self, target: UserId) -> Result<Vec<UserId>, Failure> {
        let mut noted = self.noted(&[self.user, target]).await?.into_iter();
        let own = noted.next().flatten().map(|note| Stands::read(&note));
        self.heard(own).await?;
        let there = noted.next().flatten().is_some() && target != self.user;
        let there = if there { vec![target] } else { Vec::new() };
        let to = admitted(self.ingest, self.user, there).await?;
        if to.is_empty() {
            return Err(Failure::new(Code::NotFound, "no such user has joined this call"));
        }
        Ok(to)
    }

    /// He is heard: he has joined, and is not forgotten.
    async fn heard(&self, own: Option<Stands>) -> Result<(), Failure> {
        let own = own.ok_or_else(not_joined)?;
        if own.at.is_none_or(|since| self.ingest.now().since(since) > AGED_MS) {
            self.list().await?;
            self.write(own.join).await?;
        }
        Ok(())
    }

    /// The board of his calls.
    fn own(&self) -> String {
        format!("calls:{}", self.user)
    }

    async fn write(&self, join: Option<Join>) -> Result<(), Failure> {
        let (now, life) = (self.ingest.now().0, Duration::from_millis(limits::CALL_MS));
        let says = match join {
            Some(Join { node, number }) => format!("{now} {node} {number}"),
            None => now.to_string(),
        };
        let note = Note::brief(self.user.0, Bytes::from(says), life);
        Ok(self.ingest.platform.ephemeral.note(&board_of(self.call), &[note]).await?)
    }

    async fn noted(&self, users: &[UserId]) -> Result<Vec<Option<Bytes>>, Failure> {
        let fields: Vec<Uuid> = users.iter().map(|user| user.0).collect();
        Ok(self.ingest.platform.ephemeral.noted(&board_of(self.call), &fields).await?)
    }

    /// The others who have joined.
    async fn joined(&self) -> Result<Vec<UserId>, Failure> {
        let board = self.ingest.platform.ephemeral.board(&board_of(self.call)).await?;
        let others = board.into_iter().map(|(user, _)| UserId(user));
        Ok(others.filter(|other| *other != self.user).collect())
    }
}
