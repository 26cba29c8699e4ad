//! What is said to an event: its acknowledgement, in the predecessor's form, or the event `exception` if
//! none was asked for. Pure.

use bytes::Bytes;
use schemas::{ApiError, Code};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::events::event;
use super::namespace::Namespace;
use super::packet::{Head, Kind};
use super::requests::Then;
use crate::transport::Payload;

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct To {
    pub(super) namespace: Namespace,
    /// The number of the acknowledgement, if one was asked for.
    pub(super) ack: Option<u64>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    code: Code,
    #[serde(rename = "retryAfterMs", skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Watched<'a> {
    #[serde(borrow)]
    presence: &'a RawValue,
    subscribed_count: u64,
}

impl To {
    /// `{success:true…}`, if anybody waits for it.
    pub(super) fn said(self, rest: &str) -> Option<Payload> {
        self.ack.map(|ack| {
            let comma = if rest.is_empty() { "" } else { "," };
            let head = Head { ack: Some(ack), ..Head::new(Kind::Ack, self.namespace.name()) };
            head.with(&format!(r#"[{{"success":true{comma}{rest}}}]"#))
        })
    }

    /// Why not.
    pub(super) fn refused(self, error: &ApiError) -> Payload {
        let text = error.message.as_ref();
        let mut refusal = Refusal {
            success: None,
            status: None,
            error: Some(text),
            message: None,
            code: error.code,
            retry_after_ms: error.retry_after_ms,
        };
        let json =
            |refusal: &Refusal<'_>| serde_json::to_string(refusal).expect("plain data serialises");
        let Some(ack) = self.ack else {
            (refusal.error, refusal.message) = (None, Some(text));
            refusal.status = Some("error");
            return event(self.namespace, "exception", &json(&refusal));
        };
        // On `/presence` the document knows no `success` beside an error.
        refusal.success = (self.namespace == Namespace::Root).then_some(false);
        let head = Head { ack: Some(ack), ..Head::new(Kind::Ack, self.namespace.name()) };
        head.with(&format!("[{}]", json(&refusal)))
    }

    /// What has become of a request: an event before the answer, and the answer.
    pub(super) fn outcome(
        self,
        then: Then,
        outcome: Result<Bytes, ApiError>,
    ) -> (Option<Payload>, Option<Payload>) {
        let data = match outcome {
            Ok(data) => data,
            Err(error) => return (None, Some(self.refused(&error))),
        };
        let data = std::str::from_utf8(&data).unwrap_or("null");
        match then {
            Then::Done => (None, self.said("")),
            Then::Data => (None, self.said(&format!(r#""data":{data}"#))),
            Then::Fields | Then::Join(_) => (None, self.said(fields(data))),
            Then::Batch => match serde_json::from_str::<Watched<'_>>(data) {
                Ok(watched) => {
                    let batch = event(self.namespace, "presence:batch", watched.presence.get());
                    let count = format!(r#""subscribedCount":{}"#, watched.subscribed_count);
                    (Some(batch), self.said(&count))
                }
                Err(_) => (None, self.said(fields(data))),
            },
        }
    }
}

/// What stands between the braces of an object.
fn fields(data: &str) -> &str {
    data.trim().strip_prefix('{').and_then(|data| data.strip_suffix('}')).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: To = To { namespace: Namespace::Root, ack: Some(7) };

    fn text(payload: Option<Payload>) -> String {
        payload.map(|payload| payload.text().to_owned()).unwrap_or_default()
    }

    fn done(to: To, then: Then, data: &'static str) -> (String, String) {
        let (event, ack) = to.outcome(then, Ok(Bytes::from_static(data.as_bytes())));
        (text(event), text(ack))
    }

    #[test]
    fn an_acknowledgement_has_the_form_that_the_event_has() {
        assert_eq!(done(ROOT, Then::Done, "{}").1, r#"437[{"success":true}]"#);
        let (event, ack) = done(ROOT, Then::Data, r#"{"id":1}"#);
        assert_eq!(
            (event.as_str(), ack.as_str()),
            ("", r#"437[{"success":true,"data":{"id":1}}]"#)
        );
        let ack = done(ROOT, Then::Fields, r#"{"message":"in"}"#).1;
        assert_eq!(ack, r#"437[{"success":true,"message":"in"}]"#);
        let (event, ack) =
            done(ROOT, Then::Batch, r#"{"presence":[{"userId":1}],"subscribedCount":1}"#);
        assert_eq!(event, r#"42["presence:batch",[{"userId":1}]]"#);
        assert_eq!(ack, r#"437[{"success":true,"subscribedCount":1}]"#);
        let nobody = To { ack: None, ..ROOT };
        assert_eq!(done(nobody, Then::Data, "{}").1, "");
    }

    #[test]
    fn a_refusal_is_an_answer_or_an_exception() {
        let error = ApiError::new(Code::NotMember, "not yours");
        let root = ROOT.refused(&error);
        assert_eq!(
            root.text(),
            r#"437[{"success":false,"error":"not yours","code":"not_member"}]"#
        );
        let presence = To { namespace: Namespace::Presence, ..ROOT };
        assert_eq!(
            presence.refused(&error).text(),
            r#"43/presence,7[{"error":"not yours","code":"not_member"}]"#
        );
        let nobody = To { ack: None, ..ROOT };
        assert_eq!(
            nobody.refused(&error.retry_after(9)).text(),
            r#"42["exception",{"status":"error","message":"not yours","code":"not_member","retryAfterMs":9}]"#
        );
    }
}
