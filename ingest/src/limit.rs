//! Rate limits: which request is in which class, on whose account, and the headers that say so.
//!
//! One table decides. Authenticated requests count for their user, others for their address (a /64
//! for IPv6). Logins count for their account too, but by network: nobody can lock out an account for
//! anybody but his own neighbours. Wrong passwords from everywhere together have a larger limit,
//! behind which a wrong password is answered with 429 instead of 401; it never stops a right one.
//! If the store of limits does not answer, requests pass: a limit protects the service,
//! and must not be what takes it down (G-20).

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{HeaderName as Name, Method};
use platform::Ephemeral;
use platform::port::ephemeral::{Quota, Verdict};
use platform::telemetry::Metrics;
use prometheus::IntCounter;
use schemas::{ApiError, Code, UserId};

use crate::config::{Limits, Rate};

/// Classes of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Registration, login, refresh, logout.
    Auth,
    /// Logins to one account, from one network.
    Account,
    /// Wrong passwords for one account, from everywhere.
    Guesses,
    /// Sending, and whatever else happens to messages; reading them, too.
    Messages,
    /// Other writes.
    Writes,
    /// Reads.
    Reads,
    /// Searches.
    Search,
    /// What sockets tell that is only worth something now: typing, calls.
    Signals,
}

const CLASSES: usize = 8;

/// How many times the logins of one network the wrong passwords of all may be.
const GUESSES: u32 = 10;

/// Method (none: any), start and end of the path → class. The first match counts; no match, no limit.
const TABLE: [(Option<Method>, &str, &str, Class); 8] = [
    (None, "/api/v1/auth/", "", Class::Auth),
    (Some(Method::GET), "/api/v1/users/search", "", Class::Search),
    (Some(Method::GET), "/api/v1/", "", Class::Reads),
    (Some(Method::HEAD), "/api/v1/", "", Class::Reads),
    (None, "/api/v1/messages", "", Class::Messages),
    // Asks with a body because the list is long.
    (Some(Method::POST), "/api/v1/presence/batch", "", Class::Reads),
    // As frequent as messages: at every look at a conversation.
    (None, "/api/v1/conversations/", "/read", Class::Messages),
    (None, "/api/v1/", "", Class::Writes),
];

/// The class of a request.
pub(crate) fn class_of(method: &Method, path: &str) -> Option<Class> {
    TABLE
        .iter()
        .find(|(wanted, start, end, _)| {
            path.starts_with(start)
                && path.ends_with(end)
                && wanted.as_ref().is_none_or(|wanted| wanted == method)
        })
        .map(|(.., class)| *class)
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Guesses => "guesses",
            Self::Messages => "messages",
            Self::Writes => "writes",
            Self::Reads => "reads",
            Self::Search => "search",
            Self::Signals => "signals",
        }
    }
}

/// On whose account a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account<'a> {
    User(UserId),
    Address(Option<IpAddr>),
    /// An account that is to be signed in to, from the network of this address: /24, or /64.
    From(&'a str, Option<IpAddr>),
    /// An account that is to be signed in to.
    Named(&'a str),
}

impl Account<'_> {
    fn key(self, class: Class) -> String {
        let class = class.name();
        match self {
            Self::User(user) => format!("{class}:u:{user}"),
            Self::Address(Some(IpAddr::V4(ip))) => format!("{class}:a:{ip}"),
            Self::Address(Some(IpAddr::V6(ip))) => format!("{class}:a:{}", network(ip)),
            Self::Address(None) => format!("{class}:a:unknown"),
            Self::From(name, ip) => {
                let network = match ip {
                    Some(IpAddr::V4(ip)) => {
                        let [a, b, c, _] = ip.octets();
                        format!("{a}.{b}.{c}")
                    }
                    Some(IpAddr::V6(ip)) => network(ip),
                    None => "unknown".to_owned(),
                };
                format!("{class}:f:{network}:{name}")
            }
            Self::Named(name) => format!("{class}:n:{name}"),
        }
    }
}

/// One customer has at least a /64 to choose addresses from.
fn network(ip: Ipv6Addr) -> String {
    let [a, b, c, d, ..] = ip.segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}")
}

/// A class with its limit, ready to be asked and told.
#[derive(Debug)]
struct Rule {
    quota: Option<Quota>,
    policy: HeaderValue,
    burst: HeaderValue,
    refused: IntCounter,
}

/// The limits of a node.
#[derive(Debug)]
pub(crate) struct Limiter {
    rules: [Rule; CLASSES],
}

/// What a limiter said about one request, for its headers.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    class: Class,
    rule: &'a Rule,
    verdict: Verdict,
}

const LIMIT: HeaderName = Name::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = Name::from_static("x-ratelimit-remaining");
const RESET: HeaderName = Name::from_static("x-ratelimit-reset");
const POLICY: HeaderName = Name::from_static("ratelimit-policy");
const STATE: HeaderName = Name::from_static("ratelimit");

impl Limiter {
    pub(crate) fn new(limits: &Limits, metrics: &Metrics) -> Self {
        let rule = |class: Class, rate: Rate| {
            let Rate { burst, per_minute } = rate;
            let per_second = f64::from(per_minute.max(1)) / 60.0;
            let window = (u64::from(burst) * 60).div_ceil(u64::from(per_minute.max(1))).max(1);
            let policy = format!("\"{}\";q={burst};w={window}", class.name());
            Rule {
                quota: (burst > 0).then_some(Quota { burst, per_second }),
                policy: HeaderValue::from_str(&policy).expect("visible ASCII"),
                burst: HeaderValue::from(burst),
                refused: metrics.rate_limited.with_label_values(&[class.name()]),
            }
        };
        let guesses = Rate {
            burst: limits.account.burst.saturating_mul(GUESSES),
            per_minute: limits.account.per_minute.saturating_mul(GUESSES),
        };
        Self {
            rules: [
                rule(Class::Auth, limits.auth),
                rule(Class::Account, limits.account),
                rule(Class::Guesses, guesses),
                rule(Class::Messages, limits.messages),
                rule(Class::Writes, limits.writes),
                rule(Class::Reads, limits.reads),
                rule(Class::Search, limits.search),
                rule(Class::Signals, limits.signals),
            ],
        }
    }

