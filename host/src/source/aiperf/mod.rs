//! AIPerf's `profile_export.jsonl`: one JSON object a line.
//!
//! A line is read whole by [`record`], which says what a record is; lines built like one
//! that was read are read by its template, with the same outcome.

#[cfg(test)]
mod differential;
mod manifest;
mod names;
mod record;

pub(super) use manifest::{ManifestPhase, PhaseManifest};

use std::sync::{Mutex, PoisonError};

use names::RecordNames;
use record::{MetricValue, Record, current_name, parse_record};

use super::Problem;
use super::columns::{Columns, Survey, check_latency, check_text, standard, type_name};
use super::format::Format;
use super::input::{Block, Cut, LINE_MAX_BYTES};
use super::reader::{Lines, Reader, Surveyed, survey_lines};
use super::rows::{PhaseKey, Row, Rows};
use super::template::{Bind, Hole, Kind, Template};
use crate::batch::ColumnType;
use crate::escape;

/// Columns of AIPerf's metadata beyond the standard ones.
const OWN_COLUMNS: [(&str, &str); 3] =
    [("credit_issued_ns", "ns"), ("request_ack_ns", "ns"), ("turn_index", "")];

/// The metric that is never negative.
const LATENCY: &str = "request_latency";

/// Most templates of one thread.
const TEMPLATES_MAX: usize = 24;

/// Lines in a row that a template may be tried on in vain before it is dropped.
const MISSES_MAX: u32 = 128;

/// Lines read whole for which one more template may be learned, whatever came of those
/// before: lines may be alike later on.
const WHOLE_PER_TEMPLATE: u32 = 128;

/// Reads AIPerf's records.
#[derive(Default)]
pub(super) struct Aiperf {
    /// Of each thread that is not reading.
    templates: Mutex<Vec<Templates>>,
}

/// Lines seen so far.
///
/// Where no two lines are alike, templates cost more than they give. So one that is of no
/// use is dropped, and a new one is learned only while there is credit: each line that
/// fits gives some.
struct Templates {
    /// The last one that was fit first.
    known: Vec<RecordTemplate>,
    /// How many more may be learned.
    credit: u32,
    /// Lines read whole.
    whole: u32,
}

impl Default for Templates {
    fn default() -> Self {
        Self { known: Vec::new(), credit: TEMPLATES_MAX as u32, whole: 0 }
    }
}

/// Records that are built alike, of one phase.
struct RecordTemplate {
    /// Lines tried in vain since one did fit.
    misses: u32,
    phase: PhaseKey,
    error_type: Option<&'static str>,
    is_cancelled: bool,
    line: Template,
}

impl Reader for Aiperf {
    fn format(&self) -> Format {
        Format::AiperfJsonl
    }

    fn cut(&self) -> Cut {
        Cut::Lines
    }

    fn survey(&self, block: &Block, survey: &mut Survey) -> Surveyed {
        survey_lines(block, |line| survey_line(line, survey))
    }

    fn read(&self, block: &Block, rows: &mut Rows<'_>) {
        let mut templates = self.lock().pop().unwrap_or_default();
        // What is not UTF-8 somewhere is read line by line, to say where.
        let text = std::str::from_utf8(&block.text).unwrap_or_default();
        let text = if block.is_cut_short { "" } else { text };
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
        self.lock().push(templates);
    }
}

/// Whether an input begins with a record of AIPerf's.
pub(super) fn is_one(start: &[u8]) -> bool {
    let block = Block { text: start.to_vec(), ..Block::default() };
    let mut lines = Lines::new(&block);
    // The first lines may be bad ones.
    std::iter::from_fn(|| lines.at().map(|_| lines.next_line().1))
        .filter(|line| !line.is_empty())
        .take(10)
        .any(|line| parse_record(line).is_ok())
}

