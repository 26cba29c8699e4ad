//! Claims on names that only one user can have: insert-if-absent, and compare-and-set for what
//! follows (HAZARDS 12).
//!
//! A claim is pending while its registration runs. One that was left pending past its deadline may
//! be taken over, unless its owner has become a user in the meantime: then it counts as confirmed.
//! What a deleted user had is anybody's, and so is a telephone number that its owner's profile does
//! not have: whoever gives a name back may break off before he does.
//!
//! Whether he has is for the log to decide, as his `user.create` may lie there and not be folded
//! yet. So who takes over first sends the owner a `user.void` and waits for its reply: all before it
//! is folded then, and a `user.create` that comes after it comes too late ([`valid_until`]).

use platform::Store;
use platform::port::store::Claim as Outcome;
use schemas::envelope::UserCommand;
use schemas::table::{Op, Stored, Table, Write};
use schemas::user::command::Void;
use schemas::user::head::Head;
use schemas::user::table::Claim;
use schemas::{Stamp, Timestamp, UserId, limits, topic};

use crate::error::Failure;
use crate::profiles::head;
use crate::state::Ingest;
use crate::user::dto::dialled;

/// Tries against others who write the same claim.
const TRIES: usize = 4;

/// Until when the log must have taken the command of claims that were made at this time. The other
/// half of their life is for clocks that differ.
pub(crate) fn valid_until(claimed_at: Timestamp) -> Timestamp {
    claimed_at.plus_ms(limits::CLAIM_PENDING_MS / 2)
}

/// A name that someone wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    /// `username`, `email` or [`PHONE`].
    pub(crate) kind: &'static str,
    /// Lower case.
    pub(crate) value: &'a str,
}

/// Kind of the claims on telephone numbers.
pub(crate) const PHONE: &str = "phone";

impl Name<'_> {
    fn row(self, owner: UserId, confirmed: bool, now: Timestamp) -> Write {
        let claim = Claim {
            kind: self.kind.to_owned(),
            value: self.value.to_owned(),
            owner,
            confirmed,
            deadline: now.plus_ms(limits::CLAIM_PENDING_MS),
        };
        Write::insert(&claim, Stamp(0))
    }

    async fn stored(self, store: &dyn Store) -> Result<Option<Stored>, Failure> {
        let found = store.get(&[Claim::get(self.kind, self.value)]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Whether it is someone else's for good: a cheap look before work is done.
    pub(crate) async fn is_taken(
        self,
        store: &dyn Store,
        owner: UserId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        match self.stored(store).await? {
            None => Ok(false),
            Some(row) => {
                let standing = Claim::from_cells(row.cells)?;
                Ok(standing.owner != owner && !is_free(store, &standing, now).await?)
            }
        }
    }

    /// Whether `owner` has it from now on, until its deadline at least.
    pub(crate) async fn claim(
        self,
        ingest: &Ingest,
        owner: UserId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        let store = &*ingest.platform.store;
        let wanted = self.row(owner, false, now);
        for _ in 0..TRIES {
            let standing = match store.claim(wanted.clone()).await? {
                Outcome::Won => return Ok(true),
                Outcome::Lost(None) => continue,
                Outcome::Lost(Some(standing)) => standing,
            };
            let claim = Claim::from_cells(standing.cells.clone())?;
            if claim.owner == owner && claim.confirmed {
                return Ok(true);
            }
            if claim.owner != owner && !is_left(ingest, &claim, now).await? {
                return Ok(false);
            }
            // Ours from an earlier try, or left behind: from now on ours, with a new deadline.
            if store.replace(&standing, wanted.clone()).await? == Outcome::Won {
                return Ok(true);
            }
        }
        Err(Failure::overloaded("a claim is contended"))
    }

    /// The registration is finished. Whether `owner` is who has the name.
    pub(crate) async fn confirm(
        self,
        store: &dyn Store,
        owner: UserId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
        for _ in 0..TRIES {
            let Some(standing) = self.stored(store).await? else { return Ok(false) };
            let claim = Claim::from_cells(standing.cells.clone())?;
            if claim.owner != owner || claim.confirmed {
                return Ok(claim.owner == owner);
            }
            let confirmed = self.row(owner, true, now);
            if store.replace(&standing, confirmed).await? == Outcome::Won {
                return Ok(true);
            }
        }
        Err(Failure::overloaded("a claim is contended"))
    }

    /// The registration was given up without an effect: others need not wait for the deadline.
    pub(crate) async fn release(self, store: &dyn Store, owner: UserId) -> Result<(), Failure> {
        if let Some(standing) = self.stored(store).await? {
            let claim = Claim::from_cells(standing.cells.clone())?;
            if claim.owner == owner && !claim.confirmed {
                let past = Timestamp(-limits::CLAIM_PENDING_MS);
                store.replace(&standing, self.row(owner, false, past)).await?;
            }
        }
        Ok(())
    }
}

impl Name<'_> {
    /// `owner` has it no more, and anybody may have it.
    pub(crate) async fn give_back(self, store: &dyn Store, owner: UserId) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let Some(standing) = self.stored(store).await? else { return Ok(()) };
            let claim = Claim::from_cells(standing.cells.clone())?;
            if claim.owner != owner {
                return Ok(());
            }
            let gone = Write { op: Op::Delete, ..Write::insert(&claim, Stamp(0)) };
            if store.replace(&standing, gone).await? == Outcome::Won {
                return Ok(());
            }
        }
        Err(Failure::overloaded("a claim is contended"))
    }
}

