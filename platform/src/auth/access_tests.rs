//! Attack vectors of RFC 8725 and of the threat table: none may be accepted.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as B64;
use hmac::Mac;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::auth::keys::keyed;

const SECRET: [u8; 32] = [7; 32];
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn keys() -> Keys {
    Keys::new(&SECRET, &[8; 32]).unwrap()
}

fn user() -> UserId {
    UserId(Uuid::from_u128(1))
}

fn session() -> SessionId {
    SessionId(Uuid::from_u128(2))
}

fn good_header() -> Value {
    serde_json::to_value(&keys().access.header).unwrap()
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": user(), "sid": session(),
        "iat": 1_800_000_000, "exp": 1_800_000_900,
    })
}

/// A token of these parts, signed with our own key: so only the parts can be the reason to refuse.
fn signed(header: &[u8], claims: &[u8]) -> String {
    let text = format!("{}.{}", B64.encode(header), B64.encode(claims));
    let mut mac = keyed(&SECRET);
    mac.update(text.as_bytes());
    format!("{text}.{}", B64.encode(mac.finalize().into_bytes()))
}

fn with(mut object: Value, name: &str, value: Value) -> Vec<u8> {
    object[name] = value;
    object.to_string().into_bytes()
}

fn without(mut object: Value, name: &str) -> Vec<u8> {
    object.as_object_mut().unwrap().remove(name);
    object.to_string().into_bytes()
}

fn refused(token: &str) -> bool {
    keys().verify(token, NOW).is_err()
}

#[test]
fn a_token_of_ours_says_who_and_until_when() {
    let keys = keys();
    let token = keys.access_token(user(), session(), NOW);
    for _ in 0..2 {
        let who = keys.verify(&token, NOW.plus_ms(899_999)).unwrap();
        assert_eq!((who.user, who.session), (user(), session()));
    }
    // The vectors below start from this one.
    let rebuilt =
        signed(good_header().to_string().as_bytes(), good_claims().to_string().as_bytes());
    assert!(!refused(&rebuilt));
}

#[test]
fn a_token_expires_also_after_it_was_remembered() {
    let keys = keys();
    let token = keys.access_token(user(), session(), NOW);
    assert!(keys.verify(&token, NOW).is_ok());
    let late = keys.verify(&token, NOW.plus_ms(900_000)).unwrap_err();
    assert_eq!(late.code, Code::TokenExpired);
}

#[test]
fn headers_other_than_ours_are_refused() {
    let claims = good_claims().to_string().into_bytes();
    let jwk = json!({"kty": "oct", "k": B64.encode(SECRET), "alg": "HS256"});
    let mut cases: Vec<(String, Vec<u8>)> =
        ["none", "None", "NONE", "nOnE", "RS256", "ES256", "EdDSA", "HS384", "HS512", "", "hs256"]
            .into_iter()
            .map(|alg| (format!("alg {alg}"), with(good_header(), "alg", json!(alg))))
            .collect();
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("rt+jwt")),
        ("typ", json!("AT+JWT")),
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' OR 1=1")),
        ("kid", json!(7)),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", jwk),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("anything", json!(1)),
    ] {
        cases.push((format!("{name} {value}"), with(good_header(), name, value)));
    }
    for name in ["alg", "typ", "kid"] {
        cases.push((format!("no {name}"), without(good_header(), name)));
    }
    cases.push(("two algs".into(), br#"{"alg":"none","alg":"HS256","typ":"at+jwt"}"#.to_vec()));
    cases.push(("not an object".into(), b"[]".to_vec()));
    for (name, header) in cases {
        assert!(refused(&signed(&header, &claims)), "{name}");
    }
}

#[test]
fn claims_other_than_ours_are_refused() {
    let header = good_header().to_string().into_bytes();
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in [
        ("iss", json!("someone")),
        ("aud", json!("refresh")),
        ("aud", json!(["other"])),
        ("exp", json!(1_799_999_999)),
        ("exp", json!("1800000900")),
        ("exp", json!(null)),
        ("nbf", json!(1_800_000_001)),
        ("sub", json!("admin")),
        ("sub", json!(["00000000-0000-0000-0000-000000000001"])),
        ("sid", json!(null)),
    ] {
        cases.push((format!("{name} {value}"), with(good_claims(), name, value)));
    }
    for name in ["iss", "aud", "sub", "sid", "exp", "iat"] {
        cases.push((format!("no {name}"), without(good_claims(), name)));
    }
    let text = good_claims().to_string();
    cases.push((
        "two subjects".into(),
        text.replacen('{', &format!(r#"{{"sub":"{}","#, Uuid::from_u128(9)), 1).into_bytes(),
    ));
    cases
        .push(("two expiries".into(), text.replacen('{', r#"{"exp":9999999999,"#, 1).into_bytes()));
    cases.push(("not JSON".into(), b"{".to_vec()));
    for (name, claims) in cases {
        assert!(refused(&signed(&header, &claims)), "{name}");
    }
}

#[test]
fn signatures_and_shapes_other_than_ours_are_refused() {
    let token = keys().access_token(user(), session(), NOW);
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let none = B64.encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    let other = Keys::new(&[9; 32], &[8; 32]).unwrap().access_token(user(), session(), NOW);
    for (name, forged) in [
        ("no signature", format!("{text}.")),
        ("no third part", text.to_owned()),
        ("four parts", format!("{token}.x")),
        ("alg none, unsigned", format!("{none}.{claims}.")),
        ("alg none, our signature", format!("{none}.{claims}.{signature}")),
        ("another key", other),
        ("a zero signature", format!("{text}.{}", B64.encode([0; 32]))),
        ("a cut signature", format!("{text}.{}", &signature[..signature.len() - 2])),
        ("padded", format!("{token}==")),
        ("with a blank", format!(" {token}")),
        ("header twice", format!("{header}.{header}.{claims}.{signature}")),
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("1 MB", "A".repeat(1 << 20)),
        ("1 MB behind a good one", format!("{token}{}", "A".repeat(1 << 20))),
        ("a refresh token", keys().refresh_token(session(), 1)),
    ] {
        assert!(refused(&forged), "{name}");
    }
    for at in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(refused(&forged), "changed at {at}");
    }
}

#[test]
fn refused_tokens_are_not_remembered() {
    let keys = keys();
    for n in 0..100 {
        assert!(keys.verify(&format!("a.b.{n}"), NOW).is_err());
    }
    assert!(keys.verified.lock().is_empty());
}
