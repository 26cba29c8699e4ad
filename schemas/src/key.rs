//! Order-preserving key codec of the embedded store: comparing two encoded keys as bytes gives the
//! order of the columns. Descending columns are inverted byte by byte.
//!
//! | type | bytes |
//! |---|---|
//! | uuid | its 16 bytes |
//! | bigint | 8 bytes big-endian, sign bit flipped |
//! | boolean | 1 byte |
//! | text, blob | the bytes with `00` written as `00 ff`, then `00 00` |

use bytes::Bytes;
use uuid::Uuid;

use crate::table::{Kind, Order, Value};

/// Appends one column.
pub fn encode(out: &mut Vec<u8>, value: &Value, order: Order) {
    let start = out.len();
    match value {
        Value::Uuid(id) => out.extend_from_slice(id.as_bytes()),
        Value::Int(number) => {
            out.extend_from_slice(&(number.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        }
        Value::Bool(flag) => out.push(u8::from(*flag)),
        Value::Text(text) => escape(out, text.as_bytes()),
        Value::Blob(bytes) => escape(out, bytes),
    }
    if order == Order::Desc {
        for byte in out.iter_mut().skip(start) {
            *byte = !*byte;
        }
    }
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(*byte);
        if *byte == 0 {
            out.push(0xff);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// Reads one column and moves `input` past it; none if the bytes are not such a column.
pub fn decode(input: &mut &[u8], kind: Kind, order: Order) -> Option<Value> {
    let flip = if order == Order::Desc { 0xff } else { 0 };
    let mut take = |n: usize| {
        let (head, rest) = input.split_at_checked(n)?;
        *input = rest;
        Some(head.iter().map(|b| b ^ flip).collect::<Vec<u8>>())
    };
    match kind {
        Kind::Uuid => Some(Value::Uuid(Uuid::from_slice(&take(16)?).ok()?)),
        Kind::Int => {
            let raw = u64::from_be_bytes(<[u8; 8]>::try_from(take(8)?.as_slice()).ok()?);
            Some(Value::Int((raw ^ (1 << 63)).cast_signed()))
        }
        Kind::Bool => match take(1)?.first()? {
            0 => Some(Value::Bool(false)),
            1 => Some(Value::Bool(true)),
            _ => None,
        },
        Kind::Text => {
            let bytes = unescape(input, flip)?;
            String::from_utf8(bytes).ok().map(Value::Text)
        }
        Kind::Blob => unescape(input, flip).map(|b| Value::Blob(Bytes::from(b))),
    }
}

fn unescape(input: &mut &[u8], flip: u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        let byte = byte ^ flip;
        if byte != 0 {
            out.push(byte);
            continue;
        }
        let (mark, rest) = input.split_first()?;
        *input = rest;
        match mark ^ flip {
            0 => return Some(out),
            0xff => out.push(0),
            _ => return None,
        }
    }
}

/// The smallest byte string greater than every string that starts with `prefix`; none if there is
/// no such string.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(kind: Kind) -> BoxedStrategy<Value> {
        match kind {
            Kind::Uuid => any::<u128>().prop_map(|n| Value::Uuid(Uuid::from_u128(n))).boxed(),
            Kind::Int => any::<i64>().prop_map(Value::Int).boxed(),
            Kind::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
            Kind::Text => "[\\x00-\\x02a-c]{0,6}".prop_map(Value::Text).boxed(),
            Kind::Blob => {
                proptest::collection::vec(prop_oneof![Just(0u8), Just(255), any::<u8>()], 0..6)
                    .prop_map(|b| Value::Blob(Bytes::from(b)))
                    .boxed()
            }
        }
    }

    fn pair() -> impl Strategy<Value = (Kind, Order, Value, Value)> {
        (
            prop_oneof![
                Just(Kind::Uuid),
                Just(Kind::Int),
                Just(Kind::Bool),
                Just(Kind::Text),
                Just(Kind::Blob)
            ],
            prop_oneof![Just(Order::Asc), Just(Order::Desc)],
        )
            .prop_flat_map(|(kind, order)| (Just(kind), Just(order), values(kind), values(kind)))
    }

    proptest! {
        #[test]
        fn keys_read_back_and_sort_as_their_values((kind, order, a, b) in pair()) {
            let bytes = |value: &Value| {
                let mut out = Vec::new();
                encode(&mut out, value, order);
                out
            };
            let (ka, kb) = (bytes(&a), bytes(&b));
            let mut input = ka.as_slice();
            prop_assert_eq!(decode(&mut input, kind, order), Some(a.clone()));
            prop_assert!(input.is_empty());
            let expected = if order == Order::Asc { a.cmp(&b) } else { b.cmp(&a) };
            prop_assert_eq!(ka.cmp(&kb), expected);
        }
    }

    #[test]
    fn the_end_of_a_prefix_carries_over() {
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff]), None);
    }
}
