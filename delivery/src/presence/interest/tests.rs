use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schemas::presence::Status;
use schemas::user::head::Audience;
use uuid::Uuid;

use super::news::differs;
use super::*;

pub(super) const NOW: Timestamp = Timestamp(1_000);

pub(super) fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub(super) fn talk(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(1_000 + number))
}

pub(super) fn entry(of: u128, version: i64, status: Status) -> Arc<Entry> {
    Arc::new(Entry {
        user_id: user(of),
        version,
        status,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: Some(Timestamp(version)),
        since: Timestamp(version),
        devices: Vec::new(),
        online: true,
        last_seen: Audience::Contacts,
        hides: false,
        again: false,
        otherwise: None,
        at: Timestamp(version),
    })
}

pub(super) fn peer(of: u128) -> Peer {
    Peer { user: user(of), conversation: talk(of), blocked: false }
}

pub(super) const OPEN: Permission = Permission { blocked: false, contact: false };
pub(super) const BLOCKED: Permission = Permission { blocked: true, contact: false };

/// Viewer 1 with socket 11 and peer 2.
pub(super) fn one() -> (Interest, Stay) {
    let mut interest = Interest::default();
    interest.came(user(1), 11);
    let stay = interest.served(user(1)).unwrap();
    assert_eq!(interest.next(user(1), stay), Some(Job::Scan));
    let ticket = interest.ticket();
    assert!(interest.peers(user(1), stay, ticket, &[peer(2)], NOW).is_empty());
    assert_eq!(interest.next(user(1), stay), None);
    (interest, stay)
}

pub(super) fn viewers(pushes: &[Push]) -> Vec<(UserId, Option<Vec<u64>>)> {
    pushes.iter().map(|push| (push.viewer, push.sockets.clone())).collect()
}

#[test]
fn a_peer_is_told_of_changes_and_a_stranger_of_nothing() {
    let (mut interest, _) = one();
    let online = entry(2, 1, Status::Online);
    assert_eq!(viewers(&interest.published(&online, NOW)), [(user(1), None)]);
    assert!(interest.published(&online, NOW).is_empty(), "once");
    assert!(interest.published(&entry(2, 2, Status::Online), NOW).is_empty(), "no change");
    assert!(interest.published(&entry(2, 1, Status::Away), NOW).is_empty(), "an old one");
    assert_eq!(interest.published(&entry(2, 3, Status::Away), NOW).len(), 1);
    assert!(interest.published(&entry(3, 1, Status::Online), NOW).is_empty());
    interest.gone(user(1), 11);
    assert!(interest.published(&entry(2, 4, Status::Online), NOW).is_empty());
    assert_eq!((interest.pairs, interest.targets.len()), (0, 0), "nothing is kept");
}

#[test]
fn the_end_of_a_custom_status_is_told() {
    let (mut interest, _) = one();
    let lunch = Entry {
        custom_status: Some("lunch".to_owned()),
        custom_status_expires_at: Some(NOW),
        ..(*entry(2, 1, Status::Online)).clone()
    };
    assert_eq!(interest.published(&Arc::new(lunch), Timestamp(1)).len(), 1);
    // By now the text of the old entry is not shown any more: it was.
    assert_eq!(interest.published(&entry(2, 2, Status::Online), NOW).len(), 1);
}

#[test]
fn a_user_is_told_of_himself_on_every_socket() {
    let (mut interest, _) = one();
    let pushes = interest.published(&entry(1, 1, Status::Online), NOW);
    assert_eq!(viewers(&pushes), [(user(1), None)]);
    assert_eq!(pushes[0].role, Viewer::Himself);
    let hidden = Entry { online: false, ..(*entry(1, 2, Status::Online)).clone() };
    assert!(interest.published(&Arc::new(hidden), NOW).is_empty(), "he sees the same");
}

