//! A client that costs next to nothing: bytes in, bytes out, for measuring on the machine that also
//! runs the server, and for input that a proper client refuses to send.
//!
//! Requests are built once; answers are searched, not parsed. It trusts the server's form and gives
//! up on anything else: correctness is judged by the other client (`remote`).

mod frame;
mod http;
mod socket;

pub use frame::{close_code, mask_free};
pub use http::{Conn, Head};
pub use socket::{PONG, Reader, Writer, open, open_apart, resume, stock};

/// Where `needle` begins in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// The text between `key` and the next quote: the value of a string field without escapes.
pub fn text_after<'a>(bytes: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let start = find(bytes, key)? + key.len();
    let rest = bytes.get(start..)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    rest.get(..end)
}

/// A number in decimal, from its first byte to the first that is no digit.
pub fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit());
    let mut value: Option<u64> = None;
    for digit in digits {
        let digit = u64::from(digit - b'0');
        value = value.unwrap_or_default().checked_mul(10)?.checked_add(digit);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let frame = br#"{"id":"17","ok":true}"#;
        assert_eq!(text_after(frame, br#""id":""#), Some(&b"17"[..]));
        assert_eq!(number(b"17\","), Some(17));
        assert_eq!(number(b"x"), None);
        assert_eq!(find(frame, b"nope"), None);
    }
}
