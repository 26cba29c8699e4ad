//! Every noun of a conversation against the plain model: what is answered, and what the rows say.

use proptest::prelude::*;
use schemas::conversation::table::{Change as ChangeRow, HeadRow};
use schemas::member::Role;
use schemas::member::table::{Member, MembershipByUser};
use schemas::message::table::{IdIndex, MessageBySeq, MessageEdit};
use schemas::message::view::Message as View;
use schemas::outbound::{Outbound, Reply};
use schemas::pin::table::PinnedMessage;
use schemas::reaction::table::{Reaction, ReactionByUser, ReactionCount};
use schemas::table::Table;
use schemas::{CommandId, Seq};
use workers::fold::Emit;
use workers::fold::round::Lane;
use workers::persist::Persist;

use crate::group::{Expect, Model, asks, emoji, history, text};
use crate::sim::{End, World, conversation, drive, user};

fn answer(world: &World, command: CommandId) -> Expect {
    let reply = world.emitted.iter().find_map(|emit| match emit {
        Emit::To(_, Outbound::Reply { command: of, reply }) if *of == command => Some(reply),
        _ => None,
    });
    match reply.expect("every command is answered") {
        Reply::Rejected(error) => Expect::Rejected(error.code),
        Reply::Before(_) => Expect::Before,
        Reply::Done { .. } => Expect::Changed,
    }
}

fn all<T: Table>(world: &World) -> Vec<T> {
    let rows = world.rows.iter().filter(|((prefix, _), _)| *prefix == T::DEF.prefix);
    rows.map(|(_, row)| T::from_cells(row.cells.clone()).unwrap()).collect()
}

