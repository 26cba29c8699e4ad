//! What surrounds every request, as one service around the whole router: request id, CORS, who is
//! calling, rate limit, panics, error bodies, security headers, metrics.
//!
//! It is written by hand rather than stacked from layers: each layer costs a boxed future and a
//! clone of all below it, per request. The order here is the order of the checks; nothing inside
//! runs for a request that one of them refuses.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{ConnectInfo, Request};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use platform::auth;
use schemas::{ApiError, Code};
use tokio::time::Instant;
use tower::Service;

use crate::error::{About, Failure, render};
use crate::extract::{Found, Peer, bearer};
use crate::limit::{Account, Class, Told, class_of};
use crate::state::Ingest;

mod cors;
mod metrics;
mod security;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;

/// The frame around a router.
#[derive(Clone)]
pub(crate) struct Frame {
    inside: Router,
    shared: Arc<Shared>,
}

struct Shared {
    ingest: Ingest,
    cors: cors::Policy,
    metrics: metrics::Requests,
    /// Starts every request id of this node.
    prefix: String,
    count: AtomicU64,
}

impl Frame {
    pub(crate) fn new(ingest: Ingest, inside: Router) -> Self {
        let instance = ingest.node.instance.0.simple().to_string();
        // The random half: two nodes started in one millisecond differ in it.
        let prefix = instance.get(20..).unwrap_or_default().to_owned();
        let cors = cors::Policy::new(&ingest.config.cors_origins);
        let metrics = metrics::Requests::new(&ingest.platform.metrics);
        let count = AtomicU64::new(1);
        Self { inside, shared: Arc::new(Shared { ingest, cors, metrics, prefix, count }) }
    }
}

impl Service<Request> for Frame {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // A router is always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (inside, shared) = (self.inside.clone(), self.shared.clone());
        Box::pin(async move { Ok(shared.run(inside, request).await) })
    }
}

impl Shared {
    async fn run(&self, mut inside: Router, mut request: Request) -> Response {
        let started = Instant::now();
        let id = self.request_id(request.headers());
        let method = request.method().clone();
        let uri = request.uri().clone();
        let origin = self.cors.origin(request.headers());
        let received = request.body().size_hint().exact();
        let mut class = None;
        let about = Where { method: &method, uri: &uri, id: &id };

        let mut response = if method == Method::OPTIONS && cors::is_preflight(request.headers()) {
            cors::preflight()
        } else {
            let (found, account) = self.admit(&request);
            class = account.map(|(class, _)| class);
            let verdict = match account {
                Some((class, account)) => {
                    let counts = &*self.ingest.platform.ephemeral;
                    self.ingest.limiter.take(counts, class, account).await
                }
                None => None,
            };
            let mut response = match verdict.as_ref().map_or(Ok(()), Told::verdict) {
                Ok(()) => {
                    if let Some(found) = found {
                        request.extensions_mut().insert(found);
                    }
                    if let Some((Class::Auth, Account::Address(address))) = account {
                        request.extensions_mut().insert(Peer(address));
                    }
                    let answer = AssertUnwindSafe(inside.call(request)).catch_unwind().await;
                    self.finish(answer, about)
                }
                Err(error) => self.failed(Failure::from(error), about),
            };
            if let Some(told) = verdict {
                told.write(response.headers_mut());
            }
            response
        };
        let headers = response.headers_mut();
        self.cors.write(origin, headers);
        security::write(headers);
        if let Ok(id) = HeaderValue::try_from(id) {
            headers.insert(REQUEST_ID, id);
        }
        self.metrics.count(class, &response, received, started);
        response
    }

    /// Who is calling, and what the request counts for.
    fn admit(&self, request: &Request) -> (Option<Found>, Option<(Class, Account<'static>)>) {
        let ingest = &self.ingest;
        let found = bearer(request.headers()).map(|token| {
            Found(auth::authenticate(&ingest.keys, &ingest.node, ingest.now(), token))
        });
        let class = class_of(request.method(), request.uri().path());
        let account = class.map(|class| match &found {
            Some(Found(Ok(who))) if class != Class::Auth => (class, Account::User(who.user)),
            _ => (class, Account::Address(peer(request, &ingest.config.trusted_proxies))),
        });
        (found, account)
    }

    fn finish(
        &self,
        answer: Result<Result<Response, Infallible>, Box<dyn std::any::Any + Send>>,
        about: Where<'_>,
    ) -> Response {
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Err(panic) => Failure::internal(format!("panic: {}", said(&*panic))).into_response(),
        };
        let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
        let mut rendered = self.failed(failure, about);
        // 405 comes with what would be allowed.
        if let Some(allow) = response.headers_mut().remove(http::header::ALLOW) {
            rendered.headers_mut().insert(http::header::ALLOW, allow);
        }
        rendered
    }

    fn failed(&self, failure: Failure, about: Where<'_>) -> Response {
        let turn = failure.turn(&self.ingest);
        let Failure { api, cause } = failure;
        let Where { method, uri, id } = about;
        let (code, path) = (api.code.text(), uri.path());
        match cause {
            Some(cause) if api.code == Code::Internal => {
                tracing::error!(request_id = id, %method, path, code, cause, "a request failed");
            }
            Some(cause) => {
                if let Some(untold) = turn {
                    tracing::warn!(request_id = id, %method, path, code, cause, untold, "a request failed");
                }
            }
            None => tracing::debug!(request_id = id, %method, path, code, "a request was refused"),
        }
        render(&api, About { method, path, request_id: id, now: self.ingest.now() })
    }

    /// The client's own id if it is harmless in a log, else one of ours.
    fn request_id(&self, headers: &HeaderMap) -> String {
        let sane = |id: &&str| {
            (1..=REQUEST_ID_MAX).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        };
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
        match given {
            Some(id) => id.to_owned(),
            None => format!("{}-{:x}", self.prefix, self.count.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

#[derive(Clone, Copy)]
struct Where<'a> {
    method: &'a Method,
    uri: &'a Uri,
    id: &'a str,
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

/// The client's address: the peer's, or, behind a trusted proxy, the last one in `X-Forwarded-For`
/// that is not such a proxy itself. What stands before it could be made up by the client.
fn peer(request: &Request, trusted: &[IpAddr]) -> Option<IpAddr> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let named = request.headers().get_all("x-forwarded-for").iter();
    let chain: Vec<IpAddr> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map_while(|ip| ip.trim().parse::<IpAddr>().ok())
        .map(|ip| ip.to_canonical())
        .collect();
    Some(chain.into_iter().rev().find(|ip| !trusted.contains(ip)).unwrap_or(peer))
}

/// Answers paths that no route has.
pub(crate) async fn no_route() -> Failure {
    ApiError::new(Code::NotFound, "there is no such route").into()
}

/// Answers methods that a route does not have.
pub(crate) async fn no_method() -> Failure {
    ApiError::new(Code::MethodNotAllowed, "this route does not have this method").into()
}

#[cfg(test)]
mod tests;