#[test]
fn a_subscription_is_of_one_socket_and_ends_with_it() {
    let (mut interest, _) = one();
    interest.came(user(1), 12);
    let (ticket, new) = interest.subscribe(user(1), 12, &[user(3), user(2)]).unwrap();
    assert_eq!(new, [user(3), user(2)]);
    let again = interest.subscribe(user(1), 12, &[user(4), user(3)]).unwrap();
    assert_eq!(again.1, [user(4)]);
    interest.unsubscribe(user(1), 12, &again.1);
    assert!(interest.published(&entry(3, 1, Status::Online), NOW).is_empty(), "not read yet");
    assert_eq!(interest.permit((user(1), user(3)), ticket, OPEN, NOW), None, "it is the answer");
    let pushes = interest.published(&entry(3, 2, Status::Away), NOW);
    assert_eq!(viewers(&pushes), [(user(1), Some(vec![12]))]);
    let pushes = interest.published(&entry(2, 1, Status::Online), NOW);
    assert_eq!(viewers(&pushes), [(user(1), None)], "a peer is one on all sockets");
    interest.gone(user(1), 12);
    assert!(interest.published(&entry(3, 3, Status::Online), NOW).is_empty());
    assert_eq!(interest.pairs, 1);
}

#[test]
fn the_two_hundred_and_first_is_refused_and_changes_nothing() {
    let (mut interest, _) = one();
    let most = u128::try_from(limits::PRESENCE_SUBSCRIPTIONS).unwrap();
    let all: Vec<_> = (100..100 + most).map(user).collect();
    assert!(interest.subscribe(user(1), 11, &all).is_ok());
    assert!(interest.subscribe(user(1), 11, &all).is_ok(), "the same again");
    assert_eq!(interest.subscribe(user(1), 11, &[user(99)]), Err(Refused::Many));
    assert_eq!(interest.pairs, all.len() + 1);
    assert_eq!(interest.unsubscribe(user(1), 11, &[user(100), user(7)]), 1);
    assert!(interest.subscribe(user(1), 11, &[user(99)]).is_ok());
    assert_eq!(interest.subscribe(user(2), 21, &[user(1)]), Err(Refused::Gone));
}

#[test]
fn of_two_readings_the_one_that_began_later_stands() {
    let (mut interest, _) = one();
    let (early, late) = (interest.ticket(), interest.ticket());
    interest.published(&entry(2, 1, Status::Online), NOW);
    let pair = (user(1), user(2));
    let push = interest.permit(pair, late, BLOCKED, NOW).unwrap();
    assert_eq!(push.role, Viewer::Other(BLOCKED));
    assert_eq!(interest.permit(pair, early, OPEN, NOW), None);
    assert_eq!(interest.look(pair.0, pair.1).1, Viewer::Other(BLOCKED));
    assert!(interest.published(&entry(2, 2, Status::Away), NOW).is_empty(), "he sees nothing");
}

/// A reading that begins now.
pub(super) fn read(interest: &mut Interest, entry: &Arc<Entry>) -> Vec<Push> {
    let ticket = interest.ticket();
    interest.read(entry, ticket, NOW)
}

#[test]
fn an_entry_whose_push_was_lost_is_pushed_when_it_is_read() {
    let (mut interest, _) = one();
    assert!(read(&mut interest, &entry(2, 1, Status::Online)).is_empty(), "nobody was told");
    assert_eq!(read(&mut interest, &entry(2, 2, Status::Away)).len(), 1);
    assert!(interest.published(&entry(2, 2, Status::Away), NOW).is_empty());
    assert!(read(&mut interest, &entry(2, 1, Status::Online)).is_empty(), "an old reading");
    assert!(read(&mut interest, &entry(2, 2, Status::Offline)).is_empty(), "the board is away");
    assert_eq!(interest.kept(|_| true), [user(2)]);

    // What was read while the board was away is put right by what is published, whatever its version.
    assert_eq!(read(&mut interest, &entry(2, 3, Status::Offline)).len(), 1);
    assert_eq!(interest.published(&entry(2, 3, Status::Online), NOW).len(), 1);
}

