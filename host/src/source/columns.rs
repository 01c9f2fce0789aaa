//! The columns of a run, and records put into them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::SourceError;
use super::aiperf::{self, MetricValue, Problem, Record};
use super::input::Input;
use super::names::RecordNames;
use crate::batch::{ColumnBuilder, ColumnInfo, ColumnType, standard_columns};
use crate::escape;
use crate::stop::Stop;

/// The columns of the run, and where each metric's stands.
pub(super) struct Columns {
    pub(super) infos: Arc<[ColumnInfo]>,
    by_name: HashMap<String, usize>,
}

/// Finds the columns of a run in all its inputs.
#[derive(Default)]
pub(super) struct Survey {
    phases: BTreeSet<String>,
    metrics: Vec<ColumnInfo>,
    known: HashSet<String>,
}

impl Survey {
    /// Looks at every record until it is told to stop; bad ones are left to the reading
    /// proper.
    pub(super) fn read(&mut self, input: &Input, stop: &Stop) -> Result<(), SourceError> {
        let failed = |bytes, source| SourceError::Io { path: input.name.clone(), bytes, source };
        let mut lines = input.lines().map_err(|error| failed(0, error))?;
        let (mut seen, mut good) = (false, false);
        let mut first_bad = None;
        while !stop.is_requested() {
            let bytes = lines.bytes();
            let next = match lines.next_line() {
                Ok(next) => next,
                // A file that breaks off later is read as far as it goes.
                Err(_) if seen => break,
                Err(error) => return Err(failed(bytes, error)),
            };
            let Some(line) = next else { break };
            seen = true;
            // Once it is clear that there are records, only those with something new in
            // them are worth reading.
            if good && line.text().is_ok_and(|text| self.knows_all_of(text)) {
                continue;
            }
            match line.text().and_then(aiperf::parse_record) {
                Ok(record) => {
                    good = true;
                    self.add(&record);
                }
                Err(problem) => {
                    first_bad.get_or_insert((line.number, problem));
                }
            }
        }
        let path = input.name.clone();
        match first_bad {
            _ if good || stop.is_requested() => Ok(()),
            None => Err(SourceError::Empty { path }),
            Some((line, Problem { column, words })) => {
                Err(SourceError::NoRecords { path, line, column, problem: words })
            }
        }
    }

    fn knows_all_of(&self, text: &[u8]) -> bool {
        let Ok(names) = serde_json::from_slice::<RecordNames<'_>>(text) else { return false };
        // Most records have the same metrics in the same order.
        let is_known = |(at, name): (usize, &Cow<'_, str>)| {
            self.metrics.get(at).is_some_and(|metric| metric.name == *name)
                || self.known.contains(&**name)
        };
        self.phases.contains(names.phase_name().unwrap_or_default())
            && names.metrics.0.iter().enumerate().all(is_known)
    }

    fn add(&mut self, record: &Record<'_>) {
        let phase = record.metadata.phase_name().unwrap_or_default();
        if !self.phases.contains(phase) {
            self.phases.insert(phase.to_owned());
        }
        for metric in &record.metrics.0 {
            if !self.known.contains(&*metric.name) {
                let kind = column_type(&metric.value);
                self.known.insert(metric.name.clone().into_owned());
                self.metrics.push(ColumnInfo::new(&metric.name, kind, &metric.unit));
            }
        }
    }

    /// Whether every phase asked for is there.
    pub(super) fn check_phases(&self, wanted: &[String]) -> Result<(), SourceError> {
        match wanted.iter().find(|phase| !self.phases.contains(*phase)) {
            None => Ok(()),
            Some(phase) => Err(SourceError::UnknownPhase {
                phase: phase.clone(),
                phases: self.phases.iter().cloned().collect(),
            }),
        }
    }

    pub(super) fn columns(self) -> Columns {
        let mut infos = standard_columns();
        infos.extend(own_columns());
        for metric in self.metrics {
            if !infos.iter().any(|info| info.name == metric.name) {
                infos.push(metric);
            }
        }
        let by_name = infos.iter().enumerate().map(|(i, info)| (info.name.clone(), i)).collect();
        Columns { infos: infos.into(), by_name }
    }
}

/// Columns of AIPerf's metadata beyond the standard ones.
fn own_columns() -> [ColumnInfo; 3] {
    [
        ColumnInfo::new("credit_issued_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_ack_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("turn_index", ColumnType::U64, ""),
    ]
}

fn column_type(value: &MetricValue) -> ColumnType {
    match value {
        MetricValue::Number(_) => ColumnType::F64,
        MetricValue::List(_) => ColumnType::F64List,
    }
}

fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::U64 | ColumnType::F64 => "a number",
        ColumnType::Text => "a text",
        ColumnType::F64List => "a list of numbers",
    }
}

/// Longest name of a phase, metric or unit, in bytes: what processors may return.
const TEXT_MAX_BYTES: usize = 256;

/// Names go into reports, and so must be such that they can be shown.
fn check_text(what: &str, text: &str) -> Result<(), Problem> {
    let words = if text.len() > TEXT_MAX_BYTES {
        format!("a {what}'s name has {} bytes, at most {TEXT_MAX_BYTES} are read", text.len())
    } else if escape(text) != text {
        format!("a {what}'s name has characters that cannot be shown: `{}`", escape(text))
    } else {
        return Ok(());
    };
    Err(Problem { column: 1, words })
}

