//! AIPerf's `profile_export.jsonl`: one JSON object a line.
//!
//! A line is read whole by [`record`], which says what a record is; lines built like one
//! that was read are read by its template, with the same outcome.

#[cfg(test)]
mod differential;
mod manifest;
mod record;
mod templates;

pub(crate) use manifest::{ManifestPhase, PhaseManifest};

use std::sync::{Arc, Mutex, PoisonError};

use record::{MetricValue, Record, parse_record};
use templates::Templates;

use super::{Lines, Reader, Surveyed};
use crate::Problem;
use crate::columns::{Columns, Survey, check_latency, check_text, standard, type_name};
use crate::cut::Cut;
use crate::format::Format;
use crate::input::{Block, LINE_MAX_BYTES};
use crate::rows::{ReadOptions, Row, Rows};
use perfbox_model::batch::{ColumnInfo, ColumnType};
use perfbox_model::escape;

/// Columns of AIPerf's metadata beyond the standard ones.
const OWN_COLUMNS: [(&str, &str); 3] =
    [("credit_issued_ns", "ns"), ("request_ack_ns", "ns"), ("turn_index", "")];

/// The metric that is never negative.
const LATENCY: &str = "request_latency";

/// Times in one block that new columns are reason to learn all templates anew.
const TIMES_ANEW_MAX: u32 = 64;

/// Reads AIPerf's records.
#[derive(Default)]
pub(crate) struct Aiperf {
    /// Of each thread that is not reading.
    templates: Mutex<Vec<Templates>>,
}

impl Reader for Aiperf {
    fn format(&self) -> Format {
        Format::AiperfJsonl
    }

    fn cut(&self) -> Cut {
        Cut::Lines
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        let text = if block.is_cut_short { "" } else { text_of(block) };
        let mut surveyed = Surveyed::default();
        let mut lines = Lines::new(block);
        let mut times_anew = 0;
        while lines.at().is_some() {
            // Of columns that are known, only templates of lines are of interest.
            let columns = Arc::new(survey.unread_columns());
            let options = ReadOptions { batch_records: usize::MAX, ..ReadOptions::default() };
            let (mut rows, mut templates) = (Rows::new(columns, &options), Templates::default());
            while let Some(at) = lines.at() {
                if !text.is_empty()
                    && let Some(end) = templates.read(text, at, &mut rows)
                {
                    surveyed.has_records = true;
                    lines.skip_to(end);
                    continue;
                }
                let (number, line) = lines.next_line();
                if line.is_empty() {
                    continue;
                }
                let seen = match block.is_cut_short {
                    true => Err(Problem::long_line(LINE_MAX_BYTES)),
                    false => survey_line(line, survey),
                };
                surveyed.has_records |= seen.is_ok();
                match seen {
                    Ok(true) if times_anew < TIMES_ANEW_MAX => {
                        times_anew += 1;
                        break;
                    }
                    // One that cannot be read is told when it is read.
                    Ok(_) => drop(templates.read_whole(line, &mut rows)),
                    Err(problem) => {
                        surveyed.first_bad.get_or_insert((number, problem));
                    }
                }
            }
        }
        surveyed.lines = lines.count();
        surveyed
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let mut templates = self.lock().pop().unwrap_or_default();
        let text = if block.is_cut_short { "" } else { text_of(block) };
        let mut lines = Lines::new(block);
        while let Some(at) = lines.at().filter(|_| !rows.is_over()) {
            if !text.is_empty()
                && let Some(end) = templates.read(text, at, rows)
            {
                lines.skip_to(end);
                continue;
            }
            let (number, line) = lines.next_line();
            if line.is_empty() {
                continue;
            }
            let problem = match block.is_cut_short {
                true => Err(Problem::long_line(LINE_MAX_BYTES)),
                false => templates.read_whole(line, rows),
            };
            if let Err(problem) = problem
                && !rows.bad(number, problem)
            {
                break;
            }
        }
        rows.add_lines(lines.count());
        // Templates name columns by their positions, which other blocks' added ones may have.
        if !rows.has_added_columns() {
            self.lock().push(templates);
        }
    }
}

/// Whether an input begins with a record of AIPerf's.
pub(crate) fn is_one(start: &[u8]) -> bool {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    // The first lines may be bad ones.
    std::iter::from_fn(|| lines.at().map(|_| lines.next_line().1))
        .filter(|line| !line.is_empty())
        .take(10)
        .any(|line| parse_record(line).is_ok())
}

/// The text of a block; of one that is not UTF-8 somewhere, which is read line by line to
/// say where, nothing.
fn text_of(block: &Block) -> &str {
    std::str::from_utf8(&block.text).unwrap_or_default()
}

