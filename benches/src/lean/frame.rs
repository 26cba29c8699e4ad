//! WebSocket frames (RFC 6455 §5.2), as far as this client needs them.

/// A text frame from a client, masked with a key of zeros: the payload stays as it is, and a frame
/// can be built once and patched in place.
pub fn mask_free(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(0x81);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => frame.push(0x80 | short),
        (_, Ok(medium)) => {
            frame.push(0xfe);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend_from_slice(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A whole frame from a server at the start of `bytes`: opcode, and where its payload lies.
pub(super) fn parse(bytes: &[u8]) -> Option<(u8, std::ops::Range<usize>)> {
    let opcode = bytes.first()? & 0x0f;
    let (start, length) = match bytes.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => {
            let length = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            (10, usize::try_from(length).ok()?)
        }
        short => (2, usize::from(short)),
    };
    let end = start + length;
    (bytes.len() >= end).then_some((opcode, start..end))
}

/// The code in a close frame's payload; 1005 if it has none (RFC 6455 §7.1.5).
pub fn close_code(payload: &[u8]) -> u16 {
    payload.first_chunk::<2>().map_or(1005, |code| u16::from_be_bytes(*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_three_forms_are_read() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let mut frame = mask_free(&vec![b'x'; length]);
            // As a server would send it: no mask bit, no key.
            frame[1] &= 0x7f;
            let header = frame.len() - length - 4;
            frame.drain(header..header + 4);
            let (opcode, payload) = parse(&frame).unwrap();
            assert_eq!((opcode, payload.len()), (1, length));
            assert!(parse(&frame[..frame.len() - 1]).is_none());
        }
    }
}
