//! What becomes of writes: one lock, one step.

use bench::history::{Form, Outcome, Reacted, Seen, What, body_of};
use bench::target::{Deed, Message};
use uuid::Uuid;

use super::{Bug, Conversation, People, Said, State, Texts, event, fail};

impl People {
    pub(super) fn take(&self, message: &Message) -> Outcome<Seen> {
        let mut state = self.state.lock();
        let request = &message.request;
        let key = (request.sender, request.conversation, request.client.clone());
        let through = self.strikes(&mut state, Bug::RemovedWrites, 3);
        let first = state.sent.get(&key).copied();
        let Some(conversation) = state.conversations.get_mut(&request.conversation) else {
            return fail("not_member");
        };
        if let Some(first) = first.and_then(|id| conversation.place(id)) {
            let same = first.seen.form != Form::Sent || first.seen.body == request.body;
            return if same {
                Outcome::Ok(first.seen.clone())
            } else {
                fail("idempotency_mismatch")
            };
        }
        let known = conversation.left.contains(&request.sender);
        if !(conversation.members.contains_key(&request.sender) || known && through) {
            return fail("not_member");
        }
        if message.content.is_empty() || message.content.chars().count() > 10_000 {
            return fail("validation_failed");
        }
        let (seq, rev) = (conversation.top() + 1, conversation.next());
        let seed = format!("{} {} {}", key.0, key.1, key.2);
        let id = (u128::from(body_of(&seed)) << 64) | u128::from(body_of(&(seed + "x")));
        let seen = Seen {
            id: Uuid::new_v8(id.to_be_bytes()),
            seq,
            rev,
            client: Some(request.client.clone()),
            sender: request.sender,
            body: request.body,
            form: Form::Sent,
        };
        conversation.said.push(Said {
            seen: seen.clone(),
            text: message.content.clone(),
            former: Texts::new(),
            pinned: false,
            answers: message.answers,
        });
        state.sent.insert(key, seen.id);
        let created = event(request.conversation, "message.created", rev, Some(seen.clone()));
        let hears = self.strikes(&mut state, Bug::RemovedHears, 5);
        let left = state.conversations[&request.conversation].left.iter().next().copied();
        state.change(request.conversation, &created, &message.content, left.filter(|_| hears));
        if self.strikes(&mut state, Bug::Ghost, 100) {
            ghost(&mut state, request.conversation, &seen);
        }
        Outcome::Ok(seen)
    }

    pub(super) fn deed(&self, by: Uuid, deed: &Deed, named: bool) -> Outcome<Option<Seen>> {
        let mut state = self.state.lock();
        let key = (by, deed.key.clone());
        let again = state.once.get(&key).cloned().filter(|_| named);
        if let Some(first) = again
            && self.bug != Some(Bug::OnceTwice)
        {
            return Outcome::Ok(first);
        }
        let id = deed.conversation;
        let is_member = state.conversations.get(&id).is_some_and(|c| c.members.contains_key(&by));
        if !is_member {
            return fail("not_member");
        }
        let loses = match deed.what {
            What::Edit { .. } => self.strikes(&mut state, Bug::LosesEdit, 10),
            What::Remove { .. } | What::Leave { .. } => {
                self.strikes(&mut state, Bug::LosesRemoval, 5)
            }
            _ => false,
        };
        let done = if loses { Ok(None) } else { self.make(&mut state, by, deed) };
        match done {
            Ok(seen) => {
                state.once.insert(key, seen.clone());
                if self.strikes(&mut state, Bug::RefusesButDoes, 10) {
                    return fail("conflict");
                }
                Outcome::Ok(seen)
            }
            Err(code) => fail(code),
        }
    }

