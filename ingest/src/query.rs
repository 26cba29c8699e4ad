//! Query parameters: unknown ones are ignored, known ones are read strictly. Pages and cursors.

use axum::extract::{FromRequestParts, Query};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::request::Parts;
use schemas::{ApiError, limits};
use serde::Serialize;

use crate::error::Failure;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        if parts.uri.query().is_none() {
            return Ok(Self::default());
        }
        let read = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        match read {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(_) => Err(invalid("the query string can not be read")),
        }
    }
}

fn invalid(why: impl Into<String>) -> Failure {
    ApiError::invalid(vec![why.into()]).into()
}

impl Params {
    /// The first value of that name that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// `true` or `false`, also as `1` and `0`.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(invalid(format!("{name} must be true or false"))),
        }
    }

    /// A whole number from `least` to [`limits::WHOLE_MAX`].
    pub(crate) fn number(&self, name: &str, least: i64) -> Result<Option<i64>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse::<i64>() {
            Ok(number) if (least..=limits::WHOLE_MAX).contains(&number) => Ok(Some(number)),
            _ => Err(invalid(format!(
                "{name} must be a whole number from {least} to {}",
                limits::WHOLE_MAX
            ))),
        }
    }

    /// `page` and `limit`; a limit over [`limits::PAGE_MAX`] is cut.
    pub(crate) fn page(&self, default: u32) -> Result<Page, Failure> {
        let limit = self.number("limit", 1)?.unwrap_or_else(|| i64::from(default));
        Ok(Page {
            page: self.number("page", 1)?.unwrap_or(1),
            limit: limit.min(i64::from(limits::PAGE_MAX)),
        })
    }

    /// An opaque cursor of `N` bytes.
    pub(crate) fn cursor<const N: usize>(&self, name: &str) -> Result<Option<[u8; N]>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(cursor) => Ok(Some(cursor)),
            None => Err(invalid(format!("{name} is not a cursor of this list"))),
        }
    }
}

/// The text of an opaque cursor.
pub(crate) fn cursor_text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) page: i64,
    /// From 1 to [`limits::PAGE_MAX`].
    pub(crate) limit: i64,
}

impl Page {
    /// Items before the page.
    pub(crate) fn offset(self) -> i64 {
        self.page.saturating_sub(1).saturating_mul(self.limit)
    }

    /// As answers tell it.
    pub(crate) fn of(self, total: i64) -> Pagination {
        Pagination {
            page: self.page,
            limit: self.limit,
            total,
            total_pages: total.div_euclid(self.limit) + i64::from(total.rem_euclid(self.limit) > 0),
        }
    }

    /// The page's part of a list that is in memory.
    pub(crate) fn slice<T>(self, list: &[T]) -> &[T] {
        let at = |number: i64| usize::try_from(number).unwrap_or(usize::MAX).min(list.len());
        let (from, to) = (at(self.offset()), at(self.offset().saturating_add(self.limit)));
        list.get(from..to).unwrap_or_default()
    }

    /// The page's part of a list that is sorted by `place`, the largest first, and whether more
    /// follows. A cursor is the place of the last item shown before; it need not be there any more.
    pub(crate) fn part<T, P: Ord>(
        self,
        list: &[T],
        cursor: Option<P>,
        place: impl Fn(&T) -> P,
    ) -> (&[T], bool) {
        let (rest, page) = match cursor {
            None => (list, self),
            Some(last) => {
                let after = list.partition_point(|item| place(item) >= last);
                (list.get(after..).unwrap_or_default(), Self { page: 1, ..self })
            }
        };
        let shown = page.slice(rest);
        let last = |items: &[T]| items.last().map(&place);
        (shown, !shown.is_empty() && last(shown) != last(rest))
    }
}

/// Page information of a list.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pagination {
    pub(crate) page: i64,
    pub(crate) limit: i64,
    pub(crate) total: i64,
    pub(crate) total_pages: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        let uri = format!("/x?{query}").parse().unwrap();
        Params(Query::try_from_uri(&uri).unwrap().0)
    }

    #[test]
    fn pages_have_bounds() {
        let page = |query| params(query).page(50).map_err(|f| f.api.code.status());
        assert_eq!(page(""), Ok(Page { page: 1, limit: 50 }));
        assert_eq!(page("limit=5000&page=3&other=x"), Ok(Page { page: 3, limit: 100 }));
        for bad in [
            "limit=0",
            "limit=-1",
            "limit=NaN",
            "limit=1.5",
            "page=0",
            "page=x",
            "page=99999999999999999999",
        ] {
            assert_eq!(page(bad), Err(400), "{bad}");
        }
        let far = Page { page: i64::MAX, limit: 100 };
        assert_eq!(far.slice(&[1, 2, 3]), &[] as &[i32]);
        assert_eq!(Page { page: 2, limit: 2 }.slice(&[1, 2, 3]), &[3]);
        let total_pages = |total| Page { page: 1, limit: 50 }.of(total).total_pages;
        assert_eq!([0, 1, 50, 51].map(total_pages), [0, 1, 1, 2]);
    }

    #[test]
    fn booleans_are_read_as_booleans() {
        assert_eq!(params("a=false").boolean("a").unwrap(), Some(false));
        assert_eq!(params("a=true").boolean("a").unwrap(), Some(true));
        assert_eq!(params("a=").boolean("a").unwrap(), None);
        assert!(params("a=yes").boolean("a").is_err());
    }

    #[test]
    fn a_cursor_reads_back_and_others_are_refused() {
        let text = cursor_text(&[1, 2, 3]);
        assert_eq!(params(&format!("c={text}")).cursor::<3>("c").unwrap(), Some([1, 2, 3]));
        assert!(params(&format!("c={text}")).cursor::<4>("c").is_err());
        assert!(params("c=%F0%9F").cursor::<3>("c").is_err());
        assert!(params("c=***").cursor::<3>("c").is_err());
    }
}
