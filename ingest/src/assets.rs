//! Files of the repository, linked into the binary and sent as they are: nothing is made at run time,
//! nothing comes from another host, and a browser is told so (CSP Level 3).

use std::hash::{DefaultHasher, Hasher as _};

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH,
};

/// A file as it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    pub(crate) media: &'static str,
    pub(crate) bytes: &'static [u8],
}

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(crate) const STYLE: &str = "text/css; charset=utf-8";

/// A file by its path from the root of the repository.
macro_rules! file {
    ($media:expr, $($path:literal),+) => {
        $crate::assets::File {
            media: $media,
            bytes: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $($path),+)),
        }
    };
}
pub(crate) use file;

/// A file with the name of its content: a browser asks whether it has changed, and is sent nothing if
/// it has not. After an update the next load has it all; a page that loads just while nodes of two versions
/// answer may meet both, and is loaded again.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    file: &'static File,
    tag: HeaderValue,
}

impl Asset {
    pub(crate) fn new(file: &'static File) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(file.bytes);
        let tag = format!("\"{:016x}\"", hasher.finish());
        Self { file, tag: HeaderValue::try_from(tag).expect("hexadecimal digits in quotes") }
    }

    /// The answer to a request with these headers, for a page that may do what `policy` says.
    pub(crate) fn answer(&self, asked: &HeaderMap, policy: &HeaderValue) -> Response {
        let known = asked.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &self.tag));
        let body = if known { Body::empty() } else { Body::from(self.file.bytes) };
        let mut response = Response::new(body);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.file.media));
        headers.insert(CONTENT_SECURITY_POLICY, policy.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, self.tag.clone());
        response
    }
}

/// Whether a list of entity tags names this one (RFC 9110 §13.1.2; compared weakly).
fn names(tags: &HeaderValue, tag: &HeaderValue) -> bool {
    let Ok(tags) = tags.to_str() else { return false };
    tags.split(',')
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    static TEXT: File = File { media: HTML, bytes: b"hello" };

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let (asset, policy) = (Asset::new(&TEXT), HeaderValue::from_static("default-src 'none'"));
        let first = asset.answer(&HeaderMap::new(), &policy);
        assert_eq!(
            (first.status(), &first.headers()[CONTENT_SECURITY_POLICY]),
            (StatusCode::OK, &policy)
        );
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "hello");
        for (has, status) in [
            (tag.clone(), StatusCode::NOT_MODIFIED),
            (format!("\"other\", W/{tag}"), StatusCode::NOT_MODIFIED),
            ("\"other\"".to_owned(), StatusCode::OK),
        ] {
            let mut asked = HeaderMap::new();
            asked.insert(IF_NONE_MATCH, HeaderValue::try_from(has).unwrap());
            assert_eq!(asset.answer(&asked, &policy).status(), status);
        }
    }
}