#[test]
fn one_who_is_no_peer_any_more_is_looked_at_anew_by_who_subscribed() {
    let (mut interest, stay) = one();
    interest.subscribe(user(1), 11, &[user(2)]).unwrap();
    let stay_of_work = interest.moved(user(1), talk(2)).unwrap();
    assert_eq!(stay_of_work, stay);
    assert_eq!(interest.moved(user(1), talk(2)), None, "somebody is at work");
    assert_eq!(interest.next(user(1), stay), Some(Job::Check(talk(2))));
    interest.part(user(1), talk(2));
    assert_eq!(interest.next(user(1), stay), Some(Job::Read(vec![user(2)])));
    assert_eq!(interest.next(user(1), stay), None);
    interest.unsubscribe(user(1), 11, &[user(2)]);
    assert_eq!(interest.pairs, 0);
}

#[test]
fn an_old_reading_of_conversations_does_not_undo_a_newer_one() {
    let (mut interest, stay) = one();
    let old = interest.ticket();
    let new = interest.ticket();
    interest.peer(user(1), stay, new, peer(3), NOW);
    interest.peers(user(1), stay, old, &[peer(4)], NOW);
    let peers: BTreeSet<_> = interest.watchers[&user(1)].sees.keys().copied().collect();
    assert_eq!(peers, BTreeSet::from([user(3), user(4)]), "2 is gone, 3 came since");
    interest.gone(user(1), 11);
    interest.came(user(1), 12);
    assert_eq!(interest.peer(user(1), stay, new, peer(3), NOW), None, "another stay");
    assert_eq!(interest.pairs, 0);
}

#[test]
fn when_records_were_lost_everything_is_read_again_in_parts() {
    let (mut interest, stay) = one();
    let many: Vec<_> = (0..300).map(|n| peer(100 + n)).collect();
    let ticket = interest.ticket();
    interest.peers(user(1), stay, ticket, &many, NOW);
    assert_eq!(interest.lost(), [(user(1), stay)]);
    let mut read = BTreeSet::new();
    while let Some(job) = interest.next(user(1), stay) {
        let Job::Read(users) = job else { panic!("{job:?}") };
        assert!(users.len() <= limits::PRESENCE_CHUNK);
        read.extend(users);
    }
    assert_eq!(read.len(), 301, "himself too");
    assert_eq!(interest.related(user(100), user(1)), [(user(1), stay)]);
    assert_eq!(interest.next(user(1), stay), Some(Job::Read(vec![user(100)])));
}

/// What the model and the real thing are put through.
#[derive(Clone, Copy, Debug)]
enum Act {
    Came(u128, u64),
    Gone(u128, u64),
    Subscribe(u128, u64, u128),
    Unsubscribe(u128, u64, u128),
    Peer(u128, u128),
    Part(u128, u128),
    Permit(u128, u128, bool),
    /// Of one who hides or does not.
    Publish(u128, Status, bool),
}

/// Every viewer with everything he has, and whatever he was last shown on a socket.
#[derive(Default)]
struct Model {
    sockets: BTreeMap<u128, BTreeMap<u64, BTreeSet<u128>>>,
    peers: BTreeSet<(u128, u128)>,
    permissions: BTreeMap<(u128, u128), Permission>,
    /// What is known of whom somebody else looks at.
    entries: BTreeMap<u128, Arc<Entry>>,
    /// What users know of themselves.
    own: BTreeMap<u128, Arc<Entry>>,
    /// What was published last of everybody.
    published: BTreeMap<u128, Arc<Entry>>,
    /// The newest version when a viewer came.
    came: BTreeMap<u128, i64>,
    /// Pairs between whom a block began or ended while nothing was known of the target.
    unsaid: BTreeSet<(u128, u128)>,
}

impl Model {
    /// Who is to be told of `of`, on which sockets, by the rules, slowly.
    fn audience(&self, of: u128) -> BTreeMap<(u128, u64), Viewer> {
        let mut audience = BTreeMap::new();
        for (viewer, sockets) in &self.sockets {
            for (socket, asked) in sockets {
                if *viewer == of {
                    audience.insert((*viewer, *socket), Viewer::Himself);
                    continue;
                }
                let wants = self.peers.contains(&(*viewer, of)) || asked.contains(&of);
                if let Some(permission) = self.permissions.get(&(*viewer, of)).filter(|_| wants) {
                    audience.insert((*viewer, *socket), Viewer::Other(*permission));
                }
            }
        }
        audience
    }

