//! What the words of a column's name are likely to mean.

/// Words in a column's name, and what it is then likely to be, the likeliest first.
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

/// Words for when something was over.
pub(super) const ENDS: [&str; 8] =
    ["end", "ended", "finish", "finished", "completed", "stop", "stopped", "done"];

/// Words for points in time, of which a small number may be one.
pub(super) const POINTS: [&str; 8] =
    ["start", "started", "begin", "began", "timestamp", "end", "ended", "finish"];

/// Words for how long something took.
pub(super) const SPANS: [&str; 8] =
    ["latency", "duration", "elapsed", "response_time", "lat", "took", "taken", "rtt"];

/// Words for what became of a request, whether it failed or not.
pub(super) const OUTCOMES: [&str; 4] = ["outcome", "result", "status", "state"];

/// Words that say nothing of a span of time but that it is the request's.
pub(super) const WHOLE: [&str; 7] =
    ["time", "timing", "total", "request", "req", "response", "resp"];

/// Units of time, and how names end that have them.
pub(super) const NAMED_UNITS: [(&str, &[&str]); 4] = [
    ("ns", &["ns", "nsec", "nanos", "nanoseconds"]),
    ("us", &["us", "usec", "micros", "microseconds", "\u{b5}s", "\u{3bc}s"]),
    ("ms", &["ms", "msec", "millis", "milliseconds"]),
    ("s", &["s", "sec", "secs", "seconds"]),
];

/// The words of a name: what stands between other characters than letters and digits, and
/// before capitals.
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

/// A unit of time at the end of a name, as in `took_ms` or `Took [s]`.
pub(super) fn unit_in(name: &str) -> Option<&'static str> {
    let words = words_of(name);
    let last = words.iter().rev().find(|word| !word.is_empty())?;
    let found = NAMED_UNITS.iter().find(|(_, names)| names.contains(&last.as_str()));
    found.map(|(unit, _)| *unit)
}
