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
    assert_eq!(packets.root[0].text(), format!(r#"42["message:new",{data}]"#));
    assert!(packets.presence.is_empty() && packets.on_screen.is_none());
    let message = packets.message.unwrap();
    assert_eq!((message.seq, message.sender.to_string()), (2, USER.to_owned()));
    assert_eq!(root("message.updated", &data), [format!(r#"42["message:updated",{data}]"#)]);
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
