//! G-06: acks, history pages, live events and full reads show one and the same sequence.
//!
//! Instead of comparing observers pairwise, each place (conversation, seq) is bound to the first
//! thing seen there: any two observers who disagree disagree with that binding.

mod agreement;
mod owed;
mod pages;
mod sends;
mod sockets;
mod stock;

use super::index::Index;
use super::verdict::{Guarantee, Verdict};

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::OneOrder);
    agreement::check(index, &mut verdict);
    pages::check(index, &mut verdict);
    sockets::check(index, &mut verdict);
    stock::check(index, &mut verdict);
    sends::check(index, &mut verdict);
    verdict
}
