//! Who types, as sockets tell it: `typing {"conversationId", "isTyping"}`, at every key stroke.
//!
//! Of what a node hears about one user and conversation the first is told at once, and of what comes
//! within the next [`limits::TYPING_EVERY_MS`] only the last, when they are over ([`flush`]). What is
//! told says when it ends by itself, 10 s after the last signal (G-24), so that a late flush moves no
//! end; that he stops is told at once. Rows are read for what is told, not for what is heard: who he
//! is to the conversation, and whom he and they have blocked, is fresh each time.
//!
//! Nobody is told of one who hides it, of one who may not write there, or in a direct conversation in
//! which one has blocked the other; in a group those are left out who have blocked him, or whom he has.
//! Where a conversation is routed as a whole the record goes by its route, to whoever has it on screen,
//! and names whom the typer has blocked; who has blocked him is known where they are. There the first
//! [`limits::TYPING_SHOWN`] who type are told of, and of the others it stands on the board alone, for
//! those who ask.
//!
//! That it ends is told of whoever was told of, whatever he hides since: an end gives nothing away.

mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{join_all, ready};
use platform::Store;
use platform::port::ephemeral;
use platform::port::store::{get_many, scan};
use schemas::conversation::head::{Head, Kind, Routing};
use schemas::conversation::table::HeadRow;
use schemas::member::table::MembershipByUser;
use schemas::member::{Membership, Role};
use schemas::outbound::Outbound;
use schemas::table::Get;
use schemas::typing::view::Typing as View;
use schemas::typing::{self, Note};
use schemas::user::table::{Block, UserHead, UserSettings};
use schemas::{ApiError, Code, ConversationId, Timestamp, UserId, event, limits};
use tokio::time::timeout;

use crate::access::{Entry, entry_of, not_member};
use crate::error::{Failure, OVERLOAD_RETRY_MS};
use crate::limit::{Account, Class};
use crate::message::Answer;
use crate::publish::Signalling;
use crate::rows::Rows;
use crate::state::Ingest;
use crate::user::gone;

pub(crate) use table::Typing;
use table::{Due, Heard, Moment, Shows, Stopped, Typer, Writing};

/// Conversations that are looked at side by side at a flush.
const TOGETHER: usize = 64;

/// Whose typing, and where.
type Key = (UserId, ConversationId);

/// What is told of him.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// He types.
    Types(Typer),
    /// He does so no more.
    Stops,
    /// He does so no more, and nobody believes that he does.
    Vanishes,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Audience {
    /// Nobody, and it does not stand on the board.
    Nobody,
    /// Who looks at the board.
    Board,
    /// These, too.
    Users(Vec<UserId>),
    /// Whoever has the conversation on screen, too, but for these.
    Room(Vec<UserId>),
}

/// What fresh rows say of somebody who types.
struct Plan {
    username: String,
    audience: Audience,
}

/// Takes one signal.
pub(super) async fn accept(
    ingest: &Ingest,
    user: UserId,
    conversation: ConversationId,
    is_typing: bool,
) -> Result<Answer, Failure> {
    let key = (user, conversation);
    let told = if is_typing {
        match ingest.typing.types(key, moment(ingest)) {
            Heard::Now(typer) => Told::Types(typer),
            Heard::Later => return Ok(done()),
            Heard::Full => return Err(full().into()),
            Heard::Many => return Err(many().into()),
        }
    } else {
        match ingest.typing.stops(key) {
            Some(Stopped::Shown) => Told::Stops,
            Some(Stopped::Unseen) => Told::Vanishes,
            // What did not begin here ends by itself.
            None => return Ok(done()),
        }
    };
    let account = Account::User(user);
    let told = async {
        ingest.limiter.check(&*ingest.platform.ephemeral, Class::Signals, account).await?;
        tell(ingest, key, told).await
    };
    match told.await {
        Ok(appending) => {
            Ok(async move { appending.await.map(|()| Bytes::from_static(b"{}")) }.boxed())
        }
        Err(failure) => {
            ingest.typing.forget(key);
            Err(failure)
        }
    }
}

fn done() -> Answer {
    ready(Ok(Bytes::from_static(b"{}"))).boxed()
}

fn full() -> ApiError {
    ApiError::new(Code::Overloaded, "too many users type: try again").retry_after(OVERLOAD_RETRY_MS)
}

fn many() -> ApiError {
    let why = "the user types in too many conversations";
    ApiError::new(Code::RateLimited, why).retry_after(OVERLOAD_RETRY_MS)
}

fn moment(ingest: &Ingest) -> Moment {
    let clock = &ingest.platform.clock;
    Moment { at: clock.now(), ms: clock.monotonic_ms() }
}

