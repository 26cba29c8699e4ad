//! One user: his devices on all nodes, what he has decided, what was published of him, and what that
//! comes to.

use schemas::presence::Status;
use schemas::presence::entry::{self, Entry};
use schemas::presence::record::Device;
use schemas::user::head::{Audience, Head, Preference, Privacy};
use schemas::{InstanceId, Timestamp, UserId, limits};
use uuid::Uuid;

use super::damping::{Damping, ms};

/// Devices that an entry lists, the most recently active.
const DEVICES: usize = 20;
/// Activity that moved by so much is noted: a node tells of it when it has moved by twice that, by its
/// own clock.
pub(super) const ACTIVE_MS: i64 = ms(limits::PRESENCE_ACTIVE_MS) / 2;

/// What a user's head says that presence needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What he has decided.
    pub preference: Preference,
    /// Who may see it.
    pub privacy: Privacy,
}

impl Facts {
    /// Of a head; without one, or of an account that is gone, nothing is shown to anybody.
    pub fn of(head: Option<&Head>) -> Self {
        match head.filter(|head| head.deleted_at.is_none()) {
            Some(head) => Self { preference: head.presence.clone(), privacy: head.privacy },
            None => Self {
                preference: Preference::default(),
                privacy: Privacy {
                    online: false,
                    last_seen: Audience::Nobody,
                    ..Privacy::default()
                },
            },
        }
    }
}

impl Facts {
    /// Whether he has decided to be seen by nobody.
    pub(super) fn hides(&self) -> bool {
        self.preference.status == Some(Status::Offline)
    }
}

/// Known from the board alone: nodes may still tell of devices of his.
#[derive(Debug)]
pub(super) struct Unclaimed {
    /// What he counts as meanwhile, and when he was last here if none does.
    pub(super) gone: Gone,
    /// Devices that the board names and no node has. None: it does not name all.
    unnamed: Option<Vec<String>>,
}

impl Unclaimed {
    pub(super) fn of(gone: Gone, named: &[String]) -> Self {
        let all = (1..DEVICES).contains(&named.len());
        Self { gone, unnamed: all.then(|| named.to_vec()) }
    }
}

/// He is gone, and may come back unnoticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    /// When he was last here.
    pub(super) at: Timestamp,
    /// From then on others hear of it.
    pub(super) until: Timestamp,
    /// What he counts as until then.
    pub(super) held: Status,
}

/// What is on the board, nodes are told of later.
#[derive(Debug)]
pub(super) struct Held {
    /// What they were told.
    pub(super) told: Option<Box<Entry>>,
}

#[derive(Debug, Default)]
pub(super) struct User {
    /// Mostly one: a map would take more room than all the rest.
    devices: Vec<(InstanceId, Device)>,
    pub(super) facts: Option<Facts>,
    /// What stands on the board.
    pub(super) published: Option<Entry>,
    pub(super) gone: Option<Gone>,
    pub(super) unclaimed: Option<Unclaimed>,
    /// On no board, and a node has told that a device of his is gone: when he was last here, if no other
    /// node has one.
    pub(super) lost: Option<Timestamp>,
    /// He was here since he was last looked at.
    pub(super) visited: bool,
    /// He may have been here later than is known.
    pub(super) unsure: bool,
    /// Whether he is counted as here.
    pub(super) counted: bool,
    /// Published by an owner who may not have come to tell it.
    pub(super) retell: bool,
    /// Version of what this owner found on the board.
    pub(super) found: i64,
    /// Told of though he is not here, as something that others see of him may have changed.
    pub(super) decided: bool,
    /// An answer may have shown it already.
    pub(super) shown: bool,
    pub(super) damping: Damping,
    /// Nodes were not told of all that is on the board.
    pub(super) held: Option<Held>,
    /// Others are told of him no sooner.
    pub(super) hold: Option<Timestamp>,
    /// With what he is now he has said a text, which is on its way: until then others wait for it.
    pub(super) awaits: Option<Timestamp>,
    /// His last device went with a node that stops, since he was last looked at.
    pub(super) left: bool,
    /// When he was last here, as his row has it.
    pub(super) row: Timestamp,
    /// When he is looked at next.
    pub(super) wait: Option<Timestamp>,
    /// When he is forgotten, if nothing else happens.
    pub(super) forget: Option<Timestamp>,
}

