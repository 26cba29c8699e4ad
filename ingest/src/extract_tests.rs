use schemas::UserId;
use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Form<'a> {
    #[serde(borrow)]
    first_name: Option<Text<'a>>,
    count: Option<u32>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

fn refused(json: &str) -> ApiError {
    read_json::<Form<'_>>(json.as_bytes()).unwrap_err()
}

#[test]
fn a_body_is_read_without_copying_plain_strings() {
    let form: Form<'_> =
        read_json(br#" {"firstName":"Ann","count":3,"metadata":{"a":[1, 2]}}"#).unwrap();
    assert!(matches!(form.first_name, Some(Text(Cow::Borrowed("Ann")))));
    assert_eq!(form.count, Some(3));
    assert_eq!(form.metadata.unwrap().get(), r#"{"a":[1, 2]}"#);
    let form: Form<'_> = read_json(br#"{"firstName":"A\nn","count":null}"#).unwrap();
    assert_eq!(form.first_name.as_deref(), Some("A\nn"));
}

#[test]
fn every_mistake_is_named() {
    let error = refused(r#"{"firstName":5,"count":"x","metadata":1}"#);
    assert_eq!(error.code, Code::ValidationFailed);
    assert_eq!(
        error.details,
        [
            "firstName: invalid type: integer `5`, expected a string",
            "count: invalid type: string \"x\", expected u32"
        ]
    );
    let error = refused(r#"{"nope":1,"firstName":[],"role":"owner"}"#);
    assert_eq!(error.code, Code::UnknownField);
    assert_eq!(error.details.len(), 3);
    assert_eq!(error.details[0], "property nope should not exist");
    assert_eq!(refused(r#"{"count":-1}"#).code, Code::ValidationFailed);
    assert_eq!(refused(r#"{"count":1,"count":1}"#).details, ["duplicate field `count`"]);
}

#[test]
fn a_body_full_of_mistakes_is_not_answered_with_a_longer_one() {
    let fields: Vec<_> = (0..5_000).map(|n| format!("\"f{n}\":1")).collect();
    let error = refused(&format!("{{{}}}", fields.join(",")));
    assert_eq!((error.code, error.details.len()), (Code::UnknownField, DETAILS_MAX));
}

#[test]
fn what_is_not_an_object_of_json_is_refused() {
    for json in ["", "{", "nope", r#"{"count":1}x"#, "{\"firstName\":\"\u{1}\"}"] {
        assert_eq!(refused(json).code, Code::MalformedJson, "{json}");
    }
    let error = read_json::<Form<'_>>(b"{\"firstName\":\"\xff\"}").unwrap_err();
    assert_eq!(error.code, Code::MalformedJson);
    for json in ["[]", r#"["Ann",3,null]"#, "5", "null", r#""x""#, "true"] {
        assert_eq!(refused(json).code, Code::ValidationFailed, "{json}");
    }
    let deep = format!(r#"{{"count":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(refused(&deep).code.status(), 400);
}

#[test]
fn ids_are_named_in_their_error() {
    assert!(id_of::<UserId>("userId", "0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6f").is_ok());
    let error = id_of::<UserId>("userId", "5").unwrap_err();
    assert_eq!(
        (error.code, error.details),
        (Code::MalformedId, vec!["userId must be a UUID".into()])
    );
}

#[test]
fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
    let token = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value.parse().unwrap());
        bearer(&headers).map(str::to_owned)
    };
    assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
    assert_eq!(token("bearer abc").as_deref(), Some("abc"));
    assert_eq!(token("Basic abc"), None);
    assert_eq!(token("abc"), None);
}
