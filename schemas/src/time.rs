//! Points in time: milliseconds since 1970-01-01T00:00:00Z, written as ISO 8601 UTC with
//! milliseconds (`2026-11-23T18:30:00.000Z`) in every JSON that people or clients see.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time moved by `ms` milliseconds, saturating.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; negative if this one is earlier.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses RFC 3339; digits below the millisecond are cut off.
    pub fn parse(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }
}

impl Timestamp {
    /// The text as bytes. Every message carries several times through every tier, so it is written
    /// digit by digit rather than by the formatter.
    fn text(self) -> [u8; 24] {
        let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .filter(|at| (0..=9_999).contains(&at.year()))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let digit = |number: u32, unit: u32| b'0' + u8::try_from(number / unit % 10).unwrap_or(0);
        let (year, ms) = (at.year().unsigned_abs(), u32::from(at.millisecond()));
        let (month, day) = (u32::from(u8::from(at.month())), u32::from(at.day()));
        let (hour, minute) = (u32::from(at.hour()), u32::from(at.minute()));
        let second = u32::from(at.second());
        [
            digit(year, 1_000),
            digit(year, 100),
            digit(year, 10),
            digit(year, 1),
            b'-',
            digit(month, 10),
            digit(month, 1),
            b'-',
            digit(day, 10),
            digit(day, 1),
            b'T',
            digit(hour, 10),
            digit(hour, 1),
            b':',
            digit(minute, 10),
            digit(minute, 1),
            b':',
            digit(second, 10),
            digit(second, 1),
            b'.',
            digit(ms, 100),
            digit(ms, 10),
            digit(ms, 1),
            b'Z',
        ]
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(feature = "json-schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "UTC with milliseconds: 2026-11-23T18:30:00.000Z",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_milliseconds_and_reads_them_back() {
        let at = Timestamp(1_800_000_000_007);
        assert_eq!(at.to_string(), "2027-01-15T08:00:00.007Z");
        assert_eq!(Timestamp::parse("2027-01-15T08:00:00.007Z"), Some(at));
        assert_eq!(Timestamp::parse("2027-01-15T08:00:00.0079Z"), Some(at));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2027-01-15T08:00:00.007Z\"");
    }

    #[test]
    fn every_digit_is_in_its_place() {
        let text = "2049-12-31T23:58:59.876Z";
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        let text = "0001-02-03T04:05:06.070Z";
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp(i64::MAX).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
