//! The chat page at `/`: files of `web/chat` and the client library that it is written on, linked in.
//!
//! The page is plain modules under a policy that lets in nothing but them: no inline script or style,
//! no picture from elsewhere, no markup made of text (trusted types). `/config.json` tells it where the
//! API and the sockets are: on its own origin, unless `server.socket_url` names another one.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{MethodRouter, get};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use serde::Serialize;

use crate::assets::{Asset, File, HTML, SCRIPT, STYLE, file};
use crate::state::Ingest;

/// Every file, by its path on the server. A test compares them with the folders.
macro_rules! files {
    ($($folder:literal $prefix:literal { $($name:literal)* })*) => {
        &[$($((concat!($prefix, $name), file!(media($name), "web/", $folder, "/", $name))),*),*]
    };
}

static FILES: &[(&str, File)] = files! {
    "chat" "/chat/" {
        "account.js" "app.js" "base.css" "composer.js" "details.js" "dom.js" "history.js" "icon.svg"
        "index.html" "kept.js" "log.js" "manifest.webmanifest" "message.js" "messages.css"
        "overlay.js" "overlays.css" "own.js" "pane.js" "people.js" "presence.css" "presence.js"
        "seen.js" "session.js" "shell.css" "shell.js" "sidebar.js" "state.js" "text.js" "theme.js"
        "time.js" "timeline.js" "words.js"
    }
    "client" "/client/" {
        "base.js" "calls.js" "follower.js" "link.js" "outbox.js" "parlance.js" "positions.js"
        "presence.js" "session.js" "typing.js"
    }
};

/// The one that is the page itself.
const PAGE: &str = "/chat/index.html";

/// What kind of file it is, by the end of its name.
const fn media(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => SCRIPT,
        [.., b'.', b'c', b's', b's'] => STYLE,
        [.., b'.', b'h', b't', b'm', b'l'] => HTML,
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        [.., b'.', b'w', b'e', b'b', b'm', b'a', b'n', b'i', b'f', b'e', b's', b't'] => {
            "application/manifest+json"
        }
        _ => panic!("a file of a kind that is not known here"),
    }
}

/// What the page may do, but for the place of the sockets.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'; connect-src 'self'";

/// Where the page finds what it talks to; empty is its own origin.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Places {
    api_url: &'static str,
    socket_url: String,
    version: &'static str,
}

pub(crate) fn routes() -> Router<Ingest> {
    let mut router = Router::new().route("/config.json", get(config));
    for (path, file) in FILES {
        router = router.route(if *path == PAGE { "/" } else { path }, sends(file));
    }
    router
}

fn sends(file: &'static File) -> MethodRouter<Ingest> {
    let asset = Arc::new(Asset::new(file));
    get(async move |State(ingest): State<Ingest>, asked: HeaderMap| {
        asset.answer(&asked, &policy(&ingest.config.socket_url))
    })
}

async fn config(State(ingest): State<Ingest>) -> Response {
    let socket_url = ingest.config.socket_url.clone();
    let places = Places { api_url: "", socket_url, version: env!("CARGO_PKG_VERSION") };
    let mut response = Json(places).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// With the origin of the sockets, where they are not on the page's own.
fn policy(socket_url: &str) -> HeaderValue {
    let origin = origin(socket_url).and_then(|origin| {
        // What is not visible ASCII was refused at the start (`platform::config`).
        HeaderValue::try_from(format!("{POLICY} {origin}")).ok()
    });
    origin.unwrap_or_else(|| HeaderValue::from_static(POLICY))
}

/// `wss://chat.example` of `wss://chat.example/ws`.
fn origin(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let end = url.get(authority..)?.find('/').map_or(url.len(), |at| authority + at);
    url.get(..end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing::world;

    async fn fetch(path: &str) -> (http::response::Parts, Vec<u8>) {
        let router = world().await.ingest.router();
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        (parts, body.collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn every_file_of_the_page_is_served_under_the_policy() {
        for (path, file) in FILES {
            let (parts, body) = fetch(if *path == PAGE { "/" } else { path }).await;
            assert_eq!(parts.status, 200, "{path}");
            assert_eq!(body, file.bytes, "{path}");
            assert_eq!(parts.headers["content-security-policy"], POLICY, "{path}");
            assert_eq!(parts.headers["x-content-type-options"], "nosniff", "{path}");
        }
        let (parts, body) = fetch("/config.json").await;
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((parts.status.as_u16(), &told["socketUrl"]), (200, &"".into()));
    }

    #[test]
    fn the_list_is_what_lies_in_the_folders() {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
        let files = |folder: &str| {
            let entries = std::fs::read_dir(web.join(folder)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.map(|name| format!("/{folder}/{name}")).collect::<Vec<_>>()
        };
        // Beside the library lie what compilers and readers of it need, and no browser.
        let library = files("client")
            .into_iter()
            .filter(|path| Path::new(path).extension().is_some_and(|end| end == "js"));
        let there: BTreeSet<String> = files("chat").into_iter().chain(library).collect();
        let listed: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(listed, there, "left: served; right: there");
    }

    #[test]
    fn sockets_elsewhere_are_let_in_by_their_origin_alone() {
        assert_eq!(policy(""), POLICY);
        let told = policy("wss://chat.example:8443/ws");
        assert_eq!(told, format!("{POLICY} wss://chat.example:8443").as_str());
        assert_eq!(origin("ws://localhost:3001"), Some("ws://localhost:3001"));
        assert_eq!(origin("nowhere"), None);
    }
}
