//! Signalling of calls: what clients tell each other to set one up, relayed.
//!
//! Who has joined a call stands on its ephemeral board, forgotten after [`limits::CALL_MS`] of silence. A
//! board of his own says which calls those are, so that nobody fills boards without end: who joins one
//! too many is forgotten in the oldest.
//! Whoever knows a call's id may join it; only who has joined it is heard, and only who has joined it
//! hears. Two of whom one has blocked the other hear nothing of each other: an answer about somebody
//! who is blocked is that about somebody who is not there. What is passed on is bounded in size and
//! depth, and not looked into. Whose socket ends has left, as that socket's node says. Nothing is stored, and what is lost is lost: clients of calls try again.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use platform::port::ephemeral::Note;
use schemas::outbound::Outbound;
use schemas::{ApiError, Code, Timestamp, UserId, event, frame, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::typing::admitted;
use crate::error::Failure;
use crate::extract::{Text, id_of, read_json};
use crate::limit::{Account, Class};
use crate::message::{Answer, depth};
use crate::state::Ingest;
use crate::user::gone;

/// Age at which a participant's note is written anew when he is heard, ms.
const AGED_MS: i64 = 600_000;

/// What somebody says in a call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    id: Text<'a>,
    says: Says<'a>,
}

#[derive(Debug)]
enum Says<'a> {
    Join,
    /// Unless he was heard after this moment: what a node says of a socket that has ended.
    Leave(Option<Timestamp>),
    /// To one other.
    To(UserId, Part<'a>),
    Media {
        kind: &'static str,
        enabled: bool,
    },
    ScreenStart,
    ScreenStop,
}

/// What one tells another one.
#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    Offer(&'a RawValue),
    Answer(&'a RawValue),
    Candidate(&'a RawValue),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfCall<'a> {
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Leaving<'a> {
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    as_of: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Toggle<'a> {
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    media_type: Option<Text<'a>>,
    enabled: Option<bool>,
}

/// What goes to one other: one of the three, by the request's name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Towards<'a> {
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    target_user_id: Option<Text<'a>>,
    #[serde(borrow)]
    offer: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    #[serde(borrow)]
    candidate: Option<&'a RawValue>,
}

/// Payload of a frame.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Heard<'a> {
    call_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_user_id: Option<UserId>,
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

/// The part of a request's name behind `call.`, if it is one of these.
pub(super) fn verb(kind: &str) -> Option<&str> {
    const VERBS: [&str; 8] = [
        "join",
        "leave",
        "offer",
        "answer",
        "ice-candidate",
        "media.toggle",
        "screen.start",
        "screen.stop",
    ];
    kind.strip_prefix("call.").filter(|verb| VERBS.contains(verb))
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![why.into()])
}

impl<'a> Call<'a> {
    pub(super) fn read(verb: &str, json: &'a [u8]) -> Result<Self, ApiError> {
        let (id, says) = match verb {
            "offer" | "answer" | "ice-candidate" => towards(verb, json)?,
            "media.toggle" => {
                let Toggle { call_id, media_type, enabled } = read_json(json)?;
                let kinds = ["audio", "video", "screen"];
                let kind = kinds.into_iter().find(|kind| media_type.as_deref() == Some(*kind));
                let kind =
                    kind.ok_or_else(|| invalid("mediaType must be audio, video or screen"))?;
                let enabled = enabled.ok_or_else(|| invalid("enabled is required"))?;
                (call_id, Says::Media { kind, enabled })
            }
            "leave" => {
                let Leaving { call_id, as_of } = read_json(json)?;
                (call_id, Says::Leave(as_of))
            }
            _ => {
                let says = match verb {
                    "join" => Says::Join,
                    "screen.start" => Says::ScreenStart,
                    _ => Says::ScreenStop,
                };
                (read_json::<OfCall<'_>>(json)?.call_id, says)
            }
        };
        let id = id.filter(|id| is_id(id)).ok_or_else(|| {
            invalid(format!(
                "callId must be 1 to {} of a-z, A-Z, 0-9, _ . : -",
                limits::CALL_ID_CHARS
            ))
        })?;
        Ok(Self { id, says })
    }

    /// Size of what is passed on.
    fn bytes(&self) -> usize {
        match self.says {
            Says::To(_, Part::Offer(part) | Part::Answer(part) | Part::Candidate(part)) => {
                part.get().len()
            }
            _ => 0,
        }
    }
}

fn is_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    (1..=limits::CALL_ID_CHARS).contains(&id.len()) && id.chars().all(allowed)
}

