//! The model as a target.

use std::collections::BTreeMap;
use std::sync::Arc;

use bench::history::{Counted, Cursors, Form, Outcome, Seen};
use bench::target::{Deed, Events, Heard, Message, Path, Place, Sender, Target, User};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

use super::{Bug, Conversation, People, Socket, Texts, fail, jitter};

impl Target for People {
    type Sender = Line;
    type Events = Arriving;

    fn nodes(&self) -> usize {
        2
    }

    async fn register(&self, number: usize) -> anyhow::Result<User> {
        Ok(User { id: Uuid::from_u128(number as u128 + 1), token: "".into() })
    }

    async fn open(&self, _: usize, user: &User, with: &User) -> Outcome<Uuid> {
        let id = Uuid::from_u128((user.id.as_u128() << 64) | with.id.as_u128());
        self.begin(&[user.id, with.id], id);
        Outcome::Ok(id)
    }

    async fn group(&self, _: usize, user: &User, with: &[Uuid]) -> Outcome<Uuid> {
        let number = self.state.lock().conversations.len() as u128;
        let id = Uuid::from_u128((1 << 127) | number);
        let members: Vec<Uuid> = std::iter::once(user.id).chain(with.iter().copied()).collect();
        self.begin(&members, id);
        Outcome::Ok(id)
    }

    async fn send(&self, _: usize, _: &User, message: &Message) -> Outcome<Seen> {
        self.across(|| self.take(message)).await
    }

    async fn act(&self, _: usize, user: &User, deed: &Deed) -> Outcome<Option<Seen>> {
        self.across(|| self.deed(user.id, deed, true)).await
    }

    async fn unread(&self, _: usize, user: &User, id: Uuid, _: Counted) -> Outcome<i64> {
        let more = i64::from(self.strikes(&mut self.state.lock(), Bug::UnreadOffByOne, 20));
        self.across(|| self.read(user.id, id, |c| (c.top() - c.marker(user.id)).max(0) + more))
            .await
    }

    async fn members(&self, _: usize, user: &User, id: Uuid) -> Outcome<BTreeMap<Uuid, String>> {
        self.across(|| self.read(user.id, id, |c| c.members.clone())).await
    }

    async fn probe(
        &self,
        _: usize,
        user: &User,
        place: Place,
        needles: &[Arc<str>],
    ) -> Outcome<bool> {
        let look = |c: &mut Conversation| {
            let mut texts = Texts::new();
            let message = place.message;
            match place.path {
                Path::Journal => texts.extend(c.journal.iter().map(|(_, text)| text.clone())),
                Path::EditHistory => {
                    texts.extend(c.place(message).map(|s| s.former.clone()).unwrap_or_default());
                }
                Path::Answer(answer) => {
                    let quoted = c.place(answer).and_then(|said| said.answers);
                    texts.extend(quoted.and_then(|id| c.place(id)).map(|s| s.text.clone()));
                }
                _ => {
                    let shown = c.said.iter().filter(|said| said.seen.form != Form::Deleted);
                    texts.extend(shown.map(|said| said.text.clone()));
                }
            }
            needles.iter().any(|needle| texts.iter().any(|text| text.contains(&**needle)))
        };
        self.across(|| self.read(user.id, place.conversation, look)).await
    }

    async fn page(
        &self,
        _: usize,
        user: &User,
        conversation: Uuid,
        before: Option<i64>,
    ) -> Outcome<Vec<Seen>> {
        let page = |c: &mut Conversation| {
            let seen = c.said.iter().map(|said| said.seen.clone());
            let mut page: Vec<Seen> =
                seen.filter(|seen| before.is_none_or(|before| seen.seq < before)).collect();
            page.split_off(page.len().saturating_sub(20))
        };
        self.across(|| self.read(user.id, conversation, page)).await
    }

    async fn get(&self, _: usize, user: &User, message: Uuid) -> Outcome<Seen> {
        let read = || {
            let state = self.state.lock();
            let mut all = state.conversations.values().filter(|c| c.members.contains_key(&user.id));
            let found = all.find_map(|c| c.said.iter().find(|said| said.seen.id == message));
            found.map_or_else(|| fail("not_found"), |said| Outcome::Ok(said.seen.clone()))
        };
        self.across(read).await
    }

    async fn connect(
        &self,
        _: usize,
        user: &User,
        cursors: Option<&Cursors>,
    ) -> anyhow::Result<(Line, Arriving)> {
        let (heard, arriving) = mpsc::channel(100_000);
        let mut state = self.state.lock();
        let missed = cursors.map(|cursors| self.missed(&mut state, user.id, cursors));
        for told in missed.into_iter().flatten() {
            drop(heard.try_send(told));
        }
        state.sockets.push(Socket { user: user.id, heard });
        Ok((Line { people: self.clone(), user: user.id, epoch: state.epoch }, Arriving(arriving)))
    }
}

/// The sending half of a socket.
#[derive(Clone)]
pub(crate) struct Line {
    people: People,
    user: Uuid,
    epoch: u64,
}

impl Line {
    fn ask<O: Send + 'static>(
        &self,
        ask: impl FnOnce(&People) -> Outcome<O>,
    ) -> BoxFuture<'static, Outcome<O>> {
        let cut = || Outcome::Unknown("cut".to_owned());
        if self.people.state.lock().epoch != self.epoch {
            return std::future::ready(cut()).boxed();
        }
        let (outcome, line) = (ask(&self.people), self.clone());
        async move {
            sleep(jitter()).await;
            if line.people.state.lock().epoch == line.epoch { outcome } else { cut() }
        }
        .boxed()
    }
}

impl Sender for Line {
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>> {
        self.ask(|people| people.take(message))
    }

    fn act(&self, deed: &Deed) -> Option<BoxFuture<'static, Outcome<Option<Seen>>>> {
        Some(self.ask(|people| people.deed(self.user, deed, false)))
    }
}

/// The receiving half.
pub(crate) struct Arriving(mpsc::Receiver<Heard>);

impl Events for Arriving {
    async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}