    fn watches(&self, viewer: u128, of: u128) -> bool {
        let sockets = self.sockets.get(&viewer);
        let asked = sockets.is_some_and(|all| all.values().any(|asked| asked.contains(&of)));
        sockets.is_some() && (asked || self.peers.contains(&(viewer, of)))
    }

    /// What was permitted before; that it is another thing now is owed if nothing is known of the target.
    fn permit(&mut self, pair: (u128, u128), permission: Permission) -> Option<Permission> {
        let before = self.permissions.insert(pair, permission);
        let turned = before.is_some_and(|before| before.blocked != permission.blocked);
        if turned && !self.entries.contains_key(&pair.1) {
            self.unsaid.insert(pair);
        }
        before
    }

    /// Forgets what nobody wants.
    fn tidy(&mut self) {
        let viewers: BTreeSet<_> = self.sockets.keys().copied().collect();
        self.peers.retain(|(viewer, _)| viewers.contains(viewer));
        let pairs: Vec<_> = self.permissions.keys().copied().collect();
        for (viewer, of) in pairs {
            if !self.watches(viewer, of) {
                self.permissions.remove(&(viewer, of));
                self.unsaid.remove(&(viewer, of));
            }
        }
        self.own.retain(|user, _| viewers.contains(user));
        let users: Vec<_> = self.entries.keys().copied().collect();
        for of in users {
            if !viewers.iter().any(|viewer| *viewer != of && self.watches(*viewer, of)) {
                self.entries.remove(&of);
            }
        }
    }
}

fn act() -> impl Strategy<Value = Act> {
    let (who, socket) = (1..5_u128, 1..3_u64);
    let status = prop_oneof![Just(Status::Online), Just(Status::Away), Just(Status::Offline)];
    prop_oneof![
        (who.clone(), socket.clone()).prop_map(|(user, socket)| Act::Came(user, socket)),
        (who.clone(), socket.clone()).prop_map(|(user, socket)| Act::Gone(user, socket)),
        (who.clone(), socket.clone(), who.clone()).prop_map(|(u, s, of)| Act::Subscribe(u, s, of)),
        (who.clone(), socket, who.clone()).prop_map(|(u, s, of)| Act::Unsubscribe(u, s, of)),
        (who.clone(), who.clone()).prop_map(|(user, of)| Act::Peer(user, of)),
        (who.clone(), who.clone()).prop_map(|(user, of)| Act::Part(user, of)),
        (who.clone(), who.clone(), any::<bool>()).prop_map(|(u, of, b)| Act::Permit(u, of, b)),
        (who, status, any::<bool>()).prop_map(|(of, is, hides)| Act::Publish(of, is, hides)),
    ]
}

