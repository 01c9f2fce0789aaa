//! Suggests a mapping for an input without one.

mod words;

use std::collections::HashMap;

use perfbox_model::escape;

use self::words::{
    ENDS, NAMED_UNITS, OUTCOMES, POINTS, SPANS, WHOLE, WORDS, has_word, unit_in, words_of,
};
use super::sample::Sampled;
use crate::mapping::definition::{MappedField, Mapping};
use crate::mapping::values::{status, succeeded};
use crate::number::number;
use crate::time::{UNITS, rfc3339_ns};

/// Seconds since 1970 that are a time of our days, not a duration.
const EPOCH_S: f64 = 1e8;

/// Suggests a mapping by the names and values of columns. Every other column of numbers is a
/// metric; a column that is there twice is skipped.
pub(crate) fn suggest(columns: &[Sampled]) -> Mapping {
    let mut mapping = Mapping::default();
    let mut times: HashMap<&str, usize> = HashMap::new();
    columns.iter().for_each(|column| *times.entry(&column.name).or_default() += 1);
    let mut taken: Vec<_> = columns.iter().map(|column| times[&*column.name] > 1).collect();
    for (field, words) in WORDS {
        let free = || (0..columns.len()).filter(|at| !taken[*at]);
        let of_word = |word: &&str| {
            let fits = |at: &usize| {
                has_word(&columns[*at].name, word) && could_be(field, word, &columns[*at])
            };
            free().filter(fits).min_by_key(|at| words_of(&columns[*at].name).len())
        };
        let bare = || free().find(|at| field == "latency" && is_bare_span(&columns[*at]));
        let Some(at) = words.iter().find_map(of_word).or_else(bare) else { continue };
        let column = &columns[at];
        let unit = match field {
            // Their type has a unit.
            _ if column.is_type("Timestamp") || column.is_type("Duration") => None,
            "start" | "end" => Some(time_unit(column)),
            "latency" => Some(unit_in(&column.name).unwrap_or("ms")),
            _ => None,
        };
        taken[at] = add(&mut mapping, field, column, unit);
    }
    for (column, _) in columns.iter().zip(taken).filter(|(_, taken)| !taken) {
        if column.is_of_numbers() {
            let unit = if column.is_type("Duration") { Some("ms") } else { unit_in(&column.name) };
            add(&mut mapping, &format!("metric.{}", column.name.trim()), column, unit);
        }
    }
    mapping
}

/// Adds a field, if the suggestion can be shown and read back.
fn add(mapping: &mut Mapping, field: &str, column: &Sampled, unit: Option<&str>) -> bool {
    let mapped = MappedField { column: column.name.clone(), unit: unit.map(str::to_owned) };
    let mut read = Mapping::default();
    let is_meant = read.add_flag(&format!("{field}={mapped}")).is_ok()
        && read.fields == [(field.to_owned(), mapped.clone())];
    is_meant && escape(&column.name) == column.name && mapping.add(field, mapped).is_ok()
}

/// True if the values fit a field that the name of the column suggests.
fn could_be(field: &str, word: &str, column: &Sampled) -> bool {
    let has_any = |words: &[&str]| words.iter().any(|word| has_word(&column.name, word));
    let values = &column.values;
    match field {
        "start" if has_any(&ENDS) || has_any(&SPANS) => false,
        "start" | "end" => {
            column.is_time()
                || (POINTS.contains(&word) && column.has_number() && !column.is_type("Duration"))
        }
        "latency" => {
            column.has_number()
                && !column.is_time()
                && (word != "total" || is_bare_span(column) || words_of(&column.name).len() == 1)
        }
        "success" => {
            let is_told = !values.is_empty() || column.is_type("Boolean");
            let are_words = values.iter().all(|value| succeeded(value).is_ok());
            // A number is a status.
            is_told && are_words && (!OUTCOMES.contains(&word) || !column.has_number())
        }
        "status" => {
            let is_status = values.iter().any(|value| status(value).is_some());
            is_status && !has_any(&["error", "exception", "failure"])
        }
        // Text for successful requests would make errors of them.
        "error" if OUTCOMES.contains(&word) => {
            let are_words = values.iter().all(|value| succeeded(value).is_ok());
            let is_yes = values.iter().any(|value| succeeded(value) == Ok(true));
            !column.has_number() && !is_yes && (values.is_empty() || !are_words)
        }
        // A count, ratio or duration of failures is not an error of one request.
        "error" => !column.is_of_numbers() || is_code(word, &column.name),
        "name" => word != "request" || !column.is_of_numbers(),
        _ => true,
    }
}

/// True if a number of that name may be an error code: the name ends with the word, or with
/// `code` or the like.
fn is_code(word: &str, name: &str) -> bool {
    let words = words_of(name);
    let last = words.iter().rev().find(|one| !one.is_empty());
    last.is_some_and(|last| [word, "code", "number", "no"].contains(&last.as_str()))
}

