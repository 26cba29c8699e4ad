use schemas::presence::view::Permission;
use schemas::user::head::Audience;

use super::super::recent::{KEPT, KEPT_MS};
use super::super::tests::{NOW, OPEN, entry, one, peer, read, talk, user, viewers};
use super::super::{Job, Peer, Refused, opposite};
use super::*;

const BLOCKED: Permission = Permission { blocked: true, contact: false };

fn hiding(of: u128, version: i64, status: Status) -> Arc<Entry> {
    let entry = (*entry(of, version, status)).clone();
    Arc::new(Entry { online: false, last_seen: Audience::Everyone, ..entry })
}

#[test]
fn nobody_is_told_when_one_who_hides_comes_and_goes() {
    let (mut interest, _) = one();
    interest.subscribe(user(1), 11, &[user(2)]).unwrap();
    interest.published(&entry(2, 1, Status::Online), NOW);
    assert_eq!(interest.published(&hiding(2, 2, Status::Online), NOW).len(), 1, "offline");
    for (version, status) in (3..).zip([Status::Offline, Status::Online, Status::Offline]) {
        assert_eq!(interest.published(&hiding(2, version, status), NOW), [], "{status:?}");
    }
}

#[test]
fn that_he_hides_from_now_on_reaches_one_who_was_pushed_nothing_of_him() {
    let (mut interest, _) = one();
    interest.subscribe(user(1), 11, &[user(2)]).unwrap();
    let hides = Arc::new(Entry { hides: true, ..(*hiding(2, 1, Status::Online)).clone() });
    assert_eq!(viewers(&interest.published(&hides, NOW)), [(user(1), None)]);
    assert_eq!(interest.published(&hiding(2, 2, Status::Offline), NOW), []);
}

#[test]
fn that_he_hides_from_now_on_is_not_said_to_one_whom_he_has_blocked() {
    let (mut interest, _) = one();
    let ticket = interest.ticket();
    interest.permit((user(1), user(2)), ticket, BLOCKED, NOW);
    let hides = Arc::new(Entry { hides: true, ..(*hiding(2, 1, Status::Online)).clone() });
    assert_eq!(interest.published(&hides, NOW), []);
}

#[test]
fn a_reading_that_began_before_it_was_published_shows_nothing_of_what_is_hidden() {
    let (mut interest, _) = one();
    interest.published(&entry(2, 5, Status::Online), NOW);
    let old = interest.ticket();
    assert_eq!(interest.published(&hiding(2, 6, Status::Online), NOW).len(), 1);
    // The new entry from the board, an old head over it.
    assert_eq!(interest.read(&entry(2, 6, Status::Online), old, NOW), []);
    assert!(!interest.look(user(1), user(2)).0.unwrap().online);
    // Decided since: it is not published yet.
    assert_eq!(read(&mut interest, &entry(2, 6, Status::Online)).len(), 1);
}

#[test]
fn what_he_has_decided_since_is_in_the_next_answer() {
    let (mut interest, _) = one();
    interest.published(&entry(2, 5, Status::Online), NOW);
    // Nobody's board can be read: nothing is known.
    assert_eq!(read(&mut interest, &entry(2, 5, Status::Offline)), []);
    let otherwise = Some(Status::Online);
    let hides = Arc::new(Entry { otherwise, ..(*entry(2, 5, Status::Offline)).clone() });
    assert_eq!(read(&mut interest, &hides).len(), 1);
    assert!(!interest.look(user(1), user(2)).0.unwrap().status.is_here());
}

#[test]
fn of_two_readings_the_one_that_began_later_is_right() {
    let (mut interest, _) = one();
    interest.published(&entry(2, 5, Status::Online), NOW);
    let (first, second, third) = (interest.ticket(), interest.ticket(), interest.ticket());
    assert_eq!(interest.read(&entry(2, 5, Status::Away), first, NOW).len(), 1);
    assert_eq!(interest.read(&entry(2, 5, Status::DoNotDisturb), second, NOW).len(), 1);
    assert_eq!(interest.hidden(user(2), third, NOW).len(), 1);
    assert_eq!(interest.read(&entry(2, 5, Status::DoNotDisturb), second, NOW), []);
}