/// Whether the owner of a claim has left it for good.
async fn is_left(ingest: &Ingest, claim: &Claim, now: Timestamp) -> Result<bool, Failure> {
    let store = &*ingest.platform.store;
    if !is_free(store, claim, now).await? {
        return Ok(false);
    }
    settle(ingest, claim.owner).await?;
    is_free(store, claim, now).await
}

/// Waits until all that the log has taken of a user is folded.
async fn settle(ingest: &Ingest, user: UserId) -> Result<(), Failure> {
    let command = UserCommand::Void(Void { user_id: user });
    let settled = async {
        let pending = ingest.publisher.publish(&topic::USERS, user.0, user, &command)?;
        pending.outcome().await
    };
    // Nothing of the registration that asks is written yet, whatever failed here.
    let settled = settled.await.map_err(|Failure { api, cause }| {
        Failure::overloaded(cause.unwrap_or_else(|| api.message.into_owned()))
    });
    settled.map(drop)
}

/// A look at the rows alone: the owner's command may still be on its way.
async fn is_free(store: &dyn Store, claim: &Claim, now: Timestamp) -> Result<bool, Failure> {
    Ok(is_anybodys(claim, head(store, claim.owner).await?.as_ref(), now))
}

/// What a claim counts for, as its owner is.
fn is_anybodys(claim: &Claim, owner: Option<&Head>, now: Timestamp) -> bool {
    let over = claim.deadline <= now;
    match owner {
        None => over && !claim.confirmed,
        Some(head) if head.deleted_at.is_some() => true,
        Some(head) if claim.kind == PHONE => {
            let has = head.profile.phone.as_deref().map(dialled);
            over && has.as_ref() != Some(&claim.value)
        }
        Some(_) => false,
    }
}

/// The user who has a name, if there is one: a pending claim counts once its user exists.
pub(crate) async fn owner_of(
    store: &dyn Store,
    kind: &str,
    value: &str,
) -> Result<Option<UserId>, Failure> {
    let row = platform::port::store::get_one::<Claim>(store, Claim::get(kind, value)).await?;
    Ok(row.map(|claim| claim.owner))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::user::tests::head;

    #[test]
    fn a_claim_is_anybodys_once_nobody_can_come_back_for_it() {
        let now = Timestamp(1_000_000);
        let claim = |kind: &str, confirmed, deadline| Claim {
            kind: kind.to_owned(),
            value: "+4930123456".to_owned(),
            owner: UserId(Uuid::from_u128(1)),
            confirmed,
            deadline: Timestamp(deadline),
        };
        let owner = |phone: Option<&str>, deleted: bool| {
            let mut owner = head();
            owner.profile.phone = phone.map(str::to_owned);
            owner.deleted_at = deleted.then_some(Timestamp(1));
            owner
        };
        let free = |claim: Claim, owner: Option<Head>| is_anybodys(&claim, owner.as_ref(), now);
        assert!(free(claim("email", false, 1_000_000), None));
        assert!(!free(claim("email", false, 1_000_001), None));
        assert!(!free(claim("email", true, 0), None));
        assert!(!free(claim("email", false, 0), Some(owner(None, false))));
        assert!(free(claim("email", true, 1_000_001), Some(owner(None, true))));
        // A number belongs to whose profile has it, or is about to.
        assert!(!free(claim(PHONE, true, 0), Some(owner(Some("+49 (30) 123456"), false))));
        assert!(free(claim(PHONE, true, 0), Some(owner(Some("+49 30 999999"), false))));
        assert!(free(claim(PHONE, false, 0), Some(owner(None, false))));
        assert!(!free(claim(PHONE, false, 1_000_001), Some(owner(None, false))));
    }
}
