//! REST requests and what their answers mean.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};

use crate::history::{Outcome, UNREACHABLE};
use crate::workload::retryable;

/// Longest wait for an answer: more than the server may take to say that it does not know.
const PATIENCE: Duration = Duration::from_secs(15);
/// Largest answer that is read.
const ANSWER_BYTES: usize = 64 << 20;

/// A pooled client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest(Client<HttpConnector, Full<Bytes>>);

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status; 0: none came.
    pub status: u16,
    /// Body, or why there is none.
    pub body: Bytes,
}

/// An error's body, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    status_code: u16,
    code: String,
    request_id: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Default for Rest {
    fn default() -> Self {
        Self::new()
    }
}

impl Rest {
    /// A client without connections.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        let mut builder = Client::builder(TokioExecutor::new());
        // A retry behind the history's back would hide an outcome.
        Self(builder.retry_canceled_requests(false).build(connector))
    }

    /// GET.
    pub async fn get(&self, url: &str, token: Option<&str>) -> Answer {
        self.ask(Method::GET, url, token, Bytes::new()).await
    }

    /// A header of the answer to a GET.
    pub async fn header(&self, url: &str, name: &str) -> Option<String> {
        let request = Request::get(url).body(Full::new(Bytes::new())).ok()?;
        let answer = tokio::time::timeout(PATIENCE, self.0.request(request)).await.ok()?.ok()?;
        Some(answer.headers().get(name)?.to_str().ok()?.to_owned())
    }

    /// POST of JSON.
    pub async fn post(&self, url: &str, token: Option<&str>, body: &impl Serialize) -> Answer {
        match serde_json::to_vec(body) {
            Ok(body) => self.ask(Method::POST, url, token, Bytes::from(body)).await,
            Err(error) => Answer { status: 0, body: Bytes::from(error.to_string()) },
        }
    }

    /// Any request with a JSON body, or none if it is empty.
    pub async fn ask(&self, method: Method, url: &str, token: Option<&str>, body: Bytes) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let none = |why: String| Answer { status: 0, body: Bytes::from(why) };
        match request.body(Full::new(body)) {
            Ok(request) => self.send(request).await,
            Err(error) => none(error.to_string()),
        }
    }

    /// A request with a JSON body, or none if it is empty, and a name that makes it safe to repeat.
    pub async fn ask_once(
        &self,
        method: Method,
        url: &str,
        token: &str,
        (body, key): (Bytes, Option<&str>),
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        match request.body(Full::new(body)) {
            Ok(request) => self.send(request).await,
            Err(error) => Answer { status: 0, body: Bytes::from(error.to_string()) },
        }
    }

    /// A request as it is.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let none = |why: String| Answer { status: 0, body: Bytes::from(why) };
        let exchange = async {
            let response = self.0.request(request).await.map_err(|error| {
                if error.is_connect() { UNREACHABLE.to_owned() } else { format!("cut: {error}") }
            })?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| format!("cut: {error}"))?.to_bytes();
            Ok::<_, String>(Answer { status, body })
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => none(why),
            Err(_) => none("timeout".to_owned()),
        }
    }
}

impl Answer {
    /// The stable code of an error answer, if it has the form of one.
    pub fn code(&self) -> Option<String> {
        let refusal: Refusal = serde_json::from_slice(&self.body).ok()?;
        let whole = refusal.status_code == self.status && !refusal.request_id.is_empty();
        whole.then_some(refusal.code)
    }

    /// The outcome of a write.
    pub fn outcome<T>(&self, read: impl FnOnce(&[u8]) -> anyhow::Result<T>) -> Outcome<T> {
        match self.status {
            0 if &self.body[..] == UNREACHABLE.as_bytes() => Outcome::Fail(UNREACHABLE.to_owned()),
            0 => Outcome::Unknown(String::from_utf8_lossy(&self.body).into_owned()),
            200..=299 => match read(&self.body) {
                Ok(value) => Outcome::Ok(value),
                Err(error) => Outcome::Unknown(format!("unreadable: {error}")),
            },
            status => settle(self.code().unwrap_or_else(|| format!("status {status}")), status),
        }
    }

    /// The outcome of a read: that the server could not tell is no statement about what is there.
    pub fn read<T>(&self, read: impl FnOnce(&[u8]) -> anyhow::Result<T>) -> Outcome<T> {
        match self.outcome(read) {
            Outcome::Fail(code) if code == UNREACHABLE || retryable(&code) => {
                Outcome::Unknown(code)
            }
            outcome => outcome,
        }
    }
}

/// What an error says about the write. Only `overloaded` and what is the client's own doing are
/// promises that nothing happened.
pub(super) fn settle<T>(code: String, status: u16) -> Outcome<T> {
    let refused = code == schemas::Code::Overloaded.text() || (400..500).contains(&status);
    if refused { Outcome::Fail(code) } else { Outcome::Unknown(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, code: &str) -> Outcome<()> {
        let body = format!(r#"{{"statusCode":{status},"code":"{code}","requestId":"r"}}"#);
        Answer { status, body: Bytes::from(body) }.outcome(|_| Ok(()))
    }

    #[test]
    fn only_refusals_are_failures() {
        assert_eq!(outcome(403, "not_member"), Outcome::Fail("not_member".to_owned()));
        assert_eq!(outcome(503, "overloaded"), Outcome::Fail("overloaded".to_owned()));
        for (status, code) in
            [(503, "outcome_unknown"), (504, "outcome_unknown"), (500, "internal")]
        {
            assert_eq!(outcome(status, code), Outcome::Unknown(code.to_owned()));
        }
        let odd = Answer { status: 502, body: Bytes::from_static(b"<html>") };
        assert_eq!(odd.outcome(|_| Ok(())), Outcome::Unknown("status 502".to_owned()));
        let cut = Answer { status: 0, body: Bytes::from_static(b"cut") };
        assert_eq!(cut.outcome(|_| Ok(())), Outcome::Unknown("cut".to_owned()));
    }

    #[test]
    fn a_read_that_could_not_be_answered_says_nothing() {
        let busy = br#"{"statusCode":503,"code":"overloaded","requestId":"r"}"#;
        let answer = Answer { status: 503, body: Bytes::from_static(busy) };
        assert_eq!(answer.read(|_| Ok(())), Outcome::Unknown("overloaded".to_owned()));
    }
}
