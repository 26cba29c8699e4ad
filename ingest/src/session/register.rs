//! Registration: claims → credential → `user.create` and its fold → claims confirmed → 201.
//!
//! Every step can be done again by whoever comes with the same `Idempotency-Key`: the user's id is
//! derived from it, so a retry meets its own claims, its own credential, its own command. Without a
//! key nobody can come back: a registration that fails before its command may lie in the log gives
//! its claims back, and one that breaks off otherwise leaves them pending for a minute. With a key
//! they are never given back, because another try's command may lie in the log.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::Store;
use platform::port::clock::uuid_v7;
use platform::port::store::{Claim as Outcome, get_one};
use schemas::envelope::UserCommand;
use schemas::table::{Table, Write};
use schemas::user::command::Create;
use schemas::user::head::Profile;
use schemas::user::table::Credential;
use schemas::{ApiError, Code, Stamp, UserId, topic};
use serde::Serialize;

use super::claim::{Name, valid_until};
use super::dto::{Register, Registration};
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, IdempotencyKey};
use crate::publish::Pending;
use crate::state::Ingest;

/// An account that was made.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registered {
    /// For people.
    message: &'static str,
    /// Whose it is.
    user_id: UserId,
}

pub(super) async fn register(
    State(ingest): State<Ingest>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    if !ingest.config.registration_open {
        return Err(Failure::new(Code::Forbidden, "registration is closed"));
    }
    let form = body.read::<Register<'_>>()?.check()?;
    let user_id = carry_out(&ingest, form, key.as_deref()).await?;
    let answer = Registered { message: "Registration successful", user_id };
    Ok(envelope::encoded(StatusCode::CREATED, &answer, ingest.now()))
}

async fn carry_out(
    ingest: &Ingest,
    form: Registration,
    key: Option<&str>,
) -> Result<UserId, Failure> {
    let store = &*ingest.platform.store;
    let username = form.username.to_lowercase();
    let email = form.email.to_lowercase();
    let user = match key {
        Some(key) => UserId::derived(key, &username, &email),
        None => UserId(uuid_v7(&*ingest.platform.clock)),
    };
    let names = [
        (Name { kind: "username", value: &username }, Code::UsernameTaken),
        (Name { kind: "email", value: &email }, Code::EmailTaken),
    ];

    if key.is_some() && !is_same_password(ingest, user, &form.password).await? {
        return Err(mismatch());
    }
    for (name, code) in names {
        if name.is_taken(store, user, ingest.now()).await? {
            return Err(taken(code));
        }
    }
    // The slow part comes before the claims, so that they are held only for moments.
    let hash = hash(ingest, &form).await?;
    let pending = match publish(ingest, &names, user, form, hash).await {
        Ok(pending) => pending,
        Err(failure) => {
            if key.is_none() && failure.api.code != Code::OutcomeUnknown {
                release(store, &names, user).await;
            }
            return Err(failure);
        }
    };
    // Done now or done before: either way the user exists.
    pending.outcome().await?;
    for (name, code) in names {
        // Without an answer nobody knows whose the name is.
        if !after_effect(name.confirm(store, user, ingest.now())).await? {
            return Err(taken(code));
        }
    }
    Ok(user)
}

/// Claims, credential, and the command's place in the log.
async fn publish(
    ingest: &Ingest,
    names: &[(Name<'_>, Code)],
    user: UserId,
    form: Registration,
    hash: String,
) -> Result<Pending, Failure> {
    let claimed_at = ingest.now();
    for (name, code) in names {
        if !name.claim(ingest, user, claimed_at).await? {
            return Err(taken(*code));
        }
    }
    if !insert_credential(ingest, user, hash, &form.password).await? {
        return Err(mismatch());
    }
    let profile = Profile {
        username: form.username,
        email: form.email,
        first_name: form.first_name,
        last_name: form.last_name,
        avatar_url: None,
        bio: None,
        status: None,
        phone: None,
    };
    let valid_until = Some(valid_until(claimed_at));
    let command = UserCommand::Create(Create { user_id: user, profile, valid_until });
    ingest.publisher.publish(&topic::USERS, user.0, user, &command)
}

async fn hash(ingest: &Ingest, form: &Registration) -> Result<String, Failure> {
    let names = [&form.first_name, &form.last_name];
    let mut context = vec![form.username.clone(), form.email.clone()];
    context.extend(names.into_iter().flatten().cloned());
    let hash = ingest.passwords.hash(form.password.clone(), context).await?;
    hash.ok_or_else(|| {
        let why = "password is too common or too close to your name: choose another".to_owned();
        ApiError::invalid(vec![why]).into()
    })
}

/// Whether an earlier try under the same key, if there was one, had the same password.
async fn is_same_password(ingest: &Ingest, user: UserId, password: &str) -> Result<bool, Failure> {
    match get_one::<Credential>(&*ingest.platform.store, Credential::get(user)).await? {
        None => Ok(true),
        Some(row) => ingest.passwords.verify(password.to_owned(), Some(row.password_hash)).await,
    }
}

/// Writes the credential, or finds that of an earlier try; false if its password was another one.
async fn insert_credential(
    ingest: &Ingest,
    user: UserId,
    password_hash: String,
    password: &str,
) -> Result<bool, Failure> {
    let row = Credential { user, password_hash, changed_at: ingest.now() };
    match ingest.platform.store.claim(Write::insert(&row, Stamp(0))).await? {
        Outcome::Won => Ok(true),
        Outcome::Lost(None) => Err(Failure::overloaded("a credential vanished")),
        Outcome::Lost(Some(stored)) => {
            let standing = Credential::from_cells(stored.cells)?;
            ingest.passwords.verify(password.to_owned(), Some(standing.password_hash)).await
        }
    }
}

/// Gives names back that a registration without any effect had claimed.
async fn release(store: &dyn Store, names: &[(Name<'_>, Code)], user: UserId) {
    for (name, _) in names {
        // Else the deadline does it.
        if let Err(failure) = name.release(store, user).await {
            tracing::debug!(cause = failure.cause, "a claim was not released");
        }
    }
}

fn taken(code: Code) -> Failure {
    match code {
        Code::EmailTaken => Failure::new(code, "this e-mail address is already registered"),
        _ => Failure::new(code, "this username is already taken"),
    }
}

fn mismatch() -> Failure {
    Failure::new(
        Code::IdempotencyMismatch,
        "this Idempotency-Key was used before with another password",
    )
}

#[cfg(test)]
#[path = "register_tests.rs"]
mod tests;
