//! Parses a line of AIPerf's `profile_export.jsonl`: `metadata`, `metrics` and, for a failed
//! request, `error`.

use std::borrow::Cow;
use std::fmt;

use perfbox_model::escape;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::record_error::RecordError;

/// Old and new names of metrics.
const RENAMED: [(&str, &str); 1] = [("ttft", "time_to_first_token")];

/// One record, borrowed from its line.
#[derive(Debug, Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub(super) metrics: Metrics<'a>,
    #[serde(borrow, default)]
    pub(super) error: Option<ErrorDetails<'a>>,
}

impl Record<'_> {
    /// True if the sender cancelled the request.
    pub(super) fn is_cancelled(&self) -> bool {
        self.metadata.was_cancelled.unwrap_or(false)
    }

    /// End of the request. Older files have only its latency.
    pub(super) fn end_ns(&self) -> Option<u64> {
        self.metadata.request_end_ns.or_else(|| {
            let latency = self.metrics.0.iter().find(|metric| metric.name == "request_latency")?;
            let MetricValue::Number(ms) = latency.value else { return None };
            Some(self.metadata.start_ns()?.saturating_add((ms * 1e6).round() as u64))
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow, default)]
    benchmark_phase: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    credit_phase: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    phase_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    phase_kind: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) phase_index: Option<u32>,
    #[serde(default)]
    request_start_ns: Option<u64>,
    #[serde(default)]
    timestamp_ns: Option<u64>,
    #[serde(default)]
    pub(super) request_end_ns: Option<u64>,
    #[serde(default)]
    pub(super) request_ack_ns: Option<u64>,
    #[serde(default)]
    pub(super) credit_issued_ns: Option<u64>,
    #[serde(borrow, default)]
    pub(super) worker_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) x_correlation_id: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) turn_index: Option<u64>,
    #[serde(default)]
    pub(super) was_cancelled: Option<bool>,
}

impl Metadata<'_> {
    /// Name of the phase. Older files have only its kind.
    pub(super) fn phase_name(&self) -> Option<&str> {
        self.phase_name.as_deref().or_else(|| self.phase_kind())
    }

    /// Purpose of the phase.
    pub(super) fn phase_kind(&self) -> Option<&str> {
        let kind = self.phase_kind.as_deref().or(self.benchmark_phase.as_deref());
        kind.or(self.credit_phase.as_deref())
    }

    /// True if the record has both a start and an end.
    pub(super) fn has_own_bounds(&self) -> bool {
        self.request_start_ns.is_some() && self.request_end_ns.is_some()
    }

    /// Start of the request.
    pub(super) fn start_ns(&self) -> Option<u64> {
        self.request_start_ns.or(self.timestamp_ns)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorDetails<'a> {
    #[serde(default)]
    pub(super) code: Option<u64>,
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) message: Option<Cow<'a, str>>,
}

/// Metrics of a record without nulls, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Metrics<'a>(pub(super) Vec<Metric<'a>>);

#[derive(Debug)]
pub(super) struct Metric<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: MetricValue,
    pub(super) unit: Cow<'a, str>,
}

#[derive(Debug, PartialEq)]
pub(super) enum MetricValue {
    Number(f64),
    List(Vec<f64>),
}

/// A metric as written. Accepts only an object: serde would also accept a list of its fields.
struct MetricObject<'a>(RawMetric<'a>);

#[derive(Deserialize)]
struct RawMetric<'a> {
    #[serde(default)]
    value: RawValue,
    #[serde(borrow, default)]
    unit: Option<Cow<'a, str>>,
}

#[derive(Default)]
struct RawValue(Option<MetricValue>);

impl<'de: 'a, 'a> Deserialize<'de> for MetricObject<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MetricVisitor)
    }
}

struct MetricVisitor;

impl<'de> Visitor<'de> for MetricVisitor {
    type Value = MetricObject<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `value` and `unit`, or null")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<MetricObject<'de>, A::Error> {
        RawMetric::deserialize(MapAccessDeserializer::new(map)).map(MetricObject)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Metrics<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MetricsVisitor)
    }
}

struct MetricsVisitor;

impl<'de> Visitor<'de> for MetricsVisitor {
    type Value = Metrics<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of metrics, or null")
    }

    fn visit_unit<E>(self) -> Result<Metrics<'de>, E> {
        Ok(Metrics::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metrics<'de>, A::Error> {
        let mut metrics: Vec<Metric<'de>> = Vec::with_capacity(40);
        while let Some(BorrowedText(name)) = map.next_key()? {
            let raw: Option<MetricObject<'de>> = map.next_value()?;
            let Some(MetricObject(RawMetric { value: RawValue(Some(value)), unit })) = raw else {
                continue;
            };
            let name = current_name(name);
            if metrics.iter().any(|known| known.name == name) {
                let message = format!("metric `{}` occurs twice in the record", escape(&name));
                return Err(serde::de::Error::custom(message));
            }
            metrics.push(Metric { name, value, unit: unit.unwrap_or_default() });
        }
        Ok(Metrics(metrics))
    }
}

