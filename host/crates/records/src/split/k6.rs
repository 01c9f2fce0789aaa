//! Splits k6's points between requests.

use super::csv::last_row_end;
use crate::json::scalar::{blanks_end, text_at};

/// Maximum of bytes with the same time that are kept together. k6 never ends thousands of
/// requests in one nanosecond.
const ONE_TIME_MAX_BYTES: usize = 8 << 20;

/// Start of a request's first row in CSV.
const FIRST: &[u8] = b"http_reqs,";

/// Maximum of rows without the start of a request that are kept together, in bytes.
const REQUEST_MAX_BYTES: usize = 8 << 20;

/// For JSON, the end of the last line whose time differs from that of the last complete line:
/// all points of a request have the same time. 0 if there is no such line yet; the end of the
/// last line if no line has a time.
pub(super) fn between_points(text: &[u8]) -> usize {
    let Some(end) = memchr::memrchr(b'\n', text).map(|at| at + 1) else { return 0 };
    let (mut last, mut line_end) = (None, end);
    while line_end > 0 {
        let start = memchr::memrchr(b'\n', &text[..line_end - 1]).map_or(0, |at| at + 1);
        // Metric headers have no time. They stand between the points of the first request.
        if let Some(times) = times(&text[start..line_end]) {
            match &last {
                None => last = Some(times),
                Some(last) if *last != times => return line_end,
                Some(_) => {}
            }
        }
        line_end = start;
    }
    if last.is_some() && text.len() < ONE_TIME_MAX_BYTES { 0 } else { end }
}

/// All values of keys named `time`: a tag may have that name, too.
fn times(line: &[u8]) -> Option<Vec<&str>> {
    const KEY: &[u8] = b"\"time\"";
    let line = std::str::from_utf8(line).ok()?;
    let bytes = line.as_bytes();
    let times = memchr::memmem::find_iter(bytes, KEY).filter_map(|at| {
        let colon = blanks_end(bytes, at + KEY.len());
        let start = blanks_end(bytes, colon + 1);
        (bytes.get(colon) == Some(&b':')).then(|| Some(text_at(line, start)?.0))?
    });
    Some(times.collect()).filter(|times: &Vec<&str>| !times.is_empty())
}

/// For CSV, the end of the complete requests: the start of the last request. 0 if there is none
/// yet; the end of the last row if no request begins for long.
pub(super) fn before_last_request(text: &[u8], delimiter: u8) -> usize {
    match last_row_end(text, delimiter, |at| text[at..].starts_with(FIRST)) {
        0 if text.len() >= REQUEST_MAX_BYTES => last_row_end(text, delimiter, |_| true),
        end => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(time: &str, tags: &str) -> String {
        format!("{{\"data\":{{\"tags\":{{{tags}}},\"time\": \"{time}\"}}}}\n")
    }

    #[test]
    fn points_are_split_between_times() {
        let (one, other) = (point("1", ""), point("2", ""));
        let header = "{\"data\":{\"contains\":\"time\"}}\n".to_owned();
        let first = one.len();
        for (lines, cut) in [
            (vec![&one, &other], first),
            (vec![&one, &other, &other], first),
            (vec![&one, &header, &other, &header, &other], first),
            (vec![&one, &one], 0),
            (vec![&header, &one], 0),
            (vec![&header, &header], 2 * header.len()),
            (vec![], 0),
        ] {
            let text: String = lines.into_iter().map(String::as_str).collect();
            assert_eq!(between_points(text.as_bytes()), cut, "{text}");
            // An incomplete line has no time yet.
            let more = format!("{text}{{\"data\":{{\"time\":\"1\"");
            assert_eq!(between_points(more.as_bytes()), cut, "{more}");
        }
    }

    #[test]
    fn a_tag_called_time_is_not_the_time() {
        let tag = r#""time":"noon""#;
        let (one, other) = (point("1", tag), point("2", tag));
        assert_eq!(between_points(format!("{one}{other}{other}").as_bytes()), one.len());
    }
}