fn towards<'a>(verb: &str, json: &'a [u8]) -> Result<(Option<Text<'a>>, Says<'a>), ApiError> {
    let Towards { call_id, target_user_id, offer, answer, candidate } = read_json(json)?;
    let target = target_user_id.ok_or_else(|| invalid("targetUserId is required"))?;
    let target = id_of("targetUserId", &target)?;
    let part = match (verb, offer, answer, candidate) {
        ("offer", Some(offer), None, None) => {
            Part::Offer(checked("offer", offer, limits::CALL_PAYLOAD_BYTES)?)
        }
        ("answer", None, Some(answer), None) => {
            Part::Answer(checked("answer", answer, limits::CALL_PAYLOAD_BYTES)?)
        }
        // Null is the end of the candidates.
        ("ice-candidate", None, None, candidate) => {
            let candidate = candidate.unwrap_or(RawValue::NULL);
            Part::Candidate(checked("candidate", candidate, limits::CALL_CANDIDATE_BYTES)?)
        }
        ("ice-candidate", ..) => return Err(invalid("candidate and nothing else is passed on")),
        _ => return Err(invalid(format!("{verb} is required, and nothing else is passed on"))),
    };
    Ok((call_id, Says::To(target, part)))
}

/// Of bounded size and depth: whoever reads it later may recurse.
fn checked<'a>(name: &str, part: &'a RawValue, most: usize) -> Result<&'a RawValue, ApiError> {
    if part.get().len() > most {
        return Err(invalid(format!("{name} must have at most {most} bytes")));
    }
    if depth(part.get()) > limits::METADATA_DEPTH {
        let most = limits::METADATA_DEPTH;
        return Err(invalid(format!("{name} must be nested at most {most} deep")));
    }
    Ok(part)
}

/// Passes on what somebody says.
pub(super) async fn accept(
    ingest: &Ingest,
    user: UserId,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    // What is long counts for more than one: it fills the other's queue sooner.
    for _ in 0..call.bytes() / limits::CALL_CANDIDATE_BYTES {
        let account = Account::User(user);
        ingest.limiter.check(&*ingest.platform.ephemeral, Class::Signals, account).await?;
    }
    let room = Room { ingest, call: &call.id, user };
    let to = match call.says {
        Says::Join => room.join().await?,
        Says::Leave(as_of) => room.leave(as_of).await?,
        Says::To(target, _) => room.target(target).await?,
        Says::Media { .. } | Says::ScreenStart | Says::ScreenStop => room.others().await?,
    };
    if to.is_empty() {
        return Ok(ready(Ok(Bytes::from_static(b"{}"))).boxed());
    }
    let joins = matches!(call.says, Says::Join);
    let username = if joins { Some(name(ingest, user).await?) } else { None };
    let frame = framed(call, user, username.as_deref(), ingest.now());
    let notice = Outbound::Notice { audience: event::pack(&to), frame };
    let sent = ingest.publisher.signal(&call.id, &notice)?;
    Ok(async move { sent.await.map(|()| Bytes::from_static(b"{}")) }.boxed())
}

async fn name(ingest: &Ingest, user: UserId) -> Result<String, Failure> {
    let store = &*ingest.platform.store;
    let snapshot = ingest.profiles.snapshot(store, user, ingest.now()).await?;
    Ok(snapshot.ok_or_else(gone)?.username.clone())
}

/// The frame that others hear.
fn framed(call: &Call<'_>, user: UserId, username: Option<&str>, at: Timestamp) -> Bytes {
    let mut heard = Heard {
        call_id: &call.id,
        from_user_id: None,
        user_id: user,
        username,
        offer: None,
        answer: None,
        candidate: None,
        media_type: None,
        enabled: None,
    };
    let kind = match call.says {
        Says::Join => "call.participant.joined",
        Says::Leave(_) => "call.participant.left",
        Says::ScreenStart => "call.screen.started",
        Says::ScreenStop => "call.screen.stopped",
        Says::Media { kind, enabled } => {
            (heard.media_type, heard.enabled) = (Some(kind), Some(enabled));
            "call.media.toggled"
        }
        Says::To(_, part) => {
            heard.from_user_id = Some(user);
            match part {
                Part::Offer(offer) => {
                    heard.offer = Some(offer);
                    "call.offer.received"
                }
                Part::Answer(answer) => {
                    heard.answer = Some(answer);
                    "call.answer.received"
                }
                Part::Candidate(candidate) => {
                    heard.candidate = Some(candidate);
                    "call.ice-candidate.received"
                }
            }
        }
    };
    let payload = serde_json::to_vec(&heard).expect("plain data and JSON serialise");
    frame::notice(kind, at, &payload)
}

/// A call as one of its participants has it.
struct Room<'a> {
    ingest: &'a Ingest,
    call: &'a str,
    user: UserId,
}

