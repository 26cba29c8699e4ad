//! Consumer groups of the memory log: range assignment, and handing a partition over in two steps.
//!
//! A partition that goes from one member to another is first revoked; it is given to the new owner
//! only when the old one has released it, has left, or was evicted. So no two members ever own one.

use std::collections::BTreeMap;

/// Number of a member, by order of joining.
pub(super) type MemberId = u64;

#[derive(Debug, Default)]
struct Partition {
    owner: Option<MemberId>,
    /// The owner has been told to let go.
    revoking: bool,
    /// The owner has been told that it owns it.
    told: bool,
}

/// One group on one topic.
#[derive(Debug)]
pub(super) struct Group {
    members: Vec<MemberId>,
    partitions: Vec<Partition>,
    pub(super) committed: BTreeMap<u32, u64>,
}

/// What a member must hear before it reads on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Assigned(Vec<u32>),
    Revoking(Vec<u32>),
}

impl Group {
    pub(super) fn new(partitions: u32) -> Self {
        let partitions = (0..partitions).map(|_| Partition::default()).collect();
        Self { members: Vec::new(), partitions, committed: BTreeMap::new() }
    }

    /// The group without members; what was committed stays.
    pub(super) fn restarted(&self) -> Self {
        let partitions = self.partitions.iter().map(|_| Partition::default()).collect();
        Self { members: Vec::new(), partitions, committed: self.committed.clone() }
    }

    pub(super) fn join(&mut self, member: MemberId) {
        self.members.push(member);
        self.give();
    }

    pub(super) fn leave(&mut self, member: MemberId) {
        self.members.retain(|other| *other != member);
        for partition in &mut self.partitions {
            if partition.owner == Some(member) {
                *partition = Partition::default();
            }
        }
        self.give();
    }

    /// The member that joined first.
    pub(super) fn oldest(&self) -> Option<MemberId> {
        self.members.first().copied()
    }

    /// Contiguous ranges, the first members get one more: as Kafka's range assignor.
    fn target(&self, partition: usize) -> Option<MemberId> {
        let members = self.members.len();
        let (each, more) =
            (self.partitions.len().checked_div(members)?, self.partitions.len() % members);
        let long = more * (each + 1);
        let at = if partition < long {
            partition / (each + 1)
        } else {
            more + (partition - long).checked_div(each)?
        };
        self.members.get(at).copied()
    }

    fn give(&mut self) {
        for at in 0..self.partitions.len() {
            let target = self.target(at);
            // What an owner has not heard of yet can be given to another.
            if let Some(partition) = self.partitions.get_mut(at)
                && (partition.owner.is_none() || !partition.told)
            {
                *partition = Partition { owner: target, ..Partition::default() };
            }
        }
    }

    pub(super) fn owns(&self, member: MemberId, partition: u32) -> bool {
        usize::try_from(partition)
            .ok()
            .and_then(|at| self.partitions.get(at))
            .is_some_and(|partition| partition.owner == Some(member))
    }

    pub(super) fn is_member(&self, member: MemberId) -> bool {
        self.members.contains(&member)
    }

    /// Partitions that a member may read.
    pub(super) fn readable(&self, member: MemberId) -> Vec<u32> {
        let own = |partition: &Partition| {
            partition.owner == Some(member) && partition.told && !partition.revoking
        };
        (0..).zip(&self.partitions).filter(|(_, p)| own(p)).map(|(number, _)| number).collect()
    }

    /// What a member must be told now, what it loses first; it is told once.
    pub(super) fn news(&mut self, member: MemberId) -> Option<News> {
        let targets: Vec<Option<MemberId>> =
            (0..self.partitions.len()).map(|at| self.target(at)).collect();
        let mut told = |take: fn(&mut Partition, bool) -> bool| {
            let own = (0..).zip(&mut self.partitions).zip(&targets);
            let own = own.filter(|((_, partition), _)| partition.owner == Some(member));
            let picked = own.filter_map(|((number, partition), target)| {
                take(partition, *target == Some(member)).then_some(number)
            });
            picked.collect::<Vec<u32>>()
        };
        let revoked = told(|partition, stays| {
            let news = !stays && partition.told && !partition.revoking;
            partition.revoking |= news;
            news
        });
        if !revoked.is_empty() {
            return Some(News::Revoking(revoked));
        }
        let assigned = told(|partition, stays| {
            let news = stays && !partition.told;
            partition.told |= news;
            news
        });
        (!assigned.is_empty()).then_some(News::Assigned(assigned))
    }

    pub(super) fn released(&mut self, member: MemberId, released: &[u32]) {
        for number in released {
            let at = usize::try_from(*number).unwrap_or(usize::MAX);
            if let Some(partition) = self.partitions.get_mut(at)
                && partition.owner == Some(member)
                && partition.revoking
            {
                *partition = Partition::default();
            }
        }
        self.give();
    }
}
