//! Who types in a conversation that is routed as a whole: the sockets that have it on screen are told.

use bytes::Bytes;
use schemas::conversation::head::Routing;
use schemas::outbound::{Outbound, Relation};
use schemas::user::table::Block;
use schemas::{Position, Timestamp, event, limits};
use serde_json::json;

use super::client::Client;
use crate::harness::{Server, conversation, server, user};

const START: &str = "typing:start";
const STOP: &str = "typing:stop";

/// As the record of a room says it.
fn told(typer: u128, left: Option<i64>, except: &[u128]) -> Outbound {
    let except: Vec<_> = except.iter().map(|other| user(*other)).collect();
    match crate::typing::told(typer, left, &[]) {
        Outbound::Typing { conversation, user, until, frame, .. } => Outbound::Typing {
            conversation,
            user,
            until,
            audience: Bytes::new(),
            except: event::pack(&except),
            frame,
        },
        other => panic!("{other:?}"),
    }
}

fn screen() -> String {
    json!({"conversationId": conversation(5)}).to_string()
}

async fn joins(server: &Server, token: &str) -> Client {
    let mut client = Client::enter(server, token).await;
    assert_eq!(client.ask("conversation:join", &screen()).await["success"], true);
    client
}

/// A socket that has joined, and of which it is known whom its user has blocked: it is told that 99
/// types.
async fn watches(server: &Server, token: &str) -> Client {
    let mut client = joins(server, token).await;
    knows(server, &mut client).await;
    client
}

async fn knows(server: &Server, client: &mut Client) {
    loop {
        server.deliver(vec![told(99, Some(9_000), &[])]);
        if client.names().await.contains(&START.to_owned()) {
            break;
        }
    }
    server.deliver(vec![told(99, None, &[])]);
    assert_eq!(client.names().await.last().unwrap(), STOP);
}

fn blocks(server: &Server, who: u128, other: u128) {
    let (user, other, created_at) = (user(who), user(other), Timestamp(0));
    let row = Block { user, other, reason: None, report: None, created_at };
    server.store.put(&row, Position { offset: 9, ..Position::default() }.stamp());
}

#[tokio::test]
async fn the_sockets_that_have_it_on_screen_are_told_of_a_beginning_and_an_end() {
    let server = server().await;
    server.world().open(5, &[1, 2, 3, 99], Routing::Conversation);
    let mut on = watches(&server, "1/11").await;
    let mut typer = watches(&server, "2/21").await;
    drop(on.names().await);
    let mut off = Client::enter(&server, "3/31").await;
    let mut ws = server.enter(3, 32).await;
    server.deliver(vec![told(2, Some(9_000), &[])]);
    assert_eq!(on.names().await, [START]);
    assert!(typer.names().await.is_empty() && off.names().await.is_empty());
    server.deliver(vec![told(2, Some(300), &[])]);
    assert_eq!(on.names().await, [START], "a client of Socket.IO is told again");
    server.deliver(vec![told(2, None, &[])]);
    assert_eq!(on.names().await, [STOP]);
    server.deliver(vec![told(2, Some(100), &[])]);
    assert_eq!((on.event().await.0, on.event().await.0), (START.to_owned(), STOP.to_owned()));
    assert_eq!(on.ask("conversation:leave", &screen()).await["success"], true);
    server.deliver(vec![told(2, Some(9_000), &[]), told(2, None, &[])]);
    assert!(on.names().await.is_empty());
    assert!(ws.revs().await.is_empty(), "/ws has no screen");
}

#[tokio::test]
async fn whoever_is_no_member_any_more_or_is_blocked_hears_nothing() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2, 3, 4, 99], Routing::Conversation);
    blocks(&server, 3, 2);
    let mut member = watches(&server, "1/11").await;
    let mut blocker = watches(&server, "3/31").await;
    let mut blocked = watches(&server, "4/41").await;
    drop((member.names().await, blocker.names().await));
    server.deliver(vec![told(2, Some(9_000), &[4])]);
    server.deliver(vec![told(2, Some(9_000), &[4]), told(2, None, &[])]);
    assert_eq!(member.names().await, [START, START, STOP]);
    assert!(blocker.names().await.is_empty(), "he has blocked the typer");
    assert_eq!(blocked.names().await, [STOP; 0].map(str::to_owned), "the typer has blocked him");
    let removal = world.remove(5, 1);
    server.deliver(removal.into());
    drop(member.names().await);
    server.deliver(vec![told(2, Some(9_000), &[])]);
    assert!(member.names().await.is_empty());
    assert_eq!(blocked.names().await.last().unwrap(), START);
}

#[tokio::test]
async fn a_block_ends_what_is_shown_and_nothing_comes_later() {
    let server = server().await;
    server.world().open(5, &[1, 2, 3, 99], Routing::Conversation);
    let mut one = watches(&server, "1/11").await;
    let mut other = watches(&server, "3/31").await;
    drop(one.names().await);
    server.deliver(vec![told(2, Some(9_000), &[])]);
    assert_eq!(
        (one.names().await, other.names().await),
        (vec![START.to_owned()], vec![START.to_owned()])
    );
    blocks(&server, 1, 2);
    server.deliver(vec![Outbound::Relation(Relation { user: user(1), other: user(2) })]);
    assert_eq!(one.names().await, [STOP]);
    assert!(other.names().await.is_empty());
    server.deliver(vec![told(2, Some(9_000), &[]), told(2, None, &[])]);
    assert_eq!(other.names().await, [START, STOP]);
    // Of others he hears again once it is known whom he has blocked.
    knows(&server, &mut one).await;
    server.deliver(vec![told(2, Some(9_000), &[]), told(2, None, &[])]);
    assert!(one.names().await.is_empty());
}

#[tokio::test]
async fn of_a_crowd_the_first_are_told_of_alone() {
    let server = server().await;
    let shown = u128::try_from(limits::TYPING_SHOWN).unwrap();
    server.world().open(5, &[1, 2, 99], Routing::Conversation);
    let mut one = watches(&server, "1/11").await;
    let all: Vec<_> = (100..110 + shown).map(|typer| told(typer, Some(9_000), &[])).collect();
    server.deliver(all);
    assert_eq!(one.names().await.len(), limits::TYPING_SHOWN);
    server.deliver(vec![told(100, None, &[]), told(109 + shown, Some(9_000), &[])]);
    assert_eq!(one.names().await, [STOP, START]);
}
