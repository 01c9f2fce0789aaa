//! Splits CSV text into rows and fields.

use std::ops::Range;

/// Bytes that are scanned at once.
const WINDOW: usize = 64;

/// Scans a text for bytes that may end a field: delimiters, newlines and quotes.
pub(crate) struct DelimiterScanner<'t> {
    text: &'t str,
    delimiter: u8,
    /// Start of the current window.
    window: usize,
    /// One bit for each delimiter in the window that is not taken yet.
    bits: u64,
    /// Position after the last delimiter taken.
    at: usize,
}

impl<'t> DelimiterScanner<'t> {
    /// Scans a text from `at` on.
    pub(crate) fn new(text: &'t str, at: usize, delimiter: u8) -> Self {
        let mut scanner = Self { text, delimiter, window: at, bits: 0, at };
        scanner.bits = scanner.look();
        scanner
    }

    /// Position after the last delimiter taken.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Takes the next delimiter: its position and its byte. At the end of the text, a newline.
    fn take(&mut self) -> (usize, u8) {
        while self.bits == 0 {
            self.window += WINDOW;
            if self.window >= self.text.len() {
                self.at = self.text.len() + 1;
                return (self.text.len(), b'\n');
            }
            self.bits = self.look();
        }
        let at = self.window + self.bits.trailing_zeros() as usize;
        self.bits &= self.bits - 1;
        self.at = at + 1;
        (at, self.text.as_bytes()[at])
    }

    /// Scans the current window.
    fn look(&self) -> u64 {
        let rest = self.text.as_bytes().get(self.window..).unwrap_or_default();
        match rest.first_chunk() {
            Some(window) => marks_of(window, self.delimiter),
            None => {
                let mut window = [0; WINDOW];
                window[..rest.len()].copy_from_slice(rest);
                marks_of(&window, self.delimiter)
            }
        }
    }
}

/// One bit for each delimiter in a window.
fn marks_of(window: &[u8; WINDOW], delimiter: u8) -> u64 {
    let is_mark = |byte: u8| u8::from(byte == delimiter || byte == b'\n' || byte == b'"');
    let scanner = window.map(is_mark);
    let (eights, _) = scanner.as_chunks::<8>();
    eights.iter().rev().fold(0, |bits, eight| {
        // Gathers the lowest bits of eight bytes in the highest byte.
        let together = u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits << 8 | together
    })
}

/// Positions of the fields of one row.
#[derive(Default)]
pub(crate) struct CsvRow {
    /// Start and end of the row.
    from: usize,
    end: usize,
    /// Range of each field, without its quotes.
    ranges: Vec<Range<usize>>,
    /// Fields with doubled quotes, unquoted, by index.
    unquoted: Vec<(usize, String)>,
    /// Newlines within quotes.
    line_ends: u64,
    /// Start of the quoted field that has no closing quote.
    open: usize,
}

impl CsvRow {
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// A field; empty if the row has fewer fields.
    pub(crate) fn get<'t>(&'t self, text: &'t str, at: usize) -> &'t str {
        if let Some((_, field)) = self.unquoted.iter().find(|(place, _)| *place == at) {
            return field;
        }
        self.ranges.get(at).map_or("", |range| &text[range.clone()])
    }

