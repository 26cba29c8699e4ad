//! What a socket asks of presence: `presence.update`, `presence.subscribe`, `presence.unsubscribe`,
//! `activity`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::presence::view::{self, Shown};
use schemas::{ApiError, Code, Timestamp, UserId, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::Presence;
use super::interest::Refused;
use crate::Delivery;
use crate::session::Session;

/// The answer to a request.
type Answer = BoxFuture<'static, Result<Bytes, ApiError>>;

/// Acceptance's name for what of an update is kept.
const SET: &str = "presence.set";
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
    /// Never 0.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let (text, until) = (&self.custom_status, &self.custom_status_expires_at);
        (text.is_absent(), text.value(), until.is_absent()).hash(&mut hasher);
        until.value().map(|until| until.0).hash(&mut hasher);
        hasher.finish().max(1)
    }

    /// Whether it changes nothing for somebody who says this of himself.
    fn is_said(&self, said: Option<(&str, Option<Timestamp>)>) -> bool {
        let (text, until) = said.unzip();
        let is = |patch: bool, same: bool| patch || same;
        is(self.custom_status.is_absent(), self.custom_status.value().map(String::as_str) == text)
            && is(
                self.custom_status_expires_at.is_absent(),
                self.custom_status_expires_at.value().copied() == until.flatten(),
            )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Users {
    user_ids: Vec<String>,
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

/// The data of a request whose fields are `fields`.
fn read<'a, T: Deserialize<'a>>(
    data: Option<&'a RawValue>,
    fields: &'static str,
) -> Result<T, ApiError> {
    let data = data.map_or("{}", RawValue::get);
    let data = if data == "null" { "{}" } else { data };
    serde_json::from_str(data).map_err(|error| {
        let code = if error.to_string().starts_with("unknown field") {
            Code::UnknownField
        } else {
            Code::ValidationFailed
        };
        ApiError::new(code, fields)
    })
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
        "presence.update" => update(delivery, session, data),
        SUBSCRIBE => subscribe(delivery, session, data),
        "presence.unsubscribe" => unsubscribe(delivery, session, data),
        "activity" => activity(delivery, session, data),
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
    let Nothing {} = read(data, "activity has no fields")?;
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
    const FIELDS: &str =
        "presence.update has the fields status, customStatus, customStatusExpiresAt";
    let update: Update<'_> = read(data, FIELDS)?;
    let status = update.status.as_deref().map(|text| {
        let why = "status must be one of online, away, do_not_disturb, offline";
        Status::read(text).ok_or_else(|| invalid(why))
    });
    let status = status.transpose()?;
    let custom = custom(update)?;
    let presence = &delivery.hub.presence;
    let now = Instant::now();
    let changed = match status {
        Some(status) => session.device.choose(status, now),
        None => session.device.act(now),
    };
    if changed {
        presence.line.mark(&session.device);
    }
    match custom {
        Some(custom) => Ok(set(delivery, session, &custom)),
        None => Ok(done()),
    }
}

/// What of an update is kept, if anything.
fn custom(update: Update<'_>) -> Result<Option<Custom>, ApiError> {
    let Update { custom_status, custom_status_expires_at, .. } = update;
    let most = limits::CUSTOM_STATUS_CHARS;
    if custom_status.value().is_some_and(|text| text.chars().count() > most) {
        return Err(invalid(format!("customStatus must have at most {most} characters")));
    }
    let any = !(custom_status.is_absent() && custom_status_expires_at.is_absent());
    Ok(any.then_some(Custom { custom_status, custom_status_expires_at }))
}

/// Sets a custom status, if it is another one than the user has.
fn set(delivery: &Arc<Delivery>, session: &Arc<Session>, custom: &Custom) -> Answer {
    let hash = custom.hash();
    let presence = &delivery.hub.presence;
    if session.device.has_custom(hash) {
        return done();
    }
    if presence.says(session.who.user, custom) {
        session.device.set_custom(hash);
        return done();
    }
    let (delivery, session) = (delivery.clone(), session.clone());
    let data = serde_json::value::to_raw_value(custom).expect("plain data serialises");
    async move {
        // Before it is accepted: another one that is published meanwhile, from elsewhere, is the one
        // that stands.
        session.device.set_custom(hash);
        let set = async { delivery.inbound.accept(&session.who, SET, Some(&data)).await?.await };
        if let Err(error) = set.await {
            session.device.forget_custom();
            return Err(error);
        }
        Ok(Bytes::from_static(b"{}"))
    }
    .boxed()
}

fn users(data: Option<&RawValue>, fields: &'static str) -> Result<Vec<UserId>, ApiError> {
    let Users { user_ids } = read(data, fields)?;
    if user_ids.len() > limits::PRESENCE_SUBSCRIPTIONS {
        let most = limits::PRESENCE_SUBSCRIPTIONS;
        return Err(invalid(format!("userIds must have at most {most} entries")));
    }
    let mut users = Vec::with_capacity(user_ids.len());
    for id in user_ids {
        let user = id.parse().map_err(|_| invalid("each of userIds must be the id of a user"))?;
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
    let users = users(data, "presence.subscribe has the field userIds")?;
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
    let users = users(data, "presence.unsubscribe has the field userIds")?;
    let presence = &delivery.hub.presence;
    presence.active(session);
    let mut interest = presence.interest.lock();
    interest.unsubscribe(session.who.user, session.device.socket, &users);
    let answer = Unsubscribed { unsubscribed_count: users.len() };
    Ok(std::future::ready(Ok(json(&answer))).boxed())
}

impl Presence {
    /// Whether a user's entry, as far as it is known here, has this custom status.
    fn says(&self, user: UserId, custom: &Custom) -> bool {
        let interest = self.interest.lock();
        interest.own(user).is_some_and(|own| custom.is_said(own.custom(self.clock.now())))
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
