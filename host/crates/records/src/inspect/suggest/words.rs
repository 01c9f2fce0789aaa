//! Words in the names of columns.

/// Words in a name and the field they suggest, the most likely first.
pub(super) const WORDS: [(&str, &[&str]); 10] = [
    (
        "start",
        &[
            "start",
            "started",
            "begin",
            "began",
            "timestamp",
            "sent",
            "time",
            "ts",
            "date",
            "datetime",
            "at",
        ],
    ),
    ("end", &ENDS),
    (
        "latency",
        &[
            "latency",
            "duration",
            "elapsed",
            "response_time",
            "lat",
            "took",
            "taken",
            "rtt",
            "rt",
            "total",
        ],
    ),
    (
        "success",
        &[
            "success",
            "succeeded",
            "successful",
            "passed",
            "pass",
            "ok",
            "outcome",
            "result",
            "status",
            "state",
        ],
    ),
    ("status", &["status", "code"]),
    ("error", &["error", "exception", "failure", "outcome", "result"]),
    ("name", &["name", "label", "endpoint", "url", "path", "request"]),
    ("phase", &["phase", "stage"]),
    ("worker", &["worker", "thread", "user", "client", "vu"]),
    ("session", &["session", "conversation"]),
];

/// Words for an end.
pub(super) const ENDS: [&str; 8] =
    ["end", "ended", "finish", "finished", "completed", "stop", "stopped", "done"];

/// Words for times, which may be small numbers.
pub(super) const POINTS: [&str; 8] =
    ["start", "started", "begin", "began", "timestamp", "end", "ended", "finish"];

/// Words for durations.
pub(super) const SPANS: [&str; 8] =
    ["latency", "duration", "elapsed", "response_time", "lat", "took", "taken", "rtt"];

/// Words for the outcome of a request, failed or not.
pub(super) const OUTCOMES: [&str; 4] = ["outcome", "result", "status", "state"];

/// Words that say only that a duration is that of the whole request.
pub(super) const WHOLE: [&str; 7] =
    ["time", "timing", "total", "request", "req", "response", "resp"];

/// Units of time, and the name endings for them.
pub(super) const NAMED_UNITS: [(&str, &[&str]); 4] = [
    ("ns", &["ns", "nsec", "nanos", "nanoseconds"]),
    ("us", &["us", "usec", "micros", "microseconds", "\u{b5}s", "\u{3bc}s"]),
    ("ms", &["ms", "msec", "millis", "milliseconds"]),
    ("s", &["s", "sec", "secs", "seconds"]),
];

/// Words of a name, split at characters that are neither letters nor digits, and before
/// capitals.
pub(super) fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || (letter.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase();
        if letter.is_alphanumeric() {
            words.last_mut().expect("there is one").extend(letter.to_lowercase());
        }
    }
    words
}

pub(super) fn has_word(name: &str, word: &str) -> bool {
    let words = words_of(name);
    words.iter().any(|one| one == word) || words.join("_").contains(word) && word.len() > 4
}

/// Unit of time at the end of a name, as in `took_ms` or `Took [s]`.
pub(super) fn unit_in(name: &str) -> Option<&'static str> {
    let words = words_of(name);
    let last = words.iter().rev().find(|word| !word.is_empty())?;
    let found = NAMED_UNITS.iter().find(|(_, names)| names.contains(&last.as_str()));
    found.map(|(unit, _)| *unit)
}
