//! What the checker says about one guarantee.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Witnesses kept per kind of anomaly; all are counted.
const WITNESSES: u64 = 3;

/// A guarantee that a history can prove broken (docs/GUARANTEES.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Guarantee {
    /// G-01.
    #[serde(rename = "G-01")]
    DurableAck,
    /// G-03.
    #[serde(rename = "G-03")]
    HonestRefusal,
    /// G-04.
    #[serde(rename = "G-04")]
    OneEffect,
    /// G-05.
    #[serde(rename = "G-05")]
    DenseOrder,
    /// G-06.
    #[serde(rename = "G-06")]
    OneOrder,
    /// G-07.
    #[serde(rename = "G-07")]
    BoundedStall,
    /// G-08.
    #[serde(rename = "G-08")]
    FencedZombie,
    /// G-09.
    #[serde(rename = "G-09")]
    DeterministicFold,
    /// G-11.
    #[serde(rename = "G-11")]
    PersistBeforePush,
    /// G-12.
    #[serde(rename = "G-12")]
    GapFreeResume,
    /// G-13.
    #[serde(rename = "G-13")]
    ReadYourWrites,
    /// G-14.
    #[serde(rename = "G-14")]
    ExactUnread,
    /// G-15.
    #[serde(rename = "G-15")]
    RemovalIsAWall,
    /// G-19.
    #[serde(rename = "G-19")]
    BrokerAway,
    /// G-20.
    #[serde(rename = "G-20")]
    RegistryAway,
    /// G-21.
    #[serde(rename = "G-21")]
    StoreAway,
    /// G-22.
    #[serde(rename = "G-22")]
    RollingRestart,
    /// G-27.
    #[serde(rename = "G-27")]
    DeletedIsGone,
    /// G-28.
    #[serde(rename = "G-28")]
    ClockProof,
    /// G-29.
    #[serde(rename = "G-29")]
    CountersAtZero,
}

impl Guarantee {
    /// Its number.
    pub fn id(self) -> &'static str {
        match self {
            Self::DurableAck => "G-01",
            Self::HonestRefusal => "G-03",
            Self::OneEffect => "G-04",
            Self::DenseOrder => "G-05",
            Self::OneOrder => "G-06",
            Self::BoundedStall => "G-07",
            Self::FencedZombie => "G-08",
            Self::DeterministicFold => "G-09",
            Self::PersistBeforePush => "G-11",
            Self::GapFreeResume => "G-12",
            Self::ReadYourWrites => "G-13",
            Self::ExactUnread => "G-14",
            Self::RemovalIsAWall => "G-15",
            Self::BrokerAway => "G-19",
            Self::RegistryAway => "G-20",
            Self::StoreAway => "G-21",
            Self::RollingRestart => "G-22",
            Self::DeletedIsGone => "G-27",
            Self::ClockProof => "G-28",
            Self::CountersAtZero => "G-29",
        }
    }

    /// Its name, and what was counted as one check of it.
    pub fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::DurableAck => ("durable ack", "acked writes"),
            Self::HonestRefusal => ("honest refusal", "refused writes"),
            Self::OneEffect => ("one effect per client id", "retried requests"),
            Self::DenseOrder => ("dense order", "messages scanned"),
            Self::OneOrder => ("one order for all", "observations"),
            Self::BoundedStall => ("stalls are bounded", "pauses between acks"),
            Self::FencedZombie => ("fenced zombie", "revs and rows compared"),
            Self::DeterministicFold => ("deterministic fold", "rows folded again"),
            Self::PersistBeforePush => ("persist before push", "reads at push"),
            Self::GapFreeResume => ("gap-free resume", "resumes"),
            Self::ReadYourWrites => ("read your writes", "reads after ack"),
            Self::ExactUnread => ("exact unread", "answers with one truth"),
            Self::RemovalIsAWall => ("removal is a wall", "races"),
            Self::BrokerAway => ("broker away", "requests meanwhile"),
            Self::RegistryAway => ("registry away", "pushes meanwhile"),
            Self::StoreAway => ("store away", "writes and reads"),
            Self::RollingRestart => ("rolling restart", "requests and sockets"),
            Self::DeletedIsGone => ("deleted is gone", "looks afterwards"),
            Self::ClockProof => ("clock-proof", "acks of skewed nodes"),
            Self::CountersAtZero => ("invariants watched", "processes scraped"),
        }
    }
}

