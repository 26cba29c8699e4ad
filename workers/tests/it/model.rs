//! The fold of conversations against a plain map: what a reader of the contract would write down.

use std::collections::HashMap;

use proptest::prelude::*;
use schemas::conversation::table::HeadRow;
use schemas::member::table::SentMark;
use schemas::message::table::MessageBySeq;
use schemas::message::view::Message;
use schemas::outbound::{Outbound, Reply};
use schemas::table::Table as _;
use schemas::{Code, Seq};
use workers::fold::Emit;
use workers::fold::round::Lane;
use workers::persist::Persist;

use crate::sim::{Ask, End, World, conversation, drive, item, user};

#[derive(Default)]
struct Model {
    open: bool,
    messages: Vec<(u8, u8)>,
    by_client: HashMap<(u8, u8), (Seq, u8)>,
    rev: i64,
}

#[derive(Debug, PartialEq)]
enum Expect {
    Created,
    Sent(Seq),
    Before(Option<Seq>),
    Rejected(Code),
}

impl Model {
    fn ask(&mut self, ask: &Ask) -> Expect {
        match ask {
            Ask::Create if self.open => Expect::Before(None),
            Ask::Create => {
                self.open = true;
                self.rev += 1;
                Expect::Created
            }
            Ask::Send(sender, client, content) => {
                let known = client.and_then(|client| self.by_client.get(&(*sender, client)));
                if let Some((seq, first)) = known {
                    return if first == content {
                        Expect::Before(Some(*seq))
                    } else {
                        Expect::Rejected(Code::IdempotencyMismatch)
                    };
                }
                if !self.open || *sender > 1 {
                    return Expect::Rejected(Code::NotMember);
                }
                self.messages.push((*sender, *content));
                self.rev += 1;
                let seq = i64::try_from(self.messages.len()).unwrap();
                if let Some(client) = client {
                    self.by_client.insert((*sender, *client), (seq, *content));
                }
                Expect::Sent(seq)
            }
        }
    }
}

pub fn asks() -> impl Strategy<Value = Vec<Ask>> {
    let send = (0u8..3, proptest::option::of(0u8..6), 0u8..3)
        .prop_map(|(sender, client, content)| Ask::Send(sender, client, content));
    proptest::collection::vec(prop_oneof![1 => Just(Ask::Create), 9 => send], 1..40)
}

fn answer(world: &World, command: schemas::CommandId) -> Expect {
    let reply = world.emitted.iter().find_map(|emit| match emit {
        Emit::To(_, Outbound::Reply { command: of, reply }) if *of == command => Some(reply),
        _ => None,
    });
    match reply.expect("every command is answered") {
        Reply::Rejected(error) => Expect::Rejected(error.code),
        Reply::Before(before) => Expect::Before(before.seq),
        Reply::Done { payload } => match serde_json::from_slice::<Message<'_>>(payload) {
            Ok(message) => Expect::Sent(message.seq),
            Err(_) => Expect::Created,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_fold_does_what_a_plain_map_does(asks in asks(), split in 1usize..9) {
        let mut model = Model::default();
        let mut world = World::default();
        let mut lane = Lane::<Persist>::new(conversation());
        let items: Vec<_> = asks.iter().zip(3..).map(|(ask, at)| item(ask, at)).collect();
        for batch in items.chunks(split) {
            prop_assert_eq!(drive(&mut world, &mut lane, batch.to_vec(), None), End::Done);
        }
        for (ask, item) in asks.iter().zip(&items) {
            prop_assert_eq!(answer(&world, item.meta.id), model.ask(ask));
        }
        let head = world.get(&HeadRow::get(conversation())).map(|row| {
            HeadRow::from_cells(row.cells).unwrap().head().unwrap()
        });
        prop_assert_eq!(head.is_some(), model.open);
        let Some(head) = head else { return Ok(()) };
        let count = i64::try_from(model.messages.len()).unwrap();
        prop_assert_eq!((head.seq, head.n, head.rev), (count, count, model.rev));
        for (seq, (sender, content)) in (1..).zip(&model.messages) {
            let row = world.get(&MessageBySeq::get(conversation(), seq)).expect("dense");
            let row = MessageBySeq::from_cells(row.cells).unwrap();
            let view: Message<'_> = serde_json::from_slice(&row.body).unwrap();
            prop_assert_eq!(view.sender_id, user(*sender));
            prop_assert_eq!(view.content.as_ref(), format!("content {content}"));
            prop_assert_eq!((view.seq, row.n), (seq, seq));
        }
        for member in 0..2u8 {
            let row = world.get(&SentMark::get(user(member), conversation()));
            let row = row.map(|row| SentMark::from_cells(row.cells).unwrap());
            let last = (1..).zip(&model.messages).filter(|(_, m)| m.0 == member).last();
            prop_assert_eq!(row.map(|row| row.seq), last.map(|(seq, _)| seq));
        }
    }
}
