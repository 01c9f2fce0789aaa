//! Records and event logs, plain and compressed: read to their end, or refused in words
//! that can be shown; the same whenever they are read.
//!
//! The first byte of an input says how the rest is read, bit by bit:
//!
//! | bits | what the rest is                                                         |
//! |------|--------------------------------------------------------------------------|
//! | 0, 1 | stored as it is (0, 3), as gzip (1), as zstd (2)                         |
//! | 2    | an event log, not records                                                |
//! | 3    | bad records end the reading; else they are left out                      |
//! | 4    | up to the first NUL a phase manifest, after it records                   |
#![no_main]

use std::cell::LazyCell;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use perfbox::source::{Item, Recorded, RecordedOptions, Source as _, SourceEnd, read_event_log};
use perfbox_fuzz::{assert_can_be_shown, directory, file};
use tempfile::TempDir;

thread_local! {
    static DIR: LazyCell<TempDir> = LazyCell::new(directory);
}

fuzz_target!(|input: &[u8]| {
    let Some((how, content)) = input.split_first() else { return };
    let has = |bit: u8| how & (1 << bit) != 0;
    let (manifest, content) = match content.iter().position(|byte| *byte == 0) {
        Some(at) if has(4) => (Some(&content[..at]), &content[at + 1..]),
        _ => (None, content),
    };
    let stored = match how & 3 {
        1 => gzip(content),
        2 => zstd::bulk::compress(content, 1).expect("zstd"),
        _ => content.to_vec(),
    };
    DIR.with(|dir| {
        let path = file(dir, "profile_export.jsonl", &stored);
        if has(2) {
            return match read_event_log(&path) {
                Ok(events) => assert!(events.is_sorted_by_key(|event| event.time_ns)),
                Err(error) => assert_can_be_shown(&error.to_string()),
            };
        }
        file(dir, "phase_manifest.json", manifest.unwrap_or(b"{\"phases\":[]}"));
        let name = path.to_str().expect("a path of letters").to_owned();
        let first = read(&name, !has(3), 3);
        let second = read(&name, !has(3), 1000);
        assert_eq!(first, second, "the size of batches changed what was read");
    });
});

/// What was read, as far as it must not change with the size of batches.
fn read(name: &str, skip_bad_records: bool, batch_records: usize) -> Option<String> {
    let options = RecordedOptions { skip_bad_records, batch_records, ..RecordedOptions::default() };
    let source = match Recorded::open(&[name.to_owned()], options) {
        Ok(source) => source,
        Err(error) => {
            assert_can_be_shown(&error.to_string());
            return None;
        }
    };
    let columns = source.columns().to_vec();
    let (mut records, mut events) = (0, 0);
    for item in source.items() {
        match item {
            Item::Batch(batch) => {
                assert!(!batch.is_empty() && batch.len() <= batch_records);
                assert!(batch.columns().map(|(info, _)| info).eq(&columns));
                assert_can_be_shown(&batch.phase().name);
                records += batch.len() as u64;
            }
            Item::Event(event) => {
                assert_can_be_shown(&event.phase.name);
                events += 1;
            }
        }
    }
    let SourceEnd { phases, inputs, interrupted, error } = source.end();
    assert!(!interrupted);
    assert_eq!(inputs[0].records, records, "a record was lost or made up");
    assert_eq!(events, 3 * phases.len());
    assert_eq!(phases.iter().map(|phase| phase.stats.sent).sum::<u64>(), records);
    inputs[0].bad_record_reasons.iter().for_each(|reason| assert_can_be_shown(reason));
    let error = error.map(|error| error.to_string());
    error.iter().for_each(|words| assert_can_be_shown(words));
    Some(format!("{inputs:?} {phases:?} {error:?}"))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("gzip");
    encoder.finish().expect("gzip")
}