/// The board of a call; its fields are users.
fn board_of(call: &str) -> String {
    format!("call:{call}")
}

/// A call on the board of a user's calls.
fn field_of(call: &str) -> Uuid {
    Uuid::from_bytes(schemas::id::body_hash(&[call.as_bytes()]))
}

/// When a participant's note was written.
fn time_of(note: &[u8]) -> Option<Timestamp> {
    std::str::from_utf8(note).ok()?.parse().ok().map(Timestamp)
}

fn not_joined() -> Failure {
    Failure::new(Code::Forbidden, "join the call first")
}

impl Room<'_> {
    /// He joins; who hears it. Joining again is heard again: he may have come back.
    async fn join(&self) -> Result<Vec<UserId>, Failure> {
        let others = self.joined().await?;
        if others.len() >= limits::CALL_PARTICIPANTS {
            return Err(Failure::new(Code::Conflict, "too many users have joined this call"));
        }
        self.make_room().await?;
        self.write().await?;
        admitted(self.ingest, self.user, others).await
    }

    /// Forgets him in the oldest of his calls, if this one would be one too many.
    async fn make_room(&self) -> Result<(), Failure> {
        let (ephemeral, own) = (&self.ingest.platform.ephemeral, self.own());
        let mut calls: Vec<(i64, String)> = Vec::new();
        for (field, note) in ephemeral.board(&own).await? {
            let text = std::str::from_utf8(&note).unwrap_or_default();
            let (since, call) = text.split_once(' ').unwrap_or_default();
            if field != field_of(self.call) {
                calls.push((since.parse().unwrap_or(0), call.to_owned()));
            }
        }
        calls.sort_unstable();
        let most = limits::CALLS_PER_USER.saturating_sub(1);
        for (_, call) in calls.iter().take(calls.len().saturating_sub(most)) {
            ephemeral.note(&board_of(call), &[Note::wipe(self.user.0)]).await?;
            ephemeral.note(&own, &[Note::wipe(field_of(call))]).await?;
        }
        Ok(())
    }

    /// He leaves, unless he was heard after `as_of`; who hears it.
    async fn leave(&self, as_of: Option<Timestamp>) -> Result<Vec<UserId>, Failure> {
        let own = self.noted(&[self.user]).await?.pop().flatten();
        let Some(own) = own else { return Ok(Vec::new()) };
        if as_of.zip(time_of(&own)).is_some_and(|(as_of, heard)| heard > as_of) {
            return Ok(Vec::new());
        }
        let others = admitted(self.ingest, self.user, self.joined().await?).await?;
        let ephemeral = &self.ingest.platform.ephemeral;
        ephemeral.note(&board_of(self.call), &[Note::wipe(self.user.0)]).await?;
        ephemeral.note(&self.own(), &[Note::wipe(field_of(self.call))]).await?;
        Ok(others)
    }

    /// Who hears what he says; he must have joined.
    async fn others(&self) -> Result<Vec<UserId>, Failure> {
        let own = self.noted(&[self.user]).await?.pop().flatten();
        self.heard(own).await?;
        admitted(self.ingest, self.user, self.joined().await?).await
    }

    /// One other who hears him; both must have joined.
    async fn target(&self, target: UserId) -> Result<Vec<UserId>, Failure> {
        let mut noted = self.noted(&[self.user, target]).await?.into_iter();
        self.heard(noted.next().flatten()).await?;
        let there = noted.next().flatten().is_some() && target != self.user;
        let there = if there { vec![target] } else { Vec::new() };
        let to = admitted(self.ingest, self.user, there).await?;
        if to.is_empty() {
            return Err(Failure::new(Code::NotFound, "no such user has joined this call"));
        }
        Ok(to)
    }

    /// He is heard: he has joined, and is not forgotten.
    async fn heard(&self, own: Option<Bytes>) -> Result<(), Failure> {
        let own = own.ok_or_else(not_joined)?;
        let since = time_of(&own);
        if since.is_none_or(|since| self.ingest.now().since(since) > AGED_MS) {
            self.write().await?;
        }
        Ok(())
    }

    /// The board of his calls.
    fn own(&self) -> String {
        format!("calls:{}", self.user)
    }

    async fn write(&self) -> Result<(), Failure> {
        let ephemeral = &self.ingest.platform.ephemeral;
        let (now, life) = (self.ingest.now().0, Duration::from_millis(limits::CALL_MS));
        let joined = Bytes::from(format!("{now} {}", self.call));
        let joined = Note::brief(field_of(self.call), joined, life);
        ephemeral.note(&self.own(), &[joined]).await?;
        let there = Note::brief(self.user.0, Bytes::from(now.to_string()), life);
        Ok(ephemeral.note(&board_of(self.call), &[there]).await?)
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
