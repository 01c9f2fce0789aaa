//! Reads AIPerf's lines by templates of earlier lines.

use super::record::{Record, current_name, parse_record};
use super::row::{LATENCY, check, put};
use crate::batch_builder::{BatchBuilder, PhaseKey};
use crate::columns::{Columns, standard};
use crate::line_template::{Binding, JsonKind, Slot, Template};
use crate::record_error::RecordError;

/// Maximum of templates of one thread.
const TEMPLATES_MAX: usize = 24;

/// Maximum of consecutive mismatches before a template is dropped.
const MISSES_MAX: u32 = 128;

/// Number of fully parsed lines that earn the right to learn one more template: later lines may
/// be alike.
const WHOLE_PER_TEMPLATE: u32 = 128;

/// Templates of the lines so far.
///
/// Where no two lines are alike, templates cost more than they save. So a useless template is
/// dropped, and learning one takes credit, which each matching line earns.
pub(super) struct Templates {
    /// Most recently matched first.
    known: Vec<RecordTemplate>,
    /// Number of templates that may still be learned.
    credit: u32,
    /// Number of lines parsed completely.
    whole: u32,
}

impl Default for Templates {
    fn default() -> Self {
        Self { known: Vec::new(), credit: TEMPLATES_MAX as u32, whole: 0 }
    }
}

/// Template of records in one phase.
struct RecordTemplate {
    /// Mismatches since the last match.
    misses: u32,
    phase: PhaseKey,
    error_type: Option<&'static str>,
    is_cancelled: bool,
    line: Template,
}

impl Templates {
    /// Reads the record at `at` by the first template that matches. Returns its end.
    pub(super) fn read(
        &mut self,
        text: &str,
        at: usize,
        builder: &mut BatchBuilder<'_>,
    ) -> Option<usize> {
        let mut has_useless = false;
        let mut fitting = None;
        for (place, one) in self.known.iter_mut().enumerate() {
            let Some(mut row) = builder.begin(&one.phase) else { break };
            let Some(matched) = one.line.read(text, at, &mut row) else {
                one.misses += 1;
                has_useless |= one.misses > MISSES_MAX;
                continue;
            };
            one.misses = 0;
            row.u64(standard::CANCELLED, u64::from(one.is_cancelled));
            if let Some(error_type) = one.error_type {
                row.text(standard::ERROR_TYPE, error_type);
            }
            if let Some(session) = matched.session {
                row.session(session, matched.turn, matched.end_ns, one.is_cancelled);
            }
            builder.end();
            fitting = Some((place, matched.end));
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

    /// Parses a line completely and learns its template.
    pub(super) fn read_whole(
        &mut self,
        line: &[u8],
        builder: &mut BatchBuilder<'_>,
    ) -> Result<(), RecordError> {
        let record = parse_record(line)?;
        let columns = builder.columns();
        let added = check(|name| columns.find(name), &record)?;
        // Held no longer, so that adding a column does not copy them.
        drop(columns);
        added.into_iter().for_each(|info| builder.add_column(info));
        let columns = &*builder.columns();
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
        if let Some(mut row) = builder.begin(&phase) {
            put(columns, &record, &mut row);
            builder.end();
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

/// Metadata that is equal in all lines of a template.
const SAME: [&str; 7] = [
    "benchmark_phase",
    "credit_phase",
    "phase_name",
    "phase_kind",
    "phase_index",
    "timestamp_ns",
    "was_cancelled",
];

/// Template of a line that holds this record. Returns none if such lines are always parsed
/// completely, like lines of older files, whose ends are computed.
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
    let place = |name: &str| columns.position(name);
    let mut bind = |keys: &[&str], kind: JsonKind| match (keys, kind) {
        // Decide phase and outcome.
        (["metadata", key], _) if SAME.contains(key) => Binding::Literal,
        (["metadata", "request_start_ns"], JsonKind::Number) => {
            Binding::Slot(Slot::U64(standard::START))
        }
        (["metadata", "request_end_ns"], JsonKind::Number) => {
            Binding::Slot(Slot::End(standard::END))
        }
        (["metadata", "turn_index"], JsonKind::Number) => {
            Binding::slot(Slot::Turn, place("turn_index"))
        }
        (["metadata", key @ ("request_ack_ns" | "credit_issued_ns")], JsonKind::Number) => {
            Binding::slot(Slot::U64, place(key))
        }
        (["metadata", "worker_id"], JsonKind::Text) => Binding::Slot(Slot::Text(standard::WORKER)),
        (["metadata", "x_correlation_id"], JsonKind::Text) => {
            Binding::Slot(Slot::Session(standard::SESSION))
        }
        (["metrics", name, "value"], JsonKind::Number | JsonKind::Numbers) => {
            let column = place(&current_name((*name).into()));
            match (kind, column.is_some_and(|column| columns.is_read(column))) {
                (JsonKind::Numbers, _) => Binding::slot(Slot::List, column),
                _ if *name == LATENCY => Binding::slot(Slot::Latency, column),
                (_, true) => Binding::slot(Slot::F64, column),
                (_, false) => Binding::Slot(Slot::AnyNumber),
            }
        }
        (["metrics", _, "unit" | "value"], _) => Binding::Literal,
        (["error", "code"], JsonKind::Number) => Binding::Slot(Slot::U64(standard::STATUS)),
        (["error", "type"], JsonKind::Text) => Binding::Slot(Slot::Text(standard::ERROR_TYPE)),
        (["error", "message"], JsonKind::Text) => {
            Binding::Slot(Slot::Text(standard::ERROR_MESSAGE))
        }
        (_, JsonKind::Number) => Binding::Slot(Slot::AnyNumber),
        (_, JsonKind::Text) => Binding::Slot(Slot::AnyText),
        _ => Binding::Literal,
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
    use super::super::scan_line;
    use super::*;
    use crate::batch_builder::ReadOptions;
    use crate::schema_scan::SchemaScan;

    fn line(metric: &str, value: usize) -> String {
        format!(
            r#"{{"metadata":{{"phase_name":"p","request_start_ns":{value},"request_end_ns":9}},"metrics":{{"{metric}":{{"value":{value},"unit":"ms"}}}}}}"#
        )
    }

    #[test]
    fn useless_templates_are_dropped_and_rarely_learned() {
        let mut schema = SchemaScan::default();
        let names: Vec<_> = (0..2000).map(|number| format!("metric_{number}")).collect();
        for name in &names {
            scan_line(line(name, 1).as_bytes(), &mut schema).unwrap();
        }
        let columns = schema.columns();
        let options = ReadOptions { batch_records: 5000, ..ReadOptions::default() };
        let (mut builder, mut templates) =
            (BatchBuilder::new(columns.into(), &options), Templates::default());
        let mut tried = 0;
        for name in &names {
            let line = line(name, 1);
            tried += templates.known.len();
            assert_eq!(templates.read(&line, 0, &mut builder), None);
            templates.read_whole(line.as_bytes(), &mut builder).unwrap();
        }
        assert!(tried < 4 * names.len(), "{tried} tries for {} lines", names.len());
        // Once lines are alike, a template soon reads them.
        let alike: Vec<_> = (0..300).map(|value| line("metric_0", value)).collect();
        let mut by_template = 0;
        for line in &alike {
            match templates.read(line, 0, &mut builder) {
                Some(_) => by_template += 1,
                None => templates.read_whole(line.as_bytes(), &mut builder).unwrap(),
            }
        }
        assert!(by_template > 100, "{by_template} of {}", alike.len());
        let read = builder.finish();
        assert_eq!(read.records, 2300);
    }
}
