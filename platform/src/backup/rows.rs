//! Bytes of a file of pairs: all keys of one database in order, each with its value.
//!
//! `PLPAIRS1`, then for each pair: length of the key and of the value (u32, little-endian), key, value;
//! at the end a length of `0xffff_ffff` and the number of pairs (u64). It belongs to no engine: a backup
//! can be restored by a version whose tables lie differently. Written for ever: a change takes a new
//! first word.

use std::io::{self, BufRead, Read};

use bytes::Bytes;

pub(super) const MAGIC: &[u8; 8] = b"PLPAIRS1";
const END: u32 = u32::MAX;
/// No key and no value is larger: more is damage.
const PART_MAX: u32 = 64 << 20;

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// Says what stands around pairs.
#[derive(Default)]
pub(super) struct Encoder {
    count: u64,
}

impl Encoder {
    /// What comes before a key and its value.
    pub(super) fn head(&mut self, key: &[u8], value: &[u8]) -> io::Result<[u8; 8]> {
        let length = |part: &[u8]| {
            let length = u32::try_from(part.len()).ok().filter(|length| *length <= PART_MAX);
            length.ok_or_else(|| bad("a key or value is larger than 64 MiB"))
        };
        let (key, value) = (length(key)?.to_le_bytes(), length(value)?.to_le_bytes());
        self.count += 1;
        let mut head = [0; 8];
        head[..4].copy_from_slice(&key);
        head[4..].copy_from_slice(&value);
        Ok(head)
    }

    /// What comes after the last.
    pub(super) fn tail(self) -> [u8; 12] {
        let mut tail = [0; 12];
        tail[..4].copy_from_slice(&END.to_le_bytes());
        tail[4..].copy_from_slice(&self.count.to_le_bytes());
        tail
    }
}

/// Reads pairs.
pub(super) struct Reader<R> {
    input: R,
    count: u64,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(mut input: R) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        input.read_exact(&mut magic)?;
        if &magic == MAGIC { Ok(Self { input, count: 0 }) } else { Err(bad("these are no pairs")) }
    }

    fn number(&mut self) -> io::Result<u32> {
        let mut raw = [0; 4];
        self.input.read_exact(&mut raw)?;
        Ok(u32::from_le_bytes(raw))
    }

    fn part(&mut self, length: u32) -> io::Result<Bytes> {
        let mut part = Vec::new();
        let read = (&mut self.input).take(length.into()).read_to_end(&mut part)?;
        if u32::try_from(read) == Ok(length) { Ok(part.into()) } else { Err(bad("it ends early")) }
    }

    /// The next pair; none: that was all, and it was as many as were written.
    pub(super) fn next(&mut self) -> io::Result<Option<(Bytes, Bytes)>> {
        let key = self.number()?;
        if key == END {
            let mut count = [0; 8];
            self.input.read_exact(&mut count)?;
            let whole =
                u64::from_le_bytes(count) == self.count && self.input.fill_buf()?.is_empty();
            return if whole { Ok(None) } else { Err(bad("pairs are missing")) };
        }
        let value = self.number()?;
        if key > PART_MAX || value > PART_MAX {
            return Err(bad("a length can not be true"));
        }
        self.count += 1;
        Ok(Some((self.part(key)?, self.part(value)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One encoding of what was ever written: it must decode for ever.
    const GOLDEN: &[u8] =
        b"PLPAIRS1\x01\0\0\0\x02\0\0\0kvv\x02\0\0\0\0\0\0\0kk\xff\xff\xff\xff\x02\0\0\0\0\0\0\0";

    fn all(bytes: &[u8]) -> io::Result<Vec<(Bytes, Bytes)>> {
        let mut reader = Reader::new(bytes)?;
        let mut found = Vec::new();
        while let Some(pair) = reader.next()? {
            found.push(pair);
        }
        Ok(found)
    }

    #[test]
    fn pairs_are_written_as_they_always_were() {
        let mut encoder = Encoder::default();
        let mut written = MAGIC.to_vec();
        for (key, value) in [(&b"k"[..], &b"vv"[..]), (b"kk", b"")] {
            written.extend(encoder.head(key, value).unwrap());
            written.extend(key);
            written.extend(value);
        }
        written.extend(encoder.tail());
        assert_eq!(written, GOLDEN);
        let pair = |key: &'static [u8], value: &'static [u8]| (key.into(), value.into());
        assert_eq!(all(GOLDEN).unwrap(), [pair(b"k", b"vv"), pair(b"kk", b"")]);
    }

    #[test]
    fn a_file_that_is_cut_or_goes_on_is_refused() {
        for length in 0..GOLDEN.len() {
            assert!(all(&GOLDEN[..length]).is_err(), "{length}");
        }
        assert!(all(&[GOLDEN, b"x"].concat()).is_err());
    }
}
