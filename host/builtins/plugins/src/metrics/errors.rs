use std::cmp::Reverse;
use std::collections::BTreeMap;

use perfbox_guest::{Batch, ColumnType, Metric, Result};

use crate::shared::failed::Failed;
use crate::shared::shown::as_label;
use crate::shared::wire::{Reader, Writer};

/// Column of the status codes.
pub(super) const STATUS: &str = "status";
/// The sort of all errors that are not told apart.
const OTHERS: &str = "(others)";
/// Combinations of status and sort that the result has at most, without the others.
const SHOWN: usize = 100;
/// Combinations that are counted at most. Where a phase has more, its errors are told
/// apart by status alone: which a phase has does not depend on who counts them.
const COUNTED: usize = 10_000;

/// A status and a sort of error; none: not told, or not told apart.
type Sort = (Option<u64>, Option<String>);

/// The errors of one phase, by status and sort.
#[derive(Debug, Default)]
pub(super) struct Errors {
    counts: BTreeMap<Sort, u64>,
    apart: Apart,
}

/// What errors are told apart by.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Apart {
    #[default]
    StatusAndType,
    Status,
    Nothing,
}

impl Errors {
    /// Takes the records with an error in.
    pub(super) fn add(&mut self, batch: &Batch) -> Result<()> {
        let error_types = batch.texts(Failed::COLUMN)?;
        let columns = batch.columns();
        let has_status =
            columns.iter().any(|column| column.name == STATUS && column.kind == ColumnType::U64);
        let statuses = if has_status { Some(batch.u64s(STATUS)?) } else { None };
        // By the batch's own codes first: texts are compared once for each sort.
        let mut counts: BTreeMap<(Option<u64>, u32), u64> = BTreeMap::new();
        for (row, code) in error_types.codes().rows().enumerate() {
            if let Some(code) = code {
                let status = statuses.as_ref().and_then(|statuses| statuses.get(row));
                *counts.entry((status, code)).or_default() += 1;
            }
        }
        for ((status, code), count) in counts {
            let error_type = as_label(&error_types.dictionary()[code as usize]).into_owned();
            self.count((status, Some(error_type)), count);
        }
        Ok(())
    }

    fn count(&mut self, sort: Sort, count: u64) {
        *self.counts.entry(told_apart(sort, self.apart)).or_default() += count;
        while self.counts.len() > COUNTED {
            let coarser = match self.apart {
                Apart::StatusAndType => Apart::Status,
                Apart::Status | Apart::Nothing => Apart::Nothing,
            };
            self.coarsen(coarser);
        }
    }

    fn coarsen(&mut self, apart: Apart) {
        self.apart = apart;
        for (sort, count) in std::mem::take(&mut self.counts) {
            *self.counts.entry(told_apart(sort, apart)).or_default() += count;
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.apart as u64);
        writer.usize(self.counts.len());
        for ((status, error_type), count) in &self.counts {
            writer.bool(status.is_some());
            writer.u64(status.unwrap_or(0));
            writer.bool(error_type.is_some());
            writer.text(error_type.as_deref().unwrap_or(""));
            writer.u64(*count);
        }
    }

    pub(super) fn merge(&mut self, reader: &mut Reader) -> Result<()> {
        let apart = match reader.u64()? {
            0 => Apart::StatusAndType,
            1 => Apart::Status,
            _ => Apart::Nothing,
        };
        if apart > self.apart {
            self.coarsen(apart);
        }
        for _ in 0..reader.usize()? {
            let (has_status, status) = (reader.bool()?, reader.u64()?);
            let (has_type, error_type) = (reader.bool()?, reader.text()?);
            let sort = (has_status.then_some(status), has_type.then_some(error_type));
            self.count(sort, reader.u64()?);
        }
        Ok(())
    }

    /// The most frequent first.
    pub(super) fn into_metrics(self, phase: &str) -> Vec<Metric> {
        let mut sorts: Vec<_> = self.counts.into_iter().collect();
        sorts.sort_by_key(|(_, count)| Reverse(*count));
        let rest = sorts.split_off(sorts.len().min(SHOWN));
        let others = |((status, error_type), count): (Sort, u64)| {
            let status = status.map_or(String::new(), |status| status.to_string());
            ((status, error_type.unwrap_or_else(|| OTHERS.to_owned())), count)
        };
        let mut shown: Vec<_> = sorts.into_iter().map(others).collect();
        let rest: u64 = rest.into_iter().map(|(_, count)| count).sum();
        if rest > 0 {
            let key = (String::new(), OTHERS.to_owned());
            match shown.iter_mut().find(|(known, _)| *known == key) {
                Some((_, count)) => *count += rest,
                None => shown.push((key, rest)),
            }
        }
        let metric = |((status, error_type), count): ((String, String), u64)| {
            let metric = Metric::new("errors", count, "requests").phase(phase);
            metric.label("status", status).label("error_type", error_type)
        };
        shown.into_iter().map(metric).collect()
    }
}