#[test]
fn what_is_said_again_is_told_to_whom_a_reading_has_told_otherwise() {
    let (mut interest, _) = one();
    let again =
        |version| Arc::new(Entry { again: true, ..(*entry(2, version, Status::Away)).clone() });
    assert_eq!(interest.published(&again(5), NOW), [], "nothing was read here");
    assert_eq!(interest.published(&again(6), NOW), [], "it is known");
    assert_eq!(read(&mut interest, &entry(2, 6, Status::Online)).len(), 1);
    assert_eq!(interest.published(&again(7), NOW).len(), 1);
}

#[test]
fn what_is_said_again_does_not_take_the_place_of_the_news_before_it() {
    let hides = Arc::new(Entry { hides: true, ..(*hiding(2, 1, Status::Online)).clone() });
    for news in [entry(2, 1, Status::Online), hides] {
        let mut interest = Interest::default();
        interest.came(user(1), 11);
        let stay = interest.served(user(1)).unwrap();
        let ticket = interest.ticket();
        interest.published(&news, NOW);
        let again = Entry { again: true, hides: false, version: 2, ..(*news).clone() };
        interest.published(&Arc::new(again), NOW);
        let pushes = interest.peers(user(1), stay, ticket, &[peer(2)], NOW);
        assert_eq!(viewers(&pushes), [(user(1), None)], "{news:?}");
        assert_eq!(pushes[0].entry.version, 2);
    }
}

#[test]
fn that_there_is_nothing_to_see_takes_the_place_of_what_was_known_before() {
    let (mut interest, _) = one();
    let ticket = interest.ticket();
    assert_eq!(interest.hidden(user(2), ticket, NOW), [], "nothing was known");
    interest.published(&entry(2, 5, Status::Online), NOW);
    assert_eq!(interest.hidden(user(2), ticket, NOW), [], "that came later");
    let ticket = interest.ticket();
    let pushes = interest.hidden(user(2), ticket, NOW);
    assert_eq!(viewers(&pushes), [(user(1), None)]);
    let (Some(seen), role) = interest.look(user(1), user(2)) else { panic!("it is kept") };
    assert_eq!(shown(&seen, role, NOW).status, Status::Offline);
    let ticket = interest.ticket();
    assert_eq!(interest.hidden(user(2), ticket, NOW), [], "once");
    assert_eq!(
        read(&mut interest, &entry(2, 5, Status::Online)).len(),
        1,
        "he is to be seen again"
    );
}

#[test]
fn what_is_published_while_peers_are_looked_for_is_told_when_they_are_found() {
    let mut interest = Interest::default();
    interest.published(&entry(2, 1, Status::Online), NOW);
    interest.came(user(1), 11);
    let stay = interest.served(user(1)).unwrap();
    let ticket = interest.ticket();
    interest.published(&entry(3, 4, Status::Offline), NOW);
    interest.published(&entry(3, 5, Status::Away), NOW);
    interest.published(&hiding(4, 1, Status::Online), NOW);
    interest.published(&entry(6, 1, Status::Online), NOW);
    let mut blocked = peer(6);
    blocked.blocked = true;
    let found = [peer(2), peer(3), peer(4), peer(5), blocked];
    let pushes = interest.peers(user(1), stay, ticket, &found, NOW);
    assert_eq!(viewers(&pushes), [(user(1), None)], "2 was before, 4 hides, 6 is blocked");
    assert_eq!((pushes[0].entry.user_id, pushes[0].entry.version), (user(3), 5));
    assert_eq!(interest.published(&entry(3, 6, Status::Away), NOW), [], "it is known");
    let ticket = interest.ticket();
    assert_eq!(interest.peers(user(1), stay, ticket, &found, NOW), [], "once");

    // So long, and so many.
    let late = NOW.plus_ms(KEPT_MS);
    for of in 0..u128::try_from(KEPT).unwrap() + 9 {
        interest.published(&entry(1_000 + of, 1, Status::Online), late);
        interest.published(&entry(1_000 + of, 1, Status::Online), late);
    }
    assert!(interest.recent.len().0 <= KEPT && interest.recent.len().1 <= KEPT);
    let ticket = interest.ticket();
    assert_eq!(interest.peer(user(1), stay, ticket, peer(1_000), late), None, "too many since");
    assert!(interest.peer(user(1), stay, ticket, peer(KEPT as u128 + 1_000), late).is_some());
}

