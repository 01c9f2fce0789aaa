//! CSV of any tool: rows of fields, of which a mapping says what each is.

use std::borrow::Cow;

use super::Problem;
use super::columns::Survey;
use super::format::Format;
use super::input::{Block, Cut, LINE_MAX_BYTES};
use super::mapping::{self, Bound, Facts, Mapping, ONLY_PHASE, What, read_number};
use super::reader::{Lines, Reader, Surveyed};
use super::rows::{PhaseKey, Rows};
use crate::escape;

/// Delimiters that are looked for in a header.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Most fields of a row.
const FIELDS_MAX: usize = 65_536;

/// Reads CSV.
pub(super) struct Csv {
    pub(super) format: Format,
    pub(super) delimiter: u8,
    /// The line that says what the columns are, as it stands there; none: nothing says so.
    pub(super) header: Option<Vec<u8>>,
    /// Fields of a row.
    pub(super) fields: usize,
    pub(super) bound: Vec<Bound>,
}

/// The names in a header, and the delimiter between them; none: it is not CSV.
pub(super) fn header_of(start: &[u8]) -> Option<(u8, Vec<String>)> {
    let line = header_line(start);
    let line = std::str::from_utf8(&line).ok().filter(|line| !line.is_empty())?;
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    let delimiter = DELIMITERS.into_iter().max_by_key(|one| (count(one), one == &b','))?;
    let mut fields = Fields::default();
    let end = fields.split(line, 0, delimiter)?;
    if end != line.len() || fields.len() > FIELDS_MAX {
        return None;
    }
    Some((delimiter, (0..fields.len()).map(|at| fields.get(line, at).trim().to_owned()).collect()))
}

/// The first line that is not blank, without blanks at its end; empty: there is none.
pub(super) fn header_line(start: &[u8]) -> Vec<u8> {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    while lines.at().is_some() {
        let (_, line) = lines.next_line();
        if !line.trim_ascii().is_empty() {
            return line.to_vec();
        }
    }
    Vec::new()
}

/// Why a text has no header.
fn no_header(start: &[u8]) -> Problem {
    let header = header_line(start);
    let count = |delimiter: &u8| header.iter().filter(|byte| *byte == delimiter).count() + 1;
    let columns = DELIMITERS.iter().map(count).max().unwrap_or(0);
    let words = match columns > FIELDS_MAX {
        true => format!("the header has {columns} columns, and at most {FIELDS_MAX} are read"),
        false => "this is no CSV with a header".to_owned(),
    };
    Problem::at(1, words)
}

/// The names in a header, each with the value of the first row.
pub(super) fn sample_of(start: &[u8]) -> Vec<(String, String)> {
    let Some((delimiter, names)) = header_of(start) else { return Vec::new() };
    let csv = Csv {
        format: Format::Csv,
        delimiter,
        header: Some(header_line(start)),
        fields: names.len(),
        bound: Vec::new(),
    };
    let mut values = vec![String::new(); names.len()];
    csv.each(&Block { text: start.to_vec(), ..Block::default() }, |_, fields, text| {
        let Ok(fields) = fields else { return false };
        for (at, value) in values.iter_mut().enumerate().filter(|(_, value)| value.is_empty()) {
            fields.get(text, at).clone_into(value);
        }
        values.iter().any(String::is_empty)
    });
    names.into_iter().zip(values).collect()
}

/// Where the fields of one row stand.
#[derive(Default)]
pub(super) struct Fields {
    /// In the text or, of a row with quotes, in `unquoted`.
    ends: Vec<(usize, usize)>,
    unquoted: Option<String>,
}

impl Fields {
    fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field; nothing where the row has fewer.
    pub(super) fn get<'t>(&'t self, text: &'t str, at: usize) -> &'t str {
        let Some((start, end)) = self.ends.get(at) else { return "" };
        &self.unquoted.as_deref().unwrap_or(text)[*start..*end]
    }