/// Tells what was held back. To be called every second.
pub(crate) async fn flush(ingest: &Ingest) {
    let due = ingest.typing.turn(moment(ingest));
    for due in due.chunks(TOGETHER) {
        join_all(due.iter().map(|due| late(ingest, *due))).await;
    }
    // The board is away still when some is not written: then the others wait for the next turn.
    let mut away = false;
    for owed in ingest.typing.unwritten(moment(ingest)).chunks(TOGETHER) {
        if away {
            for (key, writing) in owed {
                ingest.typing.owes(*key, *writing);
            }
            continue;
        }
        let written = join_all(owed.iter().map(|(key, writing)| write(ingest, *key, *writing)));
        away = written.await.contains(&false);
    }
}

async fn late(ingest: &Ingest, Due { key, typer }: Due) {
    aside(ingest, key, Told::Types(typer)).await;
}

/// A user hides from now on that he types: so he does so no more, as far as this node has told it.
pub(crate) async fn hide(ingest: &Ingest, user: UserId) {
    let shown = ingest.typing.shown_of(user).into_iter().filter(|key| ingest.typing.hushes(*key));
    join_all(shown.map(|key| aside(ingest, key, Told::Stops))).await;
}

/// The same for somebody who waits for an answer: no longer than for an append. What is not told by then
/// ends where it was told to end.
pub(crate) async fn hide_soon(ingest: &Ingest, user: UserId) {
    let limit = Duration::from_millis(limits::APPEND_MS);
    if timeout(limit, hide(ingest, user)).await.is_err() {
        tracing::warn!("that somebody hides his typing could not be told in time");
    }
}

async fn aside(ingest: &Ingest, key: Key, told: Told) {
    let told = async { tell(ingest, key, told).await?.await };
    if let Err(failure) = told.await {
        // It ends where it was told to end; its cause goes to the log, nobody waits for an answer.
        drop(failure.into_api(ingest));
    }
}

/// Gives it its place in the log; the future brings it onto the board.
async fn tell(ingest: &Ingest, key: Key, told: Told) -> Result<Signalling, Failure> {
    let plan = plan(ingest, key, told).await?;
    let (_, conversation) = key;
    let shows = match plan.audience {
        // He hides it, or may not write, only since it was told.
        Audience::Nobody if ingest.typing.hushes(key) => {
            return Box::pin(tell(ingest, key, Told::Stops)).await;
        }
        Audience::Nobody => return Ok(ready(Ok(())).boxed()),
        Audience::Board => Shows::Nobody,
        Audience::Users(_) | Audience::Room(_) => Shows::Others,
    };
    let append = || -> Result<Option<Signalling>, Failure> {
        let signal = signal(key, &plan, told, ingest.now());
        signal.map(|signal| ingest.publisher.signal(&conversation.to_string(), &signal)).transpose()
    };
    // A stop that came meanwhile is not overtaken by what it stops.
    let append = match told {
        Told::Types(typer) => match ingest.typing.while_it_stands(key, (typer, shows), append) {
            Some(append) => append?,
            None => return Ok(ready(Ok(())).boxed()),
        },
        Told::Stops | Told::Vanishes => append()?,
    };
    let ingest = ingest.clone();
    let telling = async move {
        note(&ingest, key, told).await;
        match append {
            Some(append) => append.await,
            None => Ok(()),
        }
    };
    Ok(telling.boxed())
}

/// The record; none: nobody is told.
fn signal((user, conversation): Key, plan: &Plan, told: Told, now: Timestamp) -> Option<Outbound> {
    let (audience, except) = match &plan.audience {
        Audience::Users(users) => (event::pack(users), Bytes::new()),
        Audience::Room(except) => (Bytes::new(), event::pack(except)),
        Audience::Nobody | Audience::Board => return None,
    };
    let until = match told {
        Told::Types(typer) => Some(typing::until(typer.last)),
        Told::Stops | Told::Vanishes => None,
    };
    let username = plan.username.as_str().into();
    let view = View { user_id: user, username, is_typing: until.is_some(), until };
    let frame = typing::frame_of(conversation, now, &view);
    Some(Outbound::Typing { conversation, user, until, audience, except, frame })
}

/// Writes it on the board, or wipes it off. Without a board nobody is worse off than without a list.
async fn note(ingest: &Ingest, key: Key, told: Told) {
    write(ingest, key, ingest.typing.writes(key, told, moment(ingest))).await;
}

