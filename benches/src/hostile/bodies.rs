//! Bodies that no route may take, made from one that it would.

use serde_json::{Map, Value, json};

/// Larger than any body may be.
const TOO_LARGE: usize = 200 << 10;
/// Deeper than a parser should go.
const TOO_DEEP: usize = 100_000;

/// A valid body, and which of its fields must be there.
pub(super) struct Valid {
    pub(super) body: Map<String, Value>,
    pub(super) required: &'static [&'static str],
}

impl Valid {
    pub(super) fn new(body: Value, required: &'static [&'static str]) -> Self {
        let body = if let Value::Object(body) = body { body } else { Map::new() };
        Self { body, required }
    }

    fn with(&self, field: &str, value: Value) -> Vec<u8> {
        let mut body = self.body.clone();
        body.insert(field.to_owned(), value);
        Value::Object(body).to_string().into_bytes()
    }

    /// The body as it would be taken.
    pub(super) fn json(&self) -> Vec<u8> {
        Value::Object(self.body.clone()).to_string().into_bytes()
    }
}

/// What is wrong with a body, and the body.
pub(super) type Wrong = (String, Vec<u8>);

/// Bodies whose every one must be refused.
pub(super) fn wrong(valid: &Valid) -> Vec<Wrong> {
    let mut all = Vec::new();
    for (field, value) in &valid.body {
        for other in others(value) {
            all.push((format!("{field} = {}", cut(&other)), valid.with(field, other)));
        }
        if valid.required.contains(&field.as_str()) {
            let mut body = valid.body.clone();
            body.remove(field);
            all.push((format!("no {field}"), Value::Object(body).to_string().into_bytes()));
            all.push((format!("{field} = null"), valid.with(field, Value::Null)));
        }
    }
    for field in ["isAdmin", "senderId", "id", "seq", "__proto__", "", "\u{202e}"] {
        all.push((format!("unknown field {field:?}"), valid.with(field, json!(1))));
    }
    all.extend(not_json(&valid.json()));
    all
}

/// Values of every other type.
fn others(value: &Value) -> Vec<Value> {
    let candidates = [
        json!(42),
        json!(-1.5e300),
        json!(true),
        json!([]),
        json!({}),
        json!(["x", 1]),
        json!({"$gt": ""}),
        json!("x"),
    ];
    let same = |other: &Value| std::mem::discriminant(other) == std::mem::discriminant(value);
    candidates.into_iter().filter(|other| !same(other)).collect()
}

fn not_json(valid: &[u8]) -> Vec<Wrong> {
    let text = String::from_utf8_lossy(valid).into_owned();
    let half = valid.get(..valid.len() / 2).unwrap_or_default().to_vec();
    let mut bad_utf8 = text.replacen('"', "\"\u{1}", 1).into_bytes();
    if let Some(byte) = bad_utf8.iter_mut().find(|byte| **byte == 1) {
        *byte = 0xff;
    }
    let large =
        format!("{}\"{}\":1}}", text.trim_end_matches('}').to_owned() + ",", "x".repeat(TOO_LARGE));
    [
        ("a cut body", half),
        ("an array", b"[]".to_vec()),
        ("a string", b"\"x\"".to_vec()),
        ("a number", b"7".to_vec()),
        ("null", b"null".to_vec()),
        ("words", b"hello".to_vec()),
        ("something behind", format!("{text}{text}").into_bytes()),
        ("bytes that are not UTF-8", bad_utf8),
        ("a lone surrogate", br#"{"content":"\ud800"}"#.to_vec()),
        ("a number too large", br#"{"content":1e999999}"#.to_vec()),
        ("deep arrays", "[".repeat(TOO_DEEP).into_bytes()),
        ("deep objects", r#"{"a":"#.repeat(TOO_DEEP / 5).into_bytes()),
        ("a large body", large.into_bytes()),
        ("a large body of nothing", vec![b' '; TOO_LARGE]),
    ]
    .map(|(what, body)| (what.to_owned(), body))
    .into()
}

fn cut(value: &Value) -> String {
    value.to_string().chars().take(20).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_of_the_wrong_bodies_is_the_valid_one() {
        let valid = Valid::new(json!({"a": "x", "b": ["y"]}), &["a"]);
        let wrong = wrong(&valid);
        assert!(wrong.len() > 30);
        assert!(wrong.iter().all(|(_, body)| *body != valid.json()));
        assert!(wrong.iter().any(|(_, body)| body == br#"{"b":["y"]}"#));
    }
}