    /// Takes a row apart. Where it ends, its line's end not included; none: a quoted field
    /// of it has no end.
    fn split(&mut self, text: &str, from: usize, delimiter: u8) -> Option<usize> {
        self.ends.clear();
        self.unquoted = None;
        let bytes = text.as_bytes();
        let mut start = from;
        for at in memchr::memchr3_iter(delimiter, b'\n', b'"', &bytes[from..]) {
            let at = from + at;
            match bytes[at] {
                b'\n' => {
                    let end = if bytes[..at].ends_with(b"\r") && at > start { at - 1 } else { at };
                    self.ends.push((start, end));
                    return Some(at);
                }
                b'"' => return self.split_quoted(text, from, delimiter),
                _ => {
                    self.ends.push((start, at));
                    start = at + 1;
                }
            }
        }
        let end = if bytes.ends_with(b"\r") && bytes.len() > start {
            bytes.len() - 1
        } else {
            bytes.len()
        };
        self.ends.push((start, end));
        Some(bytes.len())
    }

    /// As [`split`](Self::split), of a row in which a field is quoted: a quote in it is
    /// written twice.
    fn split_quoted(&mut self, text: &str, from: usize, delimiter: u8) -> Option<usize> {
        self.ends.clear();
        let mut unquoted = String::new();
        let (mut at, mut start, bytes) = (from, 0, text.as_bytes());
        loop {
            if bytes.get(at) == Some(&b'"') {
                at += 1;
                loop {
                    let quote = at + memchr::memchr(b'"', &bytes[at..])?;
                    unquoted.push_str(&text[at..quote]);
                    at = quote + 1;
                    if bytes.get(at) != Some(&b'"') {
                        break;
                    }
                    unquoted.push('"');
                    at += 1;
                }
            }
            let rest = memchr::memchr2(delimiter, b'\n', &bytes[at..]);
            let end = rest.map_or(bytes.len(), |rest| at + rest);
            unquoted.push_str(&text[at..end]);
            let is_last = bytes.get(end) != Some(&delimiter);
            if is_last && unquoted.len() > start && unquoted.ends_with('\r') {
                unquoted.pop();
            }
            self.ends.push((start, unquoted.len()));
            start = unquoted.len();
            if is_last {
                self.unquoted = Some(unquoted);
                return Some(end);
            }
            at = end + 1;
        }
    }
}

impl Reader for Csv {
    fn format(&self) -> Format {
        self.format
    }

    fn cut(&self) -> Cut {
        Cut::Csv { delimiter: self.delimiter }
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        mapping::survey(&self.bound, survey);
        let mut seen = Surveyed::default();
        let lines = self.each(block, |line, fields, text| {
            match fields.and_then(|fields| self.facts(fields, text)) {
                Ok(facts) => {
                    seen.has_records = true;
                    survey.add_phase(facts.phase().unwrap_or(ONLY_PHASE));
                }
                Err(words) => {
                    seen.first_bad.get_or_insert((line, Problem::at(1, words)));
                }
            }
            true
        });
        seen.lines = lines;
        seen
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let places = mapping::metric_places(&self.bound, rows.columns());
        let mut phase = PhaseKey::named(ONLY_PHASE);
        let mut metrics = Vec::new();
        let lines = self.each(block, |line, fields, text| {
            let put = fields.and_then(|fields| {
                let facts = self.facts(fields, text)?;
                metrics.clear();
                for (field, column) in &places {
                    let text = fields.get(text, *field);
                    if !text.is_empty() {
                        let value =
                            read_number(text).map_err(|words| self.in_column(*field, &words))?;
                        metrics.push((*column, value));
                    }
                }
                facts.put(rows, &mut phase, metrics.drain(..))
            });
            match put {
                Ok(()) => true,
                Err(words) => rows.bad(line, Problem::at(1, words)),
            }
        });
        rows.add_lines(lines);
    }
}

/// The text of a block, and the places of bytes that are none, which others stand for.
fn text_of(block: &[u8]) -> (Cow<'_, str>, Vec<usize>) {
    if let Ok(text) = std::str::from_utf8(block) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let (mut text, mut places) = (String::with_capacity(block.len()), Vec::new());
    for chunk in block.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            places.push(text.len());
            text.push('?');
        }
    }
    (Cow::Owned(text), places)
}

impl Csv {
    /// CSV with a header, mapped.
    ///
    /// # Errors
    /// When it has none, or the mapping does not fit it.
    pub(super) fn mapped(start: &[u8], mapping: &Mapping) -> Result<Self, Problem> {
        let header = header_of(start);
        let (delimiter, names) = header.ok_or_else(|| no_header(start))?;
        let bound = mapping::bind(mapping, &names)?;
        let (header, fields) = (Some(header_line(start)), names.len());
        Ok(Self { format: Format::Csv, delimiter, header, fields, bound })
    }

