//! Claims on names that only one user can have: insert-if-absent, and compare-and-set for what
//! follows (HAZARDS 12).
//!
//! A claim is pending while its registration runs. One that was left pending past its deadline may
//! be taken over, unless its owner has become a user in the meantime: then it counts as confirmed.

use platform::Store;
use platform::port::store::Claim as Outcome;
use schemas::table::{Stored, Table, Write};
use schemas::user::table::Claim;
use schemas::{Stamp, Timestamp, UserId, limits};

use crate::error::Failure;
use crate::profiles::head;

/// Tries against others who write the same claim.
const TRIES: usize = 4;

/// A name that someone wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    /// `username` or `email`.
    pub(super) kind: &'static str,
    /// Lower case.
    pub(super) value: &'a str,
}

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
    pub(super) async fn is_taken(
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
    pub(super) async fn claim(
        self,
        store: &dyn Store,
        owner: UserId,
        now: Timestamp,
    ) -> Result<bool, Failure> {
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
            if claim.owner != owner && !is_free(store, &claim, now).await? {
                return Ok(false);
            }
            // Ours from an earlier try, or left behind: from now on ours, with a new deadline.
            if store.replace(&standing, wanted.clone()).await? == Outcome::Won {
                return Ok(true);
            }
        }
        Err(Failure::overloaded("a claim is contended"))
    }

    /// The registration is finished.
    pub(super) async fn confirm(
        self,
        store: &dyn Store,
        owner: UserId,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if let Some(standing) = self.stored(store).await? {
            let claim = Claim::from_cells(standing.cells.clone())?;
            if claim.owner == owner && !claim.confirmed {
                store.replace(&standing, self.row(owner, true, now)).await?;
            }
        }
        Ok(())
    }

    /// The registration was given up without an effect: others need not wait for the deadline.
    pub(super) async fn release(self, store: &dyn Store, owner: UserId) -> Result<(), Failure> {
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

async fn is_free(store: &dyn Store, claim: &Claim, now: Timestamp) -> Result<bool, Failure> {
    Ok(!claim.confirmed && claim.deadline <= now && head(store, claim.owner).await?.is_none())
}

/// The user who has a name, if there is one: a pending claim counts once its user exists.
pub(super) async fn owner_of(
    store: &dyn Store,
    kind: &str,
    value: &str,
) -> Result<Option<UserId>, Failure> {
    let row = platform::port::store::get_one::<Claim>(store, Claim::get(kind, value)).await?;
    Ok(row.map(|claim| claim.owner))
}