fn told_apart((status, error_type): Sort, apart: Apart) -> Sort {
    match apart {
        Apart::StatusAndType => (status, error_type),
        Apart::Status => (status, None),
        Apart::Nothing => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use perfbox_guest::MetricValue;
    use perfbox_guest::testing::BatchBuilder;

    use super::*;

    /// Status, sort and count of each metric.
    fn found(errors: Errors) -> Vec<(String, String, u64)> {
        let metrics = errors.into_metrics("profiling").into_iter();
        let read = |metric: Metric| {
            assert_eq!((metric.name(), metric.unit()), ("errors", "requests"));
            assert_eq!(metric.phase_name(), Some("profiling"));
            let [(status, code), (sort, error_type)] = metric.labels() else { panic!() };
            assert_eq!((&status[..], &sort[..]), ("status", "error_type"));
            let MetricValue::Count(count) = metric.value() else { panic!() };
            (code.clone(), error_type.clone(), *count)
        };
        metrics.map(read).collect()
    }

    fn of(sorts: impl IntoIterator<Item = (u64, String)>) -> Errors {
        let mut errors = Errors::default();
        sorts.into_iter().for_each(|(status, sort)| errors.count((Some(status), Some(sort)), 1));
        errors
    }

    fn merged(parts: &[&Errors]) -> Errors {
        let mut all = Errors::default();
        for part in parts {
            let mut writer = Writer::default();
            part.write(&mut writer);
            all.merge(&mut Reader::new(&writer.bytes)).unwrap();
        }
        all
    }

    #[test]
    fn errors_are_counted_by_status_and_type_the_most_frequent_first() {
        let batch = BatchBuilder::new("profiling")
            .u64s("status", "", [Some(503), Some(200), None, Some(503), Some(500)])
            .texts("error_type", [Some("Busy"), None, Some("Timeout"), Some("Busy"), Some("Busy")])
            .build();
        let mut errors = Errors::default();
        errors.add(&batch).unwrap();
        let expected = [("503", "Busy", 2), ("", "Timeout", 1), ("500", "Busy", 1)];
        let expected = expected.map(|(status, sort, n)| (status.to_owned(), sort.to_owned(), n));
        assert_eq!(found(errors), expected);
    }

    #[test]
    fn records_without_a_column_of_status_have_errors_too() {
        let batch = BatchBuilder::new("profiling").texts("error_type", ["Timeout"]).build();
        let mut errors = Errors::default();
        errors.add(&batch).unwrap();
        assert_eq!(found(errors), [(String::new(), "Timeout".to_owned(), 1)]);
    }

    #[test]
    fn beyond_a_hundred_the_rarest_are_others_whoever_came_first() {
        let sorts = (0..130_u64).flat_map(|at| vec![(500, format!("e{at:03}")); 200 - at as usize]);
        let (front, back): (Vec<_>, Vec<_>) = sorts.partition(|(_, sort)| sort.as_str() < "e060");
        let whole = found(merged(&[&of(front.clone()), &of(back.clone())]));
        assert_eq!(whole.len(), 101);
        assert_eq!(whole[99], ("500".to_owned(), "e099".to_owned(), 101));
        let others: u64 = (100..130).map(|at| 200 - at).sum();
        assert_eq!(whole[100], (String::new(), OTHERS.to_owned(), others));
        assert_eq!(found(merged(&[&of(back), &of(front)])), whole);
    }

    #[test]
    fn too_many_sorts_to_count_are_told_apart_by_status_alone() {
        let sorts =
            |range: std::ops::Range<u64>| of(range.map(|at| (500 + at % 2, at.to_string())));
        let expected = ["500", "501"].map(|status| (status.to_owned(), OTHERS.to_owned(), 6000));
        assert_eq!(found(sorts(0..12_000)), expected);
        assert_eq!(found(merged(&[&sorts(0..6000), &sorts(6000..12_000)])), expected);
        assert_eq!(found(merged(&[&sorts(0..11_000), &sorts(11_000..12_000)])), expected);
    }

    #[test]
    fn too_many_statuses_are_not_told_apart() {
        let errors = of((0..10_001).map(|status| (status, "a".to_owned())));
        assert_eq!(found(errors), [(String::new(), OTHERS.to_owned(), 10_001)]);
    }
}
