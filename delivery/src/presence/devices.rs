//! A socket as a device of its user: what it is, when its user last did something on it, and when that
//! is worth telling. Pure; the socket's own task changes it, the publisher reads it.
//!
//! All of it is atomics in the session, so that whoever says at every key stroke that he is online costs
//! two stores and a comparison. What is told of a device is read when it is told: between two changes and
//! the telling the last one counts.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use platform::inbound::Identity;
use schemas::presence::{DeviceKind, Status};
use schemas::{SessionId, UserId, limits};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Time without activity after which a device is away.
const AWAY: Duration = Duration::from_millis(limits::AWAY_MS);
/// Silence after which a device is told as gone: before its socket is closed for it.
const SILENT: Duration = Duration::from_millis(limits::PRESENCE_SILENT_MS);
/// Activity that has moved by so much is told.
const ACTIVE: u64 = limits::PRESENCE_ACTIVE_MS;
/// Hash of a custom status of which it is not known whether it was set.
const DOUBT: u64 = u64::MAX;
/// A silent one is looked at so often: it may be heard again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a client says of its device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Its name; none: the session's.
    pub(crate) id: Option<Box<str>>,
    /// What it is.
    pub(crate) kind: DeviceKind,
}

/// What is told of a device at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is not there.
    Gone,
    /// It is there, and this.
    Here(Status),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Device {
    /// Whose.
    pub(crate) user: UserId,
    /// Number of its socket on this node.
    pub(crate) socket: u64,
    session: SessionId,
    facts: OnceLock<Facts>,
    born: Instant,
    /// Whether it is here: it came and did not go.
    here: AtomicBool,
    /// Whether nothing is heard of it.
    silent: AtomicBool,
    /// Whether its end was said.
    clean: AtomicBool,
    /// What its user is on it, by his own word; [`Status::Online`]: by what he does.
    chosen: AtomicU8,
    /// Whether he has done nothing for [`AWAY`].
    idle: AtomicBool,
    /// When he last did something, ms after it was born.
    active: AtomicU64,
    /// When it was last heard before it fell silent, the same.
    heard: AtomicU64,
    /// What was last told of it; the publisher's.
    told: AtomicU8,
    /// When he had last done something as of then, ms after it was born; the publisher's.
    told_active: AtomicU64,
    /// Hash of the custom status that it last set; 0: none; [`DOUBT`].
    custom: AtomicU64,
    /// So many are on their way that its user has said with what he is.
    texts: AtomicU32,
    /// One custom status after the other: when that which it last set stood, as far as is known.
    pub(super) stood: Mutex<Option<Instant>>,
}

/// The byte of a status; 0 is no status.
fn byte(status: Status) -> u8 {
    match status {
        Status::Online => 1,
        Status::Away => 2,
        Status::DoNotDisturb => 3,
        Status::Offline => 4,
    }
}

fn status(byte: u8) -> Option<Status> {
    [Status::Online, Status::Away, Status::DoNotDisturb, Status::Offline]
        .into_iter()
        .find(|status| self::byte(*status) == byte)
}

impl Told {
    /// One whose user hides on it counts as gone: nothing of it is to be seen.
    fn of(status: Option<Status>) -> Self {
        match status {
            None | Some(Status::Offline) => Self::Gone,
            Some(status) => Self::Here(status),
        }
    }

    /// How much its user is there.
    pub(super) fn presence(self) -> u8 {
        match self {
            Self::Gone => Status::Offline.presence(),
            Self::Here(status) => status.presence(),
        }
    }
}

impl Device {
    /// Of a socket that is not here yet.
    pub(crate) fn new(socket: u64, who: &Identity) -> Self {
        Self {
            user: who.user,
            socket,
            session: who.session,
            facts: OnceLock::new(),
            born: Instant::now(),
            here: AtomicBool::new(false),
            silent: AtomicBool::new(false),
            clean: AtomicBool::new(false),
            chosen: AtomicU8::new(byte(Status::Online)),
            idle: AtomicBool::new(false),
            active: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            told: AtomicU8::new(0),
            told_active: AtomicU64::new(0),
            custom: AtomicU64::new(0),
            texts: AtomicU32::new(0),
            stood: Mutex::const_new(None),
        }
    }

    /// What its client says of it: once, before it comes.
    pub(crate) fn describe(&self, facts: Facts) {
        // A second description changes nothing: what others were told stands.
        drop(self.facts.set(facts));
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        let chosen = self.facts.get().and_then(|facts| facts.id.as_deref());
        chosen.map_or_else(|| self.session.to_string(), str::to_owned)
    }

    /// What it is.
    pub(super) fn kind(&self) -> DeviceKind {
        self.facts.get().map_or_else(DeviceKind::default, |facts| facts.kind)
    }

    /// It is here.
    pub(super) fn come(&self, now: Instant) {
        self.here.store(true, Ordering::Relaxed);
        self.touch(now);
    }

    /// It has gone; whether that is news.
    pub(super) fn go(&self) -> bool {
        self.here.swap(false, Ordering::Relaxed)
    }

