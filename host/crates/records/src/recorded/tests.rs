use std::fmt::Write as _;

use super::*;
use crate::rows::PHASES_MAX;

/// A mapping of `at,took,phase`.
fn options() -> RecordedOptions {
    let mut mapping = Mapping::default();
    for flag in ["start=at:s", "latency=took:ms", "phase=phase"] {
        mapping.add_flag(flag).unwrap();
    }
    RecordedOptions { mapping, look_through: false, ..RecordedOptions::default() }
}

/// Rows of phases.
fn rows(phases: impl Iterator<Item = String>) -> String {
    let mut text = "at,took,phase\n".to_owned();
    phases.for_each(|phase| writeln!(text, "1,5,{phase}").unwrap());
    text
}

/// Files of those contents, opened.
fn open(
    dir: &tempfile::TempDir,
    contents: &[String],
    options: RecordedOptions,
) -> Result<Recorded, InputError> {
    let write = |(number, content): (usize, &String)| {
        let path = dir.path().join(format!("{number}.csv"));
        std::fs::write(&path, content).unwrap();
        path.to_string_lossy().into_owned()
    };
    let names: Vec<_> = contents.iter().enumerate().map(write).collect();
    Recorded::open(&names, options)
}

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("phase-{number}"))
}

#[test]
fn a_run_has_as_many_phases_as_it_may_have_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let most = open(&dir, &[rows(numbered(PHASES_MAX))], options()).unwrap();
    assert_eq!(most.items().filter(|item| matches!(item, Item::Batch(_))).count(), PHASES_MAX);
    assert_eq!(most.end().phases.len(), PHASES_MAX);

    let refused = open(&dir, &[rows(numbered(PHASES_MAX + 1))], options()).err().unwrap();
    assert!(matches!(refused, InputError::TooManyPhases { column: Some(_), .. }), "{refused}");

    // Of those that are asked for, there are not too many.
    let asked = RecordedOptions { phases: vec!["phase-3".to_owned()], ..options() };
    let some = open(&dir, &[rows(numbered(PHASES_MAX + 1))], asked).unwrap();
    assert_eq!(some.items().filter(|item| matches!(item, Item::Batch(_))).count(), 1);
}

#[test]
fn a_block_with_a_phase_too_many_is_refused_and_what_was_before_is_reported() {
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
fn pieces_have_few_batches_however_small_those_are() {
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
