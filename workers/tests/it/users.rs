//! The fold of users against a plain model, in any batch split, with a crash at any step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schemas::envelope::{Content, ConversationCommand, Meta, PresenceCommand, UserCommand, decode};
use schemas::outbound::{Outbound, Reply};
use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::table::Table;
use schemas::user::command::{
    Block, ConversationAdded, ConversationRemoved, ConversationSettings, Create, Delete, Presence,
    Settings, Unblock, Update,
};
use schemas::user::head::{Audience, Profile};
use schemas::user::table::{
    Block as BlockRow, ConversationSettings as SettingsRow, UserByTerm, UserChange, UserHead,
    UserSettings,
};
use schemas::{Code, CommandId, ConversationId, InstanceId, Position, Timestamp, UserId};
use serde_json::{Map, json, value::RawValue};
use uuid::Uuid;
use workers::feed::Feed;
use workers::fold::round::Lane;
use workers::fold::{Emit, Item};

use crate::sim::{Cut, End, World, drive, user};

const SELF: u8 = 0;

#[derive(Clone, Debug)]
enum Ask {
    Create,
    Rename(u8),
    Bio(Option<u8>),
    Delete,
    Theme(u8),
    WhoCanMessage(u8),
    Mute(u8, bool),
    PinAndArchive(u8, bool, bool),
    Block(u8),
    Unblock(u8),
    Status(u8),
    Say(Option<u8>),
    /// Conversation, rev of the change that tells it.
    Added(u8, i64),
    Removed(u8, i64),
}

#[derive(Default)]
struct Model {
    here: bool,
    deleted: bool,
    rev: i64,
    name: Option<u8>,
    bio: Option<u8>,
    settings: BTreeMap<&'static str, String>,
    conversations: BTreeMap<u8, (bool, bool, bool)>,
    blocks: BTreeSet<u8>,
    status: Option<Status>,
    said: Option<u8>,
    sources: BTreeMap<u8, i64>,
}

#[derive(Debug, PartialEq)]
enum Expect {
    Changed,
    Before,
    Nothing,
    Rejected(Code),
}

const THEMES: [&str; 3] = ["auto", "light", "dark"];
const STATUSES: [Status; 4] = [Status::Online, Status::Away, Status::DoNotDisturb, Status::Offline];
const AUDIENCES: [&str; 3] = ["everyone", "contacts", "nobody"];

impl Model {
    fn set(&mut self, name: &'static str, value: &str, default: &str) -> bool {
        let before = self.settings.get(name).cloned().unwrap_or_else(|| default.to_owned());
        if value == default {
            self.settings.remove(name);
        } else {
            self.settings.insert(name, value.to_owned());
        }
        before != value
    }

    fn ask(&mut self, ask: &Ask) -> Expect {
        let standing = self.here && !self.deleted;
        let changed = match ask {
            // The same registration again, whatever has changed since.
            Ask::Create if standing => return Expect::Before,
            Ask::Create if self.here => return Expect::Rejected(Code::IdempotencyMismatch),
            Ask::Create => {
                self.here = true;
                true
            }
            Ask::Added(of, rev) | Ask::Removed(of, rev) => {
                if !standing || self.sources.get(of).is_some_and(|last| last >= rev) {
                    return Expect::Nothing;
                }
                self.sources.insert(*of, *rev);
                true
            }
            _ if !standing => return Expect::Rejected(Code::Unauthenticated),
            Ask::Rename(name) => self.name.replace(*name) != Some(*name),
            Ask::Bio(bio) => std::mem::replace(&mut self.bio, *bio) != *bio,
            Ask::Delete => {
                self.deleted = true;
                (self.status, self.said) = (None, None);
                true
            }
            Ask::Theme(one) => self.set("theme", THEMES[usize::from(*one) % 3], "auto"),
            Ask::WhoCanMessage(one) => {
                self.set("whoCanMessage", AUDIENCES[usize::from(*one) % 3], "everyone")
            }
            Ask::Status(one) => {
                let status = STATUSES[usize::from(*one)];
                let next = (status != Status::Online).then_some(status);
                std::mem::replace(&mut self.status, next) != next
            }
            Ask::Say(text) => std::mem::replace(&mut self.said, *text) != *text,
            Ask::Mute(of, muted) => {
                let row = self.conversations.entry(*of).or_default();
                std::mem::replace(&mut row.0, *muted) != *muted
            }
            Ask::PinAndArchive(of, pinned, archived) => {
                let row = self.conversations.entry(*of).or_default();
                let before = *row;
                (row.1, row.2) = (*archived, *pinned);
                before != *row
            }
            Ask::Block(SELF) => return Expect::Rejected(Code::ValidationFailed),
            Ask::Block(other) if !self.blocks.insert(*other) => {
                return Expect::Rejected(Code::Conflict);
            }
            Ask::Unblock(other) if !self.blocks.remove(other) => {
                return Expect::Rejected(Code::NotFound);
            }
            Ask::Block(_) | Ask::Unblock(_) => true,
        };
        if !changed {
            return Expect::Before;
        }
        self.rev += 1;
        Expect::Changed
    }
}

