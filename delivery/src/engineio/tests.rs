use axum::body::{Body, to_bytes};
use axum::routing;
use futures_util::future::join_all;
use http::{Method, Request, StatusCode};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::{
    Application, Arc, Connection, Cors, Duration, Future, HeaderMap, Lifecycle, Options, Packet,
    Parts, Pin, Received, Response, Router, Server, Table, requests,
};
use crate::protocol::close::Close;

const BYE: Close = Close { code: 1000, reason: "" };
const MOST: usize = 1_000;

/// Gives back what comes, for two seconds.
struct Echo;

impl Application for Echo {
    type Place = ();

    fn cors(&self, headers: &HeaderMap) -> Cors {
        match headers.get("origin").map(|origin| origin.as_bytes()) {
            Some(b"https://evil.example") => Cors::Refused,
            _ => Cors::Allowed,
        }
    }

    fn admit(&self, _: &Parts) -> Result<(), Box<Response>> {
        Ok(())
    }

    fn serve(
        self: Arc<Self>,
        mut connection: Connection,
        (): (),
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let echo = async {
                loop {
                    let packet = match connection.recv().await {
                        Received::Text(text) => Packet::Text(text.packet()),
                        Received::Binary(bytes) => Packet::Binary(bytes),
                        Received::Alive => continue,
                        _ => return,
                    };
                    if connection.feed(packet).await.is_err() || connection.flush().await.is_err() {
                        return;
                    }
                }
            };
            drop(timeout(Duration::from_secs(2), echo).await);
            connection.close(BYE, Duration::from_secs(1)).await;
        })
    }
}

struct World {
    router: Router,
    table: Arc<Table>,
}

impl World {
    fn new() -> Self {
        let options = Options {
            path: "/e/".to_owned(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: MOST,
            patience: Duration::from_secs(10),
        };
        let table = Arc::new(Table::default());
        let server = Server {
            options,
            application: Arc::new(Echo),
            table: table.clone(),
            life: Lifecycle::new(),
        };
        let route = routing::any(requests::handler::<Echo>);
        Self { router: Router::new().route("/e/", route).with_state(Arc::new(server)), table }
    }

    async fn ask(&self, method: Method, query: &str, body: String) -> (StatusCode, String) {
        let response = self.request(method, query, &[], body).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn request(
        &self,
        method: Method,
        query: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Response {
        let mut request = Request::builder().method(method).uri(format!("/e/?{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A connection that polls: the query of its requests.
    async fn open(&self) -> String {
        let (status, body) = self.ask(Method::GET, "EIO=4&transport=polling", String::new()).await;
        assert_eq!(status, StatusCode::OK);
        let said: serde_json::Value = serde_json::from_str(&body[1..]).unwrap();
        format!("EIO=4&transport=polling&sid={}", said["sid"].as_str().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_may_not_opens_nothing_and_reads_nothing() {
    let world = World::new();
    let open = "EIO=4&transport=polling";
    let evil = [("origin", "https://evil.example")];
    let response = world.request(Method::GET, open, &evil, String::new()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(response.headers().get("access-control-allow-origin").is_none());
    assert_eq!(world.table.len(), 0);
    let good = [("origin", "https://chat.example")];
    let response = world.request(Method::GET, open, &good, String::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://chat.example");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert!(headers.get_all("vary").iter().any(|vary| vary == "origin"));
    assert_eq!(world.table.len(), 1);
    let response = world.request(Method::OPTIONS, open, &good, String::new()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(response.headers()["access-control-allow-origin"], "https://chat.example");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_learns_the_number_from_the_first_answer_alone() {
    let world = World::new();
    let first = world.request(Method::GET, "EIO=4&transport=polling", &[], String::new()).await;
    let sid = first.headers()["x-engine-sid"].to_str().unwrap().to_owned();
    let query = format!("EIO=4&transport=polling&sid={sid}");
    let response = world.request(Method::POST, &query, &[], "4a".to_owned()).await;
    assert_eq!(response.status(), StatusCode::OK, "it is the number that the body says");
    assert!(!response.headers().contains_key("x-engine-sid"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_listed_as_long_as_it_lives() {
    let world = World::new();
    let query = world.open().await;
    assert_eq!(world.table.len(), 1);
    assert_eq!(world.ask(Method::POST, &query, "4hello".to_owned()).await.1, "ok");
    assert_eq!(world.ask(Method::GET, &query, String::new()).await.1, "4hello");
    let (status, body) = world.ask(Method::GET, &query, String::new()).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "1"), "its time is over");
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.table.len(), 0);
    let (status, body) = world.ask(Method::GET, &query, String::new()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains(r#""code":1"#), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_ends_the_connection_whatever_it_says_of_its_length() {
    for length in [None, Some((MOST + 1).to_string())] {
        let world = World::new();
        let query = world.open().await;
        let headers: Vec<(&str, &str)> =
            length.iter().map(|length| ("content-length", length.as_str())).collect();
        let body = "4".repeat(MOST + 1);
        let response = world.request(Method::POST, &query, &headers, body).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let (status, _) = world.ask(Method::GET, &query, String::new()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
}

/// A request of some kind, on a connection or on none.
fn some_requests() -> impl Strategy<Value = Vec<(Method, String, String)>> {
    let method = proptest::sample::select(vec![
        Method::GET,
        Method::GET,
        Method::POST,
        Method::POST,
        Method::PUT,
        Method::HEAD,
        Method::OPTIONS,
        Method::DELETE,
    ]);
    let query = proptest::sample::select(
        &[
            "SAME",
            "SAME",
            "SAME",
            "EIO=4&transport=polling",
            "EIO=3&transport=polling",
            "transport=websocket&EIO=4",
            "transport=polling&EIO=4&sid=AAAAAAAAAAAAAAAAAAAAAA",
            "",
            "sid=%00&transport=polling",
            "EIO=4&transport=polling&sid=&t=1",
        ][..],
    );
    let body = prop_oneof![
        proptest::sample::select(&["3", "4a", "1", "4a\u{1e}bAQID", "2", "", "b!", "5"][..])
            .prop_map(str::to_owned),
        "\\PC{0,12}",
        Just("4".repeat(MOST + 7)),
    ];
    let request =
        (method, query, body).prop_map(|(method, query, body)| (method, query.to_owned(), body));
    proptest::collection::vec(request, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is asked in whatever order, one after another or at once: it is answered, never by a
    /// failure of the server, and nothing is left of it.
    #[test]
    fn whatever_is_asked_is_answered(requests in some_requests(), at_once in proptest::bool::ANY) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let world = World::new();
            let same = world.open().await;
            let asked = requests.into_iter().map(|(method, query, body)| {
                let query = if query == "SAME" { same.clone() } else { query };
                let world = &world;
                async move { timeout(Duration::from_mins(1), world.ask(method, &query, body)).await }
            });
            let answers = if at_once {
                join_all(asked).await
            } else {
                let mut answers = Vec::new();
                for asked in asked {
                    answers.push(asked.await);
                }
                answers
            };
            for answer in answers {
                let (status, _) = answer.expect("every request is answered");
                assert!(!status.is_server_error(), "{status}");
            }
            sleep(Duration::from_mins(1)).await;
            assert_eq!(world.table.len(), 0, "a connection is left");
        });
    }
}