impl User {
    /// Whether he has any device.
    pub(super) fn has_devices(&self) -> bool {
        !self.devices.is_empty()
    }

    /// A node has told of a device: whether it was the last that an owner before knew of, so that nobody
    /// is waited for any more.
    pub(super) fn claim(&mut self, device: &str) -> bool {
        let Some(unclaimed) = &mut self.unclaimed else { return false };
        let Some(unnamed) = &mut unclaimed.unnamed else { return false };
        unnamed.retain(|name| name != device);
        let all = unnamed.is_empty();
        if all {
            self.unclaimed = None;
        }
        all
    }

    /// What nodes were told of him.
    pub(super) fn told(&self) -> Option<&Entry> {
        match &self.held {
            Some(held) => held.told.as_deref(),
            None => self.published.as_ref(),
        }
    }

    /// Whether he came and went, unseen by others, since he was last looked at. Of who hides nobody
    /// learns it.
    pub(super) fn came_and_went(&self, now: Timestamp) -> bool {
        let hides = self.facts.as_ref().is_some_and(Facts::hides);
        self.visited && !self.is_here(now) && !hides
    }

    /// Whether he has decided something of which nothing is left: two decisions, of which a node may have
    /// read the first one alone.
    pub(super) fn says_again(&self, entry: &Entry) -> bool {
        let same = self.published.as_ref().is_some_and(|before| !entry.differs(before));
        self.shown && !self.retell && self.held.is_none() && same
    }

    /// Until when nodes are not told of this entry. That he is more than they know is told at once, and
    /// so is what he has decided.
    pub(super) fn hold_until(&self, entry: &Entry, now: Timestamp) -> Option<Timestamp> {
        // Who is not to be seen any more is not kept in sight.
        let shown = entry.status.is_here() && entry.online;
        if !shown || self.decided || self.retell {
            return None;
        }
        let told = self.told();
        let less = told.is_some_and(|told| {
            let same = !entry.differs(told);
            same || entry.status.presence() < told.status.presence()
        });
        let quiet = if less { self.damping.quiet_until(now) } else { None };
        let awaits = self.awaits.filter(|at| *at > now);
        quiet.max(awaits)
    }

    /// A device of his, as of now.
    pub(super) fn put(&mut self, node: InstanceId, device: Device) {
        let same =
            |(at, known): &&mut (InstanceId, Device)| *at == node && known.socket == device.socket;
        if let Some((_, known)) = self.devices.iter_mut().find(same) {
            *known = device;
        } else {
            self.devices.reserve_exact(1);
            self.devices.push((node, device));
        }
    }

    /// A device of his is gone.
    pub(super) fn take(&mut self, node: InstanceId, socket: Uuid) -> Option<Device> {
        let found = |(at, known): &(InstanceId, Device)| *at == node && known.socket == socket;
        let at = self.devices.iter().position(found)?;
        Some(self.devices.swap_remove(at).1)
    }

    /// What he counts as while it is not known whether he is gone.
    pub(super) fn held(&self) -> Option<Status> {
        let entry = self.published.as_ref()?;
        match entry.otherwise {
            // Whatever he decides meanwhile.
            Some(otherwise) => Some(otherwise),
            None if entry.status.is_here() => Some(entry.status),
            // Here, and hidden by his own decision: an older version's.
            None => (!entry.devices.is_empty()).then_some(Status::Online),
        }
    }

    /// Whether he is here, as far as is known.
    pub(super) fn is_here(&self, now: Timestamp) -> bool {
        !self.devices.is_empty()
            || self.unclaimed.is_some()
            || self.gone.is_some_and(|gone| gone.until > now)
    }