    /// Its end was said, by one side or the other.
    pub(crate) fn ends_cleanly(&self) {
        self.clean.store(true, Ordering::Relaxed);
    }

    fn touch(&self, now: Instant) {
        self.active.store(self.ms(now), Ordering::Relaxed);
    }

    fn ms(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_millis()).unwrap_or(u64::MAX)
    }

    fn at(&self, ms: u64) -> Instant {
        self.born + Duration::from_millis(ms)
    }

    /// Its user does something on it; whether that is to be told: it is another thing by that, or what
    /// was told of its activity is old.
    pub(super) fn act(&self, now: Instant) -> bool {
        self.touch(now);
        let changed = self.changes(|| {
            self.idle.store(false, Ordering::Relaxed);
            self.silent.store(false, Ordering::Relaxed);
        });
        changed || self.moved()
    }

    /// Whether it was active so long after what was told that this is to be told.
    fn moved(&self) -> bool {
        let (now, told) = (&self.active, &self.told_active);
        let moved = now.load(Ordering::Relaxed).saturating_sub(told.load(Ordering::Relaxed));
        moved >= ACTIVE && self.told() != Told::Gone
    }

    /// Whether it is what was told of it.
    pub(super) fn is_told(&self) -> bool {
        self.now() == self.told()
    }

    /// Whether something is to be told of it.
    pub(super) fn has_news(&self) -> bool {
        !self.is_told() || self.moved()
    }

    /// Its user says that he is active: he is not away, even if he said so.
    pub(super) fn wake(&self, now: Instant) -> bool {
        let away = byte(Status::Away);
        let lift = || {
            if self.chosen.load(Ordering::Relaxed) == away {
                self.chosen.store(byte(Status::Online), Ordering::Relaxed);
            }
        };
        self.changes(lift) | self.act(now)
    }

    /// Its user says what he is on it; whether it is another thing by that.
    pub(super) fn choose(&self, status: Status, now: Instant) -> bool {
        self.changes(|| self.chosen.store(byte(status), Ordering::Relaxed)) | self.act(now)
    }

    /// Whether all stays as it is if its user does something on it, and says this of himself on it.
    pub(super) fn stays(&self, status: Option<Status>) -> bool {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let awake = is(&self.here) && !is(&self.silent) && !is(&self.idle);
        awake && status.is_none_or(|status| self.chosen.load(Ordering::Relaxed) == byte(status))
    }

    /// Looks at the clock, `heard` being the last sign of life: whether it is another thing by that, and
    /// when to look again.
    pub(super) fn look(&self, heard: Instant, now: Instant) -> (bool, Option<Instant>) {
        if !self.here.load(Ordering::Relaxed) {
            return (false, None);
        }
        let (silence, away) = (heard + SILENT, self.active_at() + AWAY);
        let silent = now >= silence;
        let changed = self.changes(|| {
            self.heard.store(self.ms(heard), Ordering::Relaxed);
            self.silent.store(silent, Ordering::Relaxed);
            self.idle.store(now >= away, Ordering::Relaxed);
        });
        let again = if silent { now + AGAIN } else { silence };
        (changed, Some(if now < away { again.min(away) } else { again }))
    }

    fn changes(&self, change: impl FnOnce()) -> bool {
        let before = self.now();
        change();
        self.now() != before
    }

    /// What is to be told of it.
    pub(super) fn now(&self) -> Told {
        if !self.here.load(Ordering::Relaxed) || self.silent.load(Ordering::Relaxed) {
            return Told::Gone;
        }
        let chosen = status(self.chosen.load(Ordering::Relaxed));
        let idle = self.idle.load(Ordering::Relaxed);
        Told::of(match chosen {
            Some(Status::Online) if idle => Some(Status::Away),
            chosen => chosen,
        })
    }

    /// What was told of it.
    pub(super) fn told(&self) -> Told {
        Told::of(status(self.told.load(Ordering::Relaxed)))
    }

    /// This is told of it now, and when it was last active.
    pub(super) fn tell(&self, told: Told, active: Instant) {
        self.told_active.store(self.ms(active), Ordering::Relaxed);
        let byte = match told {
            Told::Gone => 0,
            Told::Here(status) => byte(status),
        };
        self.told.store(byte, Ordering::Relaxed);
    }

    /// When its user last did something on it.
    pub(super) fn active_at(&self) -> Instant {
        self.at(self.active.load(Ordering::Relaxed))
    }

    /// When it was last heard, of one that fell silent.
    pub(super) fn heard_at(&self) -> Option<Instant> {
        let silent = self.silent.load(Ordering::Relaxed);
        silent.then(|| self.at(self.heard.load(Ordering::Relaxed)))
    }

    /// Whether the custom status that it last set, if any, has this hash.
    pub(super) fn has_custom(&self, hash: u64) -> bool {
        self.custom.load(Ordering::Relaxed) == hash
    }

    /// It has set this one; the hash of the one before.
    pub(super) fn set_custom(&self, hash: u64) -> u64 {
        self.custom.swap(hash, Ordering::Relaxed)
    }

    /// It may have set one, or not: the next is said whatever stands.
    pub(super) fn doubt_custom(&self) {
        self.set_custom(DOUBT);
    }

    /// One was refused, this being the hash of the one before: the next is looked at, unless that one may
    /// come to stand yet.
    pub(super) fn refused_custom(&self, before: u64) {
        self.set_custom(if before == DOUBT { DOUBT } else { 0 });
    }

    /// Whether a text follows what its user is on it.
    pub(super) fn text_follows(&self) -> bool {
        self.texts.load(Ordering::Relaxed) > 0
    }

    /// One does, if what he is has yet to be told: until what is returned is dropped.
    pub(super) fn say_text(self: &Arc<Self>) -> Option<TextFollows> {
        if self.is_told() {
            return None;
        }
        self.texts.fetch_add(1, Ordering::Relaxed);
        Some(TextFollows(self.clone()))
    }

    /// Whether its end was said.
    pub(super) fn is_clean(&self) -> bool {
        self.clean.load(Ordering::Relaxed)
    }
}

