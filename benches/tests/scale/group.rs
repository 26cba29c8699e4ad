//! A group of 10,000 members: a message makes one record for each node that is interested, however many
//! members there are.

use std::collections::BTreeMap;
use std::time::Duration;

use bench::history::Outcome;
use bench::remote::Remote;
use bench::target::{Events as _, Heard, Message, Target as _, User};
use http::Method;
use platform::port::log::{Start, Tail};
use schemas::outbound::Outbound;
use schemas::position::Position;
use schemas::table::{Batch, Write};
use schemas::topic::OUTBOUND;
use schemas::user::head::{Head, Privacy, Profile};
use schemas::user::table::UserHead;
use schemas::{Rev, Stamp, Timestamp, UserId, limits};
use uuid::Uuid;

use crate::world::World;

/// Messages that are counted.
const MESSAGES: usize = 20;
/// Longest wait for what should come at once.
const SOON: Duration = Duration::from_secs(20);

/// Users that exist and never sign in.
async fn ghosts(world: &World, count: usize) -> Vec<Uuid> {
    let ids: Vec<Uuid> = (0..count).map(|n| Uuid::from_u128(0xa000_0000 + n as u128)).collect();
    for chunk in ids.chunks(1_000) {
        let writes = chunk.iter().map(|id| {
            let profile = Profile {
                username: format!("ghost-{id}"),
                email: format!("{id}@example.com"),
                first_name: Some("G".to_owned()),
                last_name: None,
                avatar_url: None,
                bio: None,
                status: None,
                phone: None,
            };
            let head = Head {
                v: 1,
                profile,
                created_at: Timestamp(0),
                updated_at: Timestamp(0),
                rev: 0,
                last_at: Timestamp(0),
                applied: Position::default(),
                privacy: Privacy::default(),
                presence: schemas::user::head::Preference::default(),
                deleted_at: None,
            };
            let body = serde_json::to_vec(&head).expect("plain data").into();
            Write::insert(&UserHead { user: UserId(*id), body }, Stamp(0))
        });
        let batch = Batch { writes: writes.collect(), fence: None };
        world.platform.store.write(batch).await.expect("rows are written");
    }
    ids
}

/// Adds members in chunks of what a request takes.
async fn add(remote: &Remote, owner: &User, group: Uuid, members: &[Uuid]) {
    let url = format!("http://{}/api/v1/conversations/{group}/participants", remote.authority(0));
    for chunk in members.chunks(limits::MEMBERS_PER_COMMAND) {
        let body = serde_json::json!({ "userIds": chunk }).to_string();
        let answer = remote.rest().ask(Method::POST, &url, Some(&owner.token), body.into()).await;
        assert!((200..300).contains(&answer.status), "{answer}");
    }
}

/// Sends messages and counts the event records of each, until those of the last have come.
async fn records(
    remote: &Remote,
    tail: &mut Box<dyn Tail>,
    (owner, group): (&User, Uuid),
    (round, nodes): (usize, usize),
) -> BTreeMap<Rev, usize> {
    let mut last = 0;
    for number in 0..MESSAGES {
        let client = format!("{round}-{number}");
        let message = Message::new(group, owner.id, &client, format!("to all {client}"));
        match remote.send(number, owner, &message).await {
            Outcome::Ok(seen) => last = seen.rev,
            other => panic!("{other:?}"),
        }
    }
    let mut counted = BTreeMap::<Rev, usize>::new();
    let all = async {
        while counted.get(&last).is_none_or(|count| *count < nodes) {
            for record in tail.next().await.expect("the log is open") {
                if let Some(Outbound::Event { conversation, rev, .. }) =
                    Outbound::read(&record.headers, record.value)
                    && conversation.0 == group
                {
                    *counted.entry(rev).or_default() += 1;
                }
            }
        }
    };
    tokio::time::timeout(SOON, all).await.expect("the records of the last message come");
    counted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_ten_thousand_members_is_one_record_for_each_node_with_sockets_of_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path());
    world.work();
    let remote = Remote::new(vec![world.node().await, world.node().await], "scale");
    let mut users = Vec::new();
    for number in 0..4 {
        users.push(remote.register(number).await.unwrap());
    }
    let [owner, first, second, third] = users.as_slice() else { panic!("four users") };
    let others = [first.id, second.id, third.id];
    let Outcome::Ok(group) = remote.group(0, owner, &others).await else { panic!("a group") };
    let most = usize::try_from(limits::GROUP_MEMBERS).unwrap();
    let ghosts = ghosts(&world, most - users.len()).await;
    add(&remote, owner, group, &ghosts).await;

    let partitions = (0..world.platform.log.partitions(&OUTBOUND)).collect();
    let mut tail = world.platform.log.tail(&OUTBOUND, partitions, Start::Latest).await.unwrap();

    // Nobody else is here, and nobody of another node: then of both.
    let (_line, mut here) = remote.connect(0, first, None).await.unwrap();
    let one = records(&remote, &mut tail, (owner, group), (1, 1)).await;
    let (_line, mut there) = remote.connect(1, second, None).await.unwrap();
    let (_line, mut also_here) = remote.connect(0, third, None).await.unwrap();
    let two = records(&remote, &mut tail, (owner, group), (2, 2)).await;
    println!("records by message: {:?}, then {:?}", one.values(), two.values());
    assert!(one.len() == MESSAGES && one.values().all(|count| *count == 1), "{one:?}");
    assert!(two.len() == MESSAGES && two.values().all(|count| *count == 2), "{two:?}");

    // And every socket has got every message.
    for (events, expected) in
        [(&mut here, 2 * MESSAGES), (&mut there, MESSAGES), (&mut also_here, MESSAGES)]
    {
        let mut got = 0;
        while got < expected {
            let heard = tokio::time::timeout(SOON, events.next()).await.expect("it comes");
            let Some(Heard::Event(event)) = heard else { panic!("{heard:?}") };
            got += usize::from(event.conversation == group);
        }
    }
    world.life.stop();
}
