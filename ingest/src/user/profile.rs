//! Changing one's own profile. A telephone number is a name that only one user can have: it is claimed
//! before the fold has it, confirmed and its predecessor given back after.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::envelope::UserCommand;
use schemas::patch::Patch;
use schemas::user::command::Update;
use schemas::user::head::{Head, Profile as Stored};
use schemas::{Code, Timestamp, UserId, topic};

use super::dto::{Profile, dialled};
use super::read::{own, present};
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller};
use crate::session::claim::{Name, PHONE, valid_until};
use crate::state::Ingest;

pub(super) async fn update(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let update = body.read::<Profile<'_>>()?.check()?;
    let before = present(&ingest, who.user).await?;
    if update == Update::default() {
        return answer(&ingest, who.user, &before).await;
    }
    let number = Number::of(&before.profile, &update.phone);
    let claimed_at = ingest.now();
    number.claim(&ingest, who.user, claimed_at).await?;
    // All or nothing: a number that may be somebody else's before this is folded is not asked for.
    let done = if number.taken.is_some() && valid_until(claimed_at) <= ingest.now() {
        Err(Failure::overloaded("a claim on a number has run out"))
    } else {
        carry_out(&ingest, who.user, update).await
    };
    if let Err(failure) = done {
        number.abandon(&ingest, who.user, &failure).await;
        return Err(failure);
    }
    ingest.profiles.forget(who.user);
    let rest = async {
        let after = present(&ingest, who.user).await?;
        number.settle(&ingest, who.user, &after.profile).await?;
        answer(&ingest, who.user, &after).await
    };
    after_effect(rest).await
}

async fn answer(ingest: &Ingest, user: UserId, head: &Head) -> Result<Response, Failure> {
    let own = own(ingest, user, head).await?;
    Ok(envelope::encoded(StatusCode::OK, &own, ingest.now()))
}

async fn carry_out(ingest: &Ingest, user: UserId, update: Update) -> Result<(), Failure> {
    let command = UserCommand::Update(update);
    let pending = ingest.publisher.publish(&topic::USERS, user.0, user, &command)?;
    pending.outcome().await.map(drop)
}

/// Telephone numbers that a change takes and leaves, as claims spell them.
struct Number {
    taken: Option<String>,
    left: Option<String>,
}

impl Number {
    fn of(before: &Stored, phone: &Patch<String>) -> Self {
        let old = before.phone.as_deref().map(dialled);
        let new = match phone {
            Patch::Absent => old.clone(),
            Patch::Null => None,
            Patch::Value(phone) => Some(dialled(phone)),
        };
        if new == old {
            return Self { taken: None, left: None };
        }
        Self { taken: new, left: old }
    }

    async fn claim(&self, ingest: &Ingest, user: UserId, now: Timestamp) -> Result<(), Failure> {
        let Some(value) = &self.taken else { return Ok(()) };
        let name = Name { kind: PHONE, value };
        if name.claim(ingest, user, now).await? { Ok(()) } else { Err(in_use()) }
    }

    /// The change was refused: others need not wait for the claim to run out.
    async fn abandon(&self, ingest: &Ingest, user: UserId, why: &Failure) {
        let Some(value) = &self.taken else { return };
        if why.api.code == Code::OutcomeUnknown {
            return;
        }
        let name = Name { kind: PHONE, value };
        // Else the deadline does it.
        if let Err(failure) = name.release(&*ingest.platform.store, user).await {
            tracing::debug!(cause = failure.cause, "a claim was not released");
        }
    }

    /// Whose numbers they are from now on, as the profile is: another change may have come since.
    async fn settle(&self, ingest: &Ingest, user: UserId, now: &Stored) -> Result<(), Failure> {
        let store = &*ingest.platform.store;
        let has = now.phone.as_deref().map(dialled);
        if let Some(value) = self.taken.as_ref().filter(|value| has.as_ref() == Some(value)) {
            let name = Name { kind: PHONE, value };
            if !name.confirm(store, user, ingest.now()).await? {
                // Somebody took the claim over while this node stood still for its whole life.
                let none = Update { phone: Patch::Null, ..Update::default() };
                carry_out(ingest, user, none).await?;
                return Err(in_use());
            }
        }
        if let Some(value) = self.left.as_ref().filter(|value| has.as_ref() != Some(value)) {
            Name { kind: PHONE, value }.give_back(store, user).await?;
        }
        Ok(())
    }
}

fn in_use() -> Failure {
    Failure::new(Code::Conflict, "this phone number is already in use")
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
