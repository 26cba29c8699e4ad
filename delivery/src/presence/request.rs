//! What a socket asks of presence: `presence.update`, `presence.subscribe`, `presence.unsubscribe`,
//! `activity`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::presence::view::{self, Shown};
use schemas::{ApiError, Code, Timestamp, UserId, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::Presence;
use super::devices::TextFollows;
use super::fields::{self, read};
use super::interest::Refused;
use crate::Delivery;
use crate::session::Session;

/// The answer to a request.
type Answer = BoxFuture<'static, Result<Bytes, ApiError>>;

/// Acceptance's name for what of an update is kept.
const SET: &str = "presence.set";
/// Time in which it is looked once whether a custom status that a device repeats still stands.
const CHECKS: Duration = Duration::from_millis(100);
/// What a socket tells of its device.
const UPDATE: &str = "presence.update";
/// That its user is there.
const ACTIVITY: &str = "activity";
/// What a socket says without end, and seldom anything new by it ([`repeats`]).
pub(crate) const OF_DEVICE: [&str; 2] = [UPDATE, ACTIVITY];
/// A longer frame says something else: the longest custom status, however it is written, with all around it.
pub(crate) const OF_DEVICE_BYTES: usize = 4_096;
/// What a subscription counts as.
const SUBSCRIBE: &str = "presence.subscribe";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Update<'a> {
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(default)]
    custom_status: Patch<String>,
    #[serde(default)]
    custom_status_expires_at: Patch<Timestamp>,
}

/// What of an update is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Custom {
    #[serde(skip_serializing_if = "Patch::is_absent")]
    custom_status: Patch<String>,
    #[serde(skip_serializing_if = "Patch::is_absent")]
    custom_status_expires_at: Patch<Timestamp>,
}