#[test]
fn a_block_that_comes_while_peers_are_looked_for_is_looked_at_when_they_are_found() {
    let mut interest = Interest::default();
    interest.came(user(1), 11);
    assert_eq!(interest.related(user(1), user(2)), [], "nobody has read anything yet");
    let stay = interest.served(user(1)).unwrap();
    assert_eq!(interest.next(user(1), stay), Some(Job::Scan));
    assert_eq!(interest.related(user(2), user(1)), [], "somebody is at work");
    let ticket = interest.ticket();
    interest.peers(user(1), stay, ticket, &[peer(2)], NOW);
    assert_eq!(interest.next(user(1), stay), Some(Job::Read(vec![user(2)])));
    assert_eq!(interest.next(user(1), stay), None);
}

#[test]
fn a_block_is_told_to_one_who_knows_his_peer_over_rest_alone() {
    for (first, then) in [(OPEN, Status::Offline), (BLOCKED, Status::Online)] {
        let (mut interest, _) = one();
        let ticket = interest.ticket();
        interest.permit((user(1), user(2)), ticket, first, NOW);
        // He came before anything of him was published here: only REST has told of him.
        let ticket = interest.ticket();
        let second = opposite(first);
        assert_eq!(interest.permit((user(1), user(2)), ticket, second, NOW), None, "no entry yet");
        let pushes = read(&mut interest, &entry(2, 5, Status::Online));
        assert_eq!(viewers(&pushes), [(user(1), None)], "{then:?}");
        assert_eq!(shown(&pushes[0].entry, pushes[0].role, NOW).status, then);
        assert_eq!(read(&mut interest, &entry(2, 5, Status::Online)), [], "once");
    }
    // Of one who is not there, a block says nothing.
    let (mut interest, _) = one();
    let ticket = interest.ticket();
    interest.permit((user(1), user(2)), ticket, BLOCKED, NOW);
    assert_eq!(read(&mut interest, &entry(2, 5, Status::Offline)), []);
}

#[test]
fn a_block_that_comes_while_peers_are_looked_for_is_told_when_they_are_found() {
    let mut interest = Interest::default();
    interest.came(user(1), 11);
    let stay = interest.served(user(1)).unwrap();
    assert_eq!(interest.next(user(1), stay), Some(Job::Scan));
    assert_eq!(interest.related(user(2), user(1)), [], "somebody is at work");
    let ticket = interest.ticket();
    let blocked = Peer { blocked: true, ..peer(2) };
    interest.peers(user(1), stay, ticket, &[blocked], NOW);
    let pushes = read(&mut interest, &entry(2, 5, Status::Online));
    assert_eq!(viewers(&pushes), [(user(1), None)]);
    assert_eq!(shown(&pushes[0].entry, pushes[0].role, NOW).status, Status::Offline);
}

#[test]
fn peers_are_counted_and_a_user_has_a_share_of_subscriptions() {
    use schemas::limits::{PRESENCE_PEERS, PRESENCE_SUBSCRIPTIONS, PRESENCE_SUBSCRIPTIONS_OF_USER};
    let (mut interest, stay) = one();
    let ticket = interest.ticket();
    for of in 0..u128::try_from(PRESENCE_PEERS).unwrap() {
        interest.peer(user(1), stay, ticket, peer(10_000 + of), NOW);
    }
    assert_eq!(interest.pairs, PRESENCE_PEERS, "with 2 who was one before");
    for talk_of in [2, 2, 10_000, 77] {
        interest.part(user(1), talk(talk_of));
    }
    for of in 20_000..20_005 {
        interest.peer(user(1), stay, ticket, peer(of), NOW);
    }
    assert_eq!(interest.pairs, PRESENCE_PEERS);

    let each = u128::try_from(PRESENCE_SUBSCRIPTIONS).unwrap();
    let sockets = u128::try_from(PRESENCE_SUBSCRIPTIONS_OF_USER).unwrap() / each;
    for number in 0..sockets {
        let socket = 100 + u64::try_from(number).unwrap();
        interest.came(user(1), socket);
        let targets: Vec<_> = (0..each).map(|of| user(50_000 + number * each + of)).collect();
        assert!(interest.subscribe(user(1), socket, &targets).is_ok());
    }
    interest.came(user(1), 99);
    assert_eq!(interest.subscribe(user(1), 99, &[user(3)]).err(), Some(Refused::Share));
    let free = [user(1), user(50_000), user(20_000)];
    assert!(interest.subscribe(user(1), 99, &free).is_ok(), "no new pairs");
}