/// A text is on its way; by the end of this it has come, or never will.
#[derive(Debug)]
#[must_use]
pub(super) struct TextFollows(Arc<Device>);

impl Drop for TextFollows {
    fn drop(&mut self) {
        self.0.texts.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use schemas::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn device() -> (Device, Instant) {
        let who = Identity {
            user: UserId(Uuid::from_u128(1)),
            session: SessionId(Uuid::from_u128(2)),
            expires_at: Timestamp(0),
        };
        let device = Device::new(7, &who);
        let start = device.born;
        device.come(start);
        (device, start)
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn what_changes_nothing_is_no_news() {
        let (device, start) = device();
        assert_eq!(device.now(), Told::Here(Status::Online));
        for second in 1..400 {
            assert!(device.stays(Some(Status::Online)) && device.stays(None));
            assert!(!device.choose(Status::Online, start + secs(second)));
            assert!(!device.act(start + secs(second)));
        }
        assert!(!device.stays(Some(Status::DoNotDisturb)));
        assert!(device.choose(Status::DoNotDisturb, start + secs(400)));
        assert!(device.stays(Some(Status::DoNotDisturb)) && !device.stays(Some(Status::Online)));
        assert!(!device.choose(Status::DoNotDisturb, start + secs(401)));
        assert!(!device.act(start + secs(402)), "activity lifts nothing but away");
        assert!(device.choose(Status::Online, start + secs(403)));
    }

    #[test]
    fn away_comes_after_five_minutes_and_activity_lifts_it() {
        let (device, start) = device();
        let look = |at| device.look(at, at);
        assert_eq!(look(start + secs(280)), (false, Some(start + secs(300))));
        assert!(!device.act(start + secs(290)));
        assert_eq!(look(start + secs(300)), (false, Some(start + secs(350))));
        assert_eq!(look(start + secs(589)), (false, Some(start + secs(590))));
        assert_eq!(look(start + secs(590)), (true, Some(start + secs(640))));
        assert_eq!(device.now(), Told::Here(Status::Away));
        assert_eq!(look(start + secs(600)), (false, Some(start + secs(650))));
        assert!(!device.stays(None) && !device.stays(Some(Status::Online)), "it would wake");
        assert!(device.act(start + secs(700)));
        assert_eq!(device.now(), Told::Here(Status::Online));
    }

    #[test]
    fn what_somebody_has_said_stands_until_he_says_something_else() {
        let (device, start) = device();
        assert!(device.choose(Status::Away, start));
        assert!(!device.act(start + secs(1)), "his client may ask for things by itself");
        assert_eq!(device.now(), Told::Here(Status::Away));
        assert!(device.wake(start + secs(2)), "but this says that he is there");
        assert_eq!(device.now(), Told::Here(Status::Online));
        assert!(device.choose(Status::DoNotDisturb, start + secs(3)));
        assert!(!device.wake(start + secs(4)));
        assert!(device.choose(Status::Offline, start + secs(5)));
        assert_eq!(device.now(), Told::Gone, "one who hides is as if he were not there");
        assert!(device.choose(Status::Online, start + secs(6)));
    }

    #[test]
    fn a_silent_one_is_gone_until_it_is_heard() {
        let (device, start) = device();
        let heard = start + secs(10);
        assert_eq!(device.look(heard, start + secs(59)), (false, Some(start + secs(60))));
        assert_eq!(device.look(heard, start + secs(60)), (true, Some(start + secs(61))));
        assert_eq!((device.now(), device.heard_at()), (Told::Gone, Some(heard)));
        assert!(!device.stays(None));
        let heard = start + secs(61);
        assert_eq!(device.look(heard, heard), (true, Some(heard + SILENT)));
        assert_eq!((device.now(), device.heard_at()), (Told::Here(Status::Online), None));
        assert!(device.go() && !device.go());
        assert_eq!(device.look(heard, heard), (false, None));
    }
}
