use proptest::prelude::*;

use super::*;

fn code(text: &str) -> (Option<String>, &'static str) {
    let bad = parse(text).expect_err("not a request");
    (bad.id, bad.error.code.text())
}

#[test]
fn a_request_is_read_without_copies() {
    let request = parse(r#"{"id":"7","type":"ping","data":{"a":[1,{}]}}"#).unwrap();
    assert!(matches!(request.id, Cow::Borrowed("7")));
    assert!(matches!(request.kind, Cow::Borrowed("ping")));
    assert_eq!(request.data.unwrap().get(), r#"{"a":[1,{}]}"#);
    assert!(parse(r#"{"type":"ping","id":"7"}"#).unwrap().data.is_none());
}

#[test]
fn escapes_in_ids_are_undone_and_done_again() {
    let request = parse(r#"{"id":"a\"\u00e9","type":"ping"}"#).unwrap();
    assert_eq!(request.id, "a\"é");
    assert_eq!(answered(&request.id, b"{}").text(), r#"{"id":"a\"é","ok":true,"data":{}}"#);
}

#[test]
fn every_mistake_has_its_code_and_names_the_id_where_it_can() {
    let seven = Some("7".to_owned());
    assert_eq!(code(""), (None, "malformed_json"));
    assert_eq!(code("{"), (None, "malformed_json"));
    assert_eq!(code(r#"{"id":"7","type""#), (seven.clone(), "malformed_json"));
    assert_eq!(code(r#"{"id":"7","type":"ping"} x"#), (seven.clone(), "malformed_json"));
    assert_eq!(code("[]"), (None, "validation_failed"));
    assert_eq!(code("null"), (None, "validation_failed"));
    assert_eq!(code(r#"{"type":"ping"}"#), (None, "validation_failed"));
    assert_eq!(code(r#"{"id":7,"type":"ping"}"#), (None, "validation_failed"));
    assert_eq!(code(r#"{"id":"","type":"ping"}"#), (None, "validation_failed"));
    assert_eq!(code(r#"{"id":"7"}"#), (seven.clone(), "validation_failed"));
    assert_eq!(code(r#"{"id":"7","type":1}"#), (seven.clone(), "validation_failed"));
    assert_eq!(code(r#"{"id":"7","id":"8","type":"a"}"#), (Some("8".into()), "validation_failed"));
    assert_eq!(code(r#"{"x":1,"type":"ping","id":"7"}"#), (seven, "unknown_field"));
    let long = "x".repeat(limits::REQUEST_ID_CHARS);
    assert!(parse(&format!(r#"{{"id":"{long}","type":"a"}}"#)).is_ok());
    assert_eq!(code(&format!(r#"{{"id":"{long}x","type":"a"}}"#)), (None, "validation_failed"));
}

#[test]
fn answers_have_the_shape_of_the_contract() {
    let error = ApiError::new(Code::RateLimited, "slow down").retry_after(20);
    assert_eq!(
        refused(Some("7"), &error).text(),
        r#"{"id":"7","ok":false,"error":{"code":"rate_limited","message":"slow down","retryAfterMs":20}}"#
    );
    assert!(refused(None, &error).text().starts_with(r#"{"id":null,"ok":false,"#));
    assert_eq!(answered("7", b"").text(), r#"{"id":"7","ok":true,"data":null}"#);
}

#[test]
fn deep_nesting_is_not_a_deep_stack() {
    let deep = "[".repeat(limits::BODY_BYTES);
    assert_eq!(code(&format!(r#"{{"id":"7","type":"a","data":{deep}"#)).1, "malformed_json");
    let balanced = format!("{}{}", "[".repeat(60_000), "]".repeat(60_000));
    drop(parse(&format!(r#"{{"id":"7","type":"a","data":{balanced}}}"#)));
    drop(parse(&format!(r#"{{"id":"7","x":{balanced}}}"#)));
}

/// Text that looks like a frame, with pieces of it anywhere.
fn noise() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("\"id\"".to_owned()),
        Just("\"type\"".to_owned()),
        Just("\"data\"".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        Just("\"7\"".to_owned()),
        Just("\\ud800".to_owned()),
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_comes_in_there_is_a_request_or_an_error_frame(text in noise()) {
        match parse(&text) {
            Ok(request) => {
                let answer = answered(&request.id, b"{}");
                let value: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
                prop_assert_eq!(value["id"].as_str().unwrap(), request.id.as_ref());
            }
            Err(bad) => {
                let answer = bad.answer();
                let value: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
                prop_assert_eq!(value["ok"].as_bool(), Some(false));
                prop_assert!(answer.len() < 2_048);
            }
        }
    }

    #[test]
    fn a_request_cut_anywhere_is_an_error_frame(at in 0_usize..64) {
        let whole = r#"{"id":"7","type":"message.send","data":{"content":"héllo"}}"#;
        let cut: String = whole.chars().take(at.min(whole.chars().count() - 1)).collect();
        let bad = parse(&cut).unwrap_err();
        let value: serde_json::Value = serde_json::from_str(bad.answer().text()).unwrap();
        prop_assert_eq!(value["ok"].as_bool(), Some(false));
    }
}
