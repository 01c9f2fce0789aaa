//! k6's `--out csv`: a row for each point of a metric, about nine a request, in the order in
//! which k6 emits them.

use std::sync::Arc;

use perfbox_model::batch::ColumnType;
use perfbox_model::escape;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE};
use crate::csv_row::CsvRow;
use crate::format::Format;
use crate::input::Block;
use crate::number::number;
use crate::reader::{BlockScan, Reader};
use crate::readers::csv::{Csv, header_of};
use crate::readers::k6_json;
use crate::readers::k6_json::join::PointJoiner;
use crate::readers::k6_json::point::{Tags, metric_of_request};
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::time::TimeForm;

/// Positions of time, value and first tag in a row.
const TIME: usize = 1;
const VALUE: usize = 2;
const TAGS: usize = 3;

/// Reads the requests among k6's points.
pub(crate) struct K6Csv {
    rows: Csv,
    header: Vec<String>,
    times: TimeForm,
}

/// True if an input begins like k6's `--out csv`.
pub(crate) fn detect(start: &[u8]) -> bool {
    header_of(start).is_some_and(|(_, names)| {
        ["metric_name", "timestamp", "metric_value"]
            .iter()
            .zip(&names)
            .all(|(one, name)| one == name)
            && names.len() > 2
    })
}

impl K6Csv {
    /// A reader for the header and times at the start of the input.
    ///
    /// # Errors
    /// When times are whole seconds and the user did not choose the format.
    pub(crate) fn new(start: &[u8], is_chosen: bool) -> Result<Self, RecordError> {
        let Some((rows, header)) = Csv::with_header(start) else {
            return Err(RecordError::at(1, "this is not CSV with a header"));
        };
        let rows = Csv { format: Format::K6Csv, ..rows };
        let mut times = TimeForm::Rfc3339;
        let mut is_whole = false;
        let block = Block { text: start.to_vec(), ..Block::default() };
        rows.each(&block, |_, fields, text| {
            if let Ok(fields) = fields {
                (times, is_whole) = form_of(fields.get(text, TIME));
            }
            fields.is_err()
        });
        if is_whole && !is_chosen {
            return Err(RecordError::at(
                1,
                "times are whole seconds, so starts are off by up to one; write the file with \
                    K6_CSV_TIME_FORMAT=unix_nano, or read it anyway with --input-format k6-csv",
            ));
        }
        Ok(Self { rows, header, times })
    }

    /// Tags of a row: those with a column of their own, and the others.
    fn tags(&self, fields: &CsvRow, text: &str) -> Tags {
        let mut tags = Vec::new();
        let mut worker = None;
        for (at, name) in self.header.iter().enumerate().skip(TAGS) {
            let text = fields.get(text, at);
            match name.as_str() {
                "extra_tags" | "metadata" => {
                    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
                    for (key, text) in pairs {
                        if name == "metadata" && key == "vu" {
                            worker = Some(text.into());
                        } else if name == "extra_tags" {
                            tags.push((key.into(), text.into()));
                        }
                    }
                }
                _ => tags.push((name.as_str().into(), text.into())),
            }
        }
        Tags::of(tags, worker)
    }
}

/// Form of a time, by its number of digits; true if it is in whole seconds.
fn form_of(time: &str) -> (TimeForm, bool) {
    let form = |unit| TimeForm::of_unit(unit).unwrap_or(TimeForm::Rfc3339);
    match time.len() {
        _ if !time.bytes().all(|byte| byte.is_ascii_digit()) => {
            (TimeForm::Rfc3339, !time.contains('.'))
        }
        ..=11 => (form("s"), true),
        12..=14 => (form("ms"), false),
        15..=17 => (form("us"), false),
        _ => (form("ns"), false),
    }
}

impl Reader for K6Csv {
    fn format(&self) -> Format {
        Format::K6Csv
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::K6Rows { delimiter: self.rows.delimiter }
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        for (name, unit) in k6_json::columns() {
            schema.add_column(name, ColumnType::F64, unit);
        }
        schema.add_phase(DEFAULT_PHASE);
        let mut seen = BlockScan::default();
        seen.lines = self.rows.each(block, |line, fields, text| {
            match fields {
                Ok(fields) => seen.has_records |= metric_of_request(fields.get(text, 0)).is_some(),
                Err((below, problem)) => {
                    seen.first_bad.get_or_insert((line + below, problem));
                }
            }
            true
        });
        seen
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let mut joined = PointJoiner::new(builder);
        // All rows of a request have the same time and tags.
        let mut last_time = (String::new(), 0);
        let mut last_tags = (String::new(), Arc::new(Tags::default()));
        let lines = self.rows.each(block, |line, fields, text| {
            let fields = match fields {
                Ok(fields) => fields,
                Err((below, problem)) => return joined.bad(line + below, problem),
            };
            let Some(metric) = metric_of_request(fields.get(text, 0)) else { return true };
            let refused = |what: &str, at: usize| {
                let (below, column) = fields.position(text, at);
                let message =
                    format!("column `{what}`: `{}` is invalid", escape(fields.get(text, at)));
                (line + below, RecordError::at(column, message))
            };
            let time = fields.get(text, TIME);
            if time != last_time.0 || time.is_empty() {
                let Some(time_ns) = self.times.ns(time) else {
                    let (line, problem) = refused("timestamp", TIME);
                    return joined.bad(line, problem);
                };
                last_time = (time.to_owned(), time_ns);
            }
            let Some(value) = number(fields.get(text, VALUE)) else {
                let (line, problem) = refused("metric_value", VALUE);
                return joined.bad(line, problem);
            };
            let tags = fields.rest(text, TAGS);
            if tags != last_tags.0 {
                last_tags = (tags.to_owned(), Arc::new(self.tags(fields, text)));
            }
            joined.add(line, metric, last_time.1, value, &last_tags.1)
        });
        joined.end();
        builder.add_lines(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_in_blocks;

    #[test]
    fn requests_are_never_split() {
        let mut text = "metric_name,timestamp,metric_value,url,extra_tags\n".to_owned();
        for second in 1..4 {
            for (metric, value) in [("http_reqs", 1), ("http_req_duration", 20), ("checks", 1)] {
                let tags = "\"team=a\nhttp_reqs,\"\"x\"\"\"";
                text.push_str(&format!("{metric},{second}000000,{value},/a,{tags}\n"));
            }
        }
        let reader = K6Csv::new(text.as_bytes(), true).unwrap();
        for block_bytes in [1, 10, 100, 10_000] {
            let outcome = read_in_blocks(&reader, text.as_bytes(), block_bytes);
            assert_eq!(outcome.value("request_latency"), ["20"; 3], "{block_bytes}");
            assert!(outcome.bad.is_empty(), "{block_bytes} {:?}", outcome.bad);
        }
    }
}
