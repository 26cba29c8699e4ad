//! Golden records of the nouns that came with groups, edits, reactions, pins, receipts and settings: see
//! `golden.rs`.
#![expect(clippy::unwrap_used, reason = "a test binary")]

mod support;

use bytes::Bytes;
use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Preview, Routing, Settings};
use schemas::envelope::{
    self, Commands, Content, ConversationCommand, Meta, Once, ReceiptCommand, UserCommand,
};
use schemas::member::{Membership, Role};
use schemas::message::command::{ForwardTarget, ReplyTo, Target};
use schemas::message::placed::{self, Carrier, Placed};
use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::user::change::{Change as UserChange, Effect as UserEffect};
use schemas::user::head::{Audience, Head as UserHead, Preference, Privacy, Profile};
use schemas::user::table::{Block, ConversationSettings};
use schemas::user::view::Snapshot;
use schemas::{
    CommandId, ConversationId, InstanceId, MessageId, Position, Stamp, Timestamp, UserId,
    conversation, frame, member, message, reaction, receipt, user,
};
use serde_json::{json, value::RawValue};
use uuid::Uuid;

use crate::support::golden;

const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(0xc1));
const ALICE: UserId = UserId(Uuid::from_u128(0xa1));
const BOB: UserId = UserId(Uuid::from_u128(0xa2));
const MESSAGE: MessageId = MessageId(Uuid::from_u128(0xe1));
const AT: Timestamp = Timestamp(1_800_000_000_000);

fn meta() -> Meta {
    Meta {
        id: CommandId(Uuid::from_u128(0xd1)),
        actor: ALICE,
        at: AT,
        reply_to: Some(InstanceId(Uuid::from_u128(0xf1))),
        trace: None,
        once: Some(Once { id: MessageId(Uuid::from_u128(0xe2)), hash: 7 }),
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        id: BOB,
        username: "bob".to_owned(),
        first_name: None,
        last_name: None,
        avatar_url: None,
    }
}

fn check<C: Commands + PartialEq + std::fmt::Debug>(command: C) {
    let name = format!("command.{}.1.json", command.kind());
    let kept = golden(&name, &envelope::encode(&meta(), &command).unwrap());
    let (read, content) = envelope::decode::<C>(&kept).unwrap();
    assert_eq!((read, content), (meta(), Content::Known(command)));
}

#[test]
fn commands_on_conversations_of_version_1_decode() {
    let target = Target { conversation_id: CONVERSATION, message_id: MESSAGE, seq: 3 };
    let conversation_id = CONVERSATION;
    check(ConversationCommand::Edit(message::command::Edit { target, content: "x".to_owned() }));
    check(ConversationCommand::Delete(message::command::Delete { target }));
    check(ConversationCommand::Pin(message::command::Pin { target, pinned: true, signed: false }));
    check(ConversationCommand::React(reaction::command::React {
        target,
        emoji: "\u{1f44d}".to_owned(),
        added: true,
        user: snapshot(),
    }));
    check(ConversationCommand::Add(member::command::Add {
        conversation_id,
        members: vec![snapshot()],
        role: Role::Moderator,
    }));
    check(ConversationCommand::Remove(member::command::Remove { conversation_id, user_id: BOB }));
    check(ConversationCommand::Leave(member::command::Leave {
        conversation_id,
        successor: Some(BOB),
    }));
    check(ConversationCommand::SetRole(member::command::SetRole {
        conversation_id,
        user_id: BOB,
        role: Role::Owner,
    }));
    check(ConversationCommand::Update(conversation::command::Update {
        conversation_id,
        name: Patch::Value("name".to_owned()),
        description: Patch::Null,
        avatar_url: Patch::Absent,
    }));
    check(ConversationCommand::Close(conversation::command::Delete { conversation_id }));
    check(ConversationCommand::Block(conversation::command::Block {
        conversation_id,
        by: ALICE,
        other: BOB,
        blocked: true,
        rev: 4,
    }));
    check(ReceiptCommand::Mark(receipt::command::Mark {
        conversation_id,
        kind: receipt::Kind::Read,
        seq: 3,
        n: 2,
        message_id: Some(MESSAGE),
        private: true,
    }));
    let answer = message::command::Send {
        conversation_id,
        message_id: MESSAGE,
        client_message_id: None,
        retryable: false,
        message_type: "text".to_owned(),
        content: "yes".to_owned(),
        metadata: None,
        reply_to: Some(ReplyTo { id: MESSAGE, seq: 3 }),
        sender: snapshot(),
    };
    check(ConversationCommand::Send(answer));
}

