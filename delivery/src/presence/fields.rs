//! The data of a request, field by field where it is wrong: mistakes are named as REST names them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemas::{ApiError, Code, UserId};
use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde_json::value::RawValue;

/// Mistakes that one answer names.
const DETAILS: usize = 20;
/// Characters of a field's name, and of a value, that are told back.
const NAME: usize = 100;
/// Characters of what a value should have been.
const EXPECTED: usize = 400;

/// Fields of an object, unread.
#[derive(Deserialize)]
#[serde(transparent)]
struct Fields<'a>(#[serde(borrow)] BTreeMap<Cow<'a, str>, &'a RawValue>);

/// Reads data; none is `{}`. All fields must be optional, so that each can be tried alone.
pub(super) fn read<'a, T: Deserialize<'a>>(data: Option<&'a RawValue>) -> Result<T, ApiError> {
    let json = data.map(RawValue::get).filter(|json| *json != "null").unwrap_or("{}");
    let object = json.trim_start().starts_with('{');
    match serde_json::from_str(json) {
        // A derived reader would also take an array, field by field.
        Ok(request) if object => Ok(request),
        Ok(_) => Err(no_object()),
        Err(error) => Err(diagnose::<T>(json, &error)),
    }
}

fn no_object() -> ApiError {
    ApiError::invalid(vec!["data must be an object".to_owned()])
}

/// Names the fields that are unknown or of the wrong type.
fn diagnose<'a, T: Deserialize<'a>>(json: &'a str, whole: &serde_json::Error) -> ApiError {
    let Ok(Fields(fields)) = serde_json::from_str(json) else { return no_object() };
    let (mut code, mut details) = (Code::ValidationFailed, Vec::new());
    for (name, value) in fields {
        let alone = MapDeserializer::new(std::iter::once((name.clone(), value)));
        let Err(error) = T::deserialize::<MapDeserializer<'_, _, serde_json::Error>>(alone) else {
            continue;
        };
        let why = error.to_string();
        let name: String = name.chars().take(NAME).collect();
        if why.starts_with("unknown field") {
            code = Code::UnknownField;
            details.push(format!("property {name} should not exist"));
        } else {
            details.push(format!("{name}: {}", wording(&why)));
        }
    }
    details.truncate(DETAILS);
    if details.is_empty() {
        details.push(wording(&whole.to_string()));
    }
    ApiError { code, ..ApiError::invalid(details) }
}

/// What is wrong, without the place: a long value is cut, what it should have been stays.
fn wording(why: &str) -> String {
    let why = why.rsplit_once(" at line ").map_or(why, |(why, _)| why);
    let (value, expected) = why.split_at(why.rfind(", expected ").unwrap_or(why.len()));
    cut(value, NAME) + &cut(expected, EXPECTED)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.split_at(at).0),
        None => text.to_owned(),
    }
}

/// The id of a user in `userIds`.
pub(super) fn user(text: &str) -> Result<UserId, ApiError> {
    text.parse().map_err(|_| {
        let why = "each userIds must be a UUID".to_owned();
        ApiError { code: Code::MalformedId, ..ApiError::invalid(vec![why]) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Form {
        #[serde(default)]
        custom_status: Option<String>,
        #[serde(default)]
        count: Option<u32>,
    }

    fn refused(json: &str) -> (Code, Vec<String>) {
        let data: &RawValue = serde_json::from_str(json).unwrap();
        let error = read::<Form>(Some(data)).unwrap_err();
        (error.code, error.details)
    }

    #[test]
    fn every_mistake_is_named() {
        let (code, details) = refused(r#"{"customStatus":5,"count":"x"}"#);
        assert_eq!(code, Code::ValidationFailed);
        let expected = [
            "count: invalid type: string \"x\", expected u32",
            "customStatus: invalid type: integer `5`, expected a string",
        ];
        assert_eq!(details, expected);
        let (code, details) = refused(r#"{"mood":1,"count":1}"#);
        assert_eq!((code, &details[0][..]), (Code::UnknownField, "property mood should not exist"));
        assert_eq!(refused("[null,1]").1, ["data must be an object"]);
        assert_eq!(refused("5").1, ["data must be an object"]);
        assert_eq!(refused(r#"{"count":1,"count":1}"#).1, ["duplicate field `count`"]);
    }

    #[test]
    fn a_long_value_is_told_back_in_part() {
        let long = "é".repeat(60_000);
        for long in [long.clone(), format!("{long}, expected {long}")] {
            let (code, details) = refused(&format!(r#"{{"count":"{long}"}}"#));
            assert_eq!((code, details.len()), (Code::ValidationFailed, 1));
            let told = &details[0];
            let start = "count: invalid type: string \"éé";
            assert!(told.starts_with(start) && told.ends_with("…, expected u32"), "{told}");
            assert!(told.chars().count() < 200, "{told}");
        }
    }

    #[test]
    fn nothing_is_an_object_without_fields() {
        let form: Form = read(None).unwrap();
        assert_eq!((form.custom_status, form.count), (None, None));
    }
}
