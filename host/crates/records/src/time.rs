//! Times in text fields.

use perfbox_model::escape;

use crate::json::scalar::{U64_DIGITS, digits, u64_at};
use crate::number::{not_a_number, number};

/// Units of time, in nanoseconds.
pub(crate) const UNITS: [(&str, f64); 5] =
    [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("sec", 1e9)];

/// Unit of a written date and time.
pub(crate) const RFC3339: &str = "rfc3339";

/// Form of a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TimeForm {
    /// A number of units of that many nanoseconds.
    Units(f64),
    Rfc3339,
}

impl TimeForm {
    pub(crate) fn of_unit(unit: &str) -> Option<Self> {
        if unit == RFC3339 {
            return Some(Self::Rfc3339);
        }
        UNITS.iter().find(|(name, _)| *name == unit).map(|(_, ns)| Self::Units(*ns))
    }

    /// Nanoseconds since the Unix epoch, or a message.
    pub(crate) fn read_ns(self, text: &str) -> Result<u64, String> {
        self.ns(text).ok_or_else(|| self.not_a_time(text))
    }

    /// Message for text that is not such a time.
    #[cold]
    pub(crate) fn not_a_time(self, text: &str) -> String {
        let shown = escape(text);
        let written = rfc3339_ns(text).is_some();
        match (self, number(text)) {
            (Self::Rfc3339, Some(_)) => {
                format!("`{shown}` is a number; add its unit: ns, us, ms or s")
            }
            (Self::Rfc3339, None) => {
                format!("`{shown}` is not a time such as 2026-11-22T12:40:51.5+01:00")
            }
            (Self::Units(_), Some(number)) if number < 0.0 => {
                format!("`{shown}` is before 1970")
            }
            (Self::Units(ns), Some(_)) => {
                let unit = unit_name(ns);
                format!("`{shown}` {unit} are beyond the year 2554; check the unit")
            }
            (Self::Units(ns), None) => {
                let message = not_a_number(text, &format!("not a number of {}", unit_name(ns)));
                let hint =
                    if written { "; a written date and time has the unit rfc3339" } else { "" };
                format!("{message}{hint}")
            }
        }
    }

    /// Nanoseconds since the Unix epoch.
    pub(crate) fn ns(self, text: &str) -> Option<u64> {
        let text = text.trim_ascii();
        match self {
            Self::Rfc3339 => rfc3339_ns(text),
            Self::Units(unit_ns) => match u64_at(text, 0) {
                Some((whole, end)) if end == text.len() => whole.checked_mul(unit_ns as u64),
                _ => decimal_ns(text, unit_ns),
            },
        }
    }
}

fn unit_name(unit_ns: f64) -> &'static str {
    UNITS.iter().find(|(_, ns)| *ns == unit_ns).map_or("ns", |(name, _)| name)
}

/// Nanoseconds of a decimal number, without the rounding of an f64.
fn decimal_ns(text: &str, unit_ns: f64) -> Option<u64> {
    let bytes = text.as_bytes();
    let (mut whole, point) = digits(bytes, 0, 0);
    let from = point + 1;
    // Digits of the fraction that are nanoseconds; the next digit rounds.
    let kept = (unit_ns as u64).ilog10() as usize;
    let nearer = &bytes[..bytes.len().min(from + kept)];
    if point == 0 || bytes.get(point) != Some(&b'.') || digits(bytes, from, 0).1 != bytes.len() {
        let ns = number(text)? * unit_ns;
        return (0.0..1.8e19).contains(&ns).then_some(ns.round() as u64);
    }
    if point > U64_DIGITS {
        whole = text[..point].parse().ok()?;
    }
    let (fraction, end) = digits(nearer, from, 0);
    let ns = fraction * 10_u64.pow((kept - (end - from)) as u32);
    let rest = bytes.get(end).is_some_and(|digit| *digit >= b'5');
    whole.checked_mul(unit_ns as u64)?.checked_add(ns)?.checked_add(u64::from(rest))
}

