//! Numbers follow what clients can know about order: a send that began after another had been
//! acknowledged is numbered behind it, and so is a later request of the same socket.

use std::collections::BTreeMap;

use schemas::Seq;
use uuid::Uuid;

use crate::checker::index::{At, Index};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::{Attempt, SocketId, Via};

/// A client id that was acknowledged.
struct Done<'h> {
    seq: Seq,
    /// When its first attempt was invoked.
    start: u64,
    /// When its first ack came.
    end: u64,
    line: usize,
    client: &'h str,
    /// The socket, if there was one attempt only: a retry says nothing about which one counted.
    socket: Option<SocketId>,
}

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut by_conversation: BTreeMap<Uuid, Vec<Done<'_>>> = BTreeMap::new();
    for ((_, conversation, client), places) in &index.clients {
        let attempts: Vec<_> = places.iter().filter_map(|place| index.sends.get(*place)).collect();
        if let Some(done) = done(client, &attempts) {
            by_conversation.entry(*conversation).or_default().push(done);
        }
    }
    for (conversation, mut sends) in by_conversation {
        sends.sort_by_key(|send| send.start);
        real_time(conversation, &sends, verdict);
        sockets(conversation, &sends, verdict);
    }
}

fn done<'h>(client: &'h str, attempts: &[&At<'h, Attempt>]) -> Option<Done<'h>> {
    let first = attempts.first()?;
    let acked = attempts.iter().filter(|a| a.what.outcome.ok().is_some());
    let ack = acked.min_by_key(|attempt| attempt.entry.end)?;
    let socket = match (attempts.len(), first.what.via) {
        (1, Via::Socket(socket)) => Some(socket),
        _ => None,
    };
    Some(Done {
        seq: ack.what.outcome.ok()?.seq,
        start: first.entry.start,
        end: ack.entry.end,
        line: ack.line,
        client,
        socket,
    })
}

/// `sends` in the order of invocation: each is numbered above every one that had ended before.
fn real_time(conversation: Uuid, sends: &[Done<'_>], verdict: &mut Verdict) {
    let mut ended: Vec<&Done<'_>> = sends.iter().collect();
    ended.sort_by_key(|send| send.end);
    let mut ended = ended.into_iter().peekable();
    let mut highest: Option<&Done<'_>> = None;
    for send in sends {
        while let Some(before) = ended.next_if(|before| before.end < send.start) {
            if highest.is_none_or(|highest| before.seq > highest.seq) {
                highest = Some(before);
            }
        }
        if let Some(before) = highest
            && before.seq > send.seq
        {
            report(Kind::ExternalNonmonotonic, conversation, before, send, verdict);
        }
    }
}

fn sockets(conversation: Uuid, sends: &[Done<'_>], verdict: &mut Verdict) {
    let mut last: BTreeMap<SocketId, &Done<'_>> = BTreeMap::new();
    for send in sends {
        let Some(socket) = send.socket else { continue };
        if let Some(before) = last.insert(socket, send)
            && before.seq > send.seq
        {
            report(Kind::InternalNonmonotonic, conversation, before, send, verdict);
        }
    }
}

fn report(kind: Kind, conversation: Uuid, a: &Done<'_>, b: &Done<'_>, verdict: &mut Verdict) {
    verdict.found(kind, &[a.line, b.line], || {
        format!(
            "in {conversation} {} was sent before {}, and they have seq {} and {}",
            a.client, b.client, a.seq, b.seq
        )
    });
}
