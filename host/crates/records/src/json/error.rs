//! Parses JSON and turns serde's errors into messages.

use serde::Deserialize;
use serde_json::error::Category;

use crate::input::Block;
use crate::limits::DOCUMENT_MAX_BYTES;
use crate::record_error::RecordError;
use crate::text::count_lines;

/// An error and the line it is in, from 0.
pub(crate) type ErrorAtLine = (u64, RecordError);

/// Parses one line. `what` names the expected content in messages.
pub(crate) fn parse_line<'l, T: Deserialize<'l>>(
    line: &'l [u8],
    what: &str,
) -> Result<T, RecordError> {
    let text = utf8(line).map_err(|(_, problem)| problem)?;
    serde_json::from_str(text).map_err(|error| json_error(&error, what).1)
}

/// The text of a block that is one document.
pub(crate) fn document(block: &Block) -> Result<&str, ErrorAtLine> {
    if block.is_truncated {
        let message = format!("the document is larger than {} MiB", DOCUMENT_MAX_BYTES >> 20);
        return Err((0, RecordError::at(DOCUMENT_MAX_BYTES as u64, message)));
    }
    let text = utf8(&block.text)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Message and line of a JSON error. `what` names the expected content.
pub(crate) fn json_error(error: &serde_json::Error, what: &str) -> ErrorAtLine {
    let problem = RecordError::from(error);
    let message = match error.classify() {
        Category::Data => format!("not {what}: {}", problem.message),
        _ if problem.message == "number out of range" => problem.message,
        _ => format!("not JSON: {}", problem.message),
    };
    (error.line().max(1) as u64 - 1, RecordError { message, ..problem })
}

fn utf8(text: &[u8]) -> Result<&str, ErrorAtLine> {
    std::str::from_utf8(text).map_err(|error| {
        let before = &text[..error.valid_up_to()];
        let line = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        let column = (before.len() - line + 1) as u64;
        (count_lines(&before[..line]), RecordError::at(column, "not UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &[u8]) -> Block {
        Block { text: text.to_vec(), ..Block::default() }
    }

    #[test]
    fn document_text_has_no_byte_order_mark() {
        assert_eq!(document(&block("\u{feff}{}".as_bytes())), Ok("{}"));
        let (line, problem) = document(&block(b"{\n\n  \"a\": \"\xff\"}")).unwrap_err();
        assert_eq!((line, problem.column, &*problem.message), (2, 9, "not UTF-8"));
        let long = Block { is_truncated: true, ..block(b"{") };
        assert_eq!(document(&long).unwrap_err().1.message, "the document is larger than 8 MiB");
    }

    #[test]
    fn errors_of_a_line_have_byte_and_message() {
        for (line, message) in [
            (&b"[1, 2"[..], "5: not JSON: EOF while parsing a list"),
            (b"[1, NaN]", "5: not JSON: expected value"),
            (b"[1, 1e400]", "9: number out of range"),
            (b"{}", "1: not a list: invalid type: map, expected a sequence"),
            (b"[\"\xff\"]", "3: not UTF-8"),
        ] {
            let problem = parse_line::<Vec<f64>>(line, "a list").unwrap_err();
            assert_eq!(format!("{}: {}", problem.column, problem.message), message);
        }
    }
}