/// Nanoseconds since the Unix epoch of a time in RFC 3339:
/// `2026-11-22T12:40:51.123456789+01:00`. The fraction may have any length; without a zone the
/// time is in UTC. Returns none for other text and for times before the epoch.
pub(crate) fn rfc3339_ns(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| -> Option<i64> {
        let digits = text.get(from..from + count)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    if !(is(4, b"-") && is(7, b"-") && is(10, b"Tt ") && is(13, b":") && is(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 2)?, digits(8, 2)?);
    let (hour, minute, second) = (digits(11, 2)?, digits(14, 2)?, digits(17, 2)?);
    // A leap second counts as the start of the next second.
    let is_date = (1..=12).contains(&month) && (1..=month_days(year, month)).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (mut at, mut nanos) = (19, 0);
    if is(at, b".") {
        at += 1;
        let count = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let fraction = text.get(at..at + count.min(9)).filter(|digits| !digits.is_empty())?;
        nanos = fraction.parse::<i64>().ok()? * 10_i64.pow(9 - fraction.len() as u32);
        at += count;
    }
    let offset_s = match bytes.get(at..)? {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(at + 1, 2)?, digits(at + 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset_s;
    u64::try_from(i128::from(seconds) * 1_000_000_000 + i128::from(nanos)).ok()
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar. Counts years that begin in March, so that a
/// leap day is the last day of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let months = (month + 9) % 12;
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let of_months = (153 * months + 2) / 5;
    // From 0000-03-01 to 1970-01-01.
    of_years + of_months + day - 1 - 719_468
}

/// Nanoseconds of a number of seconds, by the shortest decimal of the f64, so that the
/// microseconds of a clock stay exact.
pub(crate) fn seconds_ns(seconds: f64) -> Option<u64> {
    let text = format!("{seconds}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = &fraction[..fraction.len().min(9)];
    let nanos = match fraction {
        "" => 0,
        digits => digits.parse::<u64>().ok()? * 10_u64.pow(9 - digits.len() as u32),
    };
    whole.parse::<u64>().ok()?.checked_mul(1_000_000_000)?.checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_times_are_nanoseconds_since_the_epoch() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-11-22T12:40:51.454407360Z", Some(1_795_351_251_454_407_360)),
            ("2026-11-22T14:10:51.5+01:30", Some(1_795_351_251_500_000_000)),
            ("2026-11-22T07:40:51-05:00", Some(1_795_351_251_000_000_000)),
            ("2024-02-29T00:00:00.1234567891Z", Some(1_709_164_800_123_456_789)),
            ("1969-12-31T23:59:59Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2026-11-22T12:40:51", Some(1_795_351_251_000_000_000)),
            ("2026-11-22 12:40:51.5", Some(1_795_351_251_500_000_000)),
            ("2026/11/22 12:40:51", None),
            ("2026-11-22T12:40:51.Z", None),
            ("2026-11-22T24:00:00Z", None),
            ("2026-11-22", None),
            ("", None),
            ("\u{e9}026-11-22T12:40:51Z", None),
        ] {
            assert_eq!(rfc3339_ns(text), ns, "{text}");
        }
    }

    #[test]
    fn errors_of_times_suggest_the_right_unit() {
        for (text, unit, message) in [
            ("oh", "s", "`oh` is not a number of s"),
            ("1,5", "ms", "`1,5` is not a number of ms; write a decimal point, not a comma"),
            (
                "2026-11-22T12:40:51",
                "s",
                "`2026-11-22T12:40:51` is not a number of s; a written date and time has the \
                    unit rfc3339",
            ),
            ("-1", "s", "`-1` is before 1970"),
            (
                "1795351200010330000",
                "s",
                "`1795351200010330000` s are beyond the year 2554; check the unit",
            ),
            ("5", "rfc3339", "`5` is a number; add its unit: ns, us, ms or s"),
            ("oh", "rfc3339", "`oh` is not a time such as 2026-11-22T12:40:51.5+01:00"),
        ] {
            assert_eq!(TimeForm::of_unit(unit).unwrap().read_ns(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn decimal_times_keep_their_nanoseconds() {
        for (text, unit, ns) in [
            ("1780000000.123456789", "s", Some(1_780_000_000_123_456_789)),
            ("1780000000.1234567890000000", "s", Some(1_780_000_000_123_456_789)),
            ("1780000000.1234567895", "s", Some(1_780_000_000_123_456_790)),
            ("1780000000.9999999999", "s", Some(1_780_000_001_000_000_000)),
            ("1780000000123.4567891", "ms", Some(1_780_000_000_123_456_789)),
            ("1780000000123456789.4", "ns", Some(1_780_000_000_123_456_789)),
            ("1780000000.", "s", Some(1_780_000_000_000_000_000)),
            ("1.78e9", "s", Some(1_780_000_000_000_000_000)),
            ("18446744073.709551615", "s", Some(u64::MAX)),
            ("18446744073.7095516155", "s", None),
            ("-1.5", "s", None),
            (".5", "s", Some(500_000_000)),
            ("1.5s", "s", None),
        ] {
            assert_eq!(TimeForm::of_unit(unit).unwrap().ns(text), ns, "{text} {unit}");
        }
    }

    #[test]
    fn seconds_keep_their_decimal_digits() {
        for (seconds, ns) in [
            (0.0, Some(0)),
            (1_795_394_046.686_442, Some(1_795_394_046_686_442_000)),
            (1_795_394_046.684_131_1, Some(1_795_394_046_684_131_100)),
            (0.000_000_001_5, Some(1)),
            (12.0, Some(12_000_000_000)),
            (-1.0, None),
            (1e300, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            assert_eq!(seconds_ns(seconds), ns, "{seconds}");
        }
    }
}
