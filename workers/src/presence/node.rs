//! What a node has told: which sockets it has, when it was last heard.

use std::collections::{HashMap, HashSet};

use schemas::{Timestamp, UserId, limits};
use uuid::Uuid;

use super::damping::ms;

/// Time in which a node is asked once.
const ASK_MS: u64 = 2 * limits::PRESENCE_HEARTBEAT_MS;

/// An answer that is on its way.
#[derive(Debug)]
struct Answer {
    ticket: Uuid,
    named: HashSet<Uuid>,
}

/// One node, as far as a partition is concerned.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) heard: Timestamp,
    /// Its sockets, and whose they are.
    pub(super) sockets: HashMap<Uuid, UserId>,
    answer: Option<Answer>,
    asked: Option<Timestamp>,
}

impl Node {
    /// It has told of a socket.
    pub(super) fn has(&mut self, socket: Uuid, user: UserId) {
        self.sockets.insert(socket, user);
        if let Some(answer) = &mut self.answer {
            answer.named.insert(socket);
        }
    }

    /// It has told of a socket's end.
    pub(super) fn lost(&mut self, socket: Uuid) {
        self.sockets.remove(&socket);
    }

    /// A part of an answer; behind the last one, the sockets that it does not name: they are gone.
    pub(super) fn told(
        &mut self,
        ticket: Uuid,
        named: Vec<(Uuid, UserId)>,
        last: bool,
    ) -> Vec<(Uuid, UserId)> {
        let mut answer = match self.answer.take() {
            Some(answer) if answer.ticket == ticket => answer,
            _ => Answer { ticket, named: HashSet::new() },
        };
        answer.named.extend(named.iter().map(|(socket, _)| *socket));
        self.sockets.extend(named);
        if !last {
            self.answer = Some(answer);
            return Vec::new();
        }
        self.asked = None;
        self.sockets.extract_if(|socket, _| !answer.named.contains(socket)).collect()
    }

    /// Whether it has another number of devices than is known, and is to be asked which.
    pub(super) fn drifts(&mut self, devices: u32, now: Timestamp) -> bool {
        let known = u32::try_from(self.sockets.len()).unwrap_or(u32::MAX);
        let asked = self.asked.is_some_and(|at| now.since(at) < ms(ASK_MS));
        if known == devices || self.answer.is_some() || asked {
            return false;
        }
        self.asked = Some(now);
        true
    }
}
