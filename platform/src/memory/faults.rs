//! What a test does to the memory adapters: failures and delays of single operations, and planted bugs.
//!
//! Everything is decided by the test or by a seed, so that a failing run can be repeated.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// A small seeded generator (SplitMix64): the same numbers on every machine and for ever.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// Starts from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number().checked_rem(bound).unwrap_or(0)
    }

    /// A size below `bound`; 0 if that is 0.
    pub fn size(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(u64::try_from(bound).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `Log::append`
    Append,
    /// `Member::poll` and `Tail::next`
    Poll,
    /// `Member::commit`
    Commit,
    /// `Store::get`
    Get,
    /// `Store::scan`
    Scan,
    /// `Store::write`
    Write,
    /// `Store::claim`, `replace` and `put`
    Direct,
    /// `Store::dump`
    Dump,
}

/// What happens to one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It fails without an effect: `Unavailable`, or `Overloaded` for an append.
    Refuse,
    /// It has its effect, and its answer is lost: `Unavailable`, or `Unknown` for an append.
    LoseAnswer,
    /// It has its effect now and its answer comes later.
    Delay(Duration),
}

/// A planted defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// An append to a synced topic is acknowledged and not done.
    SkipCommit,
    /// An append to a synced topic is acknowledged and gone after [`super::MemoryLog::crash`].
    AckBeforeSync,
    /// A get of table `id_index` finds nothing.
    DropDedupe,
    /// The fence is not looked at, and an older stamp overwrites a newer one.
    ZombieWrites,
    /// Two neighbouring appends to one partition of a synced topic change places.
    ReorderSends,
    /// An append to a derived topic is acknowledged and not done.
    LoseEvent,
    /// An append to a derived topic is done twice.
    DuplicateEvent,
    /// Gets and scans do not see the newest writes.
    StaleReads,
    /// One row of table `message_by_seq` in a batch is not written.
    LostRow,
    /// A row of table `message_by_seq` is written with the content of the one written before it.
    MixedRows,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SkipCommit,
        Self::AckBeforeSync,
        Self::DropDedupe,
        Self::ZombieWrites,
        Self::ReorderSends,
        Self::LoseEvent,
        Self::DuplicateEvent,
        Self::StaleReads,
        Self::LostRow,
        Self::MixedRows,
    ];
}

type Hook = Arc<dyn Fn(Operation) -> Fault + Send + Sync>;

/// The test's hand on memory adapters; share one among them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hook: Mutex<Option<Hook>>,
    bugs: Mutex<BTreeMap<Bug, Planted>>,
}

#[derive(Debug)]
struct Planted {
    one_in: u64,
    dice: Seeded,
    fired: u64,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("bugs", &self.0.bugs.lock()).finish_non_exhaustive()
    }
}

impl Faults {
    /// Asks `hook` before every operation from now on.
    pub fn on(&self, hook: impl Fn(Operation) -> Fault + Send + Sync + 'static) {
        *self.0.hook.lock() = Some(Arc::new(hook));
    }

    /// No more failures; planted bugs stay.
    pub fn clear(&self) {
        *self.0.hook.lock() = None;
    }

    /// Plants a bug that strikes once in `one_in` chances, by this seed. Planted again, it goes on
    /// counting.
    pub fn plant(&self, bug: Bug, one_in: u64, seed: u64) {
        let mut bugs = self.0.bugs.lock();
        let fired = bugs.get(&bug).map_or(0, |planted| planted.fired);
        bugs.insert(bug, Planted { one_in: one_in.max(1), dice: Seeded::new(seed), fired });
    }

    /// How often a bug has struck: a checker that found nothing may have had nothing to find.
    pub fn fired(&self, bug: Bug) -> u64 {
        self.0.bugs.lock().get(&bug).map_or(0, |planted| planted.fired)
    }

    pub(super) fn strikes(&self, bug: Bug) -> bool {
        let mut bugs = self.0.bugs.lock();
        let Some(planted) = bugs.get_mut(&bug) else { return false };
        let strikes = planted.dice.one_in(planted.one_in);
        planted.fired += u64::from(strikes);
        strikes
    }

    pub(super) fn next(&self, operation: Operation) -> Fault {
        let hook = self.0.hook.lock().clone();
        hook.map_or(Fault::None, |hook| hook(operation))
    }
}
