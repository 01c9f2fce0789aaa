//! A mapping to start from, for an input that does not say what its columns are.

use super::csv::sample_of;
use super::jsonl::paths_of;
use super::mapping::{MappedField, Mapping, number};
use super::time::rfc3339_ns;

/// Words in a column's name, and what it is then likely to be, the likeliest first.
const WORDS: [(&str, &[&str]); 10] = [
    ("start", &["start", "timestamp", "sent", "time", "ts", "date", "begin"]),
    ("end", &["end", "finish", "completed", "stop"]),
    ("latency", &["latency", "duration", "elapsed", "response_time", "took", "total", "rt"]),
    ("status", &["status", "code"]),
    ("error", &["error", "exception", "failure", "outcome"]),
    ("success", &["success", "passed"]),
    ("name", &["name", "label", "endpoint", "url", "path", "request"]),
    ("phase", &["phase", "stage"]),
    ("worker", &["worker", "thread", "user", "client", "vu"]),
    ("session", &["session", "conversation"]),
];

/// Column names with a value of each, as they stand in the input.
pub(super) type Sample = Vec<(String, String)>;

/// The columns of an input that begins with `start`, each with a value.
pub(super) fn columns_of(start: &[u8], is_json: bool) -> Sample {
    if !is_json {
        return sample_of(start);
    }
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    paths_of(start).into_iter().map(|(path, value)| (path, text(value))).collect()
}

/// What the columns are, as far as their names and values tell; every other column of
/// numbers is a metric.
pub(super) fn suggest(columns: &Sample) -> Mapping {
    let mut mapping = Mapping::default();
    let mut taken = vec![false; columns.len()];
    for (field, words) in WORDS {
        let fits = |at: &usize, word: &str| {
            let (name, value) = &columns[*at];
            !taken[*at] && has_word(name, word) && could_be(field, value)
        };
        let found = words.iter().find_map(|word| (0..columns.len()).find(|at| fits(at, word)));
        let Some(at) = found else { continue };
        taken[at] = true;
        let (column, value) = &columns[at];
        let unit = match field {
            // Their type has one.
            _ if is_type("Timestamp", value) || is_type("Duration", value) => None,
            "start" | "end" => Some(time_unit(column, value)),
            "latency" => Some(unit_in(column).unwrap_or("ms").to_owned()),
            _ => None,
        };
        mapping.fields.push((field.to_owned(), MappedField { column: column.clone(), unit }));
    }
    for ((column, value), _) in columns.iter().zip(taken).filter(|(_, taken)| !taken) {
        if is_number(value) {
            let unit = match is_type("Duration", value) {
                true => Some("ms"),
                false => unit_in(column),
            };
            let unit = unit.map(str::to_owned);
            let field = format!("metric.{}", column.trim());
            mapping.fields.push((field, MappedField { column: column.clone(), unit }));
        }
    }
    mapping
}

fn could_be(field: &str, value: &str) -> bool {
    match field {
        "start" | "end" => (is_number(value) && !is_type("Duration", value)) || is_time(value),
        "latency" => is_number(value),
        _ => true,
    }
}

/// A number or, of Parquet, a type of numbers.
fn is_number(value: &str) -> bool {
    number(value).is_some()
        || ["Int", "UInt", "Float", "Decimal", "Duration"].iter().any(|one| is_type(one, value))
}

/// Whether it is a type of Parquet of that name: what stands behind the name is its size
/// or its unit, and no text.
fn is_type(name: &str, value: &str) -> bool {
    let rest = value.strip_prefix(name);
    rest.is_some_and(|rest| rest.starts_with(|first: char| first == '(' || first.is_ascii_digit()))
}

/// A time or, of Parquet, a type of times.
fn is_time(value: &str) -> bool {
    is_written_time(value) || is_type("Timestamp", value)
}

/// Whether it is a time as RFC 3339 writes it, also one without a zone.
pub(super) fn is_written_time(value: &str) -> bool {
    rfc3339_ns(value).or_else(|| rfc3339_ns(&format!("{value}Z"))).is_some()
}

/// The words of a name: what stands between other characters than letters and digits, and
/// before capitals.
fn words_of(name: &str) -> Vec<String> {
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

fn has_word(name: &str, word: &str) -> bool {
    let words = words_of(name);
    words.iter().any(|one| one == word) || words.join("_").contains(word) && word.len() > 4
}

/// A unit of time at the end of a name, as in `took_ms` or `Took [s]`.
fn unit_in(name: &str) -> Option<&'static str> {
    let words = words_of(name);
    let last = words.iter().rev().find(|word| !word.is_empty())?;
    ["ns", "us", "ms", "s"].into_iter().find(|unit| last == unit)
}

/// The unit of a point in time, by its name or by how large it is.
fn time_unit(name: &str, value: &str) -> String {
    let by_size = || match number(value)? {
        1e17.. => Some("ns"),
        1e14.. => Some("us"),
        1e11.. => Some("ms"),
        _ => Some("s"),
    };
    let is_written = is_time(value);
    let unit = if is_written { Some("rfc3339") } else { unit_in(name).or_else(by_size) };
    unit.unwrap_or("s").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggested(columns: &[(&str, &str)]) -> Vec<String> {
        let columns = columns.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let mapping = suggest(&columns.collect());
        mapping.fields.iter().map(|(field, mapped)| format!("{field}={mapped}")).collect()
    }

    #[test]
    fn names_and_values_tell_what_columns_are() {
        assert_eq!(
            suggested(&[
                ("start_time", "1795393467.1296184"),
                ("request_type", "GET"),
                ("name", "/items"),
                ("response_time", "5.7"),
                ("response_length", "18"),
                ("status_code", "500"),
                ("exception", "500 Server Error"),
            ]),
            [
                "start=start_time:s",
                "latency=response_time:ms",
                "status=status_code",
                "error=exception",
                "name=name",
                "metric.response_length=response_length"
            ]
        );
        assert_eq!(
            suggested(&[
                ("Sent At (s)", "1795393467.5"),
                ("Took [s]", "0.25"),
                ("stage", "warmup")
            ]),
            ["start=Sent At (s):s", "latency=Took [s]:s", "phase=stage"]
        );
        assert_eq!(
            suggested(&[("request.sent", "2026-11-22T12:40:51Z"), ("timing.total_us", "17")]),
            ["start=request.sent:rfc3339", "latency=timing.total_us:us"]
        );
        assert_eq!(suggested(&[("timeStamp", "1795393467129")]), ["start=timeStamp:ms"]);
        assert_eq!(suggested(&[("latency", "Internal"), ("total", "5")]), ["latency=total:ms"]);
        assert!(suggested(&[("a", "x")]).is_empty());
    }

    #[test]
    fn columns_of_parquet_whose_type_has_a_unit_are_given_none() {
        assert_eq!(
            suggested(&[
                ("timestamp", "Timestamp(µs, \"UTC\")"),
                ("duration", "Duration(µs)"),
                ("wait", "Duration(ns)"),
                ("size", "Int64"),
                ("tags", "List(Int64)"),
            ]),
            ["start=timestamp", "latency=duration", "metric.wait=wait:ms", "metric.size=size"]
        );
    }
}