/// Whether it was written; if not, the board is owed it.
async fn write(ingest: &Ingest, key: Key, writing: Writing) -> bool {
    let (user, conversation) = key;
    let board = typing::board(conversation);
    let wipe = ephemeral::Note::wipe(user.0);
    let note = match writing.told {
        Told::Stops | Told::Vanishes => wipe.clone(),
        Told::Types(typer) => {
            let expires_at = typing::until(typer.last);
            let left = u64::try_from(expires_at.since(ingest.now())).unwrap_or(0);
            if left == 0 {
                return true;
            }
            let note = Note { started_at: typer.since, expires_at }.write();
            ephemeral::Note::brief(user.0, note, Duration::from_millis(left))
        }
    };
    let ephemeral = &ingest.platform.ephemeral;
    let mut written = ephemeral.note(&board, &[note]).await;
    let mut last = writing;
    // A stop that came while it was on its way was wiped off before it.
    if matches!(writing.told, Told::Types(_)) && ingest.typing.is_over(key) {
        last = ingest.typing.writes(key, Told::Stops, moment(ingest));
        written = ephemeral.note(&board, &[wipe]).await;
    }
    if let Err(error) = &written {
        tracing::debug!(%error, "who types can not be noted");
        ingest.typing.owes(key, last);
    }
    written.is_ok()
}

/// Reads who he is to the conversation; strangers are refused.
async fn plan(ingest: &Ingest, key: Key, told: Told) -> Result<Plan, Failure> {
    let (user, conversation) = key;
    let store = &*ingest.platform.store;
    if matches!(told, Told::Vanishes) {
        return Ok(Plan { username: String::new(), audience: Audience::Board });
    }
    let gets = [
        MembershipByUser::get(user, conversation),
        HeadRow::get(conversation),
        UserHead::get(user),
        UserSettings::get(user),
    ];
    let mut rows = Rows::read(store, &gets).await?;
    let entry = entry_of(rows.next()?, rows.next()?)?;
    let Entry { membership, head } = entry.ok_or_else(not_member)?;
    let own = rows.next::<UserHead>()?.ok_or_else(gone)?.head()?;
    let hides = match rows.next::<UserSettings>()? {
        Some(settings) => hides(&settings.read()?),
        None => false,
    };
    let types = matches!(told, Told::Types(_));
    let audience = if types && (hides || !may_write(&membership, &head)) {
        Audience::Nobody
    } else if head.routing == Routing::Conversation {
        match told {
            Told::Types(_) if !ingest.typing.is_first(key) => Audience::Board,
            Told::Types(_) => Audience::Room(blocked(store, user).await?),
            // Whoever was told is told.
            Told::Stops | Told::Vanishes => Audience::Room(Vec::new()),
        }
    } else {
        let others = head.members.0.iter().copied().filter(|member| *member != user).collect();
        let mut admitted = admitted(ingest, user, others).await?;
        if types && parted(&head, &admitted) {
            Audience::Nobody
        } else {
            // His own other sockets, too.
            admitted.push(user);
            Audience::Users(admitted)
        }
    };
    Ok(Plan { username: own.profile.username, audience })
}

/// Of those others who have not blocked him, and whom he has not.
pub(super) async fn admitted(
    ingest: &Ingest,
    user: UserId,
    others: Vec<UserId>,
) -> Result<Vec<UserId>, Failure> {
    let pair = |other: &UserId| [Block::get(user, *other), Block::get(*other, user)];
    let gets: Vec<Get> = others.iter().flat_map(pair).collect();
    let blocks = get_many::<Block>(&*ingest.platform.store, &gets).await?;
    let admitted = others.into_iter().zip(blocks.chunks(2));
    Ok(admitted
        .filter(|(_, blocks)| blocks.iter().all(Option::is_none))
        .map(|(other, _)| other)
        .collect())
}

/// Whom he has blocked.
async fn blocked(store: &dyn Store, user: UserId) -> Result<Vec<UserId>, Failure> {
    let rows = scan(store, Block::of_user(user, limits::BLOCKS)).await?;
    Ok(rows.into_iter().map(|row| row.other).collect())
}

/// Whether he does not want others to see that he types.
pub(crate) fn hides(settings: &serde_json::Map<String, serde_json::Value>) -> bool {
    settings.get("showTypingIndicator") == Some(&serde_json::Value::Bool(false))
}

/// Whether what he types could be sent.
fn may_write(membership: &Membership, head: &Head) -> bool {
    head.kind != Kind::Channel || membership.role > Role::Member
}

/// Whether one of two has blocked the other, who alone are in a conversation.
fn parted(head: &Head, admitted: &[UserId]) -> bool {
    let blocked = !head.blocked_by.is_empty() || admitted.len() + 1 < head.members.0.len();
    head.kind == Kind::Direct && blocked
}