impl Columns {
    /// Whether every metric of the record is what its column is.
    pub(super) fn check(&self, record: &Record<'_>) -> Result<(), Problem> {
        let refused = |words| Problem { column: 1, words };
        check_text("phase", record.metadata.phase_name().unwrap_or_default())?;
        for metric in &record.metrics.0 {
            check_text("metric", &metric.name)?;
            check_text("unit", &metric.unit)?;
            if metric.name.is_empty() {
                return Err(refused("a metric has an empty name".to_owned()));
            }
            let Some(info) = self.by_name.get(&*metric.name).map(|at| &self.infos[*at]) else {
                let name = escape(&metric.name);
                let words = format!(
                    "metric `{name}` came up after the input had been looked through; is it still written to?"
                );
                return Err(refused(words));
            };
            if matches!(info.kind, ColumnType::U64 | ColumnType::Text) {
                let name = escape(&metric.name);
                let words =
                    format!("metric `{name}` has the name of a column that is not a metric");
                return Err(refused(words));
            }
            let kind = column_type(&metric.value);
            if kind != info.kind {
                return Err(refused(format!(
                    "metric `{}` is {} here, and {} elsewhere in this run",
                    escape(&metric.name),
                    type_name(kind),
                    type_name(info.kind),
                )));
            }
            if metric.unit != info.unit.as_str() {
                return Err(refused(format!(
                    "metric `{}` is in `{}` here, and in `{}` elsewhere in this run",
                    escape(&metric.name),
                    escape(&metric.unit),
                    escape(&info.unit),
                )));
            }
        }
        Ok(())
    }

    /// Empty builders of all columns.
    pub(super) fn builders(&self) -> Vec<ColumnBuilder> {
        self.infos.iter().map(|info| ColumnBuilder::new(info.kind)).collect()
    }

    /// Adds a record that was checked: one value, or a missing one, to every column.
    pub(super) fn push(&self, builders: &mut [ColumnBuilder], record: &Record<'_>) {
        let metadata = &record.metadata;
        let error = record.error.as_ref();
        let cancelled = metadata.was_cancelled.unwrap_or(false);
        // A record with an error has an `error_type`, whatever the tool left out.
        let error_type = match (error, cancelled) {
            (Some(error), _) => Some(error.kind.as_deref().unwrap_or("unknown")),
            (None, true) => Some("cancelled"),
            (None, false) => None,
        };
        let mut metrics: Vec<Option<&MetricValue>> = vec![None; builders.len()];
        for metric in &record.metrics.0 {
            metrics[self.by_name[&*metric.name]] = Some(&metric.value);
        }
        for ((builder, info), metric) in builders.iter_mut().zip(&*self.infos).zip(metrics) {
            match builder {
                ColumnBuilder::U64(builder) => builder.append_option(match info.name.as_str() {
                    "request_start_ns" => metadata.start_ns(),
                    "request_end_ns" => record.end_ns(),
                    "status" => error.and_then(|error| error.code),
                    "was_cancelled" => Some(u64::from(cancelled)),
                    "credit_issued_ns" => metadata.credit_issued_ns,
                    "request_ack_ns" => metadata.request_ack_ns,
                    "turn_index" => metadata.turn_index,
                    _ => None,
                }),
                ColumnBuilder::Text(builder) => builder.append_option(match info.name.as_str() {
                    "error_type" => error_type,
                    "error_message" => error.and_then(|error| error.message.as_deref()),
                    "worker_id" => metadata.worker_id.as_deref(),
                    "session_id" => metadata.x_correlation_id.as_deref(),
                    _ => None,
                }),
                ColumnBuilder::F64(builder) => match metric {
                    Some(MetricValue::Number(value)) => builder.append_value(*value),
                    _ => builder.append_null(),
                },
                ColumnBuilder::F64List(builder) => match metric {
                    Some(MetricValue::List(values)) => {
                        builder.values().append_slice(values);
                        builder.append(true);
                    }
                    _ => builder.append_null(),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Recorded, RecordedOptions};

    #[test]
    fn what_is_new_in_any_good_record_is_found_and_nothing_of_a_bad_one() {
        let line = |phase: &str, metrics: &str| {
            format!(
                r#"{{"metadata":{{"phase_name":"{phase}","request_start_ns":1}},"metrics":{{{metrics}}}}}"#
            )
        };
        let lines = [
            line("one", r#""a":{"value":1,"unit":"ms"}"#),
            line("one", r#""a":{"value":2,"unit":"ms"}"#),
            line("one", r#""ttft":{"value":3,"unit":"ms"},"a":{"value":2,"unit":"ms"}"#),
            line("one", r#""a":{"value":2,"unit":"ms"},"ttft":{"value":3,"unit":"ms"}"#),
            line("one", r#""of_a_bad_record":{"value":1e400}"#),
            line("of_a_bad_record", r#""a":{"value":"text"}"#),
            line("two", r#""a":{"value":2,"unit":"ms"}"#),
            line("two", r#""b":null"#),
            line("two", r#""b":{"value":[1,2],"unit":"s"}"#),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        let open = |phase: &str| {
            let options =
                RecordedOptions { phases: vec![phase.to_owned()], ..RecordedOptions::default() };
            Recorded::open(&[path.to_string_lossy().into_owned()], options)
        };
        let opened = open("two").unwrap();
        let kind_of = |name: &str| {
            let found = opened.columns().iter().find(|column| column.name == name);
            found.map(|column| (column.kind, column.unit.clone()))
        };
        assert_eq!(kind_of("a"), Some((ColumnType::F64, "ms".to_owned())));
        assert_eq!(kind_of("time_to_first_token"), Some((ColumnType::F64, "ms".to_owned())));
        assert_eq!(kind_of("b"), Some((ColumnType::F64List, "s".to_owned())));
        assert_eq!(kind_of("of_a_bad_record"), None);
        assert!(open("of_a_bad_record").is_err());
    }
}
