//! The API's own documentation: the OpenAPI document at `/api/docs-json`, a page to read and try it at
//! `/api/docs`. Both are files of the repository, linked in: nothing is made at run time and nothing
//! comes from another host. The document is kept true by the tests of `document`.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};

use crate::state::Ingest;

/// A file as it is sent.
#[derive(Clone, Copy)]
struct File {
    media: &'static str,
    bytes: &'static [u8],
}

macro_rules! file {
    ($media:literal, $path:literal) => {
        File {
            media: $media,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path)),
        }
    };
}

static DOCUMENT: File = file!("application/json", "schemas/json/openapi.json");
static PAGE: File = file!("text/html; charset=utf-8", "web/docs/index.html");
static INIT: File = file!("text/javascript; charset=utf-8", "web/docs/init.js");
static SCRIPT: File =
    file!("text/javascript; charset=utf-8", "web/docs/swagger-ui/swagger-ui-bundle.js");
static STYLE: File = file!("text/css; charset=utf-8", "web/docs/swagger-ui/swagger-ui.css");

/// What the page may load: its own files, and pictures within its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route("/api/docs-json", sends(&DOCUMENT))
        .route("/api/docs", sends(&PAGE))
        .route("/api/docs/", sends(&PAGE))
        .route("/api/docs/init.js", sends(&INIT))
        .route("/api/docs/swagger-ui-bundle.js", sends(&SCRIPT))
        .route("/api/docs/swagger-ui.css", sends(&STYLE))
}

fn sends(file: &'static File) -> MethodRouter<Ingest> {
    get(|| async {
        let mut response = Response::new(Body::from(file.bytes));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.media));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        // The same for everybody, until the next version.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        response
    })
}

#[cfg(test)]
mod tests {
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::testing::world;

    async fn fetch(path: &str) -> (http::response::Parts, String) {
        let router = world().await.ingest.router();
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_page_loads_its_own_files_alone() {
        let (parts, page) = fetch("/api/docs").await;
        assert_eq!(parts.status, 200);
        assert_eq!(parts.headers["content-security-policy"], POLICY);
        assert!(!page.contains("://") && !page.contains("<script>"), "{page}");
        let links = page.split('"').filter(|text| text.starts_with("/api/docs/"));
        let links: Vec<_> = links.collect();
        assert_eq!(links.len(), 3);
        for link in links {
            let (parts, _) = fetch(link).await;
            assert_eq!(parts.status, 200, "{link}");
            assert_eq!(parts.headers["x-content-type-options"], "nosniff");
        }
        assert!(INIT.bytes.windows(14).any(|part| part == b"/api/docs-json"));
    }

    #[tokio::test]
    async fn the_document_is_public() {
        let (parts, document) = fetch("/api/docs-json").await;
        assert_eq!(
            (parts.status.as_u16(), &parts.headers["content-type"]),
            (200, &HeaderValue::from_static("application/json"))
        );
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
    }
}
