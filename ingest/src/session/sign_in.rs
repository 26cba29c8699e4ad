//! Login: a password for a session. An unknown account and a wrong password cost the same work and
//! get the same answer, so that neither tells who is registered.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use platform::port::clock::uuid_v7;
use platform::port::store::{Claim as Outcome, get_one};
use schemas::session::table::Session;
use schemas::table::{Stored, Table, Write};
use schemas::user::head::Head;
use schemas::user::table::Credential;
use schemas::user::view::Own;
use schemas::{Code, SessionId, Stamp, UserId, limits};

use super::claim::owner_of;
use super::dto::{EXPIRES_IN, Login, Tokens};
use super::{end, of_user};
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Peer};
use crate::limit::{Account, Class};
use crate::profiles::head;
use crate::state::Ingest;
use crate::user::own;

/// Characters of a user agent that a session keeps.
const AGENT_CHARS: usize = 200;

pub(super) async fn login(
    State(ingest): State<Ingest>,
    Peer(peer): Peer,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let form = body.read::<Login<'_>>()?;
    let (identifier, password) = form.check()?;
    let identifier = identifier.to_lowercase();
    let counts = &*ingest.platform.ephemeral;
    let from = Account::From(&identifier, peer);
    ingest.limiter.check(counts, Class::Account, from).await?;

    let found = find(&ingest, &identifier).await?;
    let stored = found.as_ref().map(|found| found.credential.password_hash.clone());
    let right = ingest.passwords.verify(password.to_owned(), stored).await?;
    let Some(found) = found.filter(|_| right) else {
        // Only now: guesses from elsewhere must not keep out who knows the password.
        let account = Account::Named(&identifier);
        ingest.limiter.check(counts, Class::Guesses, account).await?;
        return Err(Failure::new(Code::InvalidCredentials, "Invalid credentials"));
    };
    renew(&ingest, &found, password).await;
    let agent = headers.get(http::header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let session = open(&ingest, found.user, agent).await?;
    // Who changed the password meanwhile has ended the sessions that were there, not this one.
    let credential = get_one::<Credential>(&*ingest.platform.store, Credential::get(found.user));
    if credential.await?.map(|row| row.changed_at) != Some(found.credential.changed_at) {
        // Nobody holds its tokens, so that nothing was done if its end broke off.
        end::end(&ingest, session).await.map_err(busy)?;
        return Err(Failure::new(Code::InvalidCredentials, "Invalid credentials"));
    }
    // The session stands: it is not refused for something to look at.
    let own = own(&ingest, found.user, &found.head).await;
    let own = own.unwrap_or_else(|_| Own::of(found.user, &found.head));
    let tokens = Tokens { user: Some(own), ..tokens(&ingest, found.user, session, 1) };
    Ok(envelope::encoded(StatusCode::OK, &tokens, ingest.now()))
}

/// An end without an effect that anybody sees is refused like all that does not answer.
fn busy(failure: Failure) -> Failure {
    match failure.api.code {
        Code::OutcomeUnknown => Failure::overloaded(failure.cause.unwrap_or_default()),
        _ => failure,
    }
}

/// An account that can be signed in to.
struct Found {
    user: UserId,
    head: Head,
    credential: Credential,
    stored: Stored,
}

async fn find(ingest: &Ingest, identifier: &str) -> Result<Option<Found>, Failure> {
    let store = &*ingest.platform.store;
    let kind = if identifier.contains('@') { "email" } else { "username" };
    let Some(user) = owner_of(store, kind, identifier).await? else { return Ok(None) };
    let head = head(store, user).await?.filter(|head| head.deleted_at.is_none());
    let Some(head) = head else { return Ok(None) };
    let stored = store.get(&[Credential::get(user)]).await?.into_iter().next().flatten();
    let Some(stored) = stored else { return Ok(None) };
    let credential = Credential::from_cells(stored.cells.clone())?;
    Ok(Some(Found { user, head, credential, stored }))
}

/// Hashes the password anew if hashes have become dearer since. Not worth failing a login for.
async fn renew(ingest: &Ingest, found: &Found, password: &str) {
    let old = &found.credential.password_hash;
    let renewed = async {
        let Some(password_hash) = ingest.passwords.stronger(password.to_owned(), old).await? else {
            return Ok::<_, Failure>(());
        };
        let row = Credential { password_hash, ..found.credential.clone() };
        ingest.platform.store.replace(&found.stored, Write::replace(&row, Stamp(0))).await?;
        Ok(())
    };
    if let Err(failure) = renewed.await {
        tracing::warn!(cause = failure.cause, "a password hash was not renewed");
    }
}

async fn open(ingest: &Ingest, user: UserId, agent: Option<&str>) -> Result<SessionId, Failure> {
    let now = ingest.now();
    let row = Session {
        session: SessionId(uuid_v7(&*ingest.platform.clock)),
        user,
        generation: 1,
        rotated_at: now,
        created_at: now,
        expires_at: now.plus_ms(limits::SESSION_MS),
        ended_at: None,
        user_agent: agent.map(|agent| agent.chars().take(AGENT_CHARS).collect()),
    };
    let store = &*ingest.platform.store;
    // Both before its tokens are given out, so that none can be used which is not found.
    let (opened, ()) = futures_util::future::try_join(
        store.claim(Write::insert(&row, Stamp(0))),
        store.put(vec![of_user::row(&row)]),
    )
    .await?;
    match opened {
        Outcome::Won => Ok(row.session),
        Outcome::Lost(_) => Err(Failure::internal("a new session's id was in use")),
    }
}

/// The tokens of a session's generation.
pub(super) fn tokens(ingest: &Ingest, user: UserId, session: SessionId, generation: i64) -> Tokens {
    Tokens {
        user: None,
        access_token: ingest.keys.access_token(user, session, ingest.now()),
        refresh_token: ingest.keys.refresh_token(session, generation),
        expires_in: EXPIRES_IN,
    }
}