/// True if the name says only that it is a duration, like `ms` or `timing.total_us`.
fn is_bare_span(column: &Sampled) -> bool {
    let words = words_of(&column.name);
    let is_unit = |word: &str| NAMED_UNITS.iter().any(|(_, names)| names.contains(&word));
    unit_in(&column.name).is_some()
        && words
            .iter()
            .all(|word| word.is_empty() || is_unit(word) || WHOLE.contains(&word.as_str()))
        && column.has_number()
        && !column.is_time()
}

impl Sampled {
    /// True if the Parquet type has that name; a size or unit may follow it.
    fn is_type(&self, name: &str) -> bool {
        let rest = self.kind.as_deref().and_then(|kind| kind.strip_prefix(name));
        rest.is_some_and(|rest| {
            rest.is_empty()
                || rest.starts_with(|first: char| first == '(' || first.is_ascii_digit())
        })
    }

    fn has_type_of_numbers(&self) -> bool {
        ["Int", "UInt", "Float", "Decimal", "Duration"].iter().any(|one| self.is_type(one))
    }

    /// True if a value is a number.
    fn has_number(&self) -> bool {
        self.has_type_of_numbers() || self.values.iter().any(|value| number(value).is_some())
    }

    /// True if all values are numbers.
    fn is_of_numbers(&self) -> bool {
        let are_numbers = || self.values.iter().all(|value| number(value).is_some());
        self.has_type_of_numbers()
            || (!self.values.is_empty() && !self.is_type("Timestamp") && are_numbers())
    }

    /// True if the values are times: written ones, or numbers too large for a duration.
    fn is_time(&self) -> bool {
        let ns =
            |unit: &str| UNITS.iter().find(|(name, _)| *name == unit).map_or(1e9, |(_, ns)| *ns);
        let unit_s = unit_in(&self.name).map_or(1.0, |unit| ns(unit) / 1e9);
        let is_large =
            |value: &String| number(value).is_some_and(|number| number * unit_s >= EPOCH_S);
        self.is_type("Timestamp")
            || (!self.is_type("Duration")
                && (self.is_written() || self.values.iter().any(is_large)))
    }

    fn is_written(&self) -> bool {
        let are_written = self.values.iter().all(|value| rfc3339_ns(value).is_some());
        are_written && !self.values.is_empty()
    }
}

