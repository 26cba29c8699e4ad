//! The envelope of every successful answer: `{"success":true,"data":…,"timestamp":…}`. Data that is
//! JSON already (a message as the fold wrote it) is spliced, not encoded again.

use std::io::Write as _;

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use schemas::Timestamp;
use serde::Serialize;

const HEAD: &[u8] = br#"{"success":true,"data":"#;
/// Head, tail and a timestamp.
const ROOM: usize = 80;

/// An answer whose data is JSON already.
pub(crate) fn spliced(status: StatusCode, data: &[u8], now: Timestamp) -> Response {
    let mut body = Vec::with_capacity(data.len() + ROOM);
    body.extend_from_slice(HEAD);
    body.extend_from_slice(data);
    close(status, body, now)
}

/// An answer whose data is a value.
pub(crate) fn encoded<T: Serialize>(status: StatusCode, data: &T, now: Timestamp) -> Response {
    let mut body = Vec::with_capacity(1_024);
    body.extend_from_slice(HEAD);
    serde_json::to_writer(&mut body, data).expect("a view serialises");
    close(status, body, now)
}

/// The answer of routes without anything to show.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
pub(crate) struct Said {
    /// For people.
    message: &'static str,
}

/// `{"message":…}`.
pub(crate) fn said(message: &'static str, now: Timestamp) -> Response {
    encoded(StatusCode::OK, &Said { message }, now)
}

fn close(status: StatusCode, mut body: Vec<u8>, now: Timestamp) -> Response {
    write!(body, r#","timestamp":"{now}"}}"#).expect("writing to memory does not fail");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn text(response: Response) -> String {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn data_is_spliced_byte_for_byte() {
        let response = spliced(StatusCode::CREATED, br#"{"a" : 1}"#, Timestamp(7));
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(
            text(response).await,
            r#"{"success":true,"data":{"a" : 1},"timestamp":"1970-01-01T00:00:00.007Z"}"#
        );
    }

    #[tokio::test]
    async fn a_value_gets_the_same_envelope() {
        assert_eq!(
            text(said("done", Timestamp(0))).await,
            r#"{"success":true,"data":{"message":"done"},"timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
