//! What may be expected while something is broken, and right after: one module per guarantee that
//! names a fault. Each is judged only where its fault was made, or where a run says that it must be.
//!
//! Times are the harness's, as clients measure them. Recovery is measured from the moment the
//! broken part serves again; how long it was broken is no merit or fault of ours.

mod audits;
mod broker;
mod registry;
mod rolling;
mod stall;
mod store;
mod window;
mod zombie;

pub(super) use stall::stalls;
pub(super) use store::CatchUp;
pub(super) use window::{Demands, SECOND, Window};

use super::hygiene::Needs;
use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Class, Look};

/// G-28: in a run with wrong clocks, order and dedupe hold as in any other. `others` are the verdicts
/// that say so.
pub(super) fn clocks(index: &Index<'_>, others: &[Verdict]) -> Option<Verdict> {
    let mut wrong = index.faults.iter().filter(|fault| fault.what.class == Class::Skew).peekable();
    wrong.peek()?;
    let mut verdict = Verdict::new(Guarantee::ClockProof);
    if wrong.all(|fault| fault.what.missed.is_none()) {
        verdict.checked = index.acks().count() as u64;
    }
    let proof = [Guarantee::OneEffect, Guarantee::DenseOrder, Guarantee::OneOrder];
    for other in others.iter().filter(|other| proof.contains(&other.guarantee)) {
        if other.total() > 0 {
            let line = index.faults.first().map_or(0, |fault| fault.line);
            verdict.found(Kind::Skewed, &[line], || {
                format!("{} does not hold where clocks are wrong", other.guarantee.id())
            });
        }
    }
    Some(verdict)
}

/// The verdicts that this history and these needs ask for.
pub(super) fn check(index: &Index<'_>, needs: &Needs) -> Vec<Verdict> {
    let asked = |guarantee| needs.checks.contains_key(&guarantee);
    let made = |class: Class| index.faults.iter().any(|fault| fault.what.class == class);
    let looked = |look: Look| index.audits.iter().any(|audit| audit.what.look == look);
    let demands = Demands::of(index);
    let mut verdicts = Vec::new();
    if asked(Guarantee::BoundedStall) {
        verdicts.push(stall::check(index, &demands));
    }
    if asked(Guarantee::FencedZombie) || made(Class::Zombie) {
        verdicts.push(zombie::check(index));
    }
    if asked(Guarantee::DeterministicFold) || looked(Look::Refold) {
        verdicts.push(audits::refold(index));
    }
    if asked(Guarantee::BrokerAway) || made(Class::Broker) {
        verdicts.push(broker::check(index, &demands));
    }
    if asked(Guarantee::RegistryAway) || made(Class::Registry) {
        verdicts.push(registry::check(index));
    }
    if asked(Guarantee::StoreAway) || made(Class::Store) {
        verdicts.push(store::check(index, &demands));
    }
    if asked(Guarantee::RollingRestart) || made(Class::Rolling) {
        verdicts.push(rolling::check(index, &demands));
    }
    if asked(Guarantee::CountersAtZero) || looked(Look::Counters) {
        verdicts.push(audits::counters(index));
    }
    verdicts
}