    /// What is wrong with a field, and with which.
    #[cold]
    fn in_column(&self, field: usize, words: &str) -> String {
        let bound = self.bound.iter().find(|one| one.field == field);
        format!("column `{}`: {words}", escape(bound.map_or("", |one| &one.name)))
    }

    /// What a row says of its request, but for its metrics.
    fn facts<'t>(&self, fields: &'t Fields, text: &'t str) -> Result<Facts<'t>, String> {
        // Delimiters at the end of a row, with nothing behind, move nothing out of its place.
        let is_beyond = |at: usize| !fields.get(text, at).is_empty();
        if fields.len() != self.fields
            && (fields.len() < self.fields || (self.fields..fields.len()).any(is_beyond))
        {
            return Err(format!(
                "the row has {} fields, and the others have {}",
                fields.len(),
                self.fields
            ));
        }
        let mut facts = Facts::default();
        for Bound { field, what, .. } in &self.bound {
            let text = fields.get(text, *field);
            if !text.is_empty() && !matches!(what, What::Metric(..)) {
                facts.take(what, text).map_err(|words| self.in_column(*field, &words))?;
            }
        }
        Ok(facts)
    }

    /// Goes through the rows of a block, each with the number of its first line, until
    /// told to end. How many lines there were.
    pub(super) fn each(
        &self,
        block: &Block,
        mut row: impl FnMut(u64, Result<&Fields, String>, &str) -> bool,
    ) -> u64 {
        if block.is_cut_short {
            let words = Problem::long_line(LINE_MAX_BYTES).words;
            row(0, Err(format!("{words}; is a quote missing?")), "");
            return 1;
        }
        let (text, no_text) = text_of(&block.text);
        let text = &*text;
        let mut fields = Fields::default();
        let mut at = Lines::new(block).at().unwrap_or(text.len());
        let mut lines = 0;
        while at < text.len() {
            let end = fields.split(text, at, self.delimiter);
            let line = lines;
            let behind = end.unwrap_or(text.len());
            lines += match fields.unquoted.is_some() || end.is_none() {
                true => memchr::memchr_iter(b'\n', &text.as_bytes()[at..behind]).count() as u64 + 1,
                false => 1,
            };
            let row_text = text[at..behind].trim_ascii_end();
            // Runs that were added to the file of another have a header each.
            let is_header = self.header.as_ref().is_some_and(|one| *one == row_text.as_bytes());
            let first_no_text = no_text.get(no_text.partition_point(|place| *place < at));
            let is_text = first_no_text.is_none_or(|place| *place >= behind);
            at = behind + 1;
            if is_text && (is_header || row_text.trim_ascii_start().is_empty()) {
                continue;
            }
            let fields = match end {
                _ if !is_text => Err("the text is not UTF-8".to_owned()),
                Some(_) => Ok(&fields),
                None => Err("a quoted field has no end".to_owned()),
            };
            if !row(line, fields, text) {
                break;
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::Mapping;
    use super::super::testing::read_in_blocks;
    use super::*;

    fn mapped(text: &[u8]) -> Csv {
        let mut mapping = Mapping::default();
        for flag in ["start=start:s", "latency=latency:ms", "name=name"] {
            mapping.add_flag(flag).unwrap();
        }
        Csv::mapped(text, &mapping).unwrap()
    }

    #[test]
    fn a_row_that_is_not_utf_8_takes_no_others_with_it() {
        let text = b"start,latency,name\n1,1,a\n2,2,\xff\xfe\n3,3,\"\xc3\n\"\n4,4,b\n5,x,c\n";
        let csv = mapped(text);
        for block_bytes in [1, 30, 1000] {
            let told = read_in_blocks(&csv, text, block_bytes);
            assert_eq!(told.value("name"), ["a", "b"]);
            assert_eq!(
                told.bad,
                [
                    "3:1: the text is not UTF-8",
                    "4:1: the text is not UTF-8",
                    "7:1: column `latency`: `x` is no number"
                ]
            );
        }
    }
}
