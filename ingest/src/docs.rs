//! The API's own documentation: the OpenAPI document at `/api/docs-json`, a page to read and try it at
//! `/api/docs`. Both are files of the repository, linked in: nothing is made at run time and nothing
//! comes from another host. The document is kept true by the tests of `document`.

use axum::Router;
use axum::routing::{MethodRouter, get};
use http::header::{HeaderMap, HeaderValue};

use crate::assets::{Asset, File, HTML, SCRIPT, STYLE, file};
use crate::state::Ingest;

static DOCUMENT: File = file!("application/json", "schemas/json/openapi.json");
static PAGE: File = file!(HTML, "web/docs/index.html");
static INIT: File = file!(SCRIPT, "web/docs/init.js");
static BUNDLE: File = file!(SCRIPT, "web/docs/swagger-ui/swagger-ui-bundle.js");
static LOOKS: File = file!(STYLE, "web/docs/swagger-ui/swagger-ui.css");

/// What the page may load: its own files, and pictures within its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<Ingest> {
    Router::new()
        .route("/api/docs-json", sends(&DOCUMENT))
        .route("/api/docs", sends(&PAGE))
        .route("/api/docs/", sends(&PAGE))
        .route("/api/docs/init.js", sends(&INIT))
        .route("/api/docs/swagger-ui-bundle.js", sends(&BUNDLE))
        .route("/api/docs/swagger-ui.css", sends(&LOOKS))
}

fn sends(file: &'static File) -> MethodRouter<Ingest> {
    let asset = Asset::new(file);
    let policy = HeaderValue::from_static(POLICY);
    get(async move |asked: HeaderMap| asset.answer(&asked, &policy))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
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
