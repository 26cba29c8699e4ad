//! The one table of errors: code → status, retryable. REST, `/ws` frames and replies of the fold
//! use the same codes; clients may rely on them, so a code is never renamed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $text:literal $status:literal $retryable:literal;)*) => {
        /// Stable, machine-readable error codes.
        #[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Whether the same request may be sent again and succeed without being changed.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    /// A field is missing, of the wrong type or out of its bounds.
    ValidationFailed "validation_failed" 400 false;
    /// An id is not a hyphenated UUID.
    MalformedId "malformed_id" 400 false;
    /// The body or frame is not JSON.
    MalformedJson "malformed_json" 400 false;
    /// A field that this request does not have.
    UnknownField "unknown_field" 400 false;
    /// Neither content nor metadata.
    EmptyMessage "empty_message" 400 false;
    /// The message was deleted.
    MessageDeleted "message_deleted" 400 false;
    /// One command would touch more than a command may.
    TooManyEffects "too_many_effects" 400 false;
    /// A type or version that this server does not serve.
    Unsupported "unsupported" 400 false;
    /// No token, or not a valid one.
    Unauthenticated "unauthenticated" 401 false;
    /// The access token has expired: refresh it.
    TokenExpired "token_expired" 401 false;
    /// The session was ended: sign in again.
    SessionEnded "session_ended" 401 false;
    /// Unknown account or wrong password; the same answer for both.
    InvalidCredentials "invalid_credentials" 401 false;
    /// Not a member of the conversation, or there is no such conversation.
    NotMember "not_member" 403 false;
    /// The caller may not do this.
    Forbidden "forbidden" 403 false;
    /// One of the two has blocked the other.
    Blocked "blocked" 403 false;
    /// No such thing, or not the caller's to see.
    NotFound "not_found" 404 false;
    /// The route exists, the method does not.
    MethodNotAllowed "method_not_allowed" 405 false;
    /// The state does not allow it.
    Conflict "conflict" 409 false;
    /// The same client id or Idempotency-Key came before with another body.
    IdempotencyMismatch "idempotency_mismatch" 409 false;
    /// Already a member.
    AlreadyMember "already_member" 409 false;
    /// The username is taken.
    UsernameTaken "username_taken" 409 false;
    /// The e-mail address is taken.
    EmailTaken "email_taken" 409 false;
    /// The body or frame is larger than the limit.
    TooLarge "too_large" 413 false;
    /// Too many requests: wait for Retry-After.
    RateLimited "rate_limited" 429 true;
    /// A defect of the server; the request id finds it in the log.
    Internal "internal" 500 false;
    /// Refused before anything was written: retry after Retry-After.
    Overloaded "overloaded" 503 true;
    /// The request has had no effect or one: a retry with the same client id or key tells.
    OutcomeUnknown "outcome_unknown" 503 true;
}

/// An error as a client gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{}: {message}", code.text())]
pub struct ApiError {
    /// Stable code.
    pub code: Code,
    /// For people, in plain words; not stable.
    pub message: Cow<'static, str>,
    /// One line per mistake, for validation errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// When a retry makes sense, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ApiError {
    /// An error of this code.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), retry_after_ms: None }
    }

    /// A validation error that names every mistake.
    pub fn invalid(details: Vec<String>) -> Self {
        let message = details.first().cloned().unwrap_or_else(|| "invalid request".to_owned());
        Self { details, ..Self::new(Code::ValidationFailed, message) }
    }

    /// The same, with the time after which a retry makes sense.
    pub fn retry_after(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_serialise_as_their_text() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{}\"", code.text()));
        }
    }

    #[test]
    fn only_refusals_without_a_verdict_are_retryable() {
        let retryable: Vec<_> =
            Code::ALL.iter().filter(|c| c.retryable()).map(|c| c.text()).collect();
        assert_eq!(retryable, ["rate_limited", "overloaded", "outcome_unknown"]);
    }
}
