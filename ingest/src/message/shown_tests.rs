use proptest::prelude::*;
use schemas::message::command::{ReplyTo, Send};
use schemas::message::view::{Message, answers};
use schemas::user::view::Snapshot;
use schemas::{ConversationId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn message(n: i64) -> MessageId {
    MessageId(Uuid::from_u128(u128::try_from(n).unwrap()))
}

fn conversation() -> ConversationId {
    ConversationId(Uuid::from_u128(1))
}

/// What a message is made of.
#[derive(Clone, Debug)]
struct Made {
    sender: u128,
    content: String,
    metadata: Option<String>,
    answers: Option<i64>,
    deleted: bool,
    reactions: Vec<(u128, String)>,
}

fn row(seq: Seq, made: &Made) -> MessageBySeq {
    let send = Send {
        conversation_id: conversation(),
        message_id: message(seq),
        client_message_id: None,
        retryable: false,
        message_type: "text".into(),
        content: made.content.clone(),
        metadata: made.metadata.clone().map(|json| RawValue::from_string(json).unwrap()),
        reply_to: made.answers.map(|to| ReplyTo { id: message(to), seq: to }),
        sender: Snapshot {
            id: user(made.sender),
            username: made.content.clone(),
            first_name: None,
            last_name: Some(r#""status":"sent""#.into()),
            avatar_url: None,
        },
    };
    let mut view = Message::sent(&send, seq, seq, Timestamp(seq));
    if made.deleted {
        view = view.deleted(seq + 1, Timestamp(seq + 1));
    }
    MessageBySeq {
        conversation: conversation(),
        bucket: 0,
        seq,
        message: message(seq),
        sender: user(made.sender),
        n: seq,
        body: view.encode(),
        revs: None,
        deleted: made.deleted.then_some(true),
        pinned: None,
    }
}

fn reactions(seq: Seq, made: &Made) -> Option<Reactions> {
    let mut counts = schemas::reaction::table::Counts::new();
    let newest: Vec<_> = (1..)
        .zip(&made.reactions)
        .map(|(rev, (who, emoji))| {
            *counts.entry(emoji.clone()).or_default() += 1;
            ReactionRow {
                conversation: conversation(),
                seq,
                rev,
                user: user(*who),
                emoji: emoji.clone(),
                created_at: Timestamp(rev),
            }
        })
        .collect();
    let counts = serde_json::to_vec(&counts).unwrap().into();
    (!newest.is_empty()).then_some(Reactions { counts, newest })
}

/// The same by taking everything apart.
fn naive(row: &MessageBySeq, made: &Made, all: &[Made], extras: &Extras) -> Value {
    let body = |row: &MessageBySeq| {
        let mut value: Value = serde_json::from_slice(&row.body).unwrap();
        if extras.viewer == Some(row.sender) {
            let Marks { delivered, read } = extras.marks;
            let (read, delivered) = (row.seq <= read, row.seq <= delivered);
            value["status"] = json!(if read {
                "read"
            } else if delivered {
                "delivered"
            } else {
                "sent"
            });
        }
        value
    };
    let mut value = body(row);
    let mut counts = serde_json::Map::new();
    for (_, emoji) in &made.reactions {
        let count = counts.get(emoji).and_then(Value::as_i64).unwrap_or(0);
        counts.insert(emoji.clone(), json!(count + 1));
    }
    value["reactionCounts"] = counts.into();
    value["reactions"] = (1..)
        .zip(&made.reactions)
        .map(|(rev, (who, emoji))| {
            json!({
                "id": MessageId::reaction(row.message, user(*who), emoji),
                "messageId": row.message, "userId": user(*who), "emoji": emoji,
                "createdAt": Timestamp(rev), "updatedAt": Timestamp(rev), "deletedAt": null,
                "user": null,
            })
        })
        .collect();
    let quoted = made.answers.and_then(|to| Some((to, all.get(usize::try_from(to - 1).ok()?)?)));
    value["replyTo"] = quoted.map_or(Value::Null, |(to, made)| body(&self::row(to, made)));
    value
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just(r#"","replyToId":"00000000-0000-0000-0000-000000000001"#.to_owned()),
        Just(r#"{"status":"sent"}"#.to_owned()),
        Just("plain".to_owned()),
    ]
}

fn metadata() -> impl Strategy<Value = Option<String>> {
    let field = (texts(), texts());
    prop_oneof![
        Just(None),
        Just(Some(r#"{"status" : "sent","replyToId":null}"#.to_owned())),
        Just(Some(r#"{"replyToId":"00000000-0000-0000-0000-000000000001"}"#.to_owned())),
        proptest::collection::btree_map(field.prop_map(|(name, _)| name), texts(), 0..3)
            .prop_map(|fields| Some(serde_json::to_string(&fields).unwrap())),
    ]
}

fn made() -> impl Strategy<Value = Made> {
    (
        1u128..4,
        texts(),
        metadata(),
        proptest::option::of(1i64..12),
        prop_oneof![4 => Just(false), 1 => Just(true)],
        proptest::collection::vec((1u128..9, texts()), 0..4),
    )
        .prop_map(|(sender, content, metadata, answers, deleted, reactions)| Made {
            sender,
            content,
            metadata,
            answers,
            deleted,
            reactions,
        })
}

proptest! {
    #[test]
    fn spliced_messages_are_what_a_naive_build_gives(
        all in proptest::collection::vec(made(), 1..10),
        delivered in 0i64..10,
        read in 0i64..10,
    ) {
        let rows: Vec<_> = (1..).zip(&all).map(|(seq, made)| row(seq, made)).collect();
        let mut extras = Extras {
            viewer: Some(user(1)),
            marks: Marks { delivered: delivered.max(read), read },
            ..Extras::default()
        };
        for (row, made) in rows.iter().zip(&all) {
            if let Some(reactions) = reactions(row.seq, made) {
                extras.reactions.insert(row.seq, reactions);
            }
            let to = answers(&row.body);
            prop_assert_eq!(to, made.answers.map(message), "found without looking closer");
            let quoted = rows.iter().find(|row| Some(row.message) == to);
            extras.quoted.extend(quoted.map(|quoted| (row.seq, quoted.clone())));
        }
        for (row, made) in rows.iter().zip(&all) {
            let shown: Value = serde_json::from_slice(&extras.one(row)).unwrap();
            prop_assert_eq!(shown, naive(row, made, &all, &extras));
        }
    }
}

#[test]
fn a_plain_message_is_spliced_as_it_is_stored() {
    let made = Made {
        sender: 2,
        content: "x".into(),
        metadata: None,
        answers: None,
        deleted: false,
        reactions: Vec::new(),
    };
    let row = row(1, &made);
    let extras = Extras { viewer: Some(user(1)), ..Extras::default() };
    let shown = extras.one(&row);
    let open = row.body.strip_suffix(b"}").unwrap();
    assert_eq!(shown.strip_prefix(open).unwrap(), NOTHING);
    assert_eq!(shown, fresh(&row.body));
}

#[test]
fn what_one_reads_who_hides_it_is_delivered() {
    let marker = |who, read_seq, delivered_seq, private| ReadMarker {
        read_seq,
        delivered_seq,
        private,
        ..ReadMarker::none(conversation(), user(who))
    };
    let marks = Marks::of(&[marker(1, 3, 5, None), marker(2, 9, 9, Some(true))]);
    assert_eq!(marks, Marks { delivered: 9, read: 3 });
    assert_eq!(
        [3, 4, 10].map(|seq| marks.status(seq)),
        [Some(r#""read""#), Some(r#""delivered""#), None]
    );
}

#[test]
fn a_view_is_of_the_message_that_its_first_field_names() {
    let (one, other) = (MessageId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2)));
    let view = format!(r#"{{"id":"{one}","replyToId":"{other}"}}"#);
    assert!(is(view.as_bytes(), one) && !is(view.as_bytes(), other));
    assert!(!is(format!(r#"{{"id":"{one}0"}}"#).as_bytes(), one) && !is(b"{}", one));
}
