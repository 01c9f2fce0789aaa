use std::fmt::Write as _;

use perfbox_model::source::{Item, Source as _, SourceEnd};

use super::options::{BLOCK_BYTES, BLOCK_BYTES_PER_BATCH_RECORD, RecordedOptions};
use super::recorded::RecordedSource;
use crate::error::InputError;
use crate::limits::{COLUMNS_MAX, PHASES_MAX};
use crate::mapping::definition::Mapping;

/// Options for CSV with the header `at,took,phase`.
fn options() -> RecordedOptions {
    let mut mapping = Mapping::default();
    for flag in ["start=at:s", "latency=took:ms", "phase=phase"] {
        mapping.add_flag(flag).unwrap();
    }
    RecordedOptions { mapping, ..RecordedOptions::default() }
}

/// CSV with one row for each phase.
fn rows(phases: impl Iterator<Item = String>) -> String {
    let mut text = "at,took,phase\n".to_owned();
    phases.for_each(|phase| writeln!(text, "1,5,{phase}").unwrap());
    text
}

/// Writes the contents to files and opens them.
fn open(
    dir: &tempfile::TempDir,
    contents: &[String],
    options: RecordedOptions,
) -> Result<RecordedSource, InputError> {
    let write = |(number, content): (usize, &String)| {
        let path = dir.path().join(format!("{number}.csv"));
        std::fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    };
    let names: Vec<_> = contents.iter().enumerate().map(write).collect();
    RecordedSource::open(&names, options)
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("phase-{number}"))
}

#[test]
fn run_has_at_most_the_maximum_of_phases() {
    let dir = tempfile::tempdir().unwrap();
    let most = open(&dir, &[rows(numbered(PHASES_MAX))], options()).unwrap();
    assert_eq!(most.items().filter(|item| matches!(item, Item::Batch(_))).count(), PHASES_MAX);
    assert_eq!(most.end().phases.len(), PHASES_MAX);

    let refused = open(&dir, &[rows(numbered(PHASES_MAX + 1))], options()).err().unwrap();
    assert!(matches!(refused, InputError::TooManyPhases { column: Some(_), .. }), "{refused}");

    // Phases that are not selected do not count.
    let asked = RecordedOptions { phases: vec!["phase-3".to_owned()], ..options() };
    let some = open(&dir, &[rows(numbered(PHASES_MAX + 1))], asked).unwrap();
    assert_eq!(some.items().filter(|item| matches!(item, Item::Batch(_))).count(), 1);
}

#[test]
fn block_with_a_phase_too_many_is_refused_and_earlier_blocks_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let first = BLOCK_BYTES / "1,5,phase-0\n".len() + 1;
    let late = rows(std::iter::repeat_n("phase-0".to_owned(), first).chain(numbered(30)));
    let of_inputs = vec![rows(numbered(2)); PHASES_MAX / 2 + 1];
    for contents in [vec![late], of_inputs] {
        let source = open(&dir, &contents, options()).unwrap();
        let records = |item| match item {
            Item::Batch(batch) => batch.len() as u64,
            Item::Event(_) => 0,
        };
        let records: u64 = source.items().map(records).sum();
        let error = source.take_error();
        assert!(matches!(error, Some(InputError::TooManyPhases { .. })), "{error:?}");
        let end = source.end();
        assert!(records > 0);
        assert_eq!(end.inputs.iter().map(|input| input.records).sum::<u64>(), records);
        assert!(end.phases.len() <= PHASES_MAX);
    }
}

#[test]
fn small_batches_make_small_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let all = rows(std::iter::repeat_n("p".to_owned(), 50_000));
    let small = RecordedOptions { batch_records: 1, ..options() };
    let source = open(&dir, &[all], small).unwrap();
    let mut batches = 0;
    while let Some(piece) = source.next_read() {
        let items = source.accept(piece());
        assert!(items.len() <= BLOCK_BYTES_PER_BATCH_RECORD / "1,5,p\n".len() + 1);
        batches += items.iter().filter(|item| matches!(item, Item::Batch(_))).count();
    }
    assert_eq!(batches, 50_000);
}

/// Lines of AIPerf with one metric each, given as JSON.
fn lines(metrics: &[&str]) -> String {
    let line = |metric: &&str| {
        format!(
            "{{\"metadata\":{{\"phase_name\":\"p\",\"request_start_ns\":1}},\"metrics\":{{{metric}}}}}\n"
        )
    };
    metrics.iter().map(line).collect()
}

