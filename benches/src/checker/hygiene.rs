//! Whether a run proves anything: how its operations ended and which faults hit something.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::verdict::Guarantee;
use crate::history::{Class, Outcome, Probing, UNREACHABLE, What, Why};

/// What a run must show to be more than void.
#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    /// Least share of sends that were acknowledged.
    pub ok_share: f64,
    /// Least number of faults with an operation in flight.
    pub faults: u64,
    /// Least number of checks, by guarantee; one where nothing is said.
    pub checks: BTreeMap<Guarantee, u64>,
    /// Least number of messages that stock clients of Socket.IO were told of.
    pub stock: u64,
}

impl Default for Needs {
    fn default() -> Self {
        Self { ok_share: 0.5, faults: 1, checks: BTreeMap::new(), stock: 0 }
    }
}

/// Endings of one kind of operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Acknowledged.
    pub ok: u64,
    /// Refused.
    pub fail: u64,
    /// Not known.
    pub unknown: u64,
}

impl Counts {
    fn add<T>(&mut self, outcome: &Outcome<T>) {
        match outcome {
            Outcome::Ok(_) => self.ok += 1,
            // Nobody was asked.
            Outcome::Fail(code) if code == UNREACHABLE => {}
            Outcome::Fail(_) => self.fail += 1,
            Outcome::Unknown(_) => self.unknown += 1,
        }
    }

    /// All.
    pub fn total(&self) -> u64 {
        self.ok + self.fail + self.unknown
    }
}

/// What was done and what was broken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hygiene {
    /// Operations by kind.
    pub operations: BTreeMap<String, Counts>,
    /// Refusals and unknowns of sends by code.
    pub codes: BTreeMap<String, u64>,
    /// Acks lost on purpose.
    pub lost_acks: u64,
    /// Events over sockets.
    pub live: u64,
    /// Of these, to stock clients.
    #[serde(default)]
    pub stock: u64,
    /// Sockets that were opened.
    pub sockets: u64,
    /// Faults, all.
    pub faults: u64,
    /// Faults that hit an operation in flight.
    pub effective_faults: u64,
    /// Faults that did not happen, and why.
    #[serde(default)]
    pub missed_faults: Vec<String>,
    /// Conversations that were written to and not read whole.
    pub unread: u64,
}

impl Hygiene {
    /// Why the run is void, if it is.
    pub fn void(&self, needs: &Needs) -> Vec<String> {
        let mut why = Vec::new();
        let sends = self.operations.get("send").copied().unwrap_or_default();
        let share = if sends.total() == 0 { 0.0 } else { sends.ok as f64 / sends.total() as f64 };
        if share < needs.ok_share {
            why.push(format!("only {:.0} % of sends were acknowledged", share * 100.0));
        }
        if self.effective_faults < needs.faults {
            let (had, wanted) = (self.effective_faults, needs.faults);
            why.push(format!("{had} faults hit an operation in flight, {wanted} are needed"));
        }
        if self.stock < needs.stock {
            let (had, wanted) = (self.stock, needs.stock);
            why.push(format!("stock clients were told of {had} messages, {wanted} are needed"));
        }
        for missed in &self.missed_faults {
            why.push(format!("a fault did not happen: {missed}"));
        }
        if self.unread > 0 {
            why.push(format!("{} conversations were written to and not read whole", self.unread));
        }
        why
    }
}

pub(super) fn take(index: &Index<'_>) -> Hygiene {
    let mut hygiene = Hygiene::default();
    let mut operations: BTreeMap<&str, Counts> = BTreeMap::new();
    for send in &index.sends {
        operations.entry("send").or_default().add(&send.what.outcome);
        hygiene.lost_acks += u64::from(send.what.loss.is_some());
        if let Outcome::Fail(code) | Outcome::Unknown(code) = &send.what.outcome {
            *hygiene.codes.entry(code.clone()).or_default() += 1;
        }
    }
    for create in &index.creates {
        operations.entry("create").or_default().add(&create.what.outcome);
    }
    for page in &index.pages {
        operations.entry("page").or_default().add(&page.what.outcome);
    }
    for full in index.fulls.values().flatten() {
        operations.entry("full read").or_default().add(&full.what.outcome);
    }
    for get in &index.gets {
        let kind = match get.what.why {
            Why::AfterAck => "get after ack",
            Why::OnPush => "get on push",
        };
        operations.entry(kind).or_default().add(&get.what.outcome);
    }
    for act in &index.acts {
        operations.entry(name(&act.what.what)).or_default().add(&act.what.outcome);
        hygiene.lost_acks += u64::from(act.what.loss.is_some());
    }
    for unread in &index.unreads {
        operations.entry("unread").or_default().add(&unread.what.outcome);
    }
    for probe in &index.probes {
        let kind = match probe.what.probing {
            Probing::Wall => "look at wall",
            Probing::Gone { .. } => "look for text",
        };
        operations.entry(kind).or_default().add(&probe.what.outcome);
    }
    for resume in index.sockets.values().filter_map(|socket| socket.resume) {
        let counts = operations.entry("resume").or_default();
        match resume.what.done {
            Some(_) => counts.ok += 1,
            None => counts.unknown += 1,
        }
        if !resume.what.reset.is_empty() {
            operations.entry("resume, reset").or_default().ok += 1;
        }
    }
    for socket in index.sockets.values() {
        hygiene.sockets += u64::from(socket.opened.is_some());
        hygiene.stock += socket.told.values().map(|events| events.len() as u64).sum::<u64>();
        hygiene.live += socket.all().map(|(_, events)| events.len() as u64).sum::<u64>();
    }
    for fault in index.faults.iter().filter(|fault| fault.what.class != Class::OwnExit) {
        // A wrong clock lasts: it hits everything.
        hygiene.faults += u64::from(fault.what.class != Class::Skew);
        if let Some(why) = &fault.what.missed {
            hygiene.missed_faults.push(format!("{}: {why}", fault.what.kind));
        } else {
            hygiene.effective_faults += u64::from(fault.what.in_flight > 0);
        }
    }
    hygiene.unread = index.unread() as u64;
    hygiene.operations =
        operations.into_iter().map(|(kind, counts)| (kind.to_owned(), counts)).collect();
    hygiene
}

fn name(what: &What) -> &'static str {
    match what {
        What::Edit { .. } => "edit",
        What::Delete { .. } => "delete",
        What::React { .. } => "react",
        What::Pin { .. } => "pin",
        What::Read { .. } => "read",
        What::Add { .. } => "add",
        What::Remove { .. } => "remove",
        What::Leave { .. } => "leave",
        What::Role { .. } => "role",
    }
}
