//! CSV of any tool, read by a mapping.

use std::borrow::Cow;

use perfbox_model::escape;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE, PhaseKey};
use crate::csv_row::{CsvRow, DelimiterScanner};
use crate::format::Format;
use crate::input::Block;
use crate::json::error::ErrorAtLine;
use crate::limits::LINE_MAX_BYTES;
use crate::lines::Lines;
use crate::mapping::bind::{WantedField, add_metric_columns, bind};
use crate::mapping::definition::Mapping;
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::{BoundField, FieldRole};
use crate::number::is_missing;
use crate::reader::{BlockScan, Reader};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;

/// Delimiters that are detected in a header.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// Maximum of fields in a row.
const FIELDS_MAX: usize = 65_536;

/// Reads CSV.
pub(crate) struct Csv {
    pub(crate) format: Format,
    pub(crate) delimiter: u8,
    /// The header line, as written; none if the format has no header.
    pub(crate) header: Option<Vec<u8>>,
    /// Number of fields in a row.
    pub(crate) fields: usize,
    pub(crate) bound: Vec<BoundField>,
}

/// Delimiter and column names of a header; none if the text is not CSV.
pub(crate) fn header_of(start: &[u8]) -> Option<(u8, Vec<String>)> {
    let line = header_line(start);
    let line = std::str::from_utf8(&line).ok().filter(|line| !line.is_empty())?;
    let count = |delimiter: &u8| line.bytes().filter(|byte| byte == delimiter).count();
    let delimiter = DELIMITERS.into_iter().max_by_key(|one| (count(one), one == &b','))?;
    let mut fields = CsvRow::default();
    let end = fields.read(&mut DelimiterScanner::new(line, 0, delimiter))?;
    if end != line.len() || fields.len() > FIELDS_MAX {
        return None;
    }
    Some((delimiter, (0..fields.len()).map(|at| fields.get(line, at).trim().to_owned()).collect()))
}