    fn make(&self, state: &mut State, by: Uuid, deed: &Deed) -> Result<Option<Seen>, &'static str> {
        let id = deed.conversation;
        let twice = self.bug == Some(Bug::OnceTwice);
        let conversation = state.conversations.get_mut(&id).ok_or("not_found")?;
        let (rev, top) = (conversation.next(), conversation.top());
        match &deed.what {
            What::Edit { message, body, .. } => {
                let said = conversation.place(*message).ok_or("not_found")?;
                if said.seen.form == Form::Deleted {
                    return Err("message_deleted");
                }
                if said.seen.body != *body || twice {
                    said.former.push(said.text.clone());
                    said.text = deed.content.clone();
                    said.seen = Seen { body: *body, rev, form: Form::Edited, ..said.seen.clone() };
                    let edited = event(id, "message.updated", rev, Some(said.seen.clone()));
                    let seen = said.seen.clone();
                    state.change(id, &edited, &deed.content, None);
                    return Ok(Some(seen));
                }
                Ok(Some(said.seen.clone()))
            }
            What::Delete { message, .. } => {
                let said = conversation.place(*message).ok_or("not_found")?;
                if said.seen.form == Form::Deleted {
                    return Ok(None);
                }
                let body = body_of("");
                said.seen = Seen { body, rev, form: Form::Deleted, ..said.seen.clone() };
                let quoted = self.bug == Some(Bug::TextInQuote);
                if !quoted {
                    said.text = "".into();
                }
                if self.bug != Some(Bug::TextInEdits) {
                    said.former.clear();
                }
                said.pinned = false;
                let seen = said.seen.clone();
                self.blank(conversation, &seen);
                state.change(id, &event(id, "message.deleted", rev, Some(seen)), "", None);
                Ok(None)
            }
            What::React { message, emoji, added, .. } => {
                let said = conversation.place(*message).ok_or("not_found")?;
                if said.seen.form == Form::Deleted {
                    return Err("message_deleted");
                }
                let own = (*message, by, emoji.clone());
                let stands = conversation.reactions.contains(&own);
                match (stands, *added) {
                    (true, true) if !twice => return Ok(None),
                    (false, false) => return Err("not_found"),
                    (_, true) => drop(conversation.reactions.insert(own)),
                    (true, false) => drop(conversation.reactions.remove(&own)),
                }
                let mut reacted = event(id, "message.reaction", rev, None);
                let (message, emoji) = (*message, emoji.clone());
                reacted.tells.reaction = Some(Reacted { message, user: by, emoji, added: *added });
                state.change(id, &reacted, "", None);
                Ok(None)
            }
            What::Pin { message, pinned, .. } => {
                let said = conversation.place(*message).ok_or("not_found")?;
                if said.seen.form == Form::Deleted {
                    return Err("message_deleted");
                }
                said.pinned = *pinned;
                said.seen.rev = rev;
                let shown = event(id, "message.updated", rev, Some(said.seen.clone()));
                let text = said.text.clone();
                state.change(id, &shown, &text, None);
                Ok(None)
            }
            What::Read { seq, .. } => {
                let mark = conversation.marks.entry(by).or_default();
                let back = self.bug == Some(Bug::MarkerGoesBack);
                *mark = if back { *seq } else { *seq.max(mark) };
                Ok(None)
            }
            What::Add { user } => {
                if conversation.members.contains_key(user) {
                    return Err("already_member");
                }
                conversation.members.insert(*user, "member".to_owned());
                conversation.left.remove(user);
                conversation.joined.insert(*user, top);
                let mut added = event(id, "member.added", rev, None);
                added.tells.members = vec![*user];
                state.change(id, &added, "", None);
                state.entry(*user, "conversation.added");
                Ok(None)
            }
            What::Remove { user } | What::Leave { user } => {
                conversation.members.remove(user).ok_or("not_found")?;
                conversation.left.insert(*user);
                let mut removed = event(id, "member.removed", rev, None);
                removed.tells.members = vec![*user];
                state.change(id, &removed, "", Some(*user));
                state.entry(*user, "conversation.removed");
                Ok(None)
            }
            What::Role { user, role } => {
                let standing = conversation.members.get_mut(user).ok_or("not_found")?;
                (*standing).clone_from(&role.to_string());
                let mut changed = event(id, "member.changed", rev, None);
                changed.tells.members = vec![*user];
                state.change(id, &changed, "", None);
                Ok(None)
            }
        }
    }

    /// Takes the text of a message from the journal.
    fn blank(&self, conversation: &mut Conversation, gone: &Seen) {
        if self.bug == Some(Bug::TextInJournal) {
            return;
        }
        for (event, text) in &mut conversation.journal {
            if event.message.as_ref().is_some_and(|seen| seen.id == gone.id) {
                let kind = event.kind.clone();
                *event = super::event(event.conversation, &kind, event.rev, Some(gone.clone()));
                *text = "".into();
            }
        }
    }
}

/// A reaction that nobody asked for.
fn ghost(state: &mut State, id: Uuid, seen: &Seen) {
    let rev = state.conversations[&id].next();
    let mut reaction = event(id, "message.reaction", rev, None);
    let (message, user) = (seen.id, seen.sender);
    reaction.tells.reaction = Some(Reacted { message, user, emoji: "boo".into(), added: true });
    state.change(id, &reaction, "", None);
}
