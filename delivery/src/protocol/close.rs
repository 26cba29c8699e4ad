//! Close codes. 44xx: change something before you come back; 45xx, 1001, 1012: come back, with
//! jitter. A code is never given another meaning. The table in docs/PROTOCOL.md is made from this file.

/// Why a socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// Code (RFC 6455 §7.4; 4000 and above are ours).
    pub(crate) code: u16,
    /// For people.
    pub(crate) reason: &'static str,
}

const fn close(code: u16, reason: &'static str) -> Close {
    Close { code, reason }
}

/// The peer said goodbye or is gone: nothing is sent.
pub(crate) const NORMAL: Close = close(1000, "");
/// No sign of life for 60 s: reconnect.
pub(crate) const SILENT: Close = close(1001, "no sign of life");
/// The node shuts down: reconnect, with jitter.
pub(crate) const RESTART: Close = close(1012, "the server restarts");
/// At once: broken WebSocket or UTF-8, or a first frame that is not a request. Later: the fifth frame that
/// is not JSON or has no `id`, each answered with an error.
pub(crate) const BAD_FRAME: Close = close(4400, "not a request");
/// A binary frame.
pub(crate) const BINARY: Close = close(4400, "frames are text");
/// The token shown is not valid: show another one.
pub(crate) const TOKEN: Close = close(4401, "no valid token");
/// Nobody has authenticated within 10 s.
pub(crate) const AUTH_LATE: Close = close(4401, "no auth frame in time");
/// The session has ended, or was not refreshed for seven days: sign in again.
pub(crate) const SESSION: Close = close(4403, "the session has ended");
/// A frame over 128 KiB.
pub(crate) const TOO_LARGE: Close = close(4413, "the frame is too large");
/// Too many frames for too long.
pub(crate) const RATE: Close = close(4429, "too many frames");
/// Too many sockets of one user on a node.
pub(crate) const SOCKETS: Close = close(4429, "too many sockets of this user");
/// The server can not check who it is now: reconnect, with jitter.
pub(crate) const OVERLOAD: Close = close(4503, "overloaded");
/// A slow reader: what waited for it was dropped. Reconnect, with jitter.
pub(crate) const SLOW: Close = close(4508, "too slow to read");

#[cfg(test)]
mod tests {
    use platform::telemetry::label;

    #[test]
    fn every_code_is_one_that_closed_sockets_are_counted_by() {
        let rows =
            include_str!("close.rs").lines().filter(|line| line.contains(": Close = close("));
        let mut codes: Vec<&str> = rows
            .filter_map(|line| {
                line.split(['(', ','])
                    .find(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit()))
            })
            .collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, label::CODE.values);
    }
}