fn conversation(n: u8) -> ConversationId {
    ConversationId(Uuid::from_u128(0xc000 + u128::from(n)))
}

fn map(value: &serde_json::Value) -> Map<String, serde_json::Value> {
    value.as_object().cloned().unwrap()
}

fn said(text: u8) -> String {
    format!("text {text}")
}

fn command(ask: &Ask) -> UserCommand {
    let about = |of: u8| ConversationSettings {
        conversation_id: conversation(of),
        is_muted: None,
        is_archived: None,
        is_pinned: None,
        notification_settings: Patch::Absent,
    };
    match ask {
        Ask::Create => UserCommand::Create(Create {
            user_id: user(SELF),
            profile: Profile {
                username: "self".to_owned(),
                email: "self@example.org".to_owned(),
                first_name: None,
                last_name: None,
                avatar_url: None,
                bio: None,
                status: None,
                phone: None,
            },
            valid_until: None,
        }),
        Ask::Rename(name) => UserCommand::Update(Update {
            first_name: Patch::Value(format!("Name{name} Same")),
            ..Update::default()
        }),
        Ask::Bio(bio) => UserCommand::Update(Update {
            bio: bio.map_or(Patch::Null, |bio| Patch::Value(format!("bio {bio}"))),
            ..Update::default()
        }),
        Ask::Delete => UserCommand::Delete(Delete { user_id: user(SELF) }),
        Ask::Theme(one) => UserCommand::Settings(Settings {
            settings: map(&json!({"theme": THEMES[usize::from(*one) % 3]})),
        }),
        Ask::WhoCanMessage(one) => UserCommand::Settings(Settings {
            settings: map(&json!({"whoCanMessage": AUDIENCES[usize::from(*one) % 3]})),
        }),
        Ask::Status(one) => UserCommand::Presence(Presence {
            status: Patch::Value(STATUSES[usize::from(*one)]),
            ..Presence::default()
        }),
        Ask::Say(text) => UserCommand::Presence(Presence {
            custom_status: text.map_or(Patch::Null, |text| Patch::Value(said(text))),
            ..Presence::default()
        }),
        Ask::Mute(of, muted) => UserCommand::ConversationSettings(ConversationSettings {
            is_muted: Some(*muted),
            ..about(*of)
        }),
        Ask::PinAndArchive(of, pinned, archived) => {
            UserCommand::ConversationSettings(ConversationSettings {
                is_archived: Some(*archived),
                is_pinned: Some(*pinned),
                ..about(*of)
            })
        }
        Ask::Block(other) => {
            UserCommand::Block(Block { other: user(*other), reason: None, report: None })
        }
        Ask::Unblock(other) => UserCommand::Unblock(Unblock { other: user(*other) }),
        Ask::Added(of, rev) => UserCommand::ConversationAdded(ConversationAdded {
            user_id: user(SELF),
            conversation_id: conversation(*of),
            rev: *rev,
            conversation: RawValue::from_string("{}".to_owned()).unwrap(),
        }),
        Ask::Removed(of, rev) => UserCommand::ConversationRemoved(ConversationRemoved {
            user_id: user(SELF),
            conversation_id: conversation(*of),
            rev: *rev,
        }),
    }
}

fn item(ask: &Ask, offset: u64) -> Item<UserCommand> {
    Item {
        position: Position { epoch: 1, partition: 4, offset },
        appended_at: Timestamp(1_800_000_000_000 + i64::try_from(offset * 37 % 11).unwrap() * 500),
        meta: Meta {
            id: CommandId(Uuid::from_u128(0xc000_0000 + u128::from(offset))),
            actor: user(SELF),
            at: Timestamp(0),
            reply_to: Some(InstanceId(Uuid::from_u128(1))),
            trace: None,
            once: None,
        },
        content: Content::Known(command(ask)),
    }
}

fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let one = prop_oneof![
        1 => Just(Ask::Create),
        3 => (0u8..3).prop_map(Ask::Rename),
        2 => proptest::option::of(0u8..3).prop_map(Ask::Bio),
        1 => Just(Ask::Delete),
        3 => (0u8..3).prop_map(Ask::Theme),
        3 => (0u8..3).prop_map(Ask::WhoCanMessage),
        3 => (0u8..3, any::<bool>()).prop_map(|(of, muted)| Ask::Mute(of, muted)),
        3 => (0u8..3, any::<bool>(), any::<bool>())
            .prop_map(|(of, pinned, archived)| Ask::PinAndArchive(of, pinned, archived)),
        3 => (0u8..4).prop_map(Ask::Status),
        3 => proptest::option::of(0u8..3).prop_map(Ask::Say),
        4 => (0u8..4).prop_map(Ask::Block),
        4 => (1u8..4).prop_map(Ask::Unblock),
        4 => (0u8..3, 1i64..6).prop_map(|(of, rev)| Ask::Added(of, rev)),
        3 => (0u8..3, 1i64..6).prop_map(|(of, rev)| Ask::Removed(of, rev)),
    ];
    proptest::collection::vec(one, 0..30)
        .prop_map(|rest| std::iter::once(Ask::Create).chain(rest).collect())
}

fn all<T: Table>(world: &World) -> Vec<T> {
    let rows = world.rows.iter().filter(|((prefix, _), _)| *prefix == T::DEF.prefix);
    rows.map(|(_, row)| T::from_cells(row.cells.clone()).unwrap()).collect()
}

/// What came of a command: its own answer, or for a block the command that answers instead.
fn answer(world: &World, command: CommandId) -> Expect {
    for emit in &world.emitted {
        match emit {
            Emit::To(_, Outbound::Reply { command: of, reply }) if *of == command => {
                return match reply {
                    Reply::Rejected(error) => Expect::Rejected(error.code),
                    Reply::Before(_) => Expect::Before,
                    Reply::Done { .. } => Expect::Changed,
                };
            }
            Emit::Record { topic, value, .. } if topic.name == "chat.commands" => {
                let (meta, content) = decode::<ConversationCommand>(value).unwrap();
                let Content::Known(ConversationCommand::Block(_)) = content else { continue };
                if meta.id == command && meta.reply_to.is_some() {
                    return Expect::Changed;
                }
            }
            _ => {}
        }
    }
    Expect::Nothing
}