/// Looks at one record, and says whether it has a column that none before it has.
fn survey_line(line: &[u8], survey: &mut Survey) -> Result<bool, Problem> {
    let record = parse_record(line)?;
    let known = survey.column_count();
    for (name, unit) in OWN_COLUMNS {
        survey.add_column(name, ColumnType::U64, unit);
    }
    survey.add_phase(record.metadata.phase_name().unwrap_or_default());
    for metric in &record.metrics.0 {
        survey.add_column(&metric.name, column_type(&metric.value), &metric.unit);
    }
    Ok(survey.column_count() > known)
}

impl Aiperf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Templates>> {
        self.templates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn column_type(value: &MetricValue) -> ColumnType {
    match value {
        MetricValue::Number(_) => ColumnType::F64,
        MetricValue::List(_) => ColumnType::F64List,
    }
}

/// Checks that every metric of the record is what its column is. The columns that are not
/// known yet.
fn check(columns: &Columns, record: &Record<'_>) -> Result<Vec<ColumnInfo>, Problem> {
    let mut added = Vec::new();
    let refused = |words| Problem::at(1, words);
    check_text("phase", record.metadata.phase_name().unwrap_or_default())?;
    for metric in &record.metrics.0 {
        check_text("metric", &metric.name)?;
        check_text("unit", &metric.unit)?;
        if metric.name.is_empty() {
            return Err(refused("a metric has an empty name".to_owned()));
        }
        if metric.name == LATENCY
            && let MetricValue::Number(ms) = metric.value
        {
            check_latency(ms).map_err(refused)?;
        }
        let name = escape(&metric.name);
        let Some(info) = columns.place(&metric.name).map(|at| &columns.infos[at]) else {
            added.push(ColumnInfo::new(&metric.name, column_type(&metric.value), &metric.unit));
            continue;
        };
        if matches!(info.kind, ColumnType::U64 | ColumnType::Text) {
            let words = format!("metric `{name}` has the name of a column that is not a metric");
            return Err(refused(words));
        }
        let kind = column_type(&metric.value);
        if kind != info.kind {
            return Err(refused(format!(
                "metric `{name}` is {} here, and {} elsewhere in this run",
                type_name(kind),
                type_name(info.kind),
            )));
        }
        if metric.unit != info.unit.as_str() {
            return Err(refused(format!(
                "metric `{name}` is in `{}` here, and in `{}` elsewhere in this run",
                escape(&metric.unit),
                escape(&info.unit),
            )));
        }
    }
    Ok(added)
}

/// The type of the error that a record has; it has one whatever the tool left out.
fn error_type<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    match (&record.error, record.is_cancelled()) {
        (Some(error), _) => Some(error.kind.as_deref().unwrap_or("unknown")),
        (None, true) => Some("cancelled"),
        (None, false) => None,
    }
}

/// Puts a record that was checked into a row.
fn put(columns: &Columns, record: &Record<'_>, row: &mut Row<'_>) {
    let metadata = &record.metadata;
    let is_cancelled = record.is_cancelled();
    let start_ns = metadata.start_ns().unwrap_or_default();
    let end_ns = record.end_ns();
    row.u64(standard::START, start_ns);
    row.u64(standard::CANCELLED, u64::from(is_cancelled));
    let own = [metadata.credit_issued_ns, metadata.request_ack_ns, metadata.turn_index];
    let own = OWN_COLUMNS.iter().zip(own).map(|((name, _), value)| (columns.place(name), value));
    let error = record.error.as_ref();
    let standard = [
        (Some(standard::END), end_ns),
        (Some(standard::STATUS), error.and_then(|error| error.code)),
    ];
    for (column, value) in own.chain(standard) {
        if let (Some(column), Some(value)) = (column, value) {
            row.u64(column, value);
        }
    }
    for (column, text) in [
        (standard::ERROR_TYPE, error_type(record)),
        (standard::ERROR_MESSAGE, error.and_then(|error| error.message.as_deref())),
        (standard::WORKER, metadata.worker_id.as_deref()),
        (standard::SESSION, metadata.x_correlation_id.as_deref()),
    ] {
        if let Some(text) = text {
            row.text(column, text);
        }
    }
    for metric in &record.metrics.0 {
        let Some(column) = columns.place(&metric.name) else { continue };
        match &metric.value {
            MetricValue::Number(value) => row.f64(column, *value),
            MetricValue::List(values) => {
                if let Some(mut list) = row.list(column) {
                    values.iter().for_each(|value| list.push(*value));
                    list.end();
                }
            }
        }
    }
    if let Some(session) = metadata.x_correlation_id.as_deref() {
        let turn = metadata.turn_index.unwrap_or(0);
        row.session(session, turn, end_ns.unwrap_or(start_ns), is_cancelled);
    }
}
