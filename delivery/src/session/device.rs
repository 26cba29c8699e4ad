//! What a client says of its device when it shows who it is.

use std::borrow::Cow;

use schemas::presence::{DeviceKind, is_device_id};
use schemas::{ApiError, Code};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::presence::Facts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "type", default)]
    kind: Option<DeviceKind>,
}

/// The facts that `{"id","type"}` says, both of which may be left out; `kind`: what it looks like.
pub(crate) fn facts(device: Option<&RawValue>, kind: DeviceKind) -> Result<Facts, ApiError> {
    let Some(device) = device else { return Ok(Facts { id: None, kind }) };
    let said: Option<Said<'_>> = serde_json::from_str(device.get()).ok();
    let said = said.filter(|said| said.id.as_deref().is_none_or(is_device_id));
    let said = said.ok_or_else(|| {
        let message = "device is {\"id\",\"type\"}, its type web, mobile or desktop";
        ApiError::new(Code::ValidationFailed, message)
    })?;
    Ok(Facts {
        id: said.id.map(|id| id.into_owned().into_boxed_str()),
        kind: said.kind.unwrap_or(kind),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> Result<Facts, ApiError> {
        let json = RawValue::from_string(json.to_owned()).unwrap();
        facts(Some(&json), DeviceKind::Mobile)
    }

    #[test]
    fn a_device_says_its_name_and_type_or_is_what_it_looks_like() {
        let facts = said(r#"{"id":"phone-1","type":"desktop"}"#).unwrap();
        assert_eq!((facts.id.as_deref(), facts.kind), (Some("phone-1"), DeviceKind::Desktop));
        let facts = said("{}").unwrap();
        assert_eq!((facts.id, facts.kind), (None, DeviceKind::Mobile));
        for bad in [r#"{"id":""}"#, r#"{"type":"fridge"}"#, r#"{"name":1}"#, "7"] {
            assert_eq!(said(bad).unwrap_err().code, Code::ValidationFailed, "{bad}");
        }
    }
}
