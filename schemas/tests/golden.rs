//! One encoded record of every version ever written: it must decode for ever, and what is written
//! today must not change unseen.
//!
//! A file is never edited. A new form gets a new file: run with `GOLDEN=write` to make those that
//! are missing.
#![expect(clippy::unwrap_used, reason = "a test binary")]

use std::fmt::Write as _;

mod support;

use bytes::Bytes;
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Preview, Routing, Settings};
use schemas::envelope::{self, Content, ConversationCommand, Meta, UserCommand};
use schemas::event::Event;
use schemas::member::{Membership, Role};
use schemas::message::view::Message;
use schemas::user::head::Profile;
use schemas::user::view::Snapshot;
use schemas::{
    CommandId, ConversationId, InstanceId, MessageId, Position, Timestamp, UserId, conversation,
    frame, message, user,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::support::golden;

fn ids() -> (ConversationId, UserId, MessageId) {
    (
        ConversationId(Uuid::from_u128(0xc1)),
        UserId(Uuid::from_u128(0xa1)),
        MessageId(Uuid::from_u128(0xe1)),
    )
}

fn meta() -> Meta {
    Meta {
        id: CommandId(Uuid::from_u128(0xd1)),
        actor: ids().1,
        at: Timestamp(1_800_000_000_000),
        reply_to: Some(InstanceId(Uuid::from_u128(0xf1))),
        trace: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        once: None,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        id: ids().1,
        username: "alice".to_owned(),
        first_name: Some("Alice".to_owned()),
        last_name: None,
        avatar_url: None,
    }
}

fn send() -> message::command::Send {
    message::command::Send {
        conversation_id: ids().0,
        message_id: ids().2,
        client_message_id: Some("m-1".to_owned()),
        retryable: true,
        message_type: "text".to_owned(),
        content: "héllo \"world\" \u{1f600}".to_owned(),
        metadata: Some(RawValue::from_string(r#"{"a": [1, 2.50]}"#.to_owned()).unwrap()),
        reply_to: None,
        sender: snapshot(),
    }
}

#[test]
fn commands_of_version_1_decode() {
    let commands = [
        ("message.send.1.json", ConversationCommand::Send(send())),
        (
            "conversation.create.1.json",
            ConversationCommand::Create(conversation::command::Create {
                conversation_id: ids().0,
                kind: Kind::Direct,
                members: vec![snapshot()],
                settings: Settings::default(),
            }),
        ),
    ];
    for (name, command) in commands {
        let kept = golden(name, &envelope::encode(&meta(), &command).unwrap());
        let (read, content) = envelope::decode::<ConversationCommand>(&kept).unwrap();
        assert_eq!((read, content), (meta(), Content::Known(command)));
    }
    let commands = [
        (
            "user.create.1.json",
            UserCommand::Create(user::command::Create {
                user_id: ids().1,
                profile: Profile {
                    username: "alice".to_owned(),
                    email: "alice@example.org".to_owned(),
                    first_name: Some("Alice".to_owned()),
                    last_name: None,
                    avatar_url: None,
                    bio: None,
                    status: None,
                    phone: None,
                },
                valid_until: None,
            }),
        ),
        (
            "user.create.bounded.1.json",
            UserCommand::Create(user::command::Create {
                user_id: ids().1,
                profile: Profile {
                    username: "alice".to_owned(),
                    email: "alice@example.org".to_owned(),
                    first_name: Some("Alice".to_owned()),
                    last_name: None,
                    avatar_url: None,
                    bio: None,
                    status: None,
                    phone: None,
                },
                valid_until: Some(Timestamp(1_800_000_030_000)),
            }),
        ),
        ("user.void.1.json", UserCommand::Void(user::command::Void { user_id: ids().1 })),
        (
            "conversation.added.1.json",
            UserCommand::ConversationAdded(user::command::ConversationAdded {
                user_id: ids().1,
                conversation_id: ids().0,
                rev: 1,
                conversation: RawValue::from_string("{}".to_owned()).unwrap(),
            }),
        ),
    ];
    for (name, command) in commands {
        let kept = golden(name, &envelope::encode(&meta(), &command).unwrap());
        let (read, content) = envelope::decode::<UserCommand>(&kept).unwrap();
        assert_eq!((read, content), (meta(), Content::Known(command)));
    }
}

#[test]
fn a_command_of_the_future_is_unsupported_and_not_broken() {
    let text = r#"{"v":2,"id":"00000000-0000-0000-0000-0000000000d1","type":"message.fold","actor":"00000000-0000-0000-0000-0000000000a1","at":"2027-01-15T08:00:00.000Z","new":1,"data":{"x":1}}"#;
    let (_, content) = envelope::decode::<ConversationCommand>(text.as_bytes()).unwrap();
    assert_eq!(content, Content::Unsupported("message.fold version 2".to_owned()));
    assert!(envelope::decode::<ConversationCommand>(b"{}").is_err());
    assert!(envelope::decode::<ConversationCommand>(b"\xff\x00garbage").is_err());
}

fn membership() -> Membership {
    Membership {
        conversation: ids().0,
        user: ids().1,
        role: Role::Member,
        joined_at: Timestamp(1_800_000_000_000),
        visible_from: 1,
        visible_to: None,
        sent_seq: 3,
        sent_n: 3,
        by_conversation: false,
    }
}

#[test]
fn changes_of_version_1_decode() {
    let send = send();
    let at = Timestamp(1_800_000_000_001);
    let view = Message::sent(&send, 3, 4, at);
    let effect = Effect::Message {
        message: send.message_id,
        seq: 3,
        n: 3,
        body_hash: send.body_hash(),
        sender: membership(),
        reply: None,
        preview: Some(conversation::change::preview_of(&view)),
    };
    let change = Change {
        conversation: ids().0,
        rev: 4,
        position: Position { epoch: 1, partition: 5, offset: 77 },
        command: meta().id,
        at,
        once: None,
        frame: frame::event("message.created", ids().0, 4, Some(3), at, &view.encode()),
        effect,
    };
    let row = change.row();
    let event = golden("change.message.event.1.json", &row.event);
    let effect = golden("change.message.effect.1.json", &row.effect);
    let kept = conversation::table::Change {
        event: Bytes::from(event),
        effect: Bytes::from(effect),
        ..row
    };
    assert_eq!(Change::read(kept).unwrap(), change);

    let created = Change {
        effect: Effect::Created {
            kind: Kind::Direct,
            created_by: ids().1,
            members: vec![membership()],
            settings: Settings::default(),
            owner: None,
        },
        frame: frame::event("member.added", ids().0, 1, None, at, b"{}"),
        rev: 1,
        ..change
    };
    let row = created.row();
    let effect = golden("change.created.effect.1.json", &row.effect);
    let kept = conversation::table::Change { effect: Bytes::from(effect), ..row };
    assert_eq!(Change::read(kept).unwrap(), created);
}

#[test]
fn heads_of_version_1_decode() {
    let head = Head {
        v: 1,
        kind: Kind::Direct,
        created_by: ids().1,
        created_at: Timestamp(1),
        seq: 3,
        rev: 4,
        n: 3,
        last_at: Timestamp(2),
        member_count: 2,
        members: Members(vec![ids().1, UserId(Uuid::from_u128(0xa2))]),
        routing: Routing::Member,
        applied: Position { epoch: 1, partition: 5, offset: 77 },
        preview: Some(Preview {
            id: ids().2,
            seq: 3,
            sender_id: ids().1,
            kind: "text".to_owned(),
            content: "hi".to_owned(),
            created_at: Timestamp(2),
            is_deleted: false,
        }),
        settings: Settings::default(),
        owner: None,
        admins: Members::default(),
        blocked_by: Members::default(),
        blocks_told: Vec::new(),
        unopened: false,
        pins: 0,
        deleted_at: None,
    };
    let kept = golden("head.1.json", &serde_json::to_vec(&head).unwrap());
    assert_eq!(serde_json::from_slice::<Head>(&kept).unwrap(), head);
}

#[test]
fn events_of_version_1_decode() {
    let event = Event {
        kind: "message.created".to_owned(),
        conversation: ids().0,
        rev: 4,
        seq: Some(3),
        at: Timestamp(1_800_000_000_001),
        audience: schemas::event::pack(&[ids().1]),
        left: Bytes::new(),
        flip: false,
        payload: Bytes::from_static(b"{}"),
    };
    let headers = event.headers();
    let mut text = String::new();
    for (name, value) in &headers {
        writeln!(text, "{name}: {}", value.escape_ascii()).unwrap();
    }
    golden("event.headers.1.txt", text.as_bytes());
    assert_eq!(Event::read(&headers, event.payload.clone()), Some(event));
}