/// Current name of a metric.
pub(super) fn current_name(name: Cow<'_, str>) -> Cow<'_, str> {
    match RENAMED.iter().find(|(old, _)| *old == name) {
        Some((_, new)) => Cow::Borrowed(*new),
        None => name,
    }
}

/// A key of an object; borrowed unless it has escapes.
pub(super) struct BorrowedText<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for BorrowedText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Borrowed<'b>(#[serde(borrow)] Cow<'b, str>);
        Borrowed::deserialize(deserializer).map(|text| Self(text.0))
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// A number, a list of numbers, or null. Written by hand, since serde's untagged enums buffer
/// every value first.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a list of numbers, or null")
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawValue, E> {
        Ok(RawValue(Some(MetricValue::Number(value))))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawValue, E> {
        Ok(RawValue(Some(MetricValue::Number(value as f64))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawValue, E> {
        Ok(RawValue(Some(MetricValue::Number(value as f64))))
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawValue, A::Error> {
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(64));
        while let Some(value) = seq.next_element::<f64>()? {
            values.push(value);
        }
        Ok(RawValue(Some(MetricValue::List(values))))
    }
}

/// Parses a line.
pub(super) fn parse_record(line: &[u8]) -> Result<Record<'_>, RecordError> {
    let record: Record<'_> = serde_json::from_slice(line).map_err(|error| {
        let problem = RecordError::from(&error);
        // JSON of another kind gets a message that says so.
        match serde_json::from_slice::<IgnoredAny>(line) {
            Ok(_) => RecordError {
                message: format!(
                    "not a record of AIPerf's profile_export.jsonl: {}",
                    problem.message
                ),
                ..problem
            },
            Err(_) if problem.message == "number out of range" => problem,
            Err(_) => RecordError { message: format!("not JSON: {}", problem.message), ..problem },
        }
    })?;
    let lacks = |what: &str| {
        let format = "not a record of AIPerf's profile_export.jsonl";
        RecordError::at(1, format!("{format}: metadata lacks {what}"))
    };
    if record.metadata.start_ns().is_none() {
        return Err(lacks("`request_start_ns`"));
    }
    if record.metadata.phase_name().is_none() {
        return Err(lacks("`phase_name` or `benchmark_phase`"));
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Record<'_>, String> {
        parse_record(line.as_bytes())
            .map_err(|problem| format!("{}: {}", problem.column, problem.message))
    }

    #[test]
    fn record_has_numbers_lists_and_nulls() {
        let line = r#"{"metadata":{"benchmark_phase":"profiling","request_start_ns":5,"extra":1},
            "metrics":{"a":{"value":1.5,"unit":"ms"},"b":{"value":[1,2.5],"unit":"ms"},
                       "c":{"value":null,"unit":"ms"},"d\n":{"value":-3}}, "error":null}"#
            .replace('\n', " ");
        let record = parse(&line).unwrap();
        let metrics: Vec<_> = record.metrics.0.iter().map(|m| (&*m.name, &m.value)).collect();
        assert_eq!(
            metrics,
            [
                ("a", &MetricValue::Number(1.5)),
                ("b", &MetricValue::List(vec![1.0, 2.5])),
                ("d\n", &MetricValue::Number(-3.0)),
            ]
        );
        assert!(record.error.is_none());
    }

    #[test]
    fn list_is_not_a_metric_object() {
        let line = r#"{"metadata":{"benchmark_phase":"p"},"metrics":{"many":[561.298]}}"#;
        let message = parse(line).unwrap_err();
        let expected = "an object with `value` and `unit`, or null";
        assert!(
            message.contains("invalid type: sequence") && message.ends_with(expected),
            "{message}"
        );
    }

    #[test]
    fn absent_and_null_are_the_same() {
        let metadata = r#""metadata":{"benchmark_phase":"p","request_start_ns":5}"#;
        for rest in [
            "",
            r#","metrics":null"#,
            r#","metrics":{"a":null}"#,
            r#","metrics":{"a":{"unit":"ms"}}"#,
        ] {
            let line = format!("{{{metadata}{rest}}}");
            assert!(parse(&line).unwrap().metrics.0.is_empty(), "{line}");
        }
    }

    #[test]
    fn older_names_are_read() {
        let record = parse(
            r#"{"metadata":{"credit_phase":"warmup","timestamp_ns":7},"metrics":{"ttft":{"value":1,"unit":"ms"}}}"#,
        )
        .unwrap();
        assert_eq!(record.metadata.phase_name(), Some("warmup"));
        assert_eq!(record.metadata.start_ns(), Some(7));
        assert_eq!(record.metrics.0[0].name, "time_to_first_token");
    }

    #[test]
    fn errors_of_a_line_have_byte_and_message() {
        for (line, message) in [
            ("{\"metadata\":{", "13: not JSON: EOF while parsing an object"),
            ("nonsense", "2: not JSON: expected ident"),
            (
                r#"{"a":1}"#,
                "7: not a record of AIPerf's profile_export.jsonl: missing field `metadata`",
            ),
            (
                r#"{"metadata":{"benchmark_phase":"p"},"metrics":{}}"#,
                "1: not a record of AIPerf's profile_export.jsonl: metadata lacks `request_start_ns`",
            ),
            (
                r#"{"metadata":{"request_start_ns":1},"metrics":{}}"#,
                "1: not a record of AIPerf's profile_export.jsonl: metadata lacks `phase_name` or `benchmark_phase`",
            ),
            (
                r#"{"metadata":{"request_start_ns":-1},"metrics":{}}"#,
                "34: not a record of AIPerf's profile_export.jsonl: invalid value: integer `-1`, expected u64",
            ),
            (
                r#"{"metadata":{},"metrics":{"a":{"value":"x","unit":"ms"}}}"#,
                "42: not a record of AIPerf's profile_export.jsonl: invalid type: string \"x\", expected a number, a list of numbers, or null",
            ),
            (
                r#"{"metadata":{},"metrics":{"a":{"value":1},"a":{"value":2}}}"#,
                "58: not a record of AIPerf's profile_export.jsonl: metric `a` occurs twice in \
                    the record",
            ),
            (
                r#"{"metadata":{},"metrics":{"a":{"value":1e400}}}"#,
                "44: not a record of AIPerf's profile_export.jsonl: number out of range",
            ),
        ] {
            assert_eq!(parse(line).unwrap_err(), message, "{line}");
        }
    }
}