/// Looks at one record.
fn survey_line(line: &[u8], survey: &mut Survey) -> Result<(), Problem> {
    if let Ok(names) = serde_json::from_slice::<RecordNames<'_>>(line)
        && survey.knows_all(
            names.phase_name().unwrap_or_default(),
            names.metrics.0.iter().map(|name| &**name),
        )
    {
        return Ok(());
    }
    let record = parse_record(line)?;
    for (name, unit) in OWN_COLUMNS {
        survey.add_column(name, ColumnType::U64, unit);
    }
    survey.add_phase(record.metadata.phase_name().unwrap_or_default());
    for metric in &record.metrics.0 {
        survey.add_column(&metric.name, column_type(&metric.value), &metric.unit);
    }
    Ok(())
}

impl Aiperf {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Templates>> {
        self.templates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Templates {
    /// Reads the record at `at` by the template that it fits. Where it ends.
    fn read(&mut self, text: &str, at: usize, rows: &mut Rows<'_>) -> Option<usize> {
        let mut has_useless = false;
        let mut fitting = None;
        for (place, one) in self.known.iter_mut().enumerate() {
            let Some(mut row) = rows.begin(&one.phase) else { break };
            let Some(fit) = one.line.read(text, at, &mut row) else {
                one.misses += 1;
                has_useless |= one.misses > MISSES_MAX;
                continue;
            };
            one.misses = 0;
            row.u64(standard::CANCELLED, u64::from(one.is_cancelled));
            if let Some(error_type) = one.error_type {
                row.text(standard::ERROR_TYPE, error_type);
            }
            if let Some(session) = fit.session {
                row.session(session, fit.turn, fit.end_ns, one.is_cancelled);
            }
            rows.end();
            fitting = Some((place, fit.end));
            break;
        }
        if let Some((place, _)) = fitting {
            self.known[..=place].rotate_right(1);
            self.earn();
        }
        if has_useless {
            self.known.retain(|one| one.misses <= MISSES_MAX);
        }
        fitting.map(|(_, end)| end)
    }

    fn earn(&mut self) {
        self.credit = (self.credit + 1).min(TEMPLATES_MAX as u32);
    }

    /// Reads one line, and takes a template from it.
    fn read_whole(&mut self, line: &[u8], rows: &mut Rows<'_>) -> Result<(), Problem> {
        let record = parse_record(line)?;
        let columns = rows.columns();
        check(columns, &record)?;
        let phase = PhaseKey {
            name: record.metadata.phase_name().unwrap_or_default().to_owned(),
            kind: record
                .metadata
                .phase_kind()
                .or(record.metadata.phase_name())
                .unwrap_or_default()
                .to_owned(),
            index: record.metadata.phase_index,
        };
        if let Some(mut row) = rows.begin(&phase) {
            put(columns, &record, &mut row);
            rows.end();
            self.whole = self.whole.wrapping_add(1);
            if self.whole.is_multiple_of(WHOLE_PER_TEMPLATE) {
                self.earn();
            }
            if self.known.len() < TEMPLATES_MAX
                && self.credit > 0
                && let Some(template) = learn(line, &record, phase, columns)
            {
                self.credit -= 1;
                self.known.insert(0, template);
            }
        }
        Ok(())
    }
}

fn column_type(value: &MetricValue) -> ColumnType {
    match value {
        MetricValue::Number(_) => ColumnType::F64,
        MetricValue::List(_) => ColumnType::F64List,
    }
}

/// Whether every metric of the record is what its column is.
fn check(columns: &Columns, record: &Record<'_>) -> Result<(), Problem> {
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
            return Err(Problem::new_column(&name));
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
    Ok(())
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

/// What lines of one template have in common of their metadata.
const SAME: [&str; 7] = [
    "benchmark_phase",
    "credit_phase",
    "phase_name",
    "phase_kind",
    "phase_index",
    "timestamp_ns",
    "was_cancelled",
];

/// The template of a line that holds this record; none: such lines are read whole. Those
/// are older files' too, whose ends are to be computed.
fn learn(
    line: &[u8],
    record: &Record<'_>,
    phase: PhaseKey,
    columns: &Columns,
) -> Option<RecordTemplate> {
    let metadata = &record.metadata;
    if !metadata.has_own_bounds() {
        return None;
    }
    let place = |name: &str| columns.place(name);
    let mut bind = |keys: &[&str], kind: Kind| match (keys, kind) {
        // Those that tell phases and outcomes apart.
        (["metadata", key], _) if SAME.contains(key) => Bind::Same,
        (["metadata", "request_start_ns"], Kind::Number) => Bind::Hole(Hole::U64(standard::START)),
        (["metadata", "request_end_ns"], Kind::Number) => Bind::Hole(Hole::End(standard::END)),
        (["metadata", "turn_index"], Kind::Number) => Bind::hole(Hole::Turn, place("turn_index")),
        (["metadata", key @ ("request_ack_ns" | "credit_issued_ns")], Kind::Number) => {
            Bind::hole(Hole::U64, place(key))
        }
        (["metadata", "worker_id"], Kind::Text) => Bind::Hole(Hole::Text(standard::WORKER)),
        (["metadata", "x_correlation_id"], Kind::Text) => {
            Bind::Hole(Hole::Session(standard::SESSION))
        }
        (["metrics", name, "value"], Kind::Number | Kind::Numbers) => {
            let column = place(&current_name((*name).into()));
            match (kind, column.is_some_and(|column| columns.is_read(column))) {
                (Kind::Numbers, _) => Bind::hole(Hole::List, column),
                _ if *name == LATENCY => Bind::hole(Hole::Latency, column),
                (_, true) => Bind::hole(Hole::F64, column),
                (_, false) => Bind::Hole(Hole::AnyNumber),
            }
        }
        (["metrics", _, "unit" | "value"], _) => Bind::Same,
        (["error", "code"], Kind::Number) => Bind::Hole(Hole::U64(standard::STATUS)),
        (["error", "type"], Kind::Text) => Bind::Hole(Hole::Text(standard::ERROR_TYPE)),
        (["error", "message"], Kind::Text) => Bind::Hole(Hole::Text(standard::ERROR_MESSAGE)),
        (_, Kind::Number) => Bind::Hole(Hole::AnyNumber),
        (_, Kind::Text) => Bind::Hole(Hole::AnyText),
        _ => Bind::Same,
    };
    let line = Template::learn(std::str::from_utf8(line).ok()?, &mut bind)?;
    let has_type = record.error.as_ref().is_some_and(|error| error.kind.is_some());
    let error_type = match (&record.error, record.is_cancelled()) {
        (Some(_), _) if has_type => None,
        (Some(_), _) => Some("unknown"),
        (None, true) => Some("cancelled"),
        (None, false) => None,
    };
    Some(RecordTemplate { misses: 0, phase, error_type, is_cancelled: record.is_cancelled(), line })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::rows::ReadOptions;

    fn line(metric: &str, value: usize) -> String {
        format!(
            r#"{{"metadata":{{"phase_name":"p","request_start_ns":{value},"request_end_ns":9}},"metrics":{{"{metric}":{{"value":{value},"unit":"ms"}}}}}}"#
        )
    }

    #[test]
    fn templates_that_are_of_no_use_are_dropped_and_seldom_learned() {
        let mut survey = Survey::default();
        let names: Vec<_> = (0..2000).map(|number| format!("metric_{number}")).collect();
        for name in &names {
            survey_line(line(name, 1).as_bytes(), &mut survey).unwrap();
        }
        let columns = survey.columns();
        let options = ReadOptions { batch_records: 5000, ..ReadOptions::default() };
        let (mut rows, mut templates) = (Rows::new(&columns, &options), Templates::default());
        let mut tried = 0;
        for name in &names {
            let line = line(name, 1);
            tried += templates.known.len();
            assert_eq!(templates.read(&line, 0, &mut rows), None);
            templates.read_whole(line.as_bytes(), &mut rows).unwrap();
        }
        assert!(tried < 4 * names.len(), "{tried} tries for {} lines", names.len());
        // Lines that are alike at last are soon read by a template.
        let alike: Vec<_> = (0..300).map(|value| line("metric_0", value)).collect();
        let mut by_template = 0;
        for line in &alike {
            match templates.read(line, 0, &mut rows) {
                Some(_) => by_template += 1,
                None => templates.read_whole(line.as_bytes(), &mut rows).unwrap(),
            }
        }
        assert!(by_template > 100, "{by_template} of {}", alike.len());
        let read = rows.finish();
        assert_eq!(read.records, 2300);
    }
}