/// The first line that is not blank, without trailing blanks; empty if there is none.
fn header_line(start: &[u8]) -> Vec<u8> {
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

/// Error of a text without a header.
fn no_header(start: &[u8]) -> RecordError {
    let header = header_line(start);
    let count = |delimiter: &u8| header.iter().filter(|byte| *byte == delimiter).count() + 1;
    let columns = DELIMITERS.iter().map(count).max().unwrap_or(0);
    let message = match columns > FIELDS_MAX {
        true => format!("the header has {columns} columns; the maximum is {FIELDS_MAX}"),
        false => "this is not CSV with a header".to_owned(),
    };
    RecordError::at(1, message)
}

impl Reader for Csv {
    fn format(&self) -> Format {
        self.format
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::Csv { delimiter: self.delimiter }
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        add_metric_columns(&self.bound, schema);
        let mut seen = BlockScan::default();
        let wanted: Vec<_> = self.bound.iter().filter_map(WantedField::unless_metric).collect();
        let mut metrics = Vec::new();
        let lines = self.each(block, |line, fields, text| {
            match fields.and_then(|fields| self.request(&wanted, fields, text, &mut metrics)) {
                Ok(request) => {
                    seen.has_records = true;
                    schema.add_phase(request.phase().unwrap_or(DEFAULT_PHASE));
                }
                Err((below, problem)) => {
                    seen.first_bad.get_or_insert((line + below, problem));
                }
            }
            true
        });
        seen.lines = lines;
        seen
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let columns = builder.columns();
        let wanted = self.bound.iter().filter_map(|one| WantedField::new(one, &columns));
        let wanted: Vec<_> = wanted.collect();
        let mut phase = PhaseKey::named(DEFAULT_PHASE);
        let mut metrics = Vec::new();
        let lines = self.each(block, |line, fields, text| {
            let put = fields.and_then(|fields| {
                let request = self.request(&wanted, fields, text, &mut metrics)?;
                request.put(builder, &mut phase, metrics.drain(..)).map_err(row_error)
            });
            match put {
                Ok(()) => true,
                Err((below, problem)) => builder.bad(line + below, problem),
            }
        });
        builder.add_lines(lines);
    }
}

/// Error of a whole row.
fn row_error(message: String) -> ErrorAtLine {
    (0, RecordError::at(1, message))
}

/// The text of a block. Invalid bytes are replaced, and their positions returned.
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
    /// CSV with a header and no fields bound, and its column names; none if it has no header.
    pub(crate) fn with_header(start: &[u8]) -> Option<(Self, Vec<String>)> {
        let (delimiter, names) = header_of(start)?;
        let (header, fields) = (Some(header_line(start)), names.len());
        let csv = Self { format: Format::Csv, delimiter, header, fields, bound: Vec::new() };
        Some((csv, names))
    }

    /// CSV with a header, mapped.
    ///
    /// # Errors
    /// When it has no header, or the mapping does not fit.
    pub(crate) fn mapped(start: &[u8], mapping: &Mapping) -> Result<Self, RecordError> {
        let (csv, names) = Self::with_header(start).ok_or_else(|| no_header(start))?;
        Ok(Self { bound: bind(mapping, &names)?, ..csv })
    }

    /// Error of one field.
    #[cold]
    fn field_error(
        &self,
        bound: &BoundField,
        fields: &CsvRow,
        text: &str,
        message: &str,
    ) -> ErrorAtLine {
        let (below, column) = fields.position(text, bound.field);
        let hint = match (self.format, &bound.role) {
            (Format::JmeterCsv, FieldRole::Start(_)) => {
                "; make JMeter write ms with `-Jjmeter.save.saveservice.timestamp_format=ms`"
            }
            _ => "",
        };
        (
            below,
            RecordError::at(column, format!("column `{}`: {message}{hint}", escape(&bound.name))),
        )
    }

    /// Fields of a row's request, and the numbers of its metrics.
    fn request<'t>(
        &self,
        wanted: &[WantedField<'_>],
        fields: &'t CsvRow,
        text: &'t str,
        metrics: &mut Vec<(usize, f64)>,
    ) -> Result<RequestFields<'t>, ErrorAtLine> {
        // Empty fields at the end of a row do no harm.
        let is_beyond = |at: usize| !fields.get(text, at).is_empty();
        if fields.len() != self.fields
            && (fields.len() < self.fields || (self.fields..fields.len()).any(is_beyond))
        {
            let (has, others) = (fields.len(), self.fields);
            let plural = if has == 1 { "" } else { "s" };
            let cut = if fields.is_unterminated(text) {
                "; the input ends in the middle of the row"
            } else {
                ""
            };
            let message = format!("the row has {has} field{plural}, the others have {others}{cut}");
            return Err((0, RecordError::syntax(1, message)));
        }
        let mut request = RequestFields::default();
        metrics.clear();
        for one in wanted {
            let value = fields.get(text, one.bound.field);
            if !is_missing(value) {
                one.take(value, &mut request, metrics)
                    .map_err(|message| self.field_error(one.bound, fields, text, &message))?;
            }
        }
        Ok(request)
    }

    /// True if no field of a row has a value.
    fn is_blank(&self, row: &str) -> bool {
        row.bytes().all(|byte| byte == self.delimiter || byte.is_ascii_whitespace())
    }

    /// Calls `row` for each row of a block until it returns false: with the number of its first
    /// line, from 0, and its fields or its error. Returns the number of lines.
    pub(crate) fn each(
        &self,
        block: &Block,
        mut row: impl FnMut(u64, Result<&CsvRow, ErrorAtLine>, &str) -> bool,
    ) -> u64 {
        if block.is_truncated {
            let message = RecordError::long_line(LINE_MAX_BYTES).message;
            row(0, Err(row_error(format!("{message}; check for a missing closing quote"))), "");
            return 1;
        }
        let (text, invalid) = text_of(&block.text);
        let text = &*text;
        let mut fields = CsvRow::default();
        let start = Lines::new(block).at().unwrap_or(text.len());
        let mut scanner = DelimiterScanner::new(text, start, self.delimiter);
        let mut lines = 0;
        while scanner.at() < text.len() {
            let at = scanner.at();
            let end = fields.read(&mut scanner);
            let line = lines;
            lines += fields.lines();
            let behind = end.unwrap_or(text.len());
            let row_text = text[at..behind].trim_ascii_end();
            // Files that were concatenated have a header each.
            let is_header =
                |row: &str| self.header.as_ref().is_some_and(|one| *one == row.as_bytes());
            let is_header = is_header(row_text.strip_prefix('\u{feff}').unwrap_or(row_text));
            let first_invalid = invalid.get(invalid.partition_point(|place| *place < at));
            let invalid = first_invalid.filter(|place| **place < behind);
            if invalid.is_none() && (is_header || self.is_blank(row_text)) {
                continue;
            }
            let wrong =
                |(below, column), message: &str| Err((below, RecordError::syntax(column, message)));
            let fields = match (end, invalid) {
                (_, Some(place)) => {
                    wrong(fields.position_of(text, *place), "the text is not UTF-8")
                }
                (None, None) => wrong(
                    fields.open_field_position(text),
                    "a quoted field has no \
                    closing quote",
                ),
                (Some(_), None) => Ok(&fields),
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
    use super::*;
    use crate::mapping::definition::Mapping;
    use crate::testing::read_in_blocks;

    fn mapped(text: &[u8]) -> Csv {
        let mut mapping = Mapping::default();
        for flag in ["start=start:s", "latency=latency:ms", "name=name"] {
            mapping.add_flag(flag).unwrap();
        }
        Csv::mapped(text, &mapping).unwrap()
    }

    #[test]
    fn row_that_is_not_utf_8_does_not_affect_other_rows() {
        let text = b"start,latency,name\n1,1,a\n2,2,\xff\xfe\n3,3,\"\xc3\n\"\n4,4,b\n5,x,c\n";
        let csv = mapped(text);
        for block_bytes in [1, 30, 1000] {
            let outcome = read_in_blocks(&csv, text, block_bytes);
            assert_eq!(outcome.value("name"), ["a", "b"]);
            assert_eq!(
                outcome.bad,
                [
                    "3:5: the text is not UTF-8",
                    "4:6: the text is not UTF-8",
                    "7:3: column `latency`: `x` is not a number"
                ]
            );
        }
    }
}