#[test]
fn commands_on_users_of_version_1_decode() {
    check(UserCommand::ConversationRemoved(user::command::ConversationRemoved {
        user_id: ALICE,
        conversation_id: CONVERSATION,
        rev: 9,
    }));
    check(UserCommand::Update(user::command::Update {
        first_name: Patch::Value("Al".to_owned()),
        bio: Patch::Null,
        ..user::command::Update::default()
    }));
    check(UserCommand::Delete(user::command::Delete { user_id: ALICE }));
    let settings = json!({"theme": "dark"}).as_object().cloned().unwrap();
    check(UserCommand::Settings(user::command::Settings { settings }));
    check(UserCommand::ConversationSettings(user::command::ConversationSettings {
        conversation_id: CONVERSATION,
        is_muted: Some(true),
        is_archived: None,
        is_pinned: Some(false),
        notification_settings: Patch::Value(json!({"sound": false})),
    }));
    check(UserCommand::Presence(user::command::Presence {
        status: Patch::Value(Status::DoNotDisturb),
        custom_status: Patch::Value("lunch".to_owned()),
        custom_until: Patch::Null,
    }));
    check(UserCommand::Block(user::command::Block {
        other: BOB,
        reason: Some("why".to_owned()),
        report: Some("spam".to_owned()),
    }));
    check(UserCommand::Unblock(user::command::Unblock { other: BOB }));
    check(UserCommand::Forward(message::command::Forward {
        user_id: ALICE,
        targets: vec![ForwardTarget {
            conversation_id: CONVERSATION,
            message_id: MESSAGE,
            command_id: CommandId(Uuid::from_u128(0xd2)),
        }],
        message_type: "text".to_owned(),
        content: "x".to_owned(),
        metadata: RawValue::from_string(r#"{"forwarded":true}"#.to_owned()).unwrap(),
        sender: snapshot(),
        retryable: true,
    }));
}

fn membership(role: Role) -> Membership {
    Membership {
        conversation: CONVERSATION,
        user: BOB,
        role,
        joined_at: AT,
        visible_from: 1,
        visible_to: None,
        sent_seq: 3,
        sent_n: 3,
        by_conversation: true,
    }
}

fn placed() -> Placed {
    let carrier = |rev, kind| Carrier {
        rev,
        stamp: Stamp(1_099_511_627_777),
        command: CommandId(Uuid::from_u128(0xd3)),
        kind,
    };
    Placed {
        message: MESSAGE,
        seq: 3,
        sender: BOB,
        n: 3,
        revs: vec![
            carrier(4, placed::Kind::Created),
            carrier(5, placed::Kind::Edited),
            carrier(6, placed::Kind::Shown),
        ],
        pinned: Some(6),
        deleted: false,
    }
}

#[test]
fn effects_on_conversations_of_version_1_decode() {
    let settings = Settings {
        name: Some("name".to_owned()),
        description: None,
        avatar_url: Some("https://example.org/a.png".to_owned()),
    };
    let ended = Membership { visible_to: Some(3), ..membership(Role::Admin) };
    let effects = [
        (
            "created.group",
            Effect::Created {
                kind: Kind::Group,
                created_by: ALICE,
                members: vec![membership(Role::Owner)],
                settings: settings.clone(),
                owner: Some(ALICE),
            },
        ),
        (
            "deleted",
            Effect::Deleted {
                placed: placed(),
                preview: Preview {
                    id: MESSAGE,
                    seq: 3,
                    sender_id: BOB,
                    kind: "text".to_owned(),
                    content: String::new(),
                    created_at: AT,
                    is_deleted: true,
                },
            },
        ),
        (
            "reaction",
            Effect::Reaction {
                seq: 3,
                user: BOB,
                emoji: "\u{1f44d}".to_owned(),
                removed: Some(7),
                counts: [("x".to_owned(), 2)].into(),
            },
        ),
        ("pinned", Effect::Pinned { placed: placed(), by: ALICE, unpinned: Some(6) }),
        (
            "added",
            Effect::Added {
                members: vec![membership(Role::Member)],
                view: "{}".to_owned(),
                flipped: vec![membership(Role::Owner)],
            },
        ),
        (
            "removed",
            Effect::Removed { member: ended.clone(), successor: Some(membership(Role::Owner)) },
        ),
        ("roles", Effect::Roles { members: vec![membership(Role::Moderator)] }),
        ("updated", Effect::Updated { settings }),
        ("closed", Effect::Closed { last: Some(ended), members: Members(vec![BOB]) }),
        ("blocked", Effect::Blocked { by: Members(vec![ALICE]), told: vec![(ALICE, 4)] }),
        ("redacted", Effect::Redacted { at: AT }),
    ];
    for (name, effect) in effects {
        let change = Change {
            conversation: CONVERSATION,
            rev: 8,
            position: Position { epoch: 1, partition: 5, offset: 77 },
            command: meta().id,
            at: AT,
            once: meta().once,
            frame: frame::event(effect.kind(), CONVERSATION, 8, effect.seq(), AT, b"{}"),
            effect,
        };
        let row = change.row();
        let effect = golden(&format!("effect.{name}.1.json"), &row.effect);
        let kept = conversation::table::Change { effect: Bytes::from(effect), ..row };
        assert_eq!(Change::read(kept).unwrap(), change);
    }
}

fn preference() -> Preference {
    Preference {
        status: Some(Status::Away),
        custom_status: Some("lunch".to_owned()),
        custom_until: Some(AT),
    }
}

/// A head of a time before presence is written as it was.
#[test]
fn heads_of_users_of_version_1_decode() {
    let before = UserHead {
        v: 1,
        profile: Profile {
            username: "alice".to_owned(),
            email: "alice@example.org".to_owned(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        },
        created_at: Timestamp(1),
        updated_at: Timestamp(2),
        rev: 4,
        last_at: Timestamp(3),
        applied: Position { epoch: 1, partition: 5, offset: 77 },
        privacy: Privacy { online: false, ..Privacy::default() },
        presence: Preference::default(),
        deleted_at: None,
    };
    let after = UserHead { presence: preference(), ..before.clone() };
    for (name, head) in [("user.head.1.json", before), ("user.head.presence.1.json", after)] {
        let kept = golden(name, &serde_json::to_vec(&head).unwrap());
        assert_eq!(serde_json::from_slice::<UserHead>(&kept).unwrap(), head);
    }
}

#[test]
fn effects_on_users_of_version_1_decode() {
    let profile = Profile {
        username: "alice".to_owned(),
        email: String::new(),
        first_name: None,
        last_name: None,
        avatar_url: None,
        bio: Some("bio".to_owned()),
        status: None,
        phone: Some("+49 30 123456".to_owned()),
    };
    let privacy = Privacy { messages: Audience::Contacts, online: false, ..Privacy::default() };
    let effects = [
        (
            "conversation.removed",
            UserEffect::ConversationRemoved { conversation: CONVERSATION, rev: 9 },
        ),
        (
            "updated",
            UserEffect::Updated {
                profile: profile.clone(),
                since: AT,
                forgotten: vec!["al".to_owned()],
            },
        ),
        ("deleted", UserEffect::Deleted { profile, forgotten: vec!["alice".to_owned()] }),
        (
            "settings",
            UserEffect::Settings {
                settings: json!({"theme": "dark"}).as_object().cloned().unwrap(),
                privacy,
            },
        ),
        (
            "conversation",
            UserEffect::Conversation {
                row: ConversationSettings {
                    is_muted: true,
                    notifications: Some("{}".to_owned()),
                    ..ConversationSettings::none(ALICE, CONVERSATION)
                },
            },
        ),
        (
            "blocked",
            UserEffect::Blocked {
                row: Block {
                    user: ALICE,
                    other: BOB,
                    reason: None,
                    report: Some("spam".to_owned()),
                    created_at: AT,
                },
            },
        ),
        ("unblocked", UserEffect::Unblocked { other: BOB }),
        ("presence", UserEffect::Presence { presence: preference() }),
    ];
    for (name, effect) in effects {
        let change = UserChange {
            user: ALICE,
            rev: 8,
            position: Position { epoch: 1, partition: 5, offset: 77 },
            command: meta().id,
            at: AT,
            frame: frame::feed(effect.kind(), 8, AT, b"{}"),
            effect,
        };
        let row = change.row();
        let effect = golden(&format!("user.effect.{name}.1.json"), &row.effect);
        let kept = user::table::UserChange { effect: Bytes::from(effect), ..row };
        assert_eq!(UserChange::read(kept).unwrap(), change);
    }
}

#[test]
fn heads_of_groups_of_version_1_decode() {
    let head = Head {
        v: 1,
        kind: Kind::Channel,
        created_by: ALICE,
        created_at: Timestamp(1),
        seq: 3,
        rev: 4,
        n: 3,
        last_at: Timestamp(2),
        member_count: 2,
        members: Members::default(),
        routing: Routing::Conversation,
        applied: Position { epoch: 1, partition: 5, offset: 77 },
        preview: None,
        settings: Settings { name: Some("name".to_owned()), ..Settings::default() },
        owner: Some(ALICE),
        admins: Members(vec![BOB]),
        blocked_by: Members(vec![BOB]),
        blocks_told: vec![(BOB, 4)],
        unopened: true,
        pins: 2,
        deleted_at: Some(AT),
    };
    let kept = golden("head.group.1.json", &serde_json::to_vec(&head).unwrap());
    assert_eq!(serde_json::from_slice::<Head>(&kept).unwrap(), head);
}