impl Custom {
    /// Never what no text has ([`super::Device::has_custom`]). The end of no text is none.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let (text, until) = match (&self.custom_status, &self.custom_status_expires_at) {
            (Patch::Null, _) => (&Patch::Null, &Patch::Absent),
            said => said,
        };
        (text.is_absent(), text.value(), until.is_absent()).hash(&mut hasher);
        until.value().map(|until| until.0).hash(&mut hasher);
        hasher.finish().clamp(1, u64::MAX - 1)
    }

    /// Whether it changes nothing at `now` for somebody who says this of himself. The end of no text is
    /// none, but only a time to come is an end.
    fn is_said(&self, said: Option<(&str, Option<Timestamp>)>, now: Timestamp) -> bool {
        let (text, until) = said.unzip();
        let next = match &self.custom_status {
            Patch::Absent => text,
            text => text.value().map(String::as_str),
        };
        let end = self.custom_status_expires_at.value().copied();
        let same = self.custom_status_expires_at.is_absent() || end == until.flatten();
        let nothing = next.is_none() && end.is_none_or(|end| end > now);
        next == text && (same || nothing)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Users {
    user_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Subscribed {
    presence: Vec<Shown>,
    subscribed_count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unsubscribed {
    unsubscribed_count: usize,
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![why.into()])
}

/// The data of an answer.
fn json(answer: &impl Serialize) -> Bytes {
    serde_json::to_vec(answer).expect("plain data serialises").into()
}

/// What a socket asks of presence; none: it is something else. Begun at the call, so that requests of a
/// socket that are begun one after another take effect in that order.
pub(crate) fn request(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    kind: &str,
    data: Option<&RawValue>,
) -> Option<Answer> {
    let begun = match kind {
        UPDATE => update(delivery, session, data),
        SUBSCRIBE => subscribe(delivery, session, data),
        "presence.unsubscribe" => unsubscribe(delivery, session, data),
        ACTIVITY => activity(delivery, session, data),
        _ => return None,
    };
    Some(begun.unwrap_or_else(|error| std::future::ready(Err(error)).boxed()))
}

fn done() -> Answer {
    std::future::ready(Ok(Bytes::from_static(b"{}"))).boxed()
}

fn activity(
    delivery: &Delivery,
    session: &Session,
    data: Option<&RawValue>,
) -> Result<Answer, ApiError> {
    let Nothing {} = read(data)?;
    let presence = &delivery.hub.presence;
    if session.device.wake(Instant::now()) {
        presence.line.mark(&session.device);
    }
    Ok(done())
}

fn update(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    data: Option<&RawValue>,
) -> Result<Answer, ApiError> {
    let (status, custom) = said(data)?;
    let presence = &delivery.hub.presence;
    let now = Instant::now();
    let changed = match status {
        Some(status) => session.device.choose(status, now),
        None => session.device.act(now),
    };
    let new = custom.as_ref().filter(|custom| !session.device.has_custom(custom.hash()));
    let follows = new.and_then(|_| session.device.say_text());
    if changed {
        presence.line.mark(&session.device);
    }
    match custom {
        Some(custom) => Ok(set(delivery, session, custom, follows)),
        None => Ok(done()),
    }
}

/// What an update says.
fn said(data: Option<&RawValue>) -> Result<(Option<Status>, Option<Custom>), ApiError> {
    let update: Update<'_> = read(data)?;
    let status = update.status.as_deref().map(|text| {
        let why = "status must be one of online, away, do_not_disturb, offline";
        Status::read(text).ok_or_else(|| invalid(why))
    });
    Ok((status.transpose()?, custom(update)?))
}

/// Whether a request tells of its device only what it has told. Changes nothing.
pub(crate) fn repeats(session: &Session, kind: &str, data: Option<&RawValue>) -> bool {
    let device = &session.device;
    match kind {
        ACTIVITY => {
            let away = device.stays(Some(Status::Away));
            device.stays(None) && !away && read::<Nothing>(data).is_ok()
        }
        UPDATE => said(data).is_ok_and(|(status, custom)| {
            let said = |custom: Custom| device.has_custom(custom.hash());
            device.stays(status) && custom.is_none_or(said)
        }),
        _ => false,
    }
}

/// What of an update is kept, if anything. A blank text is none, as it is for whoever keeps it.
fn custom(update: Update<'_>) -> Result<Option<Custom>, ApiError> {
    let Update { custom_status, custom_status_expires_at, .. } = update;
    let custom_status = match custom_status {
        Patch::Value(text) if text.trim().is_empty() => Patch::Null,
        said => said,
    };
    let most = limits::CUSTOM_STATUS_CHARS;
    if custom_status.value().is_some_and(|text| text.chars().count() > most) {
        return Err(invalid(format!("customStatus must have at most {most} characters")));
    }
    let any = !(custom_status.is_absent() && custom_status_expires_at.is_absent());
    Ok(any.then_some(Custom { custom_status, custom_status_expires_at }))
}

/// Sets a custom status, if it is another one than the user has. One after the other: which one stands in
/// the end is the order in which they were said.
///
/// What others have decided meanwhile is known where it is kept, and nowhere else in time: to drop what
/// seems to be so already would be to lose it. So a repeated text is a reading, at most one for a device in
/// [`CHECKS`], however often it comes.
fn set(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    custom: Custom,
    follows: Option<TextFollows>,
) -> Answer {
    let (delivery, session) = (delivery.clone(), session.clone());
    let said = Instant::now();
    async move {
        // However this ends.
        let _follows = follows;
        let (presence, device, hash) = (&delivery.hub.presence, &session.device, custom.hash());
        let mut stood = device.stood.lock().await;
        if device.has_custom(hash) || device.has_custom(0) {
            if let Some(at) = *stood {
                if at > said {
                    return Ok(Bytes::from_static(b"{}"));
                }
                sleep_until(at + CHECKS).await;
            }
            let read = Instant::now();
            if presence.says(session.who.user, &custom).await {
                device.set_custom(hash);
                *stood = Some(read);
                return Ok(Bytes::from_static(b"{}"));
            }
        }
        let before = device.set_custom(hash);
        *stood = None;
        // Others hear of both at once.
        presence.line.told(device).await;
        let begun = Instant::now();
        let data = serde_json::value::to_raw_value(&custom).expect("plain data serialises");
        let set = async { delivery.inbound.accept(&session.who, SET, Some(&data)).await?.await };
        // Said once more it is no repetition.
        set.await.inspect_err(|error| match error.code {
            // Whatever stands now, this may come to stand yet.
            Code::OutcomeUnknown | Code::Internal => device.doubt_custom(),
            _ => device.refused_custom(before),
        })?;
        *stood = Some(begun);
        Ok(Bytes::from_static(b"{}"))
    }
    .boxed()
}

fn users(data: Option<&RawValue>) -> Result<Vec<UserId>, ApiError> {
    let Users { user_ids } = read(data)?;
    let user_ids = user_ids.ok_or_else(|| invalid("userIds must be a list of ids"))?;
    if user_ids.len() > limits::PRESENCE_SUBSCRIPTIONS {
        let most = limits::PRESENCE_SUBSCRIPTIONS;
        return Err(invalid(format!("userIds must have at most {most} entries")));
    }
    let mut users = Vec::with_capacity(user_ids.len());
    for id in user_ids {
        let user = fields::user(&id)?;
        if !users.contains(&user) {
            users.push(user);
        }
    }
    Ok(users)
}

fn subscribe(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    data: Option<&RawValue>,
) -> Result<Answer, ApiError> {
    let users = users(data)?;
    let presence = delivery.hub.presence.clone();
    presence.active(session);
    let (viewer, socket) = (session.who.user, session.device.socket);
    let subscribed = presence.interest.lock().subscribe(viewer, socket, &users);
    let (ticket, new) = subscribed.map_err(|refused| match refused {
        Refused::Many => {
            let most = limits::PRESENCE_SUBSCRIPTIONS;
            invalid(format!("a socket subscribes to at most {most} users"))
        }
        Refused::Share => {
            let most = limits::PRESENCE_SUBSCRIPTIONS_OF_USER;
            invalid(format!("a user subscribes to at most {most} users on all sockets"))
        }
        Refused::Full => ApiError::new(Code::Overloaded, "too many subscriptions on this node"),
        Refused::Gone => ApiError::new(Code::Overloaded, "the socket closes"),
    })?;
    let (delivery, who) = (delivery.clone(), session.who.clone());
    Ok(async move {
        let read = async {
            delivery.inbound.charge(&who, SUBSCRIBE).await?;
            presence.read_for_socket(viewer, &users, ticket).await
        };
        if let Err(error) = read.await {
            // What it had subscribed to before stands.
            presence.interest.lock().unsubscribe(viewer, socket, &new);
            return Err(error);
        }
        let answer =
            Subscribed { subscribed_count: users.len(), presence: presence.show(viewer, &users) };
        Ok(json(&answer))
    }
    .boxed())
}

fn unsubscribe(
    delivery: &Delivery,
    session: &Session,
    data: Option<&RawValue>,
) -> Result<Answer, ApiError> {
    let users = users(data)?;
    let presence = &delivery.hub.presence;
    presence.active(session);
    let mut interest = presence.interest.lock();
    interest.unsubscribe(session.who.user, session.device.socket, &users);
    let answer = Unsubscribed { unsubscribed_count: users.len() };
    Ok(std::future::ready(Ok(json(&answer))).boxed())
}

impl Presence {
    /// Whether a user has this custom status. If it can not be read: no, as far as is known.
    async fn says(&self, user: UserId, custom: &Custom) -> bool {
        let own = self.read_own(user).await;
        let now = self.clock.now();
        own.is_some_and(|own| custom.is_said(own.custom(now), now))
    }

    /// What a viewer sees of users, after they were read.
    fn show(&self, viewer: UserId, users: &[UserId]) -> Vec<Shown> {
        let (interest, now) = (self.interest.lock(), self.clock.now());
        let show = |user: &UserId| {
            let (entry, role) = interest.look(viewer, *user);
            view::show(entry.as_deref(), *user, role, now).shown
        };
        users.iter().map(show).collect()
    }
}

#[cfg(test)]
mod tests;
