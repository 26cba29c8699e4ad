use schemas::user::head::{Head, Profile};

use super::*;

const CONVERSATION: &str = "00000000-0000-0000-0000-000000000007";
const USER: &str = "00000000-0000-0000-0000-000000000001";
const MESSAGE: &str = "00000000-0000-0000-0000-000000000005";

fn of(kind: &str, data: &str) -> Packets {
    let frame = format!(
        r#"{{"type":"{kind}","conversationId":"{CONVERSATION}","rev":3,"seq":2,"at":"2026-01-01T00:00:00.000Z","data":{data}}}"#
    );
    packets(&frame, USER.parse().unwrap())
}

fn root(kind: &str, data: &str) -> Vec<String> {
    of(kind, data).root.iter().map(|packet| packet.text().to_owned()).collect()
}

fn names(packets: &[Payload]) -> Vec<&str> {
    packets.iter().map(|packet| packet.text().split('"').nth(1).unwrap()).collect()
}

#[test]
fn a_message_is_spliced_as_it_is_and_known_by_its_number() {
    let data = format!(r#"{{"id":"{MESSAGE}","senderId":"{USER}","content":"a ] \" , b"}}"#);
    let packets = of("message.created", &data);
    let open = data.strip_suffix('}').unwrap();
    let told = format!(r#"["message:new",{open},"replyTo":null}}]"#);
    assert_eq!(packets.root[0].text(), format!("42{told}"));
    assert!(packets.owed.is_none(), "it lacks nothing");
    assert!(packets.presence.is_empty() && packets.on_screen.is_none());
    let message = packets.message.unwrap();
    assert_eq!((message.seq, message.sender.to_string()), (2, USER.to_owned()));
    let updated = format!(r#"42["message:updated",{open},"replyTo":null}}]"#);
    assert_eq!(root("message.updated", &data), [updated]);
    assert_eq!(
        root("message.deleted", &data),
        [format!(
            r#"42["message:deleted",{{"messageId":"{MESSAGE}","conversationId":"{CONVERSATION}"}}]"#
        )]
    );
}

#[test]
fn a_reaction_has_both_names_once_and_one_that_is_taken_back_has_its_own() {
    let reaction = |added| {
        let data = format!(
            r#"{{"messageId":"{MESSAGE}","userId":"{USER}","emoji":"\u2764","added":{added},"counts":{{}},"user":{{"id":1}}}}"#
        );
        of("message.reaction", &data)
    };
    let added = reaction(true);
    assert_eq!(names(&added.root), ["message:reaction", "message:reaction:added"]);
    let json = added.root[0].text().split_once(',').unwrap().1.strip_suffix(']').unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["reaction"]["emoji"], "\u{2764}");
    assert_eq!(json["reaction"]["createdAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(json["conversationId"], CONVERSATION);
    let removed = reaction(false);
    assert_eq!(names(&removed.root), ["message:reaction:removed"]);
    assert!(removed.root[0].text().contains(&format!(r#""userId":"{USER}","emoji":"❤"}}]"#)));
}

#[test]
fn only_a_message_that_was_read_is_a_read_receipt() {
    let receipt = |kind: &str, message: &str| {
        let data = format!(
            r#"{{"userId":"{USER}","kind":"{kind}","seq":2,"messageId":{message},"at":"2026-01-01T00:00:00.000Z"}}"#
        );
        root("receipt", &data)
    };
    let message = format!("\"{MESSAGE}\"");
    assert_eq!(
        receipt("read", &message),
        [format!(
            r#"42["message:read:receipt",{{"messageId":"{MESSAGE}","userId":"{USER}","conversationId":"{CONVERSATION}","readAt":"2026-01-01T00:00:00.000Z"}}]"#
        )]
    );
    assert!(receipt("delivered", &message).is_empty());
    assert!(receipt("read", "null").is_empty());
}

#[test]
fn who_types_is_told_where_the_conversation_is_on_screen() {
    let typing = |on| {
        let data =
            format!(r#"{{"userId":"{USER}","username":"ada","isTyping":{on},"until":null}}"#);
        of("typing", &data)
    };
    let start = typing(true);
    assert_eq!(
        start.root[0].text(),
        format!(
            r#"42["typing:start",{{"userId":"{USER}","username":"ada","conversationId":"{CONVERSATION}","avatarUrl":null}}]"#
        )
    );
    assert_eq!(
        start.presence[0].text(),
        format!(
            r#"42/presence,["typing:start",{{"userId":"{USER}","conversationId":"{CONVERSATION}"}}]"#
        )
    );
    assert_eq!(start.on_screen.unwrap().to_string(), CONVERSATION);
    assert_eq!(start.typer.unwrap().to_string(), USER);
    assert_eq!(names(&typing(false).root), ["typing:stop"]);
}

#[test]
fn changes_of_a_conversation_have_the_names_that_clients_listen_to() {
    let named = |kind: &str, data: &str| {
        let packets = of(kind, data);
        names(&packets.root).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let updated = ["conversation:updated", "group:updated"];
    assert_eq!(named("conversation.updated", r#"{"type":"group"}"#), updated);
    let updated = ["conversation:updated", "channel:updated"];
    assert_eq!(named("conversation.updated", r#"{"type":"channel"}"#), updated);
    assert_eq!(named("conversation.updated", r#"{"type":"direct"}"#), updated[..1]);
    let members = format!(r#"{{"members":[{{"userId":"{USER}"}}]}}"#);
    assert_eq!(
        root("member.removed", &members)[0],
        format!(
            r#"42["conversation:participant_removed",{{"conversationId":"{CONVERSATION}","userId":"{USER}","userIds":["{USER}"]}}]"#
        )
    );
    let entry = format!(r#"{{"conversationId":"{CONVERSATION}","rev":1}}"#);
    assert_eq!(
        root("conversation.added", &entry)[0],
        format!(
            r#"42["conversation:participant_added",{{"conversationId":"{CONVERSATION}","userId":"{USER}","userIds":["{USER}"]}}]"#
        )
    );
}

#[test]
fn presence_goes_to_both_namespaces_and_a_resync_ends_the_connection() {
    let data = format!(r#"{{"userId":"{USER}","status":"away","customStatus":null}}"#);
    let packets = of("presence", &data);
    assert_eq!(packets.root[0].text(), format!(r#"42["presence:update",{data}]"#));
    assert_eq!(packets.presence[0].text(), format!(r#"42/presence,["presence:update",{data}]"#));
    let packets = super::packets(r#"{"type":"resync"}"#, USER.parse().unwrap());
    assert!(packets.resync && packets.root.is_empty(), "it is told when its turn has come");
}

#[test]
fn a_call_is_told_under_its_names() {
    let named = |kind| names(&of(kind, "{}").root).join(" ");
    assert_eq!(named("call.offer.received"), "call:offer:received");
    assert_eq!(named("call.ice-candidate.received"), "call:ice-candidate:received");
    let both = "call:participant:joined call:participant_joined";
    assert_eq!(named("call.participant.joined"), both);
}

#[test]
fn what_is_unknown_or_broken_is_nothing() {
    for (kind, data) in [("message.created", "{}"), ("x", "{}"), ("typing", "7")] {
        assert!(root(kind, data).is_empty(), "{kind}");
    }
    assert!(packets("no", USER.parse().unwrap()).root.is_empty());
}

#[test]
fn a_pin_has_an_event_of_its_own_and_an_edit_of_what_is_pinned_has_not() {
    let of = |pinned: bool, rev: i64| {
        let data = format!(
            r#"{{"id":"{MESSAGE}","isPinned":{pinned},"rev":{rev},"pinRev":3,"pinChangedById":"{USER}"}}"#
        );
        root("message.updated", &data)
    };
    let pinned = of(true, 3);
    assert_eq!(pinned.len(), 2);
    assert!(pinned[1].starts_with(&format!(
        r#"42["message:pinned",{{"conversationId":"{CONVERSATION}","messageId":"{MESSAGE}","pinnedMessage":{{"id":"#
    )));
    let json = pinned[1].split_once(',').unwrap().1.strip_suffix(']').unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["pinnedMessage"]["pinnedById"], USER);
    assert_eq!(json["pinnedMessage"]["pinnedAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(json["pinnedMessage"]["message"]["id"], MESSAGE);
    assert_eq!(
        of(false, 3)[1],
        format!(
            r#"42["message:unpinned",{{"conversationId":"{CONVERSATION}","messageId":"{MESSAGE}"}}]"#
        )
    );
    assert_eq!(of(true, 4).len(), 1);
}

fn beside(answered: Option<&str>, by: Option<&str>) -> Beside {
    let head = |name: &str| Head {
        v: 1,
        profile: Profile {
            username: name.to_owned(),
            email: String::new(),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            phone: None,
        },
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        rev: 1,
        last_at: Timestamp(0),
        applied: schemas::Position { epoch: 1, partition: 0, offset: 0 },
        privacy: Default::default(),
        presence: Default::default(),
        deleted_at: None,
    };
    Beside {
        answered: answered.map(|text| text.to_owned().into()),
        pinned_by: by.map(|name| (USER.parse().unwrap(), head(name))),
    }
}

fn made_with(kind: &str, data: &str, beside: &Beside) -> Vec<String> {
    let frame = format!(
        r#"{{"type":"{kind}","conversationId":"{CONVERSATION}","rev":3,"seq":2,"at":"2026-01-01T00:00:00.000Z","data":{data}}}"#
    );
    let packets = whole(&frame, USER.parse().unwrap(), beside);
    assert!(packets.owed.is_none(), "nothing is lacking now");
    packets.root.iter().map(|packet| packet.text().to_owned()).collect()
}

#[test]
fn an_answer_shows_what_it_quotes_or_null_if_that_is_not_there_and_lacks_it_before() {
    for (kind, name) in [("message.created", "message:new"), ("message.updated", "message:updated")]
    {
        let data = format!(
            r#"{{"id":"{MESSAGE}","senderId":"{USER}","content":"x","replyToId":"{MESSAGE}"}}"#
        );
        let packets = of(kind, &data);
        assert_eq!(packets.root[0].text(), format!(r#"42["{name}",{data}]"#), "as in the frame");
        assert!(packets.owed.is_some());
        let open = data.strip_suffix('}').unwrap();
        assert_eq!(
            made_with(kind, &data, &beside(Some(r#"{"content":"}"}"#), None)),
            [format!(r#"42["{name}",{open},"replyTo":{{"content":"}}"}}}}]"#)]
        );
        let without = format!(r#"42["{name}",{open},"replyTo":null}}]"#);
        assert_eq!(made_with(kind, &data, &beside(None, None)), [without]);
    }
    // What looks like it within the metadata is nothing of the kind.
    let data = format!(
        r#"{{"id":"{MESSAGE}","senderId":"{USER}","metadata":{{"replyToId":"{MESSAGE}"}},"replyToId":null}}"#
    );
    assert!(of("message.created", &data).owed.is_none());
}

#[test]
fn a_pin_shows_who_pinned_and_all_fields_of_a_pin() {
    let data = format!(
        r#"{{"id":"{MESSAGE}","isPinned":true,"rev":3,"seq":2,"pinRev":3,"pinChangedById":"{USER}","replyToId":"{MESSAGE}"}}"#
    );
    assert!(of("message.updated", &data).owed.is_some());
    let pin = |beside: &Beside| {
        let pinned = made_with("message.updated", &data, beside).pop().unwrap();
        let json = pinned.split_once(',').unwrap().1.strip_suffix(']').unwrap();
        let mut json: serde_json::Value = serde_json::from_str(json).unwrap();
        json["pinnedMessage"].take()
    };
    let whole = pin(&beside(Some(r#"{"content":"q"}"#), Some("ada")));
    let fields: Vec<_> = whole.as_object().unwrap().keys().map(String::as_str).collect();
    let mut all = [
        "id",
        "conversationId",
        "messageId",
        "pinnedById",
        "pinnedAt",
        "createdAt",
        "updatedAt",
        "deletedAt",
        "message",
        "pinnedBy",
    ];
    all.sort_unstable();
    assert_eq!(fields, all);
    assert_eq!(whole["pinnedBy"]["username"], "ada");
    assert_eq!(whole["pinnedBy"]["isOnline"], serde_json::Value::Null);
    assert_eq!(whole["createdAt"], "2026-01-01T00:00:00.000Z");
    assert_eq!(whole["message"]["replyTo"]["content"], "q");
    assert_eq!(pin(&beside(None, None))["pinnedBy"], serde_json::Value::Null);
}