/// Plays one act on both, and says what each would push on it.
fn play(model: &mut Model, interest: &mut Interest, act: Act, version: i64) {
    let socket_of = |user: u128, socket: u64| u64::try_from(user).unwrap() * 10 + socket;
    match act {
        Act::Came(who, socket) => {
            let socket = socket_of(who, socket);
            let sockets = model.sockets.entry(who).or_default();
            if sockets.is_empty() {
                model.came.insert(who, version);
            }
            if let std::collections::btree_map::Entry::Vacant(slot) = sockets.entry(socket) {
                slot.insert(BTreeSet::new());
                interest.came(user(who), socket);
            }
        }
        Act::Gone(who, socket) => {
            let socket = socket_of(who, socket);
            interest.gone(user(who), socket);
            if let Some(sockets) = model.sockets.get_mut(&who) {
                sockets.remove(&socket);
                if sockets.is_empty() {
                    model.sockets.remove(&who);
                }
            }
        }
        Act::Subscribe(who, socket, of) => {
            let socket = socket_of(who, socket);
            let subscribed = interest.subscribe(user(who), socket, &[user(of)]);
            let sockets = model.sockets.get_mut(&who).and_then(|all| all.get_mut(&socket));
            assert_eq!(subscribed.is_ok(), sockets.is_some());
            if let Some(asked) = sockets {
                asked.insert(of);
            }
        }
        Act::Unsubscribe(who, socket, of) => {
            let socket = socket_of(who, socket);
            interest.unsubscribe(user(who), socket, &[user(of)]);
            if let Some(asked) = model.sockets.get_mut(&who).and_then(|all| all.get_mut(&socket)) {
                asked.remove(&of);
            }
        }
        Act::Peer(who, of) => {
            let Some(stay) = interest.watchers.get(&user(who)).map(|watcher| watcher.stay) else {
                return;
            };
            let ticket = interest.ticket();
            let push = interest.peer(user(who), stay, ticket, peer(of), NOW);
            if who == of {
                assert_eq!(push, None);
                return;
            }
            let permission = Permission { blocked: false, contact: true };
            let begins = model.peers.insert((who, of));
            let before = model.permit((who, of), permission);
            let since = model.published.get(&of);
            let since = since.filter(|entry| begins && entry.version > model.came[&who]);
            if let Some(entry) = since {
                model.entries.insert(of, entry.clone());
                model.unsaid.remove(&(who, of));
            }
            let sees = |entry: &Entry, permission| shown(entry, Viewer::Other(permission), NOW);
            let changes = before
                .zip(model.entries.get(&of))
                .is_some_and(|(before, entry)| sees(entry, before) != sees(entry, permission));
            assert_eq!(push.is_some(), changes || since.is_some_and(|entry| entry.online));
        }
        Act::Part(who, of) => {
            interest.part(user(who), talk(of));
            model.peers.remove(&(who, of));
        }
        Act::Permit(who, of, blocked) => {
            let ticket = interest.ticket();
            let permission = Permission { blocked, contact: true };
            let push = interest.permit((user(who), user(of)), ticket, permission, NOW);
            if who == of || !model.watches(who, of) {
                assert_eq!(push, None);
                return;
            }
            let before = model.permit((who, of), permission);
            let entry = model.entries.get(&of);
            let sees = |permission| entry.map(|entry| shown(entry, Viewer::Other(permission), NOW));
            let changes = before.is_some_and(|before| sees(before) != sees(permission));
            assert_eq!(push.is_some(), changes);
        }
        Act::Publish(of, status, hides) => {
            let entry = entry(of, version, status);
            let entry = Arc::new(Entry { online: !hides, ..(*entry).clone() });
            model.published.insert(of, entry.clone());
            let mut told = BTreeMap::new();
            for push in interest.published(&entry, NOW) {
                let viewer = push.viewer.0.as_u128();
                let all = model.sockets[&viewer].keys().copied().collect();
                for socket in push.sockets.unwrap_or(all) {
                    assert!(told.insert((viewer, socket), push.role).is_none(), "twice");
                }
            }
            let mut expected = model.audience(of);
            expected.retain(|(viewer, _), role| {
                let owed =
                    !model.entries.contains_key(&of) && model.unsaid.contains(&(*viewer, of));
                if let (true, Viewer::Other(is)) = (owed, *role) {
                    let sees = |permission| shown(&entry, Viewer::Other(permission), NOW);
                    if sees(opposite(is)) != sees(is) {
                        return true;
                    }
                }
                let known = if *role == Viewer::Himself { &model.own } else { &model.entries };
                differs(known.get(&of).map(|old| &**old), &entry, *role, NOW)
            });
            assert_eq!(told, expected);
            if model.entries.insert(of, entry.clone()).is_none() {
                model.unsaid.retain(|(_, target)| *target != of);
            }
            model.own.insert(of, entry);
        }
    }
    model.tidy();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_model_does(acts in prop::collection::vec(act(), 1..80)) {
        let (mut model, mut interest) = (Model::default(), Interest::default());
        for (version, act) in (1..).zip(acts) {
            play(&mut model, &mut interest, act, version);
            let pairs = interest.watchers.values().map(|watcher| watcher.sees.len()).sum::<usize>();
            let targets = interest.targets.values().map(|target| target.watchers.len());
            let targets = targets.sum::<usize>();
            prop_assert_eq!(interest.pairs, pairs);
            prop_assert_eq!(pairs, targets);
            prop_assert!(interest.targets.values().all(|target| !target.watchers.is_empty()));
        }
    }
}
