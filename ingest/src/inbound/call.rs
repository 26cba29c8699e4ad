//! Signalling of calls: what clients tell each other to set one up, relayed.
//!
//! Who has joined a call stands on its ephemeral board, forgotten after [`limits::CALL_MS`] of silence. A
//! board of his own says which calls those are, so that nobody fills boards without end: who joins one
//! too many is forgotten in the oldest.
//! Whoever knows a call's id may join it; only who has joined it is heard, and only who has joined it
//! hears. Two of whom one has blocked the other hear nothing of each other: an answer about somebody
//! who is blocked is that about somebody who is not there. What is passed on is bounded in size and
//! depth, and not looked into. Nothing is stored, and what is lost is lost: clients of calls try again.
//!
//! Whose socket ends has left, as that socket's node says, and it alone can ([`end`]): it numbers what
//! its sockets join, and takes out whose last join was there, and up to a number. No clock has a say.

mod room;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use schemas::outbound::Outbound;
use schemas::{ApiError, Timestamp, UserId, event, frame, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use self::room::{Room, Stands};
use crate::error::{Failure, after_effect};
use crate::extract::{Text, id_of, read_json};
use crate::limit::{Account, Class};
use crate::message::{Answer, depth};
use crate::publish::Signalling;
use crate::state::Ingest;
use crate::user::gone;

/// What is answered to all of it.
const DONE: Bytes = Bytes::from_static(b"{}");

/// What somebody says in a call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    id: Text<'a>,
    says: Says<'a>,
}

#[derive(Debug)]
enum Says<'a> {
    /// On a socket of this node, the join of this number.
    Join(Option<u64>),
    Leave,
    /// What this node says of a socket that has ended: he does so if the last join was one of this
    /// node's, and its number at most this.
    End(u64),
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
            _ => {
                let says = match verb {
                    "join" => Says::Join(None),
                    "leave" => Says::Leave,
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

    /// What is said when one is joined on a socket of this node: the join of this number.
    pub(super) fn joined(json: &'a [u8], number: u64) -> Result<Self, ApiError> {
        Ok(Self { says: Says::Join(Some(number)), ..Self::read("join", json)? })
    }

    /// What is said when a socket has ended; see [`end`].
    fn ended(id: &'a str, up_to: u64) -> Self {
        Self { id: Text(Cow::Borrowed(id)), says: Says::End(up_to) }
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
        Says::Join(number) => return join(&room, call, number).await,
        Says::Leave | Says::End(_) => {
            leave(&room, call).await?;
            return Ok(ready(Ok(DONE)).boxed());
        }
        Says::To(target, _) => room.target(target).await?,
        Says::Media { .. } | Says::ScreenStart | Says::ScreenStop => room.others().await?,
    };
    let sent = tell(&room, call, &to, None)?;
    Ok(async move { sent.await.map(|()| DONE) }.boxed())
}

/// A socket of his on this node has ended, and no other here has joined the call: he has left it, if
/// the last who joined it for him was one of this node's up to the join of this number.
pub(super) async fn end(
    ingest: &Ingest,
    user: UserId,
    call: &str,
    up_to: u64,
) -> Result<(), Failure> {
    accept(ingest, user, &Call::ended(call, up_to)).await?.await.map(drop)
}

/// All that may be refused comes before the first note is written.
async fn join(room: &Room<'_>, call: &Call<'_>, number: Option<u64>) -> Result<Answer, Failure> {
    let to = room.admits().await?;
    let username = if to.is_empty() { None } else { Some(name(room.ingest, room.user).await?) };
    room.list().await?;
    let sent = after_effect(async {
        room.stand(number).await?;
        room.make_room().await?;
        tell(room, call, &to, username.as_deref())
    });
    let sent = sent.await?;
    Ok(after_effect(async move { sent.await.map(|()| DONE) }).boxed())
}

/// He is taken out when the others have been told, so that a second try tells them if the first did
/// not; and unless he has joined again meanwhile.
async fn leave(room: &Room<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let leaves = |stands: &Stands| match call.says {
        Says::End(up_to) => stands.was_joined_here(room.ingest, up_to),
        _ => true,
    };
    // Looked at first, as most have nothing to leave, and again behind what takes time.
    if !room.stands().await?.is_some_and(|stands| leaves(&stands)) {
        return Ok(());
    }
    let to = room.present().await?;
    let Some(stands) = room.stands().await?.filter(leaves) else { return Ok(()) };
    tell(room, call, &to, None)?.await?;
    after_effect(async {
        let now = room.stands().await?;
        if now.is_some_and(|now| now.is_same_join(&stands)) {
            room.wipe().await?;
        }
        Ok(())
    })
    .await
}

/// Tells these, if there are any.
fn tell(
    room: &Room<'_>,
    call: &Call<'_>,
    to: &[UserId],
    username: Option<&str>,
) -> Result<Signalling, Failure> {
    if to.is_empty() {
        return Ok(ready(Ok(())).boxed());
    }
    let frame = framed(call, room.user, username, room.ingest.now());
    let notice = Outbound::Notice { audience: event::pack(to), frame };
    room.ingest.publisher.signal(&call.id, &notice)
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
        Says::Join(_) => "call.participant.joined",
        Says::Leave | Says::End(_) => "call.participant.left",
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
