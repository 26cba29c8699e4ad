//! Places for sockets: so many on the node, and so many from one address that have not said who they
//! are. Authenticated sockets are bounded by user instead (`registry`): many users may share one
//! address. Both are counted before the upgrade, so that a refusal costs one answer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::ConnectInfo;
use http::request::Parts;
use parking_lot::Mutex;
use schemas::{ApiError, Code};

use crate::Delivery;

/// Wait that a refusal asks for.
const RETRY_MS: u64 = 1_000;

/// Sockets by address that are not authenticated yet. Has no more entries than there are sockets.
pub(crate) type Strangers = Mutex<HashMap<IpAddr, usize>>;

/// A socket's place among those of the node; dropping it frees it.
pub(crate) struct Place {
    delivery: Arc<Delivery>,
    /// The address that it counts for as long as nobody knows whose it is.
    stranger: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.authenticated();
        self.delivery.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// A place for a socket; `stranger`: where it comes from, if it is not known whose it is.
    pub(super) fn take(
        delivery: &Arc<Delivery>,
        stranger: Option<IpAddr>,
    ) -> Result<Self, ApiError> {
        let mut place = Self { delivery: delivery.clone(), stranger: None };
        let open = delivery.open.fetch_add(1, Ordering::Relaxed);
        if open >= delivery.config.max_sockets || delivery.stopping.begun() {
            let error = ApiError::new(Code::Overloaded, "no room for a socket");
            return Err(error.retry_after(RETRY_MS));
        }
        if let Some(address) = stranger {
            let mut strangers = delivery.strangers.lock();
            let count = strangers.entry(address).or_default();
            if *count >= delivery.config.max_unauthenticated {
                let error = "too many sockets of this address wait for their first frame";
                return Err(ApiError::new(Code::RateLimited, error).retry_after(RETRY_MS));
            }
            *count += 1;
            place.stranger = Some(address);
        }
        Ok(place)
    }

    /// It is known whose socket this is.
    pub(crate) fn authenticated(&mut self) {
        let Some(address) = self.stranger.take() else { return };
        let mut strangers = self.delivery.strangers.lock();
        let Some(count) = strangers.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            strangers.remove(&address);
            if strangers.is_empty() {
                // What a storm needed is not kept.
                strangers.shrink_to(64);
            }
        }
    }
}

/// Where a request comes from: the peer, or, behind a trusted proxy, the last address in
/// `X-Forwarded-For` that is not such a proxy itself. What stands before it could be made up by the
/// client. An IPv6 client commonly has a whole /64 and counts as one.
pub(super) fn address(parts: &Parts, trusted: &[IpAddr]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let peer = peer.ip().to_canonical();
    let named = if trusted.contains(&peer) {
        let chain = parts.headers.get_all("x-forwarded-for").iter();
        let chain: Vec<Option<IpAddr>> = chain
            .flat_map(|value| value.to_str().unwrap_or_default().split(','))
            .map(|ip| ip.trim().parse::<IpAddr>().ok())
            .collect();
        // What stands before something unreadable was not seen by our proxies.
        let mut seen = chain.into_iter().rev().map_while(|ip| ip.map(|ip| ip.to_canonical()));
        seen.find(|ip| !trusted.contains(ip))
    } else {
        None
    };
    Some(match named.unwrap_or(peer) {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip @ IpAddr::V4(_) => ip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut request = http::Request::builder();
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: IpAddr = peer.parse().unwrap();
        parts.extensions.insert(ConnectInfo(SocketAddr::from((peer, 1))));
        let trusted = ["10.0.0.1", "10.0.0.2"].map(|ip| ip.parse().unwrap());
        address(&parts, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_it_saw_itself() {
        assert_eq!(from("192.0.2.1", &["198.51.100.1"]), "192.0.2.1");
        assert_eq!(from("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &["unknown, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(from("::ffff:10.0.0.1", &["1.1.1.1", "2.2.2.2, 10.0.0.2"]), "2.2.2.2");
    }

    #[test]
    fn an_ipv6_network_counts_as_one_client() {
        assert_eq!(from("2001:db8:1:2:3:4:5:6", &[]), "2001:db8:1:2::");
        assert_eq!(from("2001:db8:1:2::9", &[]), "2001:db8:1:2::");
    }

    #[test]
    fn nobody_is_counted_where_addresses_are_not_known() {
        let (parts, ()) = http::Request::new(()).into_parts();
        assert_eq!(address(&parts, &[]), None);
    }
}