    fn rule(&self, class: Class) -> &Rule {
        let [auth, account, guesses, messages, writes, reads, search, signals] = &self.rules;
        match class {
            Class::Auth => auth,
            Class::Account => account,
            Class::Guesses => guesses,
            Class::Messages => messages,
            Class::Writes => writes,
            Class::Reads => reads,
            Class::Search => search,
            Class::Signals => signals,
        }
    }

    /// Counts one request; none if its class has no limit or nobody can count.
    pub(crate) async fn take(
        &self,
        store: &dyn Ephemeral,
        class: Class,
        account: Account<'_>,
    ) -> Option<Told<'_>> {
        let rule = self.rule(class);
        let quota = rule.quota?;
        match store.take(&account.key(class), quota).await {
            Ok(verdict) => {
                if !verdict.allowed {
                    rule.refused.inc();
                }
                Some(Told { class, rule, verdict })
            }
            Err(error) => {
                tracing::debug!(%error, "limits are not counted");
                None
            }
        }
    }

    /// Counts one request that gets no headers.
    pub(crate) async fn check(
        &self,
        store: &dyn Ephemeral,
        class: Class,
        account: Account<'_>,
    ) -> Result<(), ApiError> {
        match self.take(store, class, account).await {
            Some(told) => told.verdict(),
            None => Ok(()),
        }
    }
}

fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl Told<'_> {
    /// Whether the request may pass.
    pub(crate) fn verdict(&self) -> Result<(), ApiError> {
        if self.verdict.allowed {
            return Ok(());
        }
        let wait = u64::try_from(self.verdict.reset.as_millis()).unwrap_or(u64::MAX);
        Err(ApiError::new(Code::RateLimited, "too many requests: wait for Retry-After")
            .retry_after(wait.max(1)))
    }

    /// draft-ietf-httpapi-ratelimit-headers-10, and the names that clients of the predecessor read.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let reset = seconds(self.verdict.reset);
        let remaining = self.verdict.remaining;
        headers.insert(LIMIT, self.rule.burst.clone());
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(reset));
        headers.insert(POLICY, self.rule.policy.clone());
        let state = format!("\"{}\";r={remaining};t={reset}", self.class.name());
        if let Ok(state) = HeaderValue::try_from(state) {
            headers.insert(STATE, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_puts_every_route_into_its_class() {
        let class = |method: Method, path| class_of(&method, path);
        assert_eq!(class(Method::POST, "/api/v1/auth/login"), Some(Class::Auth));
        assert_eq!(class(Method::POST, "/api/v1/messages"), Some(Class::Messages));
        assert_eq!(class(Method::PATCH, "/api/v1/messages/x"), Some(Class::Messages));
        assert_eq!(class(Method::GET, "/api/v1/messages"), Some(Class::Reads));
        assert_eq!(class(Method::POST, "/api/v1/conversations/x/read"), Some(Class::Messages));
        assert_eq!(class(Method::POST, "/api/v1/conversations/x/leave"), Some(Class::Writes));
        assert_eq!(class(Method::HEAD, "/api/v1/users/me"), Some(Class::Reads));
        assert_eq!(class(Method::GET, "/api/v1/users/search"), Some(Class::Search));
        assert_eq!(class(Method::POST, "/api/v1/conversations"), Some(Class::Writes));
        assert_eq!(class(Method::DELETE, "/api/v1/x"), Some(Class::Writes));
        assert_eq!(class(Method::GET, "/healthz"), None);
    }

    #[test]
    fn addresses_count_by_host_or_by_network() {
        let key = |ip: &str| Account::Address(Some(ip.parse().unwrap())).key(Class::Auth);
        assert_eq!(key("10.1.2.3"), "auth:a:10.1.2.3");
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn logins_count_by_account_and_network() {
        let key = |ip: &str| Account::From("alice", ip.parse().ok()).key(Class::Account);
        assert_eq!(key("10.1.2.3"), "account:f:10.1.2:alice");
        assert_eq!(key("10.1.2.3"), key("10.1.2.250"));
        assert_ne!(key("10.1.2.3"), key("10.1.3.3"));
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn headers_tell_policy_and_state() {
        let limiter = Limiter::new(&Limits::default(), &Metrics::new());
        let verdict = Verdict { allowed: false, remaining: 0, reset: Duration::from_millis(1_400) };
        let told = Told { class: Class::Auth, rule: limiter.rule(Class::Auth), verdict };
        let mut headers = HeaderMap::new();
        told.write(&mut headers);
        for (name, value) in [
            ("x-ratelimit-limit", "100"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "2"),
            ("ratelimit-policy", "\"auth\";q=100;w=60"),
            ("ratelimit", "\"auth\";r=0;t=2"),
        ] {
            assert_eq!(headers[name], value, "{name}");
        }
        let error = told.verdict().unwrap_err();
        assert_eq!((error.code, error.retry_after_ms), (Code::RateLimited, Some(1_400)));
    }
}
