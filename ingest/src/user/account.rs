//! One's own account: another password, and its end.

use axum::extract::State;
use axum::response::Response;
use schemas::envelope::UserCommand;
use schemas::user::command::Delete;
use schemas::{UserId, topic};

use super::dto::Password;
use super::read::present;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, IdempotencyKey};
use crate::profiles::head;
use crate::session::account::{By, change_password, remove};
use crate::state::Ingest;
use crate::user::gone;

pub(super) async fn password(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let form = body.read::<Password<'_>>()?;
    let (current, next) = form.check()?;
    let head = present(&ingest, who.user).await?;
    let by = By { user: who.user, session: who.session, head: &head, named: key.is_some() };
    change_password(&ingest, by, current, next).await?;
    Ok(envelope::said("Password changed successfully", ingest.now()))
}

/// The profile goes first: from then on the account is nobody's, whatever of the rest is left to do.
/// What broke off is completed by the same request, whose session ends last: where that is refused as
/// one of a session that has ended, because only the notice to other nodes was not confirmed, all of it
/// was done, and a repeated logout or the sweep tells them.
pub(super) async fn delete(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    let before = head(store, who.user).await?.ok_or_else(gone)?;
    if before.deleted_at.is_none() {
        carry_out(&ingest, who.user).await?;
        ingest.profiles.forget(who.user);
    }
    after_effect(remove(&ingest, &who, before.profile)).await?;
    Ok(envelope::said("Account deleted successfully", ingest.now()))
}

async fn carry_out(ingest: &Ingest, user: UserId) -> Result<(), Failure> {
    let command = UserCommand::Delete(Delete { user_id: user });
    let pending = ingest.publisher.publish(&topic::USERS, user.0, user, &command)?;
    pending.outcome().await.map(drop)
}