fn compare(world: &World, model: &Model) -> Result<(), TestCaseError> {
    let head = all::<HeadRow>(world).first().map(|row| row.head().unwrap());
    let Some(head) = head else {
        prop_assert!(!model.open);
        return Ok(());
    };
    prop_assert_eq!(head.rev, model.rev);
    prop_assert_eq!(head.deleted_at.is_some(), model.closed);
    prop_assert_eq!(head.settings.name, Some(text(model.name)));
    prop_assert_eq!(head.seq, i64::try_from(model.messages.len()).unwrap());
    prop_assert_eq!(head.n, head.seq);
    let pins = model.messages.iter().filter(|message| message.pinned).count();
    prop_assert_eq!(head.pins, i64::try_from(pins).unwrap());

    // Members: the head, both tables, roles.
    prop_assert_eq!(head.member_count, i64::try_from(model.members.len()).unwrap());
    let mut listed = head.members.0.clone();
    listed.sort_unstable();
    let expected: Vec<_> = model.members.keys().map(|who| user(*who)).collect();
    prop_assert_eq!(&listed, &expected);
    let mut rows: Vec<_> =
        all::<Member>(world).into_iter().map(|row| (row.user, row.role)).collect();
    rows.sort();
    // Of a group that was deleted no membership is left.
    let members = model.members.iter().filter(|_| !model.closed);
    let roles = members.map(|(who, role)| (user(*who), role.text().to_owned()));
    prop_assert_eq!(rows, roles.collect::<Vec<_>>());
    for row in all::<MembershipByUser>(world) {
        let membership = row.membership().unwrap();
        prop_assert!(membership.is_current() && listed.contains(&row.user) && !model.closed);
    }
    let owner = model.members.iter().find(|(_, role)| **role == Role::Owner);
    if let Some((owner, _)) = owner {
        prop_assert_eq!(head.owner, Some(user(*owner)));
    }
    let admins: Vec<_> = model.admins.iter().map(|who| user(*who)).collect();
    prop_assert_eq!(head.admins.0, admins);

    // Messages and what hangs on them.
    let counts = all::<ReactionCount>(world);
    let reactions = all::<Reaction>(world);
    let by_user = all::<ReactionByUser>(world);
    let edits = all::<MessageEdit>(world);
    let pinned = all::<PinnedMessage>(world);
    prop_assert_eq!(pinned.len(), pins);
    for (seq, message) in (1..).zip(&model.messages) {
        let seq: Seq = seq;
        let row = world.get(&MessageBySeq::get(conversation(), seq)).expect("dense");
        let row = MessageBySeq::from_cells(row.cells).unwrap();
        let view: View<'_> = serde_json::from_slice(&row.body).unwrap();
        prop_assert_eq!((row.message, row.n), (message.id.0, seq));
        prop_assert_eq!(view.is_deleted, message.deleted);
        prop_assert_eq!(view.is_pinned, message.pinned);
        prop_assert_eq!(row.pinned.is_some(), message.pinned);
        prop_assert_eq!(pinned.iter().any(|pin| pin.message == message.id.0), message.pinned);
        let shown = if message.deleted { String::new() } else { text(message.text) };
        prop_assert_eq!(view.content.as_ref(), shown);
        let mut former: Vec<_> = edits.iter().filter(|edit| edit.seq == seq).collect();
        former.sort_by_key(|edit| edit.rev);
        let former: Vec<_> = former.into_iter().map(|edit| edit.content.clone()).collect();
        let expected: Vec<_> = message.former.iter().map(|one| text(*one)).collect();
        prop_assert_eq!(former, expected);
        let counted = counts.iter().find(|row| row.seq == seq);
        let counted = counted.map(|row| row.read().unwrap()).unwrap_or_default();
        prop_assert_eq!(
            counted.values().sum::<i64>(),
            i64::try_from(message.reactions.len()).unwrap()
        );
        if !message.deleted {
            for (who, what) in &message.reactions {
                let own = |of: &Reaction| {
                    of.seq == seq && of.user == user(*who) && of.emoji == emoji(*what)
                };
                prop_assert_eq!(reactions.iter().filter(|of| own(of)).count(), 1);
            }
            let here = reactions.iter().filter(|of| of.seq == seq).count();
            prop_assert_eq!(here, message.reactions.len());
            prop_assert_eq!(by_user.iter().filter(|of| of.seq == seq).count(), here);
        }
    }
    if let (Some(preview), Some(last)) = (&head.preview, model.messages.last()) {
        let shown = if last.deleted { String::new() } else { text(last.text) };
        prop_assert_eq!(&preview.content, &shown);
        prop_assert_eq!(preview.is_deleted, last.deleted);
    }
    Ok(())
}

/// No row of any table, the journal included, holds the text of a deleted message (G-27).
fn nothing_is_left(world: &World, model: &Model) -> Result<(), TestCaseError> {
    for row in all::<ChangeRow>(world) {
        let event: serde_json::Value = serde_json::from_slice(&row.event).unwrap();
        let Some(seq) = event["seq"].as_i64() else { continue };
        let deleted = usize::try_from(seq - 1).ok().and_then(|at| model.messages.get(at));
        if deleted.is_some_and(|message| message.deleted) {
            for bytes in [&row.event, &row.effect] {
                let content = String::from_utf8_lossy(bytes);
                prop_assert!(!content.contains("text "), "rev {} holds {}", row.rev, content);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_group_does_what_the_contract_says(asks in asks(), split in 1usize..9) {
        let (items, expects, model) = history(&asks);
        let mut world = World::default();
        let mut lane = Lane::<Persist>::new(conversation());
        for batch in items.chunks(split) {
            prop_assert_eq!(drive(&mut world, &mut lane, batch.to_vec(), None), End::Done);
        }
        for ((ask, item), expect) in asks.iter().zip(&items).zip(&expects) {
            prop_assert_eq!(&answer(&world, item.meta.id), expect, "{:?}", ask);
        }
        compare(&world, &model)?;
        nothing_is_left(&world, &model)?;
        // Names of requests are kept where they had an effect.
        prop_assert!(all::<IdIndex>(&world).len() >= model.messages.len());
    }
}
