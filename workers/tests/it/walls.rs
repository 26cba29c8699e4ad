//! To whom an event goes, up to the 65th member and beyond; who is removed; who is blocked.

use schemas::conversation::head::{Kind, Routing, Settings};
use schemas::conversation::table::HeadRow;
use schemas::envelope::ConversationCommand;
use schemas::event::{self, Event};
use schemas::member::Role;
use schemas::member::table::MembershipByUser;
use schemas::message::command::{Delete, Edit, Pin, Send, Target};
use schemas::message::table::MessageBySeq;
use schemas::outbound::{Outbound, Reply};
use schemas::table::{Table as _, Value};
use schemas::{Code, MessageId, UserId, conversation, limits, member};
use uuid::Uuid;
use workers::fold::Emit;
use workers::fold::round::Lane;
use workers::persist::Persist;

use crate::sim::{End, World, conversation, drive, record, snapshot, user};

/// A world with one lane, one command at a time.
struct Group {
    world: World,
    lane: Lane<Persist>,
    offset: u64,
}

impl Group {
    fn new() -> Self {
        let lane = Lane::new(conversation());
        Self { world: World::default(), lane, offset: 0 }
    }

    fn ask(&mut self, actor: u8, command: ConversationCommand) -> Result<(), Code> {
        self.offset += 1;
        let item = record(actor, command, None, self.offset);
        let id = item.meta.id;
        assert_eq!(drive(&mut self.world, &mut self.lane, vec![item], None), End::Done);
        let reply = self.world.emitted.iter().find_map(|emit| match emit {
            Emit::To(_, Outbound::Reply { command, reply }) if *command == id => Some(reply),
            _ => None,
        });
        match reply.expect("answered") {
            Reply::Rejected(error) => Err(error.code),
            Reply::Done { .. } | Reply::Before(_) => Ok(()),
        }
    }

    fn open(&mut self, kind: Kind, members: std::ops::Range<u8>) -> Result<(), Code> {
        let name = (kind != Kind::Direct).then(|| "name".to_owned());
        let command = conversation::command::Create {
            conversation_id: conversation(),
            kind,
            members: members.map(snapshot).collect(),
            settings: Settings { name, ..Settings::default() },
        };
        self.ask(0, ConversationCommand::Create(command))
    }

    fn add(&mut self, members: std::ops::Range<u8>) -> Result<(), Code> {
        let command = member::command::Add {
            conversation_id: conversation(),
            members: members.map(snapshot).collect(),
            role: Role::Member,
        };
        self.ask(0, ConversationCommand::Add(command))
    }

    fn remove(&mut self, whom: u8) -> Result<(), Code> {
        let command =
            member::command::Remove { conversation_id: conversation(), user_id: user(whom) };
        self.ask(0, ConversationCommand::Remove(command))
    }

    fn say(&mut self, who: u8) -> Result<(), Code> {
        let command = Send {
            conversation_id: conversation(),
            message_id: MessageId(Uuid::from_u128(0xe000 + u128::from(self.offset))),
            client_message_id: None,
            retryable: false,
            message_type: "text".to_owned(),
            content: "hi".to_owned(),
            metadata: None,
            reply_to: None,
            sender: snapshot(who),
        };
        self.ask(who, ConversationCommand::Send(command))
    }

    fn block(&mut self, by: u8, blocked: bool) -> Result<(), Code> {
        let command = conversation::command::Block {
            conversation_id: conversation(),
            by: user(by),
            other: user(1 - by),
            blocked,
            rev: i64::try_from(self.offset).unwrap() + 1,
        };
        self.ask(by, ConversationCommand::Block(command))
    }

    /// Whether any row holds a text.
    fn holds(&self, text: &str) -> bool {
        let cells = self.world.rows.values().flat_map(|row| row.cells.iter().flatten());
        cells.into_iter().any(|cell| match cell {
            Value::Blob(bytes) => String::from_utf8_lossy(bytes).contains(text),
            Value::Text(found) => found.contains(text),
            _ => false,
        })
    }

    /// The last event.
    fn event(&self) -> Event {
        let found = self.world.emitted.iter().rev().find_map(|emit| match emit {
            Emit::Record { topic, headers, value, .. } if topic.name == "chat.events" => {
                Event::read(headers, value.clone())
            }
            _ => None,
        });
        found.expect("an event")
    }

    fn audience(&self) -> Vec<UserId> {
        let mut audience: Vec<_> = event::unpack(&self.event().audience).collect();
        audience.sort_unstable();
        audience
    }

