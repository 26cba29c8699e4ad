//! What devices have received, as sockets tell it: `delivered {"conversations":{id:seq}}`.
//!
//! Watermarks only grow and only the last one counts (HAZARDS 29), so that of those that a node hears
//! about one user and conversation within a second the first is published at once, and of the others
//! the largest when the second is over ([`flush`]). Nothing else is promised of them: they are told
//! again by the next message, and by the cursors of the next sync.

use std::collections::HashMap;

use futures_util::future::join_all;
use parking_lot::Mutex;
use schemas::receipt::Kind;
use schemas::{ApiError, Code, ConversationId, Seq, UserId, limits};

use crate::receipt::{self, UpTo};
use crate::state::Ingest;

/// Watermarks held back at most: about 4 MB. Beyond, each is published at once.
const HELD: usize = 32_768;
/// Watermarks that a user may tell a node in a second.
const TOLD: usize = limits::SOCKETS_PER_USER * limits::DELIVERED_CONVERSATIONS;
/// A second, as a refusal tells it.
const SECOND_MS: u64 = 1_000;
/// Conversations that are looked at side by side at a flush.
const TOGETHER: usize = 64;

/// Whose watermark, and where.
type Key = (UserId, ConversationId);

/// What this second has brought.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// Watermarks: published already, and what came behind it.
    held: Mutex<HashMap<Key, Option<Seq>>>,
    /// How many each user has told.
    told: Mutex<HashMap<UserId, usize>>,
}

impl Delivered {
    /// Counts the watermarks of a frame: for each socket that a user may have, one full frame in a
    /// second. The limits that all nodes count together would cost more than they protect here.
    fn count(&self, user: UserId, watermarks: usize) -> Result<(), ApiError> {
        let mut told = self.told.lock();
        let count = told.entry(user).or_default();
        *count = count.saturating_add(watermarks);
        if *count <= TOLD {
            return Ok(());
        }
        let why = "so much is not received within a second: tell it once for each conversation";
        Err(ApiError::new(Code::RateLimited, why).retry_after(SECOND_MS))
    }

    /// Whether a watermark is to be published now; else it is held back.
    fn is_first(&self, key: Key, seq: Seq) -> bool {
        let mut held = self.held.lock();
        if let Some(behind) = held.get_mut(&key) {
            *behind = (*behind).max(Some(seq));
            return false;
        }
        if held.len() < HELD {
            held.insert(key, None);
        }
        true
    }

    /// Holds back what could not be published.
    fn hold(&self, key: Key, seq: Seq) {
        let mut held = self.held.lock();
        if held.len() < HELD || held.contains_key(&key) {
            let behind = held.entry(key).or_default();
            *behind = (*behind).max(Some(seq));
        }
    }

    /// The second is over: what was held back. Each of these begins a second of its own.
    fn turn(&self) -> Vec<(Key, Seq)> {
        self.told.lock().clear();
        let mut held = self.held.lock();
        let due: Vec<_> =
            held.iter().filter_map(|(key, behind)| Some((*key, (*behind)?))).collect();
        held.clear();
        held.extend(due.iter().map(|(key, _)| (*key, None)));
        due
    }
}

/// Takes the watermarks of one frame. What is not the user's to tell is left out: he may have been
/// removed in this moment.
pub(super) async fn accept(
    ingest: &Ingest,
    user: UserId,
    conversations: Vec<(ConversationId, Seq)>,
) -> Result<(), ApiError> {
    ingest.delivered.count(user, conversations.len())?;
    // Nobody comes back for what is held while the node ends.
    let now = |key, seq| !ingest.is_ready() || ingest.delivered.is_first(key, seq);
    let first =
        conversations.into_iter().filter(|(conversation, seq)| now((user, *conversation), *seq));
    let told = first.map(|(conversation, seq)| publish(ingest, (user, conversation), seq));
    join_all(told).await;
    Ok(())
}

/// The watermarks of a frame, at most [`limits::DELIVERED_CONVERSATIONS`].
pub(super) fn check(
    conversations: HashMap<ConversationId, Seq>,
) -> Result<Vec<(ConversationId, Seq)>, ApiError> {
    if conversations.len() > limits::DELIVERED_CONVERSATIONS {
        let why = "conversations must have at most 100 entries".to_owned();
        return Err(ApiError::invalid(vec![why]));
    }
    if conversations.values().any(|seq| !(0..=limits::WHOLE_MAX).contains(seq)) {
        let why = "each of conversations must be the number of a message".to_owned();
        return Err(ApiError::invalid(vec![why]));
    }
    Ok(conversations.into_iter().collect())
}

