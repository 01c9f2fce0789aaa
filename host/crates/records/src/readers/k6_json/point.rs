//! Parses a line of k6's `--out json`: a point of a metric, or the header of a metric.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::json::error::parse_line;
use crate::record_error::RecordError;
use crate::time::rfc3339_ns;

/// Metrics of a request: its duration, then those with columns of their own.
pub(crate) const METRICS: [&str; 9] = [
    "http_req_duration",
    "http_req_blocked",
    "http_req_connecting",
    "http_req_tls_handshaking",
    "http_req_sending",
    "http_req_waiting",
    "http_req_receiving",
    "http_req_failed",
    "http_reqs",
];
pub(crate) const DURATION: usize = 0;
pub(crate) const FAILED: usize = 7;

/// Index of a metric in [`METRICS`].
pub(crate) fn metric_of_request(name: &str) -> Option<usize> {
    let all = METRICS.iter();
    name.starts_with("http_req").then(|| all.clone().position(|metric| *metric == name))?
}

/// A line, borrowed.
#[derive(Debug, Deserialize)]
pub(crate) struct Line<'a> {
    #[serde(borrow)]
    pub(crate) metric: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    data: Data<'a>,
}

/// Data of a line. Headers have other keys.
#[derive(Debug, Deserialize)]
#[serde(expecting = "an object")]
struct Data<'a> {
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    value: Option<f64>,
    #[serde(borrow, default)]
    tags: Option<Texts<'a>>,
    #[serde(borrow, default)]
    metadata: Option<Texts<'a>>,
}

/// A point.
#[derive(Debug)]
pub(crate) struct Point<'a> {
    pub(crate) metric: Cow<'a, str>,
    pub(crate) time: Cow<'a, str>,
    pub(crate) value: f64,
    pub(crate) tags: Tags,
}

/// Names and values of tags.
#[derive(Debug, Default)]
struct Texts<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Tags of a point, which describe its request.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    /// Sorted by name.
    all: Vec<(Box<str>, Box<str>)>,
    /// Worker; newer versions write it beside the tags.
    worker: Option<Box<str>>,
}

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
    }
}

impl Tags {
    /// A tag that is not empty.
    fn get(&self, name: &str) -> Option<&str> {
        let at = self.all.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&*self.all[at].1).filter(|text| !text.is_empty())
    }

    /// Status of the response. k6 writes 0 if there was none.
    pub(crate) fn status(&self) -> Option<u64> {
        self.get("status")?.parse().ok().filter(|status| *status != 0)
    }

    /// Error type of the request; `failed` is k6's own verdict.
    pub(crate) fn error(&self, failed: bool) -> Option<&str> {
        let (code, status) = (self.get("error_code"), self.get("status"));
        let is_error = failed || code.is_some() || self.message().is_some() || status == Some("0");
        is_error.then(|| code.or(status).unwrap_or("failed"))
    }

    pub(crate) fn message(&self) -> Option<&str> {
        self.get("error")
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.get("name").or_else(|| self.get("url"))
    }

    pub(crate) fn worker(&self) -> Option<&str> {
        self.worker.as_deref().or_else(|| self.get("vu"))
    }

    /// Tags from names and values, and the worker.
    pub(crate) fn of(mut all: Vec<(Box<str>, Box<str>)>, worker: Option<Box<str>>) -> Self {
        all.sort_unstable();
        Self { all, worker }
    }

    fn new(tags: Option<Texts<'_>>, metadata: Option<Texts<'_>>) -> Self {
        let texts = tags.unwrap_or_default().0.into_iter();
        let all = texts.map(|(name, text)| (name.into(), text.into())).collect();
        let mut metadata = metadata.unwrap_or_default().0.into_iter();
        let worker = metadata.find(|(name, _)| name == "vu").map(|(_, text)| text.into());
        Self::of(all, worker)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts<'de>, A::Error> {
        #[derive(Deserialize)]
        struct Text<'b>(#[serde(borrow)] Cow<'b, str>);
        let mut texts = Vec::with_capacity(16);
        while let Some((Text(name), Text(text))) = map.next_entry()? {
            texts.push((name, text));
        }
        Ok(Texts(texts))
    }
}

/// Parses a line; none for a header.
pub(crate) fn parse_point(line: &[u8]) -> Result<Option<Point<'_>>, RecordError> {
    const WHAT: &str = "a line of k6's --out json";
    let Line { metric, kind, data } = parse_line(line, WHAT)?;
    let lacks = |what: &str| RecordError::at(1, format!("not {WHAT}: a point lacks `{what}`"));
    match &*kind {
        "Metric" => return Ok(None),
        "Point" => {}
        _ => {
            let message = format!("not {WHAT}: its type is neither `Metric` nor `Point`");
            return Err(RecordError::at(1, message));
        }
    }
    Ok(Some(Point {
        metric,
        time: data.time.ok_or_else(|| lacks("time"))?,
        value: data.value.ok_or_else(|| lacks("value"))?,
        tags: Tags::new(data.tags, data.metadata),
    }))
}

/// Time of a point, in nanoseconds since the Unix epoch.
pub(crate) fn time_ns(line: &[u8], time: &str) -> Result<u64, RecordError> {
    rfc3339_ns(time).ok_or_else(|| {
        let column = memchr::memmem::find(line, time.as_bytes()).map_or(1, |at| at + 1);
        let message =
            format!("`time` is `{}`, not an RFC 3339 time since 1970", perfbox_model::escape(time));
        RecordError::at(column as u64, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_a_line_have_byte_and_message() {
        let what = "not a line of k6's --out json:";
        for (line, message) in [
            ("{\"metric\":", "10: not JSON: EOF while parsing a value".to_owned()),
            (r#"{"metric":"a"}"#, format!("14: {what} missing field `type`")),
            (r#"{"metric":"a","type":"Point"}"#, format!("29: {what} missing field `data`")),
            (
                r#"{"metric":"a","type":"Sample","data":{}}"#,
                format!("1: {what} its type is neither `Metric` nor `Point`"),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"value":1}}"#,
                format!("1: {what} a point lacks `time`"),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"time":"x"}}"#,
                format!("1: {what} a point lacks `value`"),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"time":"x","value":"1"}}"#,
                format!("59: {what} invalid type: string \"1\", expected f64"),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"time":"x","value":1,"tags":{"a":1}}}"#,
                format!("71: {what} invalid type: integer `1`, expected a string"),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"time":"x","value":1e400}}"#,
                "61: number out of range".to_owned(),
            ),
            (
                r#"{"metric":"a","type":"Point","data":{"time":"x","value":NaN}}"#,
                "57: not JSON: expected value".to_owned(),
            ),
            (
                r#"{"metric":"a","metric":"b","type":"Point","data":{}}"#,
                format!("22: {what} duplicate field `metric`"),
            ),
        ] {
            let problem = parse_point(line.as_bytes()).unwrap_err();
            assert_eq!(format!("{}: {}", problem.column, problem.message), message, "{line}");
        }
    }

    #[test]
    fn tags_that_are_null_or_left_out_are_none() {
        for tags in ["", r#","tags":null"#, r#","tags":{}"#] {
            let line =
                format!(r#"{{"type":"Point","data":{{"time":"x","value":1{tags}}},"metric":"a"}}"#);
            let point = parse_point(line.as_bytes()).unwrap().unwrap();
            assert_eq!(point.tags, Tags { all: Vec::new(), worker: None });
        }
    }
}