    pub(super) fn status(&self, facts: &Facts, now: Timestamp) -> Status {
        Status::effective(facts.preference.status, std::iter::once(self.undecided(now)))
    }

    /// What he would be if he had decided nothing.
    fn undecided(&self, now: Timestamp) -> Status {
        let devices = self.devices.iter().map(|(_, device)| device.status);
        let gone = self.gone.filter(|gone| gone.until > now);
        let unclaimed = self.unclaimed.as_ref().map(|unclaimed| &unclaimed.gone);
        let held = gone.iter().chain(unclaimed).map(|gone| gone.held);
        Status::effective(None, devices.chain(held))
    }

    fn listed(&self) -> Vec<entry::Device> {
        let mut listed: Vec<entry::Device> = Vec::with_capacity(self.devices.len().min(DEVICES));
        let mut devices: Vec<&Device> = self.devices.iter().map(|(_, device)| device).collect();
        devices.sort_by_key(|device| std::cmp::Reverse(device.last_active));
        for device in devices {
            // Two sockets of one device are one to its user.
            if listed.len() < DEVICES && listed.iter().all(|one| one.device_id != device.device_id)
            {
                listed.push(entry::Device {
                    device_id: device.device_id.clone(),
                    kind: device.kind,
                    last_active: device.last_active,
                });
            }
        }
        listed
    }

    /// What is to be published of him as of now, under this version.
    pub(super) fn entry(&self, id: UserId, facts: &Facts, now: Timestamp, stamp: i64) -> Entry {
        let before = self.published.as_ref();
        let status = self.status(facts, now);
        let same = before.filter(|before| before.status == status);
        let seen_before = before.and_then(|before| before.last_seen_at);
        // Nobody learns when he who hides was really here.
        let went = self.visited && !self.is_here(now);
        let secret = went && facts.hides() && before.is_none();
        let gone_at = self.gone.filter(|_| !secret).map(|gone| gone.at);
        let last_seen_at = match before {
            _ if status.is_here() => {
                let active = self.devices.iter().map(|(_, device)| device.last_active).max();
                // Another device than the one that goes may be idle for long.
                let was_here = before.is_some_and(|before| before.status.is_here());
                if was_here { active.max(seen_before) } else { active.or(seen_before) }
            }
            None => gone_at,
            Some(_) if same.is_some() && went && !facts.hides() => gone_at.max(seen_before),
            Some(_) if same.is_some() => seen_before,
            Some(_) if self.is_here(now) => Some(now),
            Some(_) => gone_at.or(seen_before),
        };
        let devices = self.listed();
        let unknown = devices.is_empty() && self.is_here(now);
        let mut entry = Entry {
            user_id: id,
            version: before.map_or(stamp, |before| stamp.max(before.version.saturating_add(1))),
            status,
            otherwise: None,
            custom_status: None,
            custom_status_expires_at: None,
            last_seen_at,
            since: match (same, before, gone_at) {
                (Some(same), ..) => same.since,
                (None, None, Some(gone_at)) if !status.is_here() => gone_at,
                _ => now,
            },
            devices: match before {
                Some(before) if unknown => before.devices.clone(),
                _ => devices,
            },
            online: true,
            last_seen: Audience::Everyone,
            hides: false,
            again: false,
            at: now,
        };
        entry.is(status, self.undecided(now));
        entry.decided(&facts.preference, &facts.privacy);
        if entry.custom(now).is_none() {
            entry.custom_status = None;
            entry.custom_status_expires_at = None;
        }
        entry
    }
}

/// Whether a list names other devices than the one before, or activity that has moved since.
pub(super) fn other_devices(now: &[entry::Device], before: &[entry::Device]) -> bool {
    let is_known = |device: &entry::Device| {
        before.iter().any(|known| {
            known.device_id == device.device_id
                && known.kind == device.kind
                && device.last_active.since(known.last_active) < ACTIVE_MS
        })
    };
    now.len() != before.len() || !now.iter().all(is_known)
}
