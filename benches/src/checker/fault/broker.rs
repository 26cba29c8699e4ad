//! G-19: with the log away writes are refused within 2 s, reads and sockets go on, and it all comes
//! back within 10 s of the log's return.

use super::SECOND;
use super::{Demands, Window};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::{CUT, Class, Loss, Outcome, UNREACHABLE};

/// 2 s that an append may take, and what a busy machine takes to say so.
const REFUSED_IN: u64 = 5 * SECOND / 2;
/// From the log's return to the first ack.
const BACK_IN: u64 = 10 * SECOND;

pub(super) fn check(index: &Index<'_>, demands: &Demands) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::BrokerAway);
    let acks = demands.acks();
    for window in Window::all(index, |class| class == Class::Broker) {
        writes(index, &window, &mut verdict);
        reads(index, &window, &mut verdict);
        sockets(index, &window, &mut verdict);
        let back = acks.get(acks.partition_point(|at| *at < window.to));
        let took = back.map(|at| at - window.to);
        let wanted = demands.open_at(window.to).next().is_some();
        if wanted && took.is_none_or(|took| took > BACK_IN) {
            let stuck = took.is_none_or(|took| took > 3 * BACK_IN);
            let kind = if stuck { Kind::Stuck } else { Kind::SlowReturn };
            verdict.found(kind, &[window.line], || {
                let took = took.map(|ns| ns as f64 / SECOND as f64);
                format!("{}: the first ack came {took:.1?} s after its return", window.fault.kind)
            });
        }
    }
    verdict
}

fn writes(index: &Index<'_>, window: &Window<'_>, verdict: &mut Verdict) {
    for send in index.sends.iter().filter(|send| window.broken_at(send.entry.start)) {
        // A client that left says nothing about the answer.
        if send.what.loss == Some(Loss::Abandoned) {
            continue;
        }
        let took = send.entry.end - send.entry.start;
        let lost = match &send.what.outcome {
            Outcome::Fail(code) if code == UNREACHABLE => continue,
            // Cut or never answered, where nothing but the log was broken.
            Outcome::Unknown(why) => why.starts_with("cut") || why == "timeout",
            Outcome::Ok(_) | Outcome::Fail(_) => false,
        };
        verdict.checked += 1;
        if lost || took > REFUSED_IN {
            verdict.found(Kind::SlowRefusal, &[window.line, send.line], || {
                let took = took as f64 / SECOND as f64;
                format!("a send was answered after {took:.1} s: {:?}", send.what.outcome)
            });
        }
    }
}

fn reads(index: &Index<'_>, window: &Window<'_>, verdict: &mut Verdict) {
    let pages = index.pages.iter().map(|page| (page.line, page.entry, why(&page.what.outcome)));
    let gets = index.gets.iter().map(|get| (get.line, get.entry, why(&get.what.outcome)));
    for (line, entry, why) in pages.chain(gets) {
        // One that ends behind the outage was not kept waiting by it alone.
        if !window.broken_at(entry.start) || !window.broken_at(entry.end) {
            continue;
        }
        verdict.checked += 1;
        if let Some(why) = why {
            verdict.found(Kind::Unserved, &[window.line, line], || {
                format!("a read was not served while the log was away: {why}")
            });
        }
    }
}

fn why<T>(outcome: &Outcome<T>) -> Option<&str> {
    match outcome {
        Outcome::Ok(_) => None,
        Outcome::Fail(why) | Outcome::Unknown(why) => Some(why),
    }
}

fn sockets(index: &Index<'_>, window: &Window<'_>, verdict: &mut Verdict) {
    for (id, socket) in &index.sockets {
        if socket.opened.is_none_or(|opened| opened > window.from) {
            continue;
        }
        match socket.closed {
            Some(closed) if closed.at < window.gone || closed.code == Some(CUT) => {}
            Some(closed) if window.broken_at(closed.at) => {
                verdict.found(Kind::SocketCut, &[window.line, closed.line], || {
                    format!("socket {id} was closed ({:?}) while the log was away", closed.code)
                });
            }
            Some(_) | None => verdict.checked += 1,
        }
    }
}