    fn routed_as_a_whole(&self, whom: u8) -> bool {
        let row = self.world.get(&MembershipByUser::get(user(whom), conversation())).unwrap();
        MembershipByUser::from_cells(row.cells).unwrap().membership().unwrap().by_conversation
    }
}

fn users(range: std::ops::Range<u8>) -> Vec<UserId> {
    range.map(user).collect()
}

#[test]
fn the_65th_member_turns_a_group_for_ever_and_the_change_that_adds_him_still_goes_to_each() {
    let mut group = Group::new();
    group.open(Kind::Group, 0..60).unwrap();
    assert_eq!(group.audience(), users(0..60));
    group.add(60..64).unwrap();
    assert_eq!((group.audience(), group.event().flip), (users(0..64), false));
    assert!(!group.routed_as_a_whole(3));
    group.add(64..70).unwrap();
    assert_eq!((group.audience(), group.event().flip), (users(0..70), true));
    assert!([0, 3, 63, 64, 69].into_iter().all(|who| group.routed_as_a_whole(who)));
    group.say(69).unwrap();
    assert_eq!((group.audience(), group.event().flip), (Vec::new(), false));
    // It never turns back.
    for whom in 10..70 {
        group.remove(whom).unwrap();
        assert_eq!(event::unpack(&group.event().left).collect::<Vec<_>>(), [user(whom)]);
        assert!(group.audience().is_empty());
    }
    let head = group.world.get(&HeadRow::get(conversation())).unwrap();
    let head = HeadRow::from_cells(head.cells).unwrap().head().unwrap();
    assert_eq!((head.routing, head.member_count), (Routing::Conversation, 10));
    assert!(HeadRow::of(conversation(), &head).body.len() < 1_024);
    group.add(80..81).unwrap();
    assert!(group.routed_as_a_whole(80));
}

#[test]
fn who_is_removed_hears_of_it_and_of_nothing_after_it() {
    let mut group = Group::new();
    group.open(Kind::Group, 0..4).unwrap();
    group.remove(2).unwrap();
    assert_eq!(group.audience(), users(0..4));
    assert_eq!(event::unpack(&group.event().left).collect::<Vec<_>>(), [user(2)]);
    group.say(1).unwrap();
    assert_eq!(group.audience(), [user(0), user(1), user(3)]);
    assert_eq!(group.say(2), Err(Code::NotMember));
    // Added again, he is a member like any other.
    group.add(2..3).unwrap();
    group.say(2).unwrap();
    assert_eq!(group.audience(), users(0..4));
}

#[test]
fn a_group_of_more_than_64_is_turned_when_it_is_opened() {
    let mut group = Group::new();
    group.open(Kind::Group, 0..100).unwrap();
    assert_eq!((group.audience().len(), group.event().flip), (100, true));
    group.say(99).unwrap();
    assert!(group.audience().is_empty());
}

#[test]
fn a_block_stops_messages_before_and_after_the_conversation_was_opened() {
    let mut pair = Group::new();
    pair.block(1, true).unwrap();
    assert_eq!(pair.open(Kind::Direct, 0..2), Err(Code::Blocked));
    assert_eq!(pair.say(0), Err(Code::NotMember), "nobody is in it yet");
    pair.block(1, false).unwrap();
    pair.open(Kind::Direct, 0..2).unwrap();
    pair.say(0).unwrap();
    pair.block(0, true).unwrap();
    pair.block(1, true).unwrap();
    assert_eq!((pair.say(0), pair.say(1)), (Err(Code::Blocked), Err(Code::Blocked)));
    pair.block(0, false).unwrap();
    assert_eq!(pair.say(1), Err(Code::Blocked), "the other block stands");
    pair.block(1, false).unwrap();
    pair.say(1).unwrap();
    // Somebody else's block is not taken from him.
    let command = conversation::command::Block {
        conversation_id: conversation(),
        by: user(0),
        other: user(1),
        blocked: true,
        rev: 0,
    };
    assert_eq!(pair.ask(5, ConversationCommand::Block(command)), Err(Code::Forbidden));
}

#[test]
fn a_block_that_is_told_again_after_its_end_is_nothing() {
    let mut pair = Group::new();
    pair.open(Kind::Direct, 0..2).unwrap();
    let told = |rev, blocked| {
        ConversationCommand::Block(conversation::command::Block {
            conversation_id: conversation(),
            by: user(0),
            other: user(1),
            blocked,
            rev,
        })
    };
    pair.ask(0, told(4, true)).unwrap();
    pair.ask(0, told(5, false)).unwrap();
    // By a pool that was suspended before it told this.
    pair.ask(0, told(4, true)).unwrap();
    pair.say(1).unwrap();
    pair.ask(0, told(6, true)).unwrap();
    assert_eq!(pair.say(1), Err(Code::Blocked));
}