/// Anomalies, named as Jepsen's and Maelstrom's log workloads name them where they have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An acknowledged write is not in a full read.
    LostWrite,
    /// An acknowledged write is there, but not as it was acknowledged.
    MutatedWrite,
    /// The effect of a refused write was observed (G1a).
    AbortedRead,
    /// A message was observed that nobody sent.
    Phantom,
    /// One client id names two messages.
    Duplicate,
    /// Two acks of one client id differ.
    InconsistentAck,
    /// A number is missing.
    Gap,
    /// A number comes twice.
    Repeat,
    /// Two observers saw different things at one place.
    InconsistentOffsets,
    /// One observer saw numbers go back.
    InternalNonmonotonic,
    /// A later operation got a smaller number than one that had ended before it began.
    ExternalNonmonotonic,
    /// One observer saw numbers jump over something that exists.
    Skip,
    /// One socket got an event twice.
    DuplicateDelivery,
    /// A socket that was open never got an event.
    Unseen,
    /// Something was observed and is not there any more.
    Vanished,
    /// What a socket got could not be read at that moment.
    UnreadablePush,
    /// A read did not show what had been acknowledged before it began.
    StaleRead,
    /// A conversation waited longer than it may, while nothing excused it.
    Stall,
    /// One (conversation, rev) names two different changes.
    SplitRev,
    /// A row is not what it was, though nothing may change it.
    ChangedRow,
    /// Service did not come back for three times as long as it may take: no busy machine explains it.
    Stuck,
    /// A write was neither acknowledged nor refused in time.
    SlowRefusal,
    /// A request that had to be served was not.
    Unserved,
    /// A request was answered for good while nobody could know.
    FalseAnswer,
    /// A socket was cut that had to go on.
    SocketCut,
    /// Service did not come back in time.
    SlowReturn,
    /// What had gathered was worked off too slowly.
    SlowCatchUp,
    /// An event reached a socket later than it may.
    LatePush,
    /// A process took too long to end, or ended in disorder.
    SlowDrain,
    /// A socket was closed without a code that says: come back.
    BadClose,
    /// No retry made a request succeed.
    Unhealed,
    /// A client never saw a message, neither over its sockets nor by reading what it had missed.
    Missed,
    /// A process counted something that must not happen.
    BrokenInvariant,
    /// The same log folded again gave another table.
    DifferentFold,
    /// Another guarantee did not hold where a clock was wrong.
    Skewed,
    /// Whoever came back was not told something that he had missed.
    ResumeGap,
    /// Whoever came back was told something again.
    ResumeRepeat,
    /// An answer says another number of unread messages than there are.
    WrongUnread,
    /// Somebody read or wrote where he was removed.
    ThroughTheWall,
    /// A text was shown that was deleted.
    Leak,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::LostWrite => "lost-write",
            Self::MutatedWrite => "mutated-write",
            Self::AbortedRead => "aborted-read",
            Self::Phantom => "phantom",
            Self::Duplicate => "duplicate",
            Self::InconsistentAck => "inconsistent-ack",
            Self::Gap => "gap",
            Self::Repeat => "repeat",
            Self::InconsistentOffsets => "inconsistent-offsets",
            Self::InternalNonmonotonic => "internal-nonmonotonic",
            Self::ExternalNonmonotonic => "external-nonmonotonic",
            Self::Skip => "skip",
            Self::DuplicateDelivery => "duplicate-delivery",
            Self::Unseen => "unseen",
            Self::Vanished => "vanished",
            Self::UnreadablePush => "unreadable-push",
            Self::StaleRead => "stale-read",
            Self::Stall => "stall",
            Self::SplitRev => "split-rev",
            Self::ChangedRow => "changed-row",
            Self::Stuck => "stuck",
            Self::SlowRefusal => "slow-refusal",
            Self::Unserved => "unserved",
            Self::FalseAnswer => "false-answer",
            Self::SocketCut => "socket-cut",
            Self::SlowReturn => "slow-return",
            Self::SlowCatchUp => "slow-catch-up",
            Self::LatePush => "late-push",
            Self::SlowDrain => "slow-drain",
            Self::BadClose => "bad-close",
            Self::Unhealed => "unhealed",
            Self::Missed => "missed",
            Self::BrokenInvariant => "broken-invariant",
            Self::DifferentFold => "different-fold",
            Self::Skewed => "skewed",
            Self::ResumeGap => "resume-gap",
            Self::ResumeRepeat => "resume-repeat",
            Self::WrongUnread => "wrong-unread",
            Self::ThroughTheWall => "through-the-wall",
            Self::Leak => "leak",
        }
    }

    /// Whether it is about how long something took, and about nothing else: on a machine that is busy
    /// with other things it says as much of the machine.
    pub fn is_time(self) -> bool {
        matches!(
            self,
            Self::Stall
                | Self::SlowRefusal
                | Self::SlowReturn
                | Self::SlowCatchUp
                | Self::LatePush
                | Self::SlowDrain
        )
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Held, and was exercised.
    Pass,
    /// Broken.
    Fail,
    /// Not broken, but not proven either.
    Void,
}

/// One anomaly, with the lines of the history that show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// What it is.
    pub kind: Kind,
    /// In words.
    pub text: String,
    /// Lines of the history, from 1.
    pub lines: Vec<usize>,
}

/// The verdict on one guarantee.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Which.
    pub guarantee: Guarantee,
    /// Things checked.
    pub checked: u64,
    /// Anomalies found.
    pub anomalies: BTreeMap<Kind, u64>,
    /// The first of each kind.
    pub witnesses: Vec<Witness>,
}

impl Verdict {
    pub(super) fn new(guarantee: Guarantee) -> Self {
        Self { guarantee, checked: 0, anomalies: BTreeMap::new(), witnesses: Vec::new() }
    }

    /// Notes an anomaly shown by these entries (counted from 0).
    pub(super) fn found(&mut self, kind: Kind, lines: &[usize], text: impl FnOnce() -> String) {
        let count = self.anomalies.entry(kind).or_default();
        *count += 1;
        if *count <= WITNESSES {
            let lines = lines.iter().map(|line| line + 1).collect();
            self.witnesses.push(Witness { kind, text: text(), lines });
        }
    }

    /// Anomalies of all kinds.
    pub fn total(&self) -> u64 {
        self.anomalies.values().sum()
    }

    /// Whether it held, given how often it must have been checked.
    pub fn state(&self, at_least: u64) -> State {
        if self.total() > 0 {
            State::Fail
        } else if self.checked < at_least.max(1) {
            State::Void
        } else {
            State::Pass
        }
    }
}
