//! Templates for lines of points that differ only in metric, time and value.
//!
//! The points of a request have the same tags, and so have many requests. A line that equals a
//! parsed one in everything else is a valid point with the same tags.

use std::sync::Arc;

use super::point::Point;
use crate::json::scalar::{blanks_end, f64_at, line_end, text_at};
use crate::readers::k6_json::point::Tags;

/// Maximum of shapes of one thread.
const SHAPES_MAX: usize = 16;

/// A part that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Metric,
    Time,
    Value,
}

/// A line of a point with slots.
#[derive(Debug)]
struct Shape {
    /// Each slot with the text before it.
    parts: [(Box<[u8]>, Slot); 3],
    /// Text after the last slot.
    tail: Box<[u8]>,
    tags: Arc<Tags>,
}

/// Shapes of the lines so far, most recently matched first.
#[derive(Debug, Default)]
pub(crate) struct Shapes(Vec<Shape>);

/// A line that matches a shape.
pub(crate) struct Match<'t> {
    pub(crate) metric: &'t str,
    pub(crate) time: &'t str,
    pub(crate) value: f64,
    /// Position after the line.
    pub(crate) end: usize,
}

impl Shapes {
    /// Reads the line at `at` by the first shape that matches.
    pub(crate) fn fit<'t>(&mut self, text: &'t str, at: usize) -> Option<(Match<'t>, &Arc<Tags>)> {
        let mut fitting =
            self.0.iter().enumerate().filter_map(|(i, shape)| Some((i, shape.fit(text, at)?)));
        let (place, fit) = fitting.next()?;
        self.0[..=place].rotate_right(1);
        Some((fit, &self.0[0].tags))
    }

    /// Learns the shape of a parsed line.
    pub(crate) fn learn(&mut self, line: &[u8], point: &Point<'_>, tags: &Arc<Tags>) {
        let line = std::str::from_utf8(line).unwrap_or_default();
        if let Some(shape) = Shape::of(line, point, Arc::clone(tags)) {
            self.0.truncate(SHAPES_MAX - 1);
            self.0.insert(0, shape);
        }
    }
}

impl Shape {
    /// Shape of a line that holds this point; none if such lines are always parsed completely.
    fn of(line: &str, point: &Point<'_>, tags: Arc<Tags>) -> Option<Self> {
        // Without escapes, each key that is found once is where it was found.
        if memchr::memchr(b'\\', line.as_bytes()).is_some() {
            return None;
        }
        let text = |at| Some(text_at(line, at)?.1);
        let mut slots = [
            (only(line, "\"metric\"", text)?, Slot::Metric),
            (only(line, "\"time\"", text)?, Slot::Time),
            (only(line, "\"value\"", |at| Some(f64_at(line, at)?.1))?, Slot::Value),
        ];
        slots.sort_unstable_by_key(|((start, _), _)| *start);
        let mut from = 0;
        let parts = slots.map(|((start, end), slot)| {
            let before = line.as_bytes()[from..start].into();
            from = end;
            (before, slot)
        });
        let tail = line.as_bytes()[from..].into();
        let shape = Self { parts, tail, tags };
        let fit = shape.fit(line, 0)?;
        let is_same = fit.metric == point.metric && fit.time == point.time;
        (is_same && fit.value.to_bits() == point.value.to_bits()).then_some(shape)
    }

    fn fit<'t>(&self, text: &'t str, mut at: usize) -> Option<Match<'t>> {
        let bytes = text.as_bytes();
        let mut fit = Match { metric: "", time: "", value: 0.0, end: 0 };
        for (before, slot) in &self.parts {
            if !bytes.get(at..)?.starts_with(before) {
                return None;
            }
            at += before.len();
            match slot {
                Slot::Metric => (fit.metric, at) = text_at(text, at)?,
                Slot::Time => (fit.time, at) = text_at(text, at)?,
                Slot::Value => (fit.value, at) = f64_at(text, at)?,
            }
        }
        fit.end = line_end(bytes, at, &self.tail)?;
        Some(fit)
    }
}

/// Range of the value of a key, if exactly one key has such a value.
fn only(
    line: &str,
    key: &str,
    value_end: impl Fn(usize) -> Option<usize>,
) -> Option<(usize, usize)> {
    let bytes = line.as_bytes();
    let values = memchr::memmem::find_iter(bytes, key).filter_map(|at| {
        let colon = blanks_end(bytes, at + key.len());
        let start = blanks_end(bytes, colon + 1);
        (bytes.get(colon) == Some(&b':')).then(|| Some((start, value_end(start)?)))?
    });
    let mut values = values;
    let first = values.next()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::point::parse_point;
    use super::*;

    /// Reads a line by the shape of another.
    fn fit(learned: &str, line: &str) -> Option<(String, String, f64)> {
        let point = parse_point(learned.as_bytes()).unwrap().unwrap();
        let (mut shapes, tags) = (Shapes::default(), Arc::new(parse_tags(learned)));
        shapes.learn(learned.as_bytes(), &point, &tags);
        let (fit, _) = shapes.fit(line, 0)?;
        assert_eq!(fit.end, line.len());
        Some((fit.metric.to_owned(), fit.time.to_owned(), fit.value))
    }

    fn parse_tags(line: &str) -> Tags {
        parse_point(line.as_bytes()).unwrap().unwrap().tags
    }

    const LINE: &str = r#"{"metric":"a","type":"Point","data":{"time":"t","value":1,"tags":{"status":"200","x":"y"}}}"#;

    #[test]
    fn lines_with_the_same_tags_match_whatever_their_metric_time_and_value() {
        let other = LINE.replace("\"a\"", "\"longer\"").replace("\"t\"", "\"u\"");
        let other = other.replace(":1,", ":-2.5e3,") + "\r\n";
        assert_eq!(fit(LINE, &other), Some(("longer".into(), "u".into(), -2500.0)));
        let older =
            r#"{"type":"Point", "data":{"time": "t","value" : 1,"tags":null},"metric":"a"}"#;
        let other = older.replace(" 1", " 20");
        assert_eq!(fit(older, &other), Some(("a".into(), "t".into(), 20.0)));
    }

    #[test]
    fn lines_that_differ_in_anything_else_do_not_match() {
        for (from, to) in [
            ("200", "500"),
            ("Point", "Metric"),
            ("}}}", "}}"),
            ("}}}", "}}}}"),
            ("}}}", "}}} "),
            (":1,", ":01,"),
            (":1,", ":NaN,"),
            (":1,", ":1e400,"),
            (":1,", ":\"1\","),
            ("\"t\"", "\"\\u0074\""),
            ("\"t\"", "1"),
        ] {
            assert_eq!(fit(LINE, &LINE.replace(from, to)), None, "{from} {to}");
        }
    }

    #[test]
    fn ambiguous_lines_are_parsed_completely() {
        for tags in [
            r#""time":"2026""#,
            r#""metric":"b""#,
            r#""a":"\"metric\":\"b\"""#,
            r#""t\u0069me":"t""#,
        ] {
            let line = LINE.replace(r#""x":"y""#, tags);
            assert_eq!(fit(&line, &line), None, "{line}");
        }
        for tags in [r#""value":"1""#, r#""a":"value""#, r#""time ":"x""#] {
            let line = LINE.replace(r#""x":"y""#, tags);
            assert!(fit(&line, &line).is_some(), "{line}");
        }
        let nested = LINE.replace("\"tags\"", "\"more\":{\"value\":3},\"tags\"");
        assert_eq!(fit(&nested, &nested), None);
    }
}