#[test]
fn pins_use_up_no_edits_and_what_is_pinned_can_be_unpinned() {
    let mut group = Group::new();
    group.open(Kind::Group, 0..2).unwrap();
    group.say(1).unwrap();
    let message_id = MessageId(Uuid::from_u128(0xe000 + u128::from(group.offset - 1)));
    let target = Target { conversation_id: conversation(), message_id, seq: 1 };
    let mut pins = 0;
    let refused = loop {
        let pin = |pinned| ConversationCommand::Pin(Pin { target, pinned, signed: true });
        if let Err(code) = group.ask(0, pin(true)) {
            break code;
        }
        group.ask(0, pin(false)).unwrap();
        pins += 1;
    };
    assert_eq!((refused, pins), (Code::Conflict, limits::MESSAGE_REVISIONS / 2));
    let edit =
        |text: usize| ConversationCommand::Edit(Edit { target, content: format!("text {text}") });
    for text in 0..limits::MESSAGE_REVISIONS {
        group.ask(1, edit(text)).unwrap();
    }
    assert_eq!(group.ask(1, edit(999)), Err(Code::Conflict));
    // All of them are blanked with the message.
    group.ask(1, ConversationCommand::Delete(Delete { target })).unwrap();
    assert!(!group.holds("text "));
}

#[test]
fn a_pin_of_before_is_folded_again_as_it_was() {
    for signed in [false, true] {
        let mut group = Group::new();
        group.open(Kind::Group, 0..2).unwrap();
        group.say(1).unwrap();
        let message_id = MessageId(Uuid::from_u128(0xe000 + u128::from(group.offset - 1)));
        let target = Target { conversation_id: conversation(), message_id, seq: 1 };
        group.ask(0, ConversationCommand::Pin(Pin { target, pinned: true, signed })).unwrap();
        assert!(group.holds("\"isPinned\":true"));
        assert_eq!(group.holds("pinRev"), signed);
    }
}

#[test]
fn a_message_that_an_earlier_version_wrote_is_blanked_too() {
    for edited in [false, true] {
        let mut group = Group::new();
        group.open(Kind::Group, 0..2).unwrap();
        group.say(1).unwrap();
        let message_id = MessageId(Uuid::from_u128(0xe000 + u128::from(group.offset - 1)));
        let target = Target { conversation_id: conversation(), message_id, seq: 1 };
        // As it was before rows listed what carries their content.
        let get = MessageBySeq::get(conversation(), 1);
        let key = (get.def.prefix, get.key);
        let row = group.world.rows.get_mut(&key).unwrap();
        let mut message = MessageBySeq::from_cells(row.cells.clone()).unwrap();
        message.revs = None;
        row.cells = message.to_cells();
        group.lane = Lane::new(conversation());
        if edited {
            let edit = Edit { target, content: "hi again".to_owned() };
            group.ask(1, ConversationCommand::Edit(edit)).unwrap();
        }
        assert!(group.holds("hi"));
        group.ask(1, ConversationCommand::Delete(Delete { target })).unwrap();
        assert!(!group.holds("\"hi"), "edited: {edited}");
    }
}

#[test]
fn a_group_that_is_deleted_leaves_no_row_with_its_members() {
    let mut group = Group::new();
    group.open(Kind::Group, 0..4).unwrap();
    let delete = conversation::command::Delete { conversation_id: conversation() };
    group.ask(0, ConversationCommand::Close(delete)).unwrap();
    assert_eq!(group.audience(), users(0..4));
    for who in 0..4 {
        assert!(group.world.get(&MembershipByUser::get(user(who), conversation())).is_none());
    }
    assert_eq!(group.say(1), Err(Code::NotMember));
}

#[test]
fn in_a_channel_only_moderators_write() {
    let mut channel = Group::new();
    channel.open(Kind::Channel, 0..3).unwrap();
    channel.say(0).unwrap();
    assert_eq!(channel.say(1), Err(Code::Forbidden));
    let command = member::command::SetRole {
        conversation_id: conversation(),
        user_id: user(1),
        role: Role::Moderator,
    };
    channel.ask(0, ConversationCommand::SetRole(command)).unwrap();
    channel.say(1).unwrap();
}
