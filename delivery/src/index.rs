//! Which users here are in which of the conversations that are routed as a whole (more than 64
//! members). Pure; `hub` keeps it beside the order of events, under one lock.
//!
//! It is the wall of these conversations (G-15): their events go to whom it names and to nobody else.
//! So nobody gets in on a membership that was read before his removal was told: whoever enters is
//! *entering* first, his membership is read then, and a removal that is told meanwhile stands.

use std::collections::{HashMap, HashSet};

use schemas::{ConversationId, UserId};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Index {
    conversations: HashMap<ConversationId, Members>,
    /// The same from the user's side; only those who are in one, or entering.
    users: HashMap<UserId, HashSet<ConversationId>>,
    tickets: u64,
}

#[derive(Debug, Default)]
struct Members {
    here: HashSet<UserId>,
    entering: Vec<Entering>,
}

#[derive(Debug)]
struct Entering {
    ticket: u64,
    user: UserId,
    /// Whether a removal was told meanwhile.
    left: bool,
}

impl Members {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.entering.is_empty()
    }
}

impl Index {
    /// A name for one entering.
    pub(crate) fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// A user is entering: his membership is read next.
    pub(crate) fn begin(&mut self, conversation: ConversationId, user: UserId, ticket: u64) {
        let entering = Entering { ticket, user, left: false };
        self.conversations.entry(conversation).or_default().entering.push(entering);
        self.users.entry(user).or_default().insert(conversation);
    }

    /// What has become of an entering; none: it was given up (the user has gone).
    fn end(&mut self, conversation: ConversationId, user: UserId, ticket: u64) -> Option<Entering> {
        let entering = &mut self.conversations.get_mut(&conversation)?.entering;
        let at = entering.iter().position(|one| one.ticket == ticket && one.user == user)?;
        Some(entering.swap_remove(at))
    }

    /// He is a member: he is in, unless his removal was told meanwhile. Whether he is in.
    pub(crate) fn enter(
        &mut self,
        conversation: ConversationId,
        user: UserId,
        ticket: u64,
    ) -> bool {
        let entered = self.end(conversation, user, ticket).is_some_and(|one| !one.left);
        if entered {
            self.add(conversation, user);
        } else {
            self.tidy(conversation, user);
        }
        entered
    }

    /// He is no member.
    pub(crate) fn cancel(&mut self, conversation: ConversationId, user: UserId, ticket: u64) {
        self.end(conversation, user, ticket);
        self.tidy(conversation, user);
    }

    /// A user is in, as an event in its place in the order says.
    pub(crate) fn add(&mut self, conversation: ConversationId, user: UserId) {
        self.conversations.entry(conversation).or_default().here.insert(user);
        self.users.entry(user).or_default().insert(conversation);
    }

    /// A user is no member any more. Whether he was in, or entering.
    pub(crate) fn left(&mut self, conversation: ConversationId, user: UserId) -> bool {
        let Some(members) = self.conversations.get_mut(&conversation) else { return false };
        let mut known = members.here.remove(&user);
        for entering in members.entering.iter_mut().filter(|one| one.user == user) {
            entering.left = true;
            known = true;
        }
        self.tidy(conversation, user);
        known
    }

    /// A user has no socket here any more; the conversations that nobody here is in now.
    pub(crate) fn gone(&mut self, user: UserId) -> Vec<ConversationId> {
        let conversations = self.users.remove(&user).unwrap_or_default();
        let mut empty = Vec::new();
        for conversation in conversations {
            if let Some(members) = self.conversations.get_mut(&conversation) {
                members.here.remove(&user);
                members.entering.retain(|one| one.user != user);
                if members.is_empty() {
                    self.conversations.remove(&conversation);
                    empty.push(conversation);
                }
            }
        }
        empty
    }

    /// Forgets what is empty.
    fn tidy(&mut self, conversation: ConversationId, user: UserId) {
        let members = self.conversations.get(&conversation);
        let known = members.is_some_and(|members| {
            members.here.contains(&user) || members.entering.iter().any(|one| one.user == user)
        });
        if members.is_some_and(Members::is_empty) {
            self.conversations.remove(&conversation);
        }
        if !known && let Some(conversations) = self.users.get_mut(&user) {
            conversations.remove(&conversation);
            if conversations.is_empty() {
                self.users.remove(&user);
            }
        }
    }

    /// Who is in a conversation.
    pub(crate) fn members(&self, conversation: ConversationId) -> impl Iterator<Item = UserId> {
        self.conversations.get(&conversation).into_iter().flat_map(|m| m.here.iter().copied())
    }

    /// Whether he is in.
    pub(crate) fn contains(&self, conversation: ConversationId, user: UserId) -> bool {
        self.conversations.get(&conversation).is_some_and(|m| m.here.contains(&user))
    }

    /// Whether anybody is in, or entering: then it is announced.
    pub(crate) fn has(&self, conversation: ConversationId) -> bool {
        self.conversations.contains_key(&conversation)
    }

    /// Whether a user is in any, or entering.
    pub(crate) fn knows(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Every conversation that anybody is in.
    pub(crate) fn conversations(&self) -> impl Iterator<Item = ConversationId> {
        self.conversations.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const C: ConversationId = ConversationId(Uuid::from_u128(5));
    const D: ConversationId = ConversationId(Uuid::from_u128(6));

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn members(index: &Index) -> Vec<UserId> {
        let mut members: Vec<_> = index.members(C).collect();
        members.sort();
        members
    }

    #[test]
    fn one_who_enters_is_in_when_his_membership_was_read_and_not_before() {
        let mut index = Index::default();
        let ticket = index.ticket();
        index.begin(C, user(1), ticket);
        assert!(index.has(C) && members(&index).is_empty());
        assert!(index.enter(C, user(1), ticket));
        assert_eq!(members(&index), [user(1)]);
        assert!(!index.enter(C, user(1), ticket), "an entering ends once");
        assert_eq!(members(&index), [user(1)]);
    }

    #[test]
    fn one_who_is_removed_while_he_enters_stays_out() {
        let mut index = Index::default();
        let (first, second) = (index.ticket(), index.ticket());
        index.begin(C, user(1), first);
        assert!(index.left(C, user(1)));
        // He is added again, and enters again.
        index.begin(C, user(1), second);
        assert!(!index.enter(C, user(1), first));
        assert!(members(&index).is_empty() && index.has(C));
        assert!(index.enter(C, user(1), second));
        assert!(index.left(C, user(1)));
        assert!(!index.left(C, user(1)));
        assert!(!index.has(C) && !index.knows(user(1)));
    }

    #[test]
    fn one_who_has_gone_is_in_nothing_and_what_is_empty_is_named() {
        let mut index = Index::default();
        index.add(C, user(1));
        index.add(C, user(2));
        index.add(D, user(1));
        let ticket = index.ticket();
        index.begin(D, user(1), ticket);
        assert_eq!(index.gone(user(1)), [D]);
        assert!(!index.enter(D, user(1), ticket), "he has gone meanwhile");
        assert_eq!(members(&index), [user(2)]);
        assert_eq!(index.conversations().collect::<Vec<_>>(), [C]);
        index.begin(C, user(3), ticket);
        index.cancel(C, user(3), ticket);
        assert!(!index.knows(user(3)) && index.has(C));
    }
}
