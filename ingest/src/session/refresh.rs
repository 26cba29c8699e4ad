//! Rotation of refresh tokens: a compare-and-set of the session's generation.
//!
//! The token of the present generation is exchanged for the next one. The one just before it, within
//! [`limits::REFRESH_GRACE_MS`] of the exchange, gives that same next one again: clients refresh from
//! several places at once and lose answers. Any older token has been used by two, one of whom is a
//! thief: the session ends (RFC 9700 §4.14.2).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::Claim as Outcome;
use schemas::session::table::Session;
use schemas::table::{Table, Write};
use schemas::{ApiError, Code, Stamp, Timestamp, limits};

use super::dto::Refresh;
use super::{end, of_user, sign_in};
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::Body;
use crate::profiles::head;
use crate::state::Ingest;

/// Tries against others who refresh the same session. Each loss is someone else's win, after which
/// this token is the previous one, so two are enough; more for sessions that end meanwhile.
const TRIES: usize = 4;

pub(super) async fn refresh(State(ingest): State<Ingest>, body: Body) -> Result<Response, Failure> {
    let form = body.read::<Refresh<'_>>()?;
    let Some(token) = form.refresh_token else {
        return Err(ApiError::invalid(vec!["refreshToken is required".to_owned()]).into());
    };
    let Some((session, generation)) = ingest.keys.read_refresh(&token) else {
        return Err(Failure::new(Code::Unauthenticated, "Invalid refresh token"));
    };
    let store = &*ingest.platform.store;
    for _ in 0..TRIES {
        let stored = store.get(&[Session::get(session)]).await?.into_iter().next().flatten();
        let Some(stored) = stored else { return Err(ended()) };
        let row = Session::from_cells(stored.cells.clone())?;
        let now = ingest.now();
        match judge(&row, generation, now) {
            Verdict::Ended => {
                if row.ended_at.is_some() {
                    // The end may have broken off after its first step: this completes it.
                    end::end(&ingest, session).await?;
                }
                return Err(ended());
            }
            Verdict::Again => {
                let tokens = sign_in::tokens(&ingest, row.user, session, row.generation);
                return Ok(envelope::encoded(StatusCode::OK, &tokens, now));
            }
            Verdict::Reused => {
                tracing::warn!(%session, "a refresh token was used twice: the session is ended");
                end::end(&ingest, session).await?;
                return Err(ended());
            }
            Verdict::Rotate => {
                // An account that was deleted keeps no session, also where its deletion broke off.
                let head = head(store, row.user).await?;
                if head.is_none_or(|head| head.deleted_at.is_some()) {
                    end::end(&ingest, session).await?;
                    return Err(ended());
                }
                let next = Session {
                    generation: row.generation.saturating_add(1),
                    rotated_at: now,
                    expires_at: now.plus_ms(limits::SESSION_MS),
                    ..row
                };
                let write = Write::replace(&next, Stamp(0));
                // Again, for sessions that a version opened which did not write it.
                let rotated = futures_util::future::try_join(
                    store.replace(&stored, write),
                    store.put(vec![of_user::row(&next)]),
                );
                // Where one of them fails, the other may have been written; or itself.
                let (rotated, ()) = after_effect(async { Ok(rotated.await?) }).await?;
                if rotated == Outcome::Won {
                    let tokens = sign_in::tokens(&ingest, next.user, session, next.generation);
                    return Ok(envelope::encoded(StatusCode::OK, &tokens, now));
                }
            }
        }
    }
    Err(Failure::overloaded("a session is contended"))
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The present token: give the next one.
    Rotate,
    /// The one just before: give the present one again.
    Again,
    /// Older: someone else has it too.
    Reused,
    /// The session does not live any more.
    Ended,
}

fn judge(session: &Session, presented: i64, now: Timestamp) -> Verdict {
    let behind = session.generation.saturating_sub(presented);
    if session.ended_at.is_some() || session.expires_at <= now {
        Verdict::Ended
    } else if behind == 0 {
        Verdict::Rotate
    } else if behind == 1 && now.since(session.rotated_at) <= limits::REFRESH_GRACE_MS {
        Verdict::Again
    } else {
        Verdict::Reused
    }
}

fn ended() -> Failure {
    Failure::new(Code::SessionEnded, "the session has ended: sign in again")
}

#[cfg(test)]
mod tests {
    use schemas::{SessionId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn tokens_are_judged_by_their_generation_and_age() {
        let session = Session {
            session: SessionId(Uuid::from_u128(1)),
            user: UserId(Uuid::from_u128(2)),
            generation: 5,
            rotated_at: Timestamp(1_000),
            created_at: Timestamp(0),
            expires_at: Timestamp(100_000),
            ended_at: None,
            user_agent: None,
        };
        let at = |presented, now| judge(&session, presented, Timestamp(now));
        assert_eq!(at(5, 2_000), Verdict::Rotate);
        assert_eq!(at(4, 11_000), Verdict::Again);
        assert_eq!(at(4, 11_001), Verdict::Reused);
        assert_eq!(at(3, 1_001), Verdict::Reused);
        assert_eq!(at(6, 2_000), Verdict::Reused, "a generation that was never given");
        assert_eq!(at(5, 100_000), Verdict::Ended);
        let ended = Session { ended_at: Some(1), ..session.clone() };
        assert_eq!(judge(&ended, 5, Timestamp(2_000)), Verdict::Ended);
        assert_eq!(judge(&ended, 1, Timestamp(2_000)), Verdict::Ended);
    }
}
