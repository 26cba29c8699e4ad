//! What the topic did not bring is read from the journal, once for the node.

use std::sync::Arc;

use platform::Store;
use platform::port::store;
use schemas::conversation::change;
use schemas::conversation::effect::Effect;
use schemas::conversation::table::Change;
use schemas::{ConversationId, Rev, UserId, event, limits};
use tokio::time::timeout;

use super::sink::text;
use super::{Done, Hub, Line, PAUSE, READ_LIMIT};
use crate::order::{Fetch, Missed, Settled};

impl Hub {
    /// Fetches what is missing until the gap is closed or given up.
    pub(super) async fn heal(self: Arc<Self>, mut fetch: Fetch) {
        loop {
            let rows = self.missing(&fetch).await;
            let mut done = Done::default();
            let settled = {
                let line: &mut Line = &mut self.line.lock();
                line.order.fetched(&fetch, rows);
                self.ready(line, &mut done, fetch.conversation);
                let settled = line.order.settle(&fetch);
                if let Settled::Resync(audience) = &settled {
                    self.given_up(line, &mut done, fetch.conversation, audience);
                }
                settled
            };
            self.finish(done);
            let Settled::Again(next) = settled else { return };
            tokio::time::sleep(PAUSE * next.tries).await;
            fetch = next;
        }
    }

    /// The missing changes, as far as they can be had.
    async fn missing(&self, fetch: &Fetch) -> Vec<Missed> {
        let Ok(_permit) = self.fetches.acquire().await else { return Vec::new() };
        let changes = changes(&*self.store, fetch.conversation, fetch.after, fetch.before - 1);
        match timeout(READ_LIMIT, changes).await {
            Ok(Ok((rows, found))) => {
                let wanted = usize::try_from(fetch.before - fetch.after - 1).unwrap_or(0);
                if found < wanted && fetch.tries == 0 {
                    // The change is in the journal before its event is told.
                    let Fetch { conversation, after, before, .. } = fetch;
                    let what =
                        format_args!("{conversation}: {found} rows from {after} to {before}");
                    self.metrics.violated("G-11", &what);
                }
                rows
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "missing changes could not be read");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("missing changes could not be read in time");
                Vec::new()
            }
        }
    }
}

/// The changes behind `after` up to `upto`, which may lie in several buckets; and how many rows there
/// are, readable or not.
pub(super) async fn changes(
    store: &dyn Store,
    conversation: ConversationId,
    after: Rev,
    upto: Rev,
) -> Result<(Vec<Missed>, usize), store::Error> {
    let (mut missed, mut found) = (Vec::new(), 0);
    let mut next = after + 1;
    while next <= upto {
        let bucket_end = (next.div_euclid(limits::BUCKET_ROWS) + 1) * limits::BUCKET_ROWS;
        let end = bucket_end.min(upto + 1);
        let limit = usize::try_from(end - next).unwrap_or(0);
        let rows = store::scan(store, Change::from(conversation, next, limit)).await?;
        found += rows.len();
        missed.extend(rows.into_iter().filter_map(of_row));
        next = end;
    }
    Ok((missed, found))
}

/// A change that can not be read is missing still: who leaves by it is not known.
fn of_row(row: Change) -> Option<Missed> {
    let (rev, frame) = (row.rev, text(row.event.clone())?);
    match change::Change::read(row) {
        Ok(change) => {
            let left: Vec<UserId> = change.effect.left().into_iter().collect();
            let flipped = match &change.effect {
                Effect::Added { flipped, .. } if !flipped.is_empty() => {
                    Some(event::pack(&flipped.iter().map(|one| one.user).collect::<Vec<_>>()))
                }
                _ => None,
            };
            Some(Missed { rev, frame, left: event::pack(&left), flipped })
        }
        Err(error) => {
            tracing::error!(%error, "a change could not be read");
            None
        }
    }
}
