//! The requests: which connection each belongs to, and what it is told.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, StatusCode};
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::line::{Answer, Line, Why};
use super::opening::{Named, Query, Transport};
use super::probe::{Probe, refuse};
use super::refusal::{answer, permit, preflight};
use super::table::{Entry, Listed};
use super::{Application, Connection, Cors, Opening, Refusal, Server, packet};
use crate::transport::{self, Socket};

/// What payloads are.
const TEXT: &str = "text/plain; charset=UTF-8";
/// The connection's number where a proxy can read it: every later request belongs to this node.
const SID: HeaderName = HeaderName::from_static("x-engine-sid");
/// Before a poll that comes too late is refused.
const LATE: Duration = Duration::from_millis(25);

/// Every request on the path of an application.
pub(super) async fn handler<A: Application>(
    State(server): State<Arc<Server<A>>>,
    request: Request,
) -> Response {
    let cors = server.application.cors(request.headers());
    let asked = request.headers().clone();
    let mut response = if request.method() == Method::OPTIONS {
        preflight(request.headers())
    } else {
        let (parts, body) = request.into_parts();
        match serve(server, parts, body).await {
            Ok(response) => response,
            Err(Refused::By(refusal)) => refusal.response(),
            Err(Refused::As(response)) => *response,
        }
    };
    permit(cors, &asked, response.headers_mut());
    response
}

/// Why a request is refused.
enum Refused {
    /// As the reference does.
    By(Refusal),
    /// As the application does.
    As(Box<Response>),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::By(refusal)
    }
}

async fn serve<A: Application>(
    server: Arc<Server<A>>,
    parts: Parts,
    body: Body,
) -> Result<Response, Refused> {
    let query = Query::read(parts.uri.query());
    let transport = query.transport.ok_or(Refusal::UnknownTransport)?;
    let entry = match query.sid {
        Named::Nothing => return open(server, parts, query, transport).await,
        Named::Nobody => None,
        Named::One(sid) => server.table.find(sid),
    };
    let entry = entry.ok_or(Refusal::UnknownSid)?;
    match (transport, entry) {
        (Transport::WebSocket, entry) => take_over(&server, parts, entry).await,
        (Transport::Polling, Entry::Polling(line)) => match parts.method {
            Method::GET => Ok(poll(&line).await),
            Method::POST => post(&server, &line, &parts.headers, body).await,
            _ => Err(Refusal::BadRequest.into()),
        },
        (Transport::Polling, Entry::Upgraded) => Err(late().await.into()),
    }
}

/// Opens a connection.
async fn open<A: Application>(
    server: Arc<Server<A>>,
    mut parts: Parts,
    query: Query,
    transport: Transport,
) -> Result<Response, Refused> {
    if parts.method != Method::GET {
        return Err(Refusal::BadMethod.into());
    }
    let upgrade = match transport {
        Transport::Polling => None,
        Transport::WebSocket => Some(upgrade(&mut parts).await?),
    };
    if !query.version {
        return Err(Refusal::UnsupportedVersion.into());
    }
    if server.application.cors(&parts.headers) == Cors::Refused {
        return Err(Refusal::Forbidden.into());
    }
    let place = server.application.admit(&parts).map_err(Refused::As)?;
    let opening = Opening::new(&parts, query);
    let first = opening.packet(&server.options);
    let Some(upgrade) = upgrade else {
        let mut opened = answer(StatusCode::OK, TEXT, first.text().to_owned());
        if let Ok(sid) = HeaderValue::try_from(opening.sid.to_string()) {
            opened.headers_mut().insert(SID, sid);
        }
        let line = Line::new(server.options.max_payload);
        let listed = Listed::new(&server.table, opening.sid, line.clone());
        let connection = Connection::of_line(opening, line, listed);
        server.life.guest(server.application.clone().serve(connection, place));
        return Ok(opened);
    };
    let patience = server.options.patience;
    let upgrade = transport::tuned(upgrade, server.options.max_payload);
    let application = server.application.clone();
    Ok(upgrade.on_upgrade(move |socket| {
        // Boxed, and let go of when it is opened: what an idle connection keeps is what serves it alone.
        let opened = Box::pin(async move {
            let mut socket = Socket::new(socket);
            let said = async {
                socket.feed(first).await?;
                socket.flush().await
            };
            let said = timeout(patience, said).await.ok()?.ok();
            said.map(|()| application.serve(Connection::of_socket(opening, socket), place))
        });
        async move {
            if let Some(served) = opened.await {
                served.await;
            }
        }
    }))
}

/// The WebSocket of a connection that polls.
async fn take_over<A: Application>(
    server: &Server<A>,
    mut parts: Parts,
    entry: Entry,
) -> Result<Response, Refused> {
    let upgrade = upgrade(&mut parts).await?;
    let probe = match entry {
        Entry::Polling(line) => Probe::new(line),
        Entry::Upgraded => None,
    };
    let patience = server.options.patience;
    let upgrade = transport::tuned(upgrade, server.options.max_payload);
    Ok(upgrade.on_upgrade(move |socket| async move {
        let socket = Socket::new(socket);
        match probe {
            Some(probe) => probe.run(socket, Instant::now() + patience).await,
            None => refuse(socket).await,
        }
    }))
}

async fn upgrade(parts: &mut Parts) -> Result<WebSocketUpgrade, Refusal> {
    WebSocketUpgrade::from_request_parts(parts, &()).await.map_err(|_| Refusal::BadRequest)
}

async fn poll(line: &Arc<Line>) -> Response {
    match line.poll().await {
        Answer::Body(body) => answer(StatusCode::OK, TEXT, body),
        Answer::Late => late().await.response(),
        Answer::Refused(refusal) => refusal.response(),
    }
}

/// The refusal of a poll that comes when a WebSocket has taken over: after a moment, so that what went to
/// the WebSocket before is there first.
async fn late() -> Refusal {
    sleep(LATE).await;
    Refusal::BadRequest
}

async fn post<A: Application>(
    server: &Server<A>,
    line: &Arc<Line>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let posting = line.post()?;
    let most = server.options.max_payload;
    let binary = headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream");
    if binary {
        posting.refuse(Why::Broken);
        return Err(Refusal::BadRequest.into());
    }
    let until = Instant::now() + server.options.patience;
    let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let body = if said.is_some_and(|said: usize| said > most) {
        Ok(None)
    } else {
        timeout_at(until, limited(body, most)).await.map_err(|_| Refusal::BadRequest)?
    };
    let body = body.map_err(|_| Refusal::BadRequest)?;
    let Some(body) = body else {
        posting.refuse(Why::TooLarge);
        return Err(Refused::As(Box::new(answer(StatusCode::PAYLOAD_TOO_LARGE, TEXT, ""))));
    };
    let Ok(packets) = packet::payload(&body) else {
        posting.refuse(Why::Broken);
        return Err(Refusal::BadRequest.into());
    };
    posting.take(packets, until).await?;
    Ok(answer(StatusCode::OK, TEXT, "ok"))
}

/// A whole body; none if it is longer than `most`.
async fn limited(body: Body, most: usize) -> Result<Option<bytes::Bytes>, axum::Error> {
    match to_bytes(body, most).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => {
            let long = std::error::Error::source(&error)
                .is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
            if long { Ok(None) } else { Err(error) }
        }
    }
}