fn compare(world: &World, model: &Model) -> Result<(), TestCaseError> {
    let head = all::<UserHead>(world).first().map(|row| row.head().unwrap()).unwrap();
    prop_assert_eq!(head.rev, model.rev);
    prop_assert_eq!(head.deleted_at.is_some(), model.deleted);
    let mut terms: Vec<_> = all::<UserByTerm>(world).into_iter().map(|row| row.term).collect();
    terms.sort();
    if model.deleted {
        prop_assert!(terms.is_empty() && head.profile.email.is_empty());
    } else {
        let name = model.name.map(|name| format!("Name{name} Same"));
        prop_assert_eq!(&head.profile.first_name, &name);
        let mut expected = vec!["self".to_owned()];
        expected.extend(model.name.iter().flat_map(|name| [format!("name{name}"), "same".into()]));
        expected.sort();
        prop_assert_eq!(terms, expected);
    }
    let stored = all::<UserSettings>(world).first().map(|row| row.read().unwrap());
    let expected: Map<_, _> =
        model.settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    prop_assert_eq!(stored.unwrap_or_default(), expected);
    let messages = model.settings.get("whoCanMessage").map_or("everyone", String::as_str);
    prop_assert_eq!(Some(head.privacy.messages), Audience::read(messages));
    prop_assert_eq!(head.presence.status, model.status);
    prop_assert_eq!(head.presence.custom_status, model.said.map(said));
    for row in all::<SettingsRow>(world) {
        let of = (0..3).find(|of| conversation(*of) == row.conversation).unwrap();
        let expected = model.conversations.get(&of).copied().unwrap_or_default();
        prop_assert_eq!((row.is_muted, row.is_archived, row.is_pinned), expected);
    }
    let mut blocks: Vec<UserId> = all::<BlockRow>(world).into_iter().map(|row| row.other).collect();
    blocks.sort_unstable();
    prop_assert_eq!(blocks, model.blocks.iter().map(|one| user(*one)).collect::<Vec<_>>());
    // The feed is dense.
    let mut revs: Vec<i64> = all::<UserChange>(world).into_iter().map(|row| row.rev).collect();
    revs.sort_unstable();
    prop_assert_eq!(revs, (1..=model.rev).collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_user_does_what_the_contract_says(asks in asks(), split in 1usize..9) {
        let mut model = Model::default();
        let expects: Vec<_> = asks.iter().map(|ask| model.ask(ask)).collect();
        let items: Vec<_> = asks.iter().zip(1..).map(|(ask, at)| item(ask, at)).collect();
        let mut world = World::default();
        let mut lane = Lane::<Feed>::new(user(SELF));
        for batch in items.chunks(split) {
            prop_assert_eq!(drive(&mut world, &mut lane, batch.to_vec(), None), End::Done);
        }
        for ((ask, item), expect) in asks.iter().zip(&items).zip(&expects) {
            prop_assert_eq!(&answer(&world, item.meta.id), expect, "{:?}", ask);
        }
        compare(&world, &model)?;
    }

    #[test]
    fn any_batch_split_and_any_crash_give_the_same_user(
        asks in asks(),
        splits in proptest::collection::vec(1usize..6, 1..6),
        cuts in proptest::collection::vec((0usize..10, any::<u8>()), 0..10),
        apart in any::<bool>(),
    ) {
        let mut model = Model::default();
        for ask in &asks {
            model.ask(ask);
        }
        let items: Vec<_> = asks.iter().zip(1..).map(|(ask, at)| item(ask, at)).collect();
        let mut expected = World::default();
        let mut lane = Lane::<Feed>::new(user(SELF));
        for one in &items {
            drive(&mut expected, &mut lane, vec![one.clone()], None);
        }
        let mut world = World { apart, ..World::default() };
        let mut lane = Lane::<Feed>::new(user(SELF));
        let (mut splits, mut cuts) = (splits.iter().cycle(), cuts.into_iter());
        let mut committed = 0;
        while committed < items.len() {
            let size = *splits.next().unwrap();
            let batch: Vec<_> = items[committed..].iter().take(size).cloned().collect();
            let cut = cuts.next().map(|(step, part)| Cut { step, part });
            match drive(&mut world, &mut lane, batch, cut) {
                End::Done => committed = (committed + size).min(items.len()),
                End::Cut => lane = Lane::new(user(SELF)),
                End::Fenced => prop_assert!(false, "nobody else writes"),
            }
        }
        prop_assert_eq!(&world.rows, &expected.rows);
        compare(&world, &model)?;
    }
}

/// What the pool of presence is told of these, in order: of whom, and of the relation to whom.
fn told(asks: &[Ask]) -> Vec<Option<UserId>> {
    let mut world = World::default();
    let mut lane = Lane::<Feed>::new(user(SELF));
    let items: Vec<_> = asks.iter().zip(1..).map(|(ask, at)| item(ask, at)).collect();
    assert_eq!(drive(&mut world, &mut lane, items, None), End::Done);
    let records = world.emitted.iter().filter_map(|emit| match emit {
        Emit::Record { topic, key, value, .. } if topic.name == "chat.presence" => {
            assert_eq!(*key, user(SELF).to_string().into_bytes());
            Some(value)
        }
        _ => None,
    });
    let read = |value: &bytes::Bytes| match decode::<PresenceCommand>(value).unwrap().1 {
        Content::Known(PresenceCommand::Decided(decided)) => {
            assert_eq!(decided.user_id, user(SELF));
            None
        }
        Content::Known(PresenceCommand::Related(related)) => {
            assert_eq!(related.user_id, user(SELF));
            Some(related.other)
        }
        other => panic!("{other:?}"),
    };
    records.map(read).collect()
}

#[test]
fn presence_is_told_what_it_is_to_look_at_again() {
    let quiet = [Ask::Create, Ask::Rename(1), Ask::Added(1, 1), Ask::Mute(1, true)];
    assert_eq!(told(&quiet), []);
    let again = [Ask::Create, Ask::Status(2), Ask::Status(2), Ask::Say(Some(1)), Ask::Delete];
    assert_eq!(told(&again), [None, None, None], "what comes to nothing is not told");
    let privacy = [Ask::Create, Ask::WhoCanMessage(1), Ask::Block(2), Ask::Unblock(2)];
    assert_eq!(told(&privacy), [None, Some(user(2)), Some(user(2))]);
}

#[test]
fn a_custom_status_that_has_ended_is_said_anew() {
    let until = Timestamp(1_800_000_000_000 + 60_000);
    let say = |at: i64, offset: u64| {
        let command = Presence {
            custom_status: Patch::Value("lunch".to_owned()),
            custom_until: if offset == 2 { Patch::Value(until) } else { Patch::Absent },
            ..Presence::default()
        };
        Item {
            appended_at: Timestamp(1_800_000_000_000 + at),
            content: Content::Known(UserCommand::Presence(command)),
            ..item(&Ask::Create, offset)
        }
    };
    let mut world = World::default();
    let mut lane = Lane::<Feed>::new(user(SELF));
    let items = vec![item(&Ask::Create, 1), say(1_000, 2), say(59_999, 3), say(60_000, 4)];
    let ids: Vec<_> = items.iter().map(|item| item.meta.id).collect();
    assert_eq!(drive(&mut world, &mut lane, items, None), End::Done);
    let answers: Vec<_> = ids.iter().map(|id| answer(&world, *id)).collect();
    assert_eq!(answers, [Expect::Changed, Expect::Changed, Expect::Before, Expect::Changed]);
    let head = all::<UserHead>(&world).first().map(|row| row.head().unwrap()).unwrap();
    assert_eq!(head.presence.custom_until, None);
}
