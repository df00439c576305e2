//! Time as a value that is handed in.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Forms of dates in HTTP headers: the present one, that of RFC 850, and that of C's `asctime`.
const HTTP_DATES: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Number of milliseconds in a day.
const DAY_MILLIS: i64 = 86_400_000;

/// A moment in UTC, in whole milliseconds since 1970.
///
/// Milliseconds because that is what the documents of every protocol print and what expiry rules
/// compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down: the unit of JWT claims and of DynamoDB's TTL.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whole days since 1970, the unit of last-used marks and download counts.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(DAY_MILLIS)
    }

    /// This moment plus a number of milliseconds, kept in range.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// This moment plus a number of days, kept in range.
    #[must_use]
    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(DAY_MILLIS)))
    }

    /// The calendar month as `2026-11`, which parts the audit log.
    pub fn month(self) -> String {
        self.to_string().chars().take(7).collect()
    }

    /// The form of HTTP date headers (`Wed, 25 Nov 2026 01:02:03 GMT`).
    pub fn http_date(self) -> String {
        // A printer for this one form. It refuses years that have not four digits, which no clock gives.
        const PRINTER: DateTimePrinter = DateTimePrinter::new();
        PRINTER
            .timestamp_to_rfc9110_string(&self.civil())
            .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".into())
    }

    /// RFC 3339 in whole seconds. SwiftPM before 6.2 fails on fractions.
    pub fn rfc3339_seconds(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// Reads a moment in RFC 3339, with or without fractions and with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed: jiff::Timestamp = text.parse().ok()?;
        Some(Self(parsed.as_millisecond()))
    }

    /// Reads the date of an HTTP header in any of the three forms that RFC 9110 has recipients understand.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let parsed = HTTP_DATES.iter().find_map(|form| DateTime::strptime(form, text.trim()).ok())?;
        let moment = TimeZone::UTC.to_timestamp(parsed).ok()?;
        Some(Self(moment.as_millisecond()))
    }

    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 with exactly three fractional digits, as npm and the management API print it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}Z", self.civil().strftime("%Y-%m-%dT%H:%M:%S"), self.0.rem_euclid(1000))
    }
}

/// Where the present comes from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }
}

/// A clock that tests set by hand.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// A clock that stands at `now` until it is moved.
    pub const fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock on (or back, with a negative number).
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_of_http_dates() {
        let moment = Timestamp::from_millis(784_111_777_000);
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", " Sun Nov  6 08:49:37 1994 "]
        {
            assert_eq!(Timestamp::parse_http_date(text), Some(moment), "{text}");
        }
        assert_eq!(Timestamp::parse_http_date(&moment.http_date()), Some(moment));
        for bad in [
            "",
            "120",
            "soon",
            "06 Nov 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 36 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(Timestamp::parse_http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn prints_three_fractional_digits() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_771_237_800_007).to_string(), "2026-02-16T10:30:00.007Z");
        assert_eq!(Timestamp::from_millis(1_771_237_800_007).month(), "2026-02");
        assert_eq!(Timestamp::from_millis(1_771_237_800_007).http_date(), "Mon, 16 Feb 2026 10:30:00 GMT");
    }

    #[test]
    fn moments_are_read_and_printed_in_whole_seconds() {
        for (text, printed) in [
            ("2026-02-16T10:30:00Z", "2026-02-16T10:30:00Z"),
            ("2026-02-16T10:30:00.123456Z", "2026-02-16T10:30:00Z"),
            ("2026-02-16T12:30:00+02:00", "2026-02-16T10:30:00Z"),
        ] {
            assert_eq!(Timestamp::parse_rfc3339(text).unwrap().rfc3339_seconds(), printed, "{text}");
        }
        for bad in ["", "2026-02-16", "yesterday", "1771237800"] {
            assert!(Timestamp::parse_rfc3339(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn days_and_seconds_round_down_before_1970_too() {
        assert_eq!(Timestamp::from_millis(-1).seconds(), -1);
        assert_eq!(Timestamp::from_millis(-1).day(), -1);
        assert_eq!(Timestamp::from_millis(DAY_MILLIS).day(), 1);
        assert_eq!(Timestamp::from_millis(i64::MAX).plus_days(1), Timestamp::from_millis(i64::MAX));
    }
}
