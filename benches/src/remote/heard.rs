//! What frames of a socket say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::Rev;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::rest::settle;
use super::view;
use crate::history::{Cursors, Outcome, Seen, Tells, body_of};
use crate::target::{Event, Heard};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Frame<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) ok: Option<bool>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    conversation_id: Option<Uuid>,
    rev: Option<Rev>,
    feed: Option<Rev>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reset {
    conversation_id: Option<Uuid>,
    feed: Option<Rev>,
    rev: Option<Rev>,
}

#[derive(Deserialize)]
struct Done {
    cursors: Reached,
}

#[derive(Deserialize)]
struct Reached {
    #[serde(default)]
    conversations: BTreeMap<Uuid, Rev>,
    feed: Option<Rev>,
}

/// What a frame means to its reader.
pub(super) enum Meaning {
    /// These, in this order.
    Heard(Vec<Heard>),
    /// Nothing that is looked at.
    Nothing,
    /// From here on nothing is to be trusted: reconnect.
    Over,
}

impl Frame<'_> {
    pub(super) fn is_sync(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.starts_with("sync."))
    }

    /// The outcome of a request: the JSON of its data.
    pub(super) fn outcome(&self) -> Outcome<Box<str>> {
        match (self.ok, self.data, &self.error) {
            (Some(true), Some(data), _) => Outcome::Ok(data.get().into()),
            (Some(false), _, Some(refusal)) => {
                let known = schemas::Code::ALL.iter().find(|code| code.text() == refusal.code);
                settle(refusal.code.to_string(), known.map_or(500, |code| code.status()))
            }
            _ => Outcome::Unknown("unreadable".to_owned()),
        }
    }

    /// What the server says by itself, or in answer to cursors, to this user.
    pub(super) fn meaning(&self, text: &str, user: Uuid) -> Meaning {
        let event = |frame: &Self, text: &str, resumed| frame.event(text, user, resumed);
        match self.kind.as_deref() {
            Some("sync.changes") => {
                let list = self.data.map_or("[]", RawValue::get);
                let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(list) else {
                    return Meaning::Over;
                };
                let mut heard = Vec::with_capacity(list.len());
                for raw in list {
                    match serde_json::from_str::<Frame<'_>>(raw.get()) {
                        Ok(frame) => {
                            heard.extend(frame.event(raw.get(), user, true).map(Heard::Event));
                        }
                        Err(_) => return Meaning::Over,
                    }
                }
                Meaning::Heard(heard)
            }
            Some("sync.reset") => {
                let data = self.data.map_or("{}", RawValue::get);
                let Ok(reset) = serde_json::from_str::<Reset>(data) else { return Meaning::Over };
                let at = match (reset.conversation_id, reset.feed) {
                    // Of a conversation that is not his any more there is nothing to go on from.
                    (Some(conversation), _) => Some((conversation, reset.rev.unwrap_or(Rev::MAX))),
                    (None, feed) => feed.map(|feed| (user, feed)),
                };
                Meaning::Heard(at.into_iter().map(|(id, rev)| Heard::Reset(id, rev)).collect())
            }
            Some("sync.done") if self.ok == Some(true) => {
                let data = self.data.map_or("{}", RawValue::get);
                let Ok(done) = serde_json::from_str::<Done>(data) else { return Meaning::Over };
                let Reached { conversations, feed } = done.cursors;
                Meaning::Heard(vec![Heard::Done(Cursors { conversations, feed })])
            }
            Some("sync.done" | "resync") => Meaning::Over,
            Some(_) => match event(self, text, false) {
                Some(event) => Meaning::Heard(vec![Heard::Event(event)]),
                None => Meaning::Nothing,
            },
            None => Meaning::Nothing,
        }
    }

    /// An event with a number, of a conversation or of the feed.
    fn event(&self, text: &str, user: Uuid, resumed: bool) -> Option<Event> {
        let kind = self.kind.as_deref()?;
        let (conversation, rev) = match (self.conversation_id, self.rev, self.feed) {
            (Some(conversation), Some(rev), _) => (conversation, rev),
            (_, _, Some(feed)) => (user, feed),
            _ => return None,
        };
        let (message, tells) = view::tells(kind, self.data.map_or("", RawValue::get));
        let tells = Tells { resumed, bytes: body_of(text), ..tells };
        Some(Event { conversation, kind: Arc::from(kind), rev, message, tells })
    }
}

/// What a frame that answers no request tells its user; none: from here on the connection is no witness.
pub(crate) fn hear(text: &str, user: Uuid) -> Option<Vec<Heard>> {
    match serde_json::from_str::<Frame<'_>>(text).ok()?.meaning(text, user) {
        Meaning::Heard(heard) => Some(heard),
        Meaning::Nothing => Some(Vec::new()),
        Meaning::Over => None,
    }
}

/// The answer to a send whose request id is a number.
pub(crate) fn answer(text: &str) -> Option<(u32, Outcome<Seen>)> {
    let frame: Frame<'_> = serde_json::from_str(text).ok()?;
    let id = frame.id.as_deref().filter(|_| !frame.is_sync())?.parse().ok()?;
    let outcome = match frame.outcome() {
        Outcome::Ok(data) => match view::bare(&data) {
            Ok(seen) => Outcome::Ok(seen),
            Err(error) => Outcome::Unknown(format!("unreadable: {error}")),
        },
        Outcome::Fail(code) => Outcome::Fail(code),
        Outcome::Unknown(why) => Outcome::Unknown(why),
    };
    Some((id, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uuid = Uuid::from_u128(1);
    const HERE: &str = "00000000-0000-0000-0000-000000000007";

    fn heard(text: &str) -> Vec<Heard> {
        let frame: Frame<'_> = serde_json::from_str(text).unwrap();
        match frame.meaning(text, ME) {
            Meaning::Heard(heard) => heard,
            Meaning::Nothing | Meaning::Over => Vec::new(),
        }
    }

    #[test]
    fn a_change_told_again_is_the_same_bytes() {
        let live = format!(r#"{{"type":"x","conversationId":"{HERE}","rev":3,"data":{{}}}}"#);
        let sync = format!(
            r#"{{"id":"0","type":"sync.changes","conversationId":"{HERE}","data":[{live}]}}"#
        );
        let (live, sync) = (heard(&live), heard(&sync));
        let [Heard::Event(live)] = live.as_slice() else { panic!("{live:?}") };
        let [Heard::Event(sync)] = sync.as_slice() else { panic!("{sync:?}") };
        assert_eq!((live.rev, live.tells.bytes), (sync.rev, sync.tells.bytes));
        assert!(sync.tells.resumed && !live.tells.resumed);
    }

    #[test]
    fn the_end_of_a_sync_says_where_it_leads() {
        let done = r#"{"id":"0","type":"sync.done","ok":true,"data":{"cursors":{"conversations":{},"feed":3}}}"#;
        assert_eq!(heard(done), [Heard::Done(Cursors { feed: Some(3), ..Cursors::default() })]);
        let reset = r#"{"id":"0","type":"sync.reset","data":{"feed":9,"recovered":false}}"#;
        assert_eq!(heard(reset), [Heard::Reset(ME, 9)]);
    }
}