/// More lines than one block holds.
fn more_than_a_block() -> String {
    let line = lines(&[r#""a":{"value":1,"unit":"ms"}"#]);
    line.repeat(BLOCK_BYTES / line.len() + 1)
}

/// Length and late columns of each batch, and the end of the source.
fn late_columns(source: &RecordedSource) -> (Vec<(usize, Vec<String>)>, SourceEnd) {
    let known = source.columns().len();
    let late = |item| match item {
        Item::Batch(batch) => {
            assert_eq!(&batch.infos()[..known], source.columns());
            let names = batch.infos()[known..].iter().map(|info| info.name.clone());
            Some((batch.len(), names.collect::<Vec<_>>()))
        }
        Item::Event(_) => None,
    };
    let batches = source.items().filter_map(late).collect();
    (batches, source.end())
}

#[test]
fn late_metric_is_a_column_of_the_batches_of_its_block() {
    let dir = tempfile::tempdir().unwrap();
    let tail = lines(&[r#""late":{"value":3,"unit":"ms"}"#, r#""a":{"value":3,"unit":"ms"}"#]);
    let text = more_than_a_block() + &tail;
    let options = RecordedOptions::default();
    let (batches, end) = late_columns(&open(&dir, &[text], options).unwrap());
    assert!(end.error.is_none() && end.inputs[0].bad_records == 0);
    let (last, before) = batches.split_last().unwrap();
    assert!(before.len() > 1 && before.iter().all(|(_, late)| late.is_empty()));
    assert_eq!(last.1, ["late"]);
}

#[test]
fn late_metric_has_the_type_and_unit_of_its_first_record_in_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let number = lines(&[r#""late":{"value":3,"unit":"ms"}"#]);
    let others = [
        r#""late":{"value":[3],"unit":"ms"},"new":{"value":1}"#,
        r#""late":{"value":3,"unit":"s"}"#,
        r#""late":{"value":4,"unit":"ms"}"#,
    ];
    let text = more_than_a_block() + &number + &more_than_a_block() + &lines(&others);
    let options = RecordedOptions { skip_bad_records: true, ..RecordedOptions::default() };
    let source = open(&dir, &[text], options).unwrap();
    let (batches, end) = late_columns(&source);
    assert!(batches.iter().all(|(_, late)| !late.contains(&"new".to_owned())));
    assert_eq!(batches.last().unwrap().1, ["late"]);
    let reasons = &end.inputs[0].bad_record_reasons;
    assert_eq!((end.inputs[0].bad_records, reasons.len()), (2, 2));
    assert!(reasons[0].contains("a list of numbers here and a number elsewhere"), "{reasons:?}");
    assert!(reasons[1].contains("unit `s` here and `ms` elsewhere"), "{reasons:?}");
}

#[test]
fn late_columns_count_over_the_whole_run() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = |from: usize, count: usize| {
        let metric = |number: usize| format!(r#""m{number}":{{"value":1}}"#);
        lines(&[&(from..from + count).map(metric).collect::<Vec<_>>().join(",")])
    };
    let text = |count| {
        let late = metrics(0, 2000) + &more_than_a_block() + &metrics(2000, count);
        more_than_a_block() + &late
    };
    // There are 14 other columns: 10 standard ones, 3 of AIPerf's metadata, and `a`.
    let most = COLUMNS_MAX - 14 - 2000;
    let source = open(&dir, &[text(most)], RecordedOptions::default()).unwrap();
    assert!(late_columns(&source).1.error.is_none());
    let source = open(&dir, &[text(most + 1)], RecordedOptions::default()).unwrap();
    let (batches, end) = late_columns(&source);
    let error = end.error.unwrap().to_string();
    assert!(error.contains("more than 4096 columns"), "{error}");
    assert_eq!(batches.iter().map(|(len, _)| *len as u64).sum::<u64>(), end.inputs[0].records);
}

#[test]
fn phase_that_never_comes_ends_the_run_with_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let text = || {
        let first = BLOCK_BYTES / "1,5,phase-0\n".len() + 1;
        rows(std::iter::repeat_n("phase-0".to_owned(), first).chain(["late".to_owned()]))
    };
    let ask = |phases: &[&str]| {
        let phases = phases.iter().map(|phase| (*phase).to_owned()).collect();
        let source = open(&dir, &[text()], RecordedOptions { phases, ..options() }).unwrap();
        let records = source.items().filter(|item| matches!(item, Item::Batch(_))).count();
        (records, source.end())
    };
    let (batches, end) = ask(&["late"]);
    assert_eq!((batches, end.phases.len(), end.error.is_none()), (1, 1, true));
    let (batches, end) = ask(&["late", "latte"]);
    assert_eq!((batches, end.phases.len()), (1, 1));
    let expected = "the input has no phase `latte`; its phases are late, phase-0";
    assert_eq!(end.error.unwrap().to_string(), expected);
}