    /// The text from a field to the end of the row, as written.
    pub(crate) fn rest<'t>(&self, text: &'t str, at: usize) -> &'t str {
        self.ranges.get(at).map_or("", |range| &text[self.opened(text, range.start)..self.end])
    }

    /// Start of a field including its opening quote.
    fn opened(&self, text: &str, start: usize) -> usize {
        start - usize::from(text.as_bytes()[self.from..start].ends_with(b"\""))
    }

    /// True if the text ends with this row and without a newline.
    pub(crate) fn is_unterminated(&self, text: &str) -> bool {
        self.end == text.len() && !text.ends_with('\n')
    }

    /// Number of lines that the row takes up.
    pub(crate) fn lines(&self) -> u64 {
        self.line_ends + 1
    }

    /// Line of a field in the row, from 0, and its byte in that line, from 1.
    #[cold]
    pub(crate) fn position(&self, text: &str, at: usize) -> (u64, u64) {
        let start = self.ranges.get(at).map_or(self.from, |range| range.start);
        self.position_of(text, self.opened(text, start))
    }

    /// Like [`position`](Self::position), for the field without a closing quote.
    #[cold]
    pub(crate) fn open_field_position(&self, text: &str) -> (u64, u64) {
        self.position_of(text, self.open)
    }

    /// Like [`position`](Self::position), for a byte of the row.
    #[cold]
    pub(crate) fn position_of(&self, text: &str, at: usize) -> (u64, u64) {
        let before = &text.as_bytes()[self.from..at];
        let line = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        (memchr::memchr_iter(b'\n', before).count() as u64, (before.len() - line) as u64 + 1)
    }

    /// Reads the next row and returns its end, without the newline. Returns none if a quoted
    /// field has no closing quote.
    pub(crate) fn read(&mut self, scanner: &mut DelimiterScanner<'_>) -> Option<usize> {
        let bytes = scanner.text.as_bytes();
        self.from = scanner.at;
        self.ranges.clear();
        self.unquoted.clear();
        self.line_ends = 0;
        let mut start = self.from;
        loop {
            let (end, mark) = scanner.take();
            if mark == scanner.delimiter {
                self.ranges.push(start..end);
                start = end + 1;
            } else if mark == b'\n' {
                self.ranges.push(start..line_end(bytes, start, end));
                self.end = end;
                return Some(end);
            } else if end == start {
                // A quote inside an unquoted field is an ordinary byte.
                let (end, is_last) = self.quoted(scanner, start)?;
                if is_last {
                    self.end = end;
                    return Some(end);
                }
                start = end + 1;
            }
        }
    }

    /// Reads a field after its opening quote; a doubled quote stands for one quote. Returns the
    /// end of the field, and true if it is the last of the row.
    fn quoted(
        &mut self,
        scanner: &mut DelimiterScanner<'_>,
        start: usize,
    ) -> Option<(usize, bool)> {
        self.open = start;
        let (bytes, mut has_quotes) = (scanner.text.as_bytes(), false);
        let closed = loop {
            match scanner.take() {
                (at, _) if at == bytes.len() => return None,
                (at, b'"') if bytes.get(at + 1) == Some(&b'"') => {
                    scanner.take();
                    has_quotes = true;
                }
                (at, b'"') => break at,
                (_, b'\n') => self.line_ends += 1,
                _ => {}
            }
        };
        let (end, mark) = loop {
            match scanner.take() {
                (_, b'"') => {}
                found => break found,
            }
        };
        let is_last = mark == b'\n';
        let behind = closed + 1..if is_last { line_end(bytes, closed + 1, end) } else { end };
        if has_quotes || !behind.is_empty() {
            let mut unquoted = scanner.text[start + 1..closed].replace("\"\"", "\"");
            unquoted.push_str(&scanner.text[behind]);
            self.unquoted.push((self.ranges.len(), unquoted));
        }
        self.ranges.push(start + 1..closed);
        Some((end, is_last))
    }
}

/// End of a line without a carriage return.
fn line_end(bytes: &[u8], start: usize, end: usize) -> usize {
    end - usize::from(bytes[start..end].ends_with(b"\r"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rows of a text up to a quoted field without a closing quote.
    fn rows_of(text: &str) -> (Vec<Vec<String>>, bool) {
        let (mut scanner, mut fields) = (DelimiterScanner::new(text, 0, b';'), CsvRow::default());
        let mut rows = Vec::new();
        while scanner.at() < text.len() {
            if fields.read(&mut scanner).is_none() {
                return (rows, false);
            }
            rows.push((0..fields.len()).map(|at| fields.get(text, at).to_owned()).collect());
        }
        (rows, true)
    }

    fn rows_of_crate(text: &str) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(b';')
            .from_reader(text.as_bytes());
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn rows_equal_those_of_the_csv_crate(
            text in "([a;]{0,40}|[ab;\"\n]{0,9}|\"[a;\n]{0,70}\"|\r\n|\u{e9}){0,12}"
        ) {
            let (mut rows, is_whole) = rows_of(&text);
            let mut expected = rows_of_crate(&text);
            if !is_whole {
                // The csv crate takes the rest of the text as the field.
                expected.pop();
            }
            // The csv crate skips blank lines.
            rows.retain(|row| row.as_slice() != [""]);
            expected.retain(|row| row.as_slice() != [""]);
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn fields_have_the_line_and_byte_they_start_at() {
        let text = "a,b\n1,\"x\ny\",é,2\n3,\"z,4";
        let mut scanner = DelimiterScanner::new(text, 0, b',');
        let mut fields = CsvRow::default();
        assert_eq!(fields.read(&mut scanner), Some(3));
        assert_eq!((fields.position(text, 0), fields.position(text, 1)), ((0, 1), (0, 3)));
        assert_eq!((fields.read(&mut scanner), fields.lines()), (Some(16), 2));
        let places: Vec<_> = (0..fields.len()).map(|at| fields.position(text, at)).collect();
        assert_eq!(places, [(0, 1), (0, 3), (1, 4), (1, 7)]);
        assert_eq!(fields.get(text, 1), "x\ny");
        assert_eq!(fields.read(&mut scanner), None);
        assert_eq!(fields.open_field_position(text), (0, 3));
    }
}