/// Publishes a watermark; what can not be published now is held back.
async fn publish(ingest: &Ingest, (user, conversation): Key, seq: Seq) {
    let up_to = UpTo::Seq(seq);
    let told = receipt::tell(ingest, user, conversation, Kind::Delivered, up_to).await;
    let Err(failure) = told else { return };
    if failure.api.code.retryable() {
        ingest.delivered.hold((user, conversation), seq);
    }
    // Its cause goes to the log; nobody waits for an answer.
    drop(failure.into_api(ingest));
}

/// Publishes what was held back.
pub(crate) async fn flush(ingest: &Ingest) {
    for due in ingest.delivered.turn().chunks(TOGETHER) {
        join_all(due.iter().map(|(key, seq)| publish(ingest, *key, *seq))).await;
    }
}

#[cfg(test)]
mod tests {
    use platform::memory::Fault;
    use schemas::envelope::{Content, ReceiptCommand, decode};
    use schemas::topic;
    use uuid::Uuid;

    use super::*;
    use crate::conversation::tests::ME;
    use crate::message::tests::{conversation, stage};
    use crate::testing::world;

    #[test]
    fn the_first_goes_at_once_and_the_largest_behind_it_when_the_second_is_over() {
        let delivered = Delivered::default();
        let key = (UserId(Uuid::from_u128(1)), ConversationId(Uuid::from_u128(2)));
        let other = (UserId(Uuid::from_u128(3)), key.1);
        assert!(delivered.is_first(key, 5));
        assert!(delivered.is_first(other, 1), "each user for himself");
        assert!(!delivered.is_first(key, 9) && !delivered.is_first(key, 7));
        assert_eq!(delivered.turn(), [(key, 9)]);
        assert!(!delivered.is_first(key, 10), "a second of its own");
        assert!(delivered.is_first(other, 2), "its second is over");
        assert_eq!(delivered.turn(), [(key, 10)]);
        assert_eq!(delivered.turn(), []);
        assert_eq!(delivered.turn(), []);
        assert!(delivered.held.lock().is_empty(), "nothing is kept of who is quiet");
        delivered.hold(key, 11);
        assert!(!delivered.is_first(key, 3));
        assert_eq!(delivered.turn(), [(key, 11)], "what failed comes again");
    }

    #[test]
    fn a_user_tells_no_more_in_a_second_than_all_his_sockets_have_to_tell() {
        let delivered = Delivered::default();
        let (user, other) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        assert_eq!(delivered.count(user, TOLD), Ok(()));
        assert_eq!(delivered.count(user, 1).unwrap_err().code, Code::RateLimited);
        assert_eq!(delivered.count(other, 1), Ok(()));
        assert_eq!(delivered.turn(), []);
        assert_eq!(delivered.count(user, 1), Ok(()));
    }

    #[test]
    fn what_there_is_no_room_for_goes_at_once() {
        let delivered = Delivered::default();
        let key = |n| (UserId(Uuid::from_u128(n)), ConversationId(Uuid::nil()));
        let mut numbers = 0..;
        for n in numbers.by_ref().take(HELD) {
            assert!(delivered.is_first(key(n), 1));
        }
        let n = numbers.next().unwrap();
        assert!(delivered.is_first(key(n), 1) && delivered.is_first(key(n), 2));
        assert_eq!(delivered.held.lock().len(), HELD);
    }

    #[tokio::test]
    async fn what_can_not_be_published_is_published_later() {
        let world = world().await;
        let (user, id) = (ME, conversation(1));
        stage(&world, id, 5).await;
        world.log_faults.on(|_| Fault::Refuse);
        accept(&world.ingest, user, vec![(id, 3)]).await.unwrap();
        flush(&world.ingest).await;
        assert!(world.log.records(&topic::RECEIPTS).is_empty());
        world.log_faults.clear();
        accept(&world.ingest, user, vec![(id, 2)]).await.unwrap();
        flush(&world.ingest).await;
        let records = world.log.records(&topic::RECEIPTS);
        let [record] = &records[..] else { panic!("{records:?}") };
        let (meta, content) = decode::<ReceiptCommand>(&record.value).unwrap();
        let Content::Known(ReceiptCommand::Mark(mark)) = content else { panic!() };
        assert_eq!((meta.actor, meta.reply_to), (user, None), "nobody waits");
        assert_eq!((mark.kind, mark.seq, mark.conversation_id), (Kind::Delivered, 3, id));

        // Nor is anything held back while the node ends, when nobody comes back for it.
        world.ingest.set_ready(false);
        for seq in [4, 5, 9] {
            accept(&world.ingest, user, vec![(id, seq)]).await.unwrap();
        }
        assert_eq!(world.log.records(&topic::RECEIPTS).len(), 4);
    }
}
