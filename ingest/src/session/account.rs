//! What happens to the rows behind an account when its password changes and when it goes. A request
//! that broke off is completed by the same request.

use platform::inbound::Identity;
use platform::port::store::Claim as Outcome;
use schemas::table::{Op, Stored, Table, Write};
use schemas::user::head::{Head, Profile};
use schemas::user::table::Credential;
use schemas::{ApiError, Code, SessionId, Stamp, UserId};

use super::claim::{Name, PHONE};
use super::{end, of_user};
use crate::error::{Failure, after_effect};
use crate::limit::{Account, Class};
use crate::publish::unknown;
use crate::state::Ingest;
use crate::user::dto::dialled;
use crate::user::gone;

/// Who changes a password, by which session, which is to live on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) head: &'a Head,
    /// Whether the request names itself, so that it may be a repetition.
    pub(crate) named: bool,
}

/// Sets another password and ends every other session of the user.
pub(crate) async fn change_password(
    ingest: &Ingest,
    by: By<'_>,
    current: &str,
    next: &str,
) -> Result<(), Failure> {
    let counts = &*ingest.platform.ephemeral;
    ingest.limiter.check(counts, Class::Account, Account::User(by.user)).await?;
    let stored = stored(ingest, by.user).await?.ok_or_else(gone)?;
    let credential = Credential::from_cells(stored.cells.clone())?;
    let hash = credential.password_hash.clone();
    if !ingest.passwords.verify(current.to_owned(), Some(hash.clone())).await? {
        // What broke off after the new password was set is completed by who names his request.
        if by.named && ingest.passwords.verify(next.to_owned(), Some(hash)).await? {
            return after_effect(of_user::end_all(ingest, by.user, Some(by.session))).await;
        }
        return Err(Failure::new(Code::InvalidCredentials, "Current password is incorrect"));
    }
    if current == next {
        let why = "newPassword must differ from currentPassword".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    }
    let hashed = ingest.passwords.hash(next.to_owned(), context(&by.head.profile)).await?;
    let Some(password_hash) = hashed else {
        let why = "newPassword is too common or too close to your name: choose another".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    };
    let row = Credential { password_hash, changed_at: ingest.now(), ..credential };
    let (ingest, session) = (ingest.clone(), by.session);
    end::to_its_end(async move { replace(&ingest, &stored, row, session).await }).await
}

/// Writes the credential, and ends all sessions but one; it goes on if the caller leaves.
async fn replace(
    ingest: &Ingest,
    stored: &Stored,
    row: Credential,
    session: SessionId,
) -> Result<(), Failure> {
    match ingest.platform.store.replace(stored, Write::replace(&row, Stamp(0))).await {
        Ok(Outcome::Won) => {}
        Ok(Outcome::Lost(_)) => return Err(Failure::overloaded("a credential is contended")),
        // It may have been written.
        Err(error) if error.retryable() => return Err(unknown(error.to_string())),
        Err(error) => return Err(error.into()),
    }
    // Only now, so that nobody can sign in with the old one any more.
    after_effect(of_user::end_all(ingest, row.user, Some(session))).await
}

/// Words that a password must not be made of.
fn context(profile: &Profile) -> Vec<String> {
    let names = [&profile.first_name, &profile.last_name];
    let mut context = vec![profile.username.clone(), profile.email.clone()];
    context.extend(names.into_iter().flatten().cloned());
    context
}

async fn stored(ingest: &Ingest, user: UserId) -> Result<Option<Stored>, Failure> {
    Ok(ingest.platform.store.get(&[Credential::get(user)]).await?.into_iter().next().flatten())
}

/// Removes what a deleted user could come back with, and gives back the names that only one can have:
/// `before` is his profile as it was. The caller's own session ends last; all of it goes on if he leaves.
pub(crate) async fn remove(
    ingest: &Ingest,
    who: &Identity,
    before: Profile,
) -> Result<(), Failure> {
    let (ingest, who) = (ingest.clone(), who.clone());
    end::to_its_end(async move { every_step(&ingest, &who, &before).await }).await
}

async fn every_step(ingest: &Ingest, who: &Identity, before: &Profile) -> Result<(), Failure> {
    let user = who.user;
    let store = &*ingest.platform.store;
    if let Some(stored) = stored(ingest, user).await? {
        let row = Credential::from_cells(stored.cells.clone())?;
        let gone = Write { op: Op::Delete, ..Write::insert(&row, Stamp(0)) };
        // Lost: somebody changes it in this moment; nobody signs in to a deleted account either way.
        store.replace(&stored, gone).await?;
    }
    let (username, email) = (before.username.to_lowercase(), before.email.to_lowercase());
    let phone = before.phone.as_deref().map(dialled);
    let names = [("username", Some(username)), ("email", Some(email)), (PHONE, phone)];
    for (kind, value) in names {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            Name { kind, value: &value }.give_back(store, user).await?;
        }
    }
    of_user::end_all(ingest, user, Some(who.session)).await?;
    end::end(ingest, who.session).await
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
