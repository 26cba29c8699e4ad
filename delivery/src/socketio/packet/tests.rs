use proptest::prelude::*;

use super::*;
fn message(text: &str) -> Text {
    Text::of(text)
}

fn read(text: &str) -> Packet<'_> {
    Packet::decode(text).unwrap_or_else(|Malformed| panic!("{text:?} is a packet"))
}

#[test]
fn a_packet_is_what_it_says() {
    let packet = read("0");
    assert_eq!((packet.kind, packet.namespace), (Kind::Connect, "/"));
    assert!(packet.data.is_none());
    let packet = read(r#"0/presence,{"token":"a,b"}"#);
    assert_eq!((packet.kind, packet.namespace), (Kind::Connect, "/presence"));
    assert_eq!(packet.data.unwrap().get(), r#"{"token":"a,b"}"#);
    for text in ["0/presence", "0/presence?token=a,", "0/presence?"] {
        assert_eq!(read(text).namespace, "/presence", "{text}");
    }
    assert_eq!(read("1/presence,").kind, Kind::Disconnect);
    let packet = read(r#"2/presence,17["a",1,{"b":[2]}]"#);
    assert_eq!((packet.kind, packet.namespace, packet.ack), (Kind::Event, "/presence", Some(17)));
    let event = packet.event().unwrap();
    assert_eq!(event.name, "a");
    let arguments: Vec<&str> = event.arguments.iter().map(|raw| raw.get()).collect();
    assert_eq!(arguments, ["1", r#"{"b":[2]}"#]);
    let packet = read(r#"312["b"]"#);
    assert_eq!((packet.kind, packet.ack), (Kind::Ack, Some(12)));
    assert_eq!(packet.arguments().unwrap().len(), 1);
    let packet = read(r#"4{"message":"no"}"#);
    assert_eq!(packet.kind, Kind::ConnectError);
    let packet = read(r#"52-/a,9["b",{"_placeholder":true,"num":0}]"#);
    assert_eq!((packet.kind, packet.attachments, packet.ack), (Kind::BinaryEvent, 2, Some(9)));
    assert_eq!(read(r#"61-9[{"_placeholder":true,"num":0}]"#).kind, Kind::BinaryAck);
    assert_eq!(read(r#"2["a\nb"]"#).event().unwrap().name, "a\nb");
    assert_eq!(read("2[7]").event().unwrap().name, "7");
}

#[test]
fn what_is_not_a_packet_is_refused() {
    for bad in [
        "",
        "abc",
        "7",
        "é",
        "0[]",
        "0\"a\"",
        "01{}",
        "1{}",
        "11",
        "2",
        "2{}",
        "2\"a\"",
        "2[",
        "2[\"a\"",
        "2[\"a\"]x",
        "212345678901234567[\"a\"]",
        "3[]",
        "3/a,[]",
        "4",
        "4[]",
        "5[\"a\"]",
        "51[\"a\"]",
        "5-[\"a\"]",
        "511-[\"a\"]",
        "599999-[\"a\"]",
        "6[\"a\"]",
        "2/a[\"b\"]",
    ] {
        assert!(Packet::decode(bad).is_err(), "{bad:?}");
    }
    let long = format!("0/{},", "a".repeat(NAMESPACE_BYTES));
    assert!(Packet::decode(&long).is_err());
    let longest = format!("0/{},", "a".repeat(NAMESPACE_BYTES - 1));
    assert!(Packet::decode(&longest).is_ok());
    let digits = "9".repeat(ACK_DIGITS);
    assert!(Packet::decode(&format!("2{digits}[\"a\"]")).is_ok());
}

#[test]
fn an_event_has_a_name_that_is_not_taken() {
    for bad in ["2[]", "2[null]", "2[true,1]", "2[{}]", "2[[]]"] {
        assert!(read(bad).event().is_err(), "{bad}");
    }
    for name in RESERVED {
        assert!(read(&format!("2[\"{name}\"]")).event().is_err(), "{name}");
    }
    assert!(read(r#"2["\u0063onnect"]"#).event().is_err(), "also in another spelling");
}

#[test]
fn an_event_is_known_by_its_first_bytes() {
    let may_be =
        |text: &str| Whole { text: message(text), attachments: Vec::new() }.may_be(&["a:b", "c"]);
    for text in [r#"2["a:b",1]"#, r#"217["c"]"#, r#"2/presence,3["a:b"]"#, r#"2["c" ,"#] {
        assert!(may_be(text), "{text}");
    }
    for text in ["", "2", "2/x", r#"3["c"]"#, r#"2["a"]"#, r#"2["a:bc"]"#, r#"2["x","c"]"#, "2[1]"]
    {
        assert!(!may_be(text), "{text}");
    }
}

#[test]
fn bytes_follow_their_packet() {
    let mut assembler = Assembler::new(8);
    let plain = assembler.text(message(r#"2["a"]"#)).unwrap().unwrap();
    assert_eq!(plain.packet().unwrap().event().unwrap().name, "a");
    let text = r#"52-["a",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]"#;
    assert!(assembler.text(message(text)).unwrap().is_none());
    assert!(assembler.binary(Bytes::from_static(&[1, 2])).unwrap().is_none());
    let whole = assembler.binary(Bytes::from_static(&[3])).unwrap().unwrap();
    assert_eq!(whole.attachments, [&[1, 2][..], &[3][..]]);
    assert_eq!(whole.packet().unwrap().attachments, 2);
    assert!(assembler.text(message("50-[\"a\"]")).unwrap().is_some(), "none are missing");
}

#[test]
fn bytes_that_belong_to_nothing_are_refused() {
    let one = r#"51-["a",{"_placeholder":true,"num":0}]"#;
    let mut assembler = Assembler::new(8);
    assert!(assembler.binary(Bytes::new()).is_err());
    assert!(assembler.text(message(one)).unwrap().is_none());
    assert!(assembler.text(message("2[\"a\"]")).is_err(), "text before its bytes");
    let mut assembler = Assembler::new(8);
    assert!(assembler.text(message(one)).unwrap().is_none());
    assert!(assembler.binary(Bytes::from_static(&[0; 9])).is_err(), "too many bytes");
    for bad in [
        r#"51-["a",{"_placeholder":true,"num":1}]"#,
        r#"51-["a",{"_placeholder":true,"num":-1}]"#,
        r#"51-["a",[{"_placeholder":true}]]"#,
        r#"51-["a",{"_placeholder":true,"num":"0"}]"#,
    ] {
        assert!(Assembler::new(8).text(message(bad)).is_err(), "{bad}");
    }
}

#[test]
fn heads_are_written_as_they_are_read() {
    assert_eq!(Head::new(Kind::Disconnect, "/").with("").text(), "41");
    assert_eq!(Head::new(Kind::Disconnect, "/a").with("").text(), "41/a,");
    let invalid = r#"{"message":"Invalid namespace"}"#;
    let written = Head::new(Kind::ConnectError, "/random").with(invalid);
    assert_eq!(written.text(), format!("44/random,{invalid}"));
    let head = Head { kind: Kind::BinaryAck, namespace: "/", ack: Some(789), attachments: 2 };
    assert_eq!(head.with("[]").text(), "462-789[]");
    let one = RawValue::from_string("1".to_owned()).unwrap();
    let written = Head::new(Kind::Event, "/a").event("b\"", [&*one]);
    assert_eq!(written.text(), r#"42/a,["b\"",1]"#);
}

proptest! {
    #[test]
    fn no_text_is_too_much(text in "[0-9]{0,3}-?(/[a-z?=]{0,4},?)?[0-9]{0,20}[\\[\\]{}\",:a-z0-9é]{0,24}") {
        if let Ok(packet) = Packet::decode(&text) {
            let _event = packet.event();
        }
        let _whole = Assembler::new(16).text(message(&text));
    }

    #[test]
    fn no_noise_is_too_much(text in "\\PC{0,48}") {
        let _packet = Packet::decode(&text);
        let _whole = Assembler::new(16).text(message(&text));
    }

    #[test]
    fn no_order_of_frames_is_too_much(frames in proptest::collection::vec(
        prop_oneof![
            "5[0-3]-\\[\"a\",\\{\"_placeholder\":true,\"num\":[0-3]\\}\\]".prop_map(Some),
            "2\\[\"a\"\\]".prop_map(Some),
            Just(None),
        ],
        0..12,
    )) {
        let mut assembler = Assembler::new(16);
        for frame in frames {
            let whole = match frame {
                Some(text) => assembler.text(message(&text)),
                None => assembler.binary(Bytes::from_static(b"1234")),
            };
            if let Ok(Some(whole)) = whole {
                prop_assert_eq!(whole.packet().unwrap().attachments, whole.attachments.len());
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        name in "[a-z:]{1,12}x",
        namespace in "/[a-z]{0,8}",
        ack in proptest::option::of(0..9_999_999_999_999_999_u64),
        arguments in proptest::collection::vec("[a-z0-9 ]{0,8}", 0..4),
    ) {
        let raw: Vec<Box<RawValue>> = arguments
            .iter()
            .map(|text| serde_json::value::to_raw_value(text).unwrap())
            .collect();
        let head = Head { kind: Kind::Event, namespace: &namespace, ack, attachments: 0 };
        let written = head.event(&name, raw.iter().map(|raw| &**raw));
        let packet = Packet::decode(&written.text()[1..]).unwrap();
        prop_assert_eq!((packet.namespace, packet.ack), (namespace.as_str(), ack));
        let event = packet.event().unwrap();
        prop_assert_eq!(event.name.as_ref(), name.as_str());
        prop_assert_eq!(event.arguments.len(), arguments.len());
    }
}