/// Unit of a time, by the name of its column or by its size.
fn time_unit(column: &Sampled) -> &'static str {
    let by_size = || match column.values.iter().find_map(|value| number(value))? {
        1e17.. => Some("ns"),
        1e14.. => Some("us"),
        1e11.. => Some("ms"),
        _ => Some("s"),
    };
    let unit =
        if column.is_written() { Some("rfc3339") } else { unit_in(&column.name).or_else(by_size) };
    unit.unwrap_or("s")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Suggestions for columns with values, separated by bars.
    fn suggested(columns: &[(&str, &str)]) -> Vec<String> {
        let column = |(name, values): &(&str, &str)| Sampled {
            name: (*name).to_owned(),
            kind: None,
            values: values.split('|').filter(|one| !one.is_empty()).map(str::to_owned).collect(),
        };
        shown(&columns.iter().map(column).collect::<Vec<_>>())
    }

    fn shown(columns: &[Sampled]) -> Vec<String> {
        let mapping = suggest(columns);
        mapping.fields.iter().map(|(field, mapped)| format!("{field}={mapped}")).collect()
    }

    #[test]
    fn names_and_values_suggest_fields() {
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
    fn values_decide_between_success_status_and_error() {
        for (name, values, field) in [
            ("Outcome", "ok|FAIL", "success"),
            ("result", "passed", "success"),
            ("status", "OK|error", "success"),
            ("Outcome", "timeout|refused", "error"),
            ("Outcome", "", "error"),
            ("status", "200|500", "status"),
            ("status_code", "200.0", "status"),
            ("error", "true|false", "error"),
            ("exception", "", "error"),
            ("error_code", "1050", "error"),
            ("error", "0|1", "error"),
            ("is_error", "0|1", "error"),
            ("error_code", "0.0|1050.0", "error"),
        ] {
            assert_eq!(suggested(&[(name, values)]), [format!("{field}={name}")], "{values}");
        }
        for name in ["ok", "success", "succeeded", "passed", "is_ok", "is_success", "isOk"] {
            for values in ["true|false", "1|0", "yes", "False"] {
                assert_eq!(suggested(&[(name, values)]), [format!("success={name}")], "{values}");
            }
        }
        // Neither field takes both values.
        for (name, values) in [("Outcome", "ok|timeout"), ("code", "OK|UNAVAILABLE")] {
            assert!(suggested(&[(name, values)]).is_empty(), "{name}");
        }
        assert_eq!(
            suggested(&[("success", "0.98"), ("errors", "0|3"), ("country_code", "SE")]),
            ["metric.success=success", "metric.errors=errors"]
        );
        assert_eq!(
            suggested(&[("error_rate", "0.5"), ("error_count", "1|2"), ("failure_ms", "5")]),
            [
                "metric.error_rate=error_rate",
                "metric.error_count=error_count",
                "metric.failure_ms=failure_ms:ms"
            ]
        );
        assert_eq!(
            suggested(&[("status", "200"), ("outcome", "ok"), ("error", "reset")]),
            ["success=outcome", "status=status", "error=error"]
        );
    }

    #[test]
    fn names_units_and_values_decide_times_and_durations() {
        for (name, value, field) in [
            ("ended_at", "1780000000.5", "end=ended_at:s"),
            ("end", "1780000000500", "end=end:ms"),
            ("finished", "2026-11-22T12:40:00Z", "end=finished:rfc3339"),
            ("end_time", "1780000000", "end=end_time:s"),
            ("start_ns", "1780000000123456789", "start=start_ns:ns"),
            ("started_ms", "1780000000123", "start=started_ms:ms"),
            ("startTimeMs", "1780000000123", "start=startTimeMs:ms"),
            ("begin", "0.5", "start=begin:s"),
            ("when it was sent at", "1780000000", "start=when it was sent at:s"),
            ("started", "2026-11-22T12:40:00.010330", "start=started:rfc3339"),
            ("start", "2026-11-22 12:40:00.010330", "start=start:rfc3339"),
            ("started_at", "2026-11-22 12:40:00+01:00", "start=started_at:rfc3339"),
            ("ms", "5.7", "latency=ms:ms"),
            ("lat_ns", "123456789", "latency=lat_ns:ns"),
            ("lat_ms", "5", "latency=lat_ms:ms"),
            ("latency_us", "5", "latency=latency_us:us"),
            ("latencySeconds", "0.5", "latency=latencySeconds:s"),
            ("duration_sec", "0.5", "latency=duration_sec:s"),
            ("time_taken", "12", "latency=time_taken:ms"),
            ("request_time_ms", "5", "latency=request_time_ms:ms"),
            ("bytes_sent", "500", "metric.bytes_sent=bytes_sent"),
            ("total_tokens", "500", "metric.total_tokens=total_tokens"),
        ] {
            assert_eq!(suggested(&[(name, value)]), [field], "{value}");
        }
        assert_eq!(
            suggested(&[
                ("response_time", "5"),
                ("end_time", "1780000001"),
                ("time", "1780000000")
            ]),
            ["start=time:s", "end=end_time:s", "latency=response_time:ms"]
        );
        // Prefers the shorter name.
        assert_eq!(
            suggested(&[("connect_duration", "5"), ("duration", "7")]),
            ["latency=duration:ms", "metric.connect_duration=connect_duration"]
        );
    }

    #[test]
    fn suggestions_are_never_refused_or_misread() {
        assert_eq!(
            suggested(&[
                ("start", "1780000000"),
                ("took", "5"),
                ("took", "6"),
                ("size", "1"),
                ("a:b", "1"),
                ("was_cancelled", "1"),
                ("now and then", "1|n/a"),
            ]),
            ["start=start:s", "metric.size=size"]
        );
    }

    #[test]
    fn parquet_types_and_values_suggest_fields() {
        let column = |name: &str, kind: &str, value: &str| Sampled {
            name: name.to_owned(),
            kind: Some(kind.to_owned()),
            values: vec![value.to_owned()],
        };
        // Their type has a unit.
        assert_eq!(
            shown(&[
                column("timestamp", "Timestamp(µs, \"UTC\")", "2026-11-22T12:40:00Z"),
                column("duration", "Duration(µs)", "PT0.005S"),
                column("wait", "Duration(ns)", "PT0.005S"),
                column("size", "Int64", "7"),
                Sampled { values: Vec::new(), ..column("tags", "List(Int64)", "") },
            ]),
            ["start=timestamp", "latency=duration", "metric.wait=wait:ms", "metric.size=size"]
        );
        let empty = Sampled { values: Vec::new(), ..column("ok", "Boolean", "") };
        assert_eq!(shown(&[empty]), ["success=ok"]);
        assert_eq!(
            shown(&[
                column("started", "Utf8", "2026-11-22T12:40:00.010330"),
                column("ended", "Int64", "1780000000123"),
                column("ok", "Boolean", "true"),
                column("Outcome", "LargeUtf8", "FAIL"),
                column("size", "Utf8", "7"),
            ]),
            ["start=started:rfc3339", "end=ended:ms", "success=ok", "metric.size=size"]
        );
    }
}
