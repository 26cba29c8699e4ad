//! Who is attacked, by whom, and what must be the same afterwards.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use http::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::history::{Outcome, What};
use crate::remote::{Answer, PASSWORD, Remote};
use crate::target::{Deed, Message, Target as _, User};

/// Numbers of these users; the storm's begin at 0.
const FIRST: usize = 1_000_000;
/// What a view of a user says of his sockets.
const PRESENCE: [&str; 3] = ["isOnline", "lastSeen", "presenceStatus"];

/// Alice and Bob have a conversation, Carol and Dave another one. Alice also has a group with Bob, is a
/// mere member of one of Dave's, and was removed from one of Carol's.
pub(super) struct Cast<'a> {
    pub(super) remote: &'a Remote,
    pub(super) alice: User,
    pub(super) bob: User,
    pub(super) dave: User,
    /// Alice's and Bob's.
    pub(super) own: Uuid,
    /// Carol's and Dave's.
    pub(super) foreign: Uuid,
    /// A message in it.
    pub(super) foreign_message: Uuid,
    /// A message of Alice's to Bob, one of Bob's to her, and one of hers that she took back.
    pub(super) own_message: Uuid,
    pub(super) bobs_message: Uuid,
    pub(super) gone_message: Uuid,
    /// Alice's group.
    pub(super) team: Uuid,
    /// Dave's, with Alice in it, and a message of Dave's.
    pub(super) club: Uuid,
    pub(super) club_message: Uuid,
    /// Carol's, which Alice was removed from, and a message that she sent there.
    pub(super) former: Uuid,
    pub(super) former_message: Uuid,
    /// Alice's refresh token.
    pub(super) refresh: String,
    everybody: Vec<User>,
}

impl<'a> Cast<'a> {
    pub(super) async fn make(remote: &'a Remote) -> anyhow::Result<Self> {
        let mut everybody = Vec::new();
        for number in FIRST..FIRST + 4 {
            everybody.push(remote.register(number).await?);
        }
        let [alice, bob, carol, dave] = everybody.as_slice() else {
            anyhow::bail!("four users were registered");
        };
        let own = opened(remote, alice, bob).await?;
        let foreign = opened(remote, carol, dave).await?;
        let own_message = said(remote, alice, own, 0).await?;
        for number in 1..3 {
            said(remote, alice, own, number).await?;
        }
        let bobs_message = said(remote, bob, own, 0).await?;
        let gone_message = said(remote, alice, own, 3).await?;
        let delete = What::Delete { message: gone_message, seq: 5 };
        done(remote, alice, own, delete).await?;
        let foreign_message = said(remote, carol, foreign, 0).await?;
        let team = group(remote, alice, &[bob.id]).await?;
        let club = group(remote, dave, &[alice.id, bob.id]).await?;
        let club_message = said(remote, dave, club, 0).await?;
        let former = group(remote, carol, &[dave.id, alice.id]).await?;
        let former_message = said(remote, alice, former, 0).await?;
        done(remote, carol, former, What::Remove { user: alice.id }).await?;
        let refresh = refresh_token(remote).await?;
        let (alice, bob, dave) = (alice.clone(), bob.clone(), dave.clone());
        Ok(Self {
            remote,
            alice,
            bob,
            dave,
            own,
            foreign,
            foreign_message,
            own_message,
            bobs_message,
            gone_message,
            team,
            club,
            club_message,
            former,
            former_message,
            refresh,
            everybody,
        })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1/{path}", self.remote.authority(0))
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Vec<u8>) -> Answer {
        let token = Some(&*self.alice.token);
        self.remote.rest().ask(method, &self.url(path), token, body.into()).await
    }

    /// All that these users can read.
    pub(super) async fn everything(&self) -> anyhow::Result<BTreeMap<String, Value>> {
        let mut all = BTreeMap::new();
        for (number, user) in self.everybody.iter().enumerate() {
            let (conversation, group) =
                if number < 2 { (self.own, self.team) } else { (self.foreign, self.former) };
            for path in [
                "users/me".to_owned(),
                "users/me/settings".to_owned(),
                "users/blocked".to_owned(),
                "conversations".to_owned(),
                format!("conversations/{conversation}"),
                format!("conversations/{conversation}/messages"),
                format!("messages/conversations/{conversation}/pinned"),
                format!("conversations/{group}"),
                format!("conversations/{group}/messages"),
                format!("conversations/{group}/participants"),
            ] {
                let answer = self.remote.rest().get(&self.url(&path), Some(&user.token)).await;
                ensure!(answer.status == 200, "GET {path}: {answer}");
                let mut body: Value = serde_json::from_slice(&answer.body)?;
                let mut data = body.get_mut("data").map(Value::take).context("an envelope")?;
                without_presence(&mut data);
                all.insert(format!("user {number} {path}"), data);
            }
        }
        Ok(all)
    }
}

/// Takes out what sockets change that come and go, whatever they say.
fn without_presence(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| !PRESENCE.contains(&name.as_str()));
            fields.values_mut().for_each(without_presence);
        }
        Value::Array(all) => all.iter_mut().for_each(without_presence),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

async fn opened(remote: &Remote, by: &User, with: &User) -> anyhow::Result<Uuid> {
    match remote.open(0, by, with).await {
        Outcome::Ok(id) => Ok(id),
        other => anyhow::bail!("opening a conversation: {other:?}"),
    }
}

async fn group(remote: &Remote, by: &User, with: &[Uuid]) -> anyhow::Result<Uuid> {
    match remote.group(0, by, with).await {
        Outcome::Ok(id) => Ok(id),
        other => anyhow::bail!("opening a group: {other:?}"),
    }
}

async fn done(remote: &Remote, by: &User, to: Uuid, what: What) -> anyhow::Result<()> {
    let deed = Deed { conversation: to, key: "once".into(), what, content: "".into() };
    match remote.act(0, by, &deed).await {
        Outcome::Ok(_) => Ok(()),
        other => anyhow::bail!("{deed:?}: {other:?}"),
    }
}

async fn said(remote: &Remote, by: &User, to: Uuid, number: usize) -> anyhow::Result<Uuid> {
    let message = Message::new(to, by.id, &format!("before-{number}"), "before".to_owned());
    match remote.send(0, by, &message).await {
        Outcome::Ok(seen) => Ok(seen.id),
        other => anyhow::bail!("sending: {other:?}"),
    }
}

async fn refresh_token(remote: &Remote) -> anyhow::Result<String> {
    let url = format!("http://{}/api/v1/auth/login", remote.authority(0));
    let login = serde_json::json!({"identifier": remote.username(FIRST), "password": PASSWORD});
    let answer = remote.rest().post(&url, None, &login).await;
    let body: Value = serde_json::from_slice(&answer.body)?;
    let token = body.pointer("/data/refreshToken").and_then(Value::as_str);
    Ok(token.context("a refresh token")?.to_owned())
}
