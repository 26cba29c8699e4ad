//! One message by its id.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::get_one;
use schemas::member::Membership;
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::{Code, MessageId, Seq};

use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::state::Ingest;
use crate::{access, envelope};

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    let place = get_one::<IdIndex>(store, IdIndex::get(id)).await?.ok_or_else(not_found)?;
    let (membership, row) = futures_util::future::try_join(
        access::current(store, who.user, place.conversation),
        async {
            let get = MessageBySeq::get(place.conversation, place.seq);
            Ok(get_one::<MessageBySeq>(store, get).await?)
        },
    )
    .await?;
    let seen = membership.filter(|membership| sees(membership, place.seq));
    let row = seen.and(row).ok_or_else(not_found)?;
    Ok(envelope::spliced(StatusCode::OK, &row.body, ingest.now()))
}

/// Whether a message lies in what a member sees.
fn sees(membership: &Membership, seq: Seq) -> bool {
    seq >= membership.visible_from && membership.visible_to.is_none_or(|last| seq <= last)
}

/// The same for a message that does not exist and one that is not the caller's to see.
fn not_found() -> Failure {
    Failure::new(Code::NotFound, "message not found")
}
