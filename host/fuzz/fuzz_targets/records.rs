//! Records of every format, and event logs, plain and compressed: read to their end, or
//! refused in words that can be shown; and the same however they are cut, batched and
//! handed out to threads.
//!
//! The first byte of an input says how the rest is read, bit by bit:
//!
//! | bits | what the rest is                                                         |
//! |------|--------------------------------------------------------------------------|
//! | 0, 1 | stored as it is (0, 3), as gzip (1), as zstd (2)                         |
//! | 2    | an event log, not records                                                |
//! | 3    | bad records end the reading; else they are left out                      |
//! | 4    | up to the first NUL a phase manifest, after it records                   |
//! | 5-7  | which of the sizes of blocks it is read in too                           |
//!
//! The second is the format: see [`format_of`].
#![no_main]

use std::cell::LazyCell;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use perfbox::records::{
    Format, Item, Mapping, RecordedOptions, RecordedSource, Source, SourceEnd, read_event_log,
};
use perfbox_fuzz::{Digests, assert_can_be_shown, directory, file};
use tempfile::TempDir;

/// Sizes of blocks: some cut inputs of a few hundred bytes behind each line.
const BLOCK_BYTES: [usize; 8] = [8, 16, 33, 64, 150, 400, 1000, 4000];

/// The mappings of the fixtures, and so of the first inputs: CSV, JSON lines, Parquet, and
/// Locust's CSV.
const MAPPINGS: [&[&str]; 4] = [
    &[
        "start=Sent At (s):s",
        "latency=Took [s]:s",
        "error=Outcome",
        "name=End Point",
        "phase=stage",
        "worker=worker#",
        "metric.response_size=size kB:kB",
    ],
    &[
        "start=request.sent:rfc3339",
        "latency=timing.total_us:us",
        "error=failure.kind",
        "phase=stage",
        "worker=client.worker",
        "metric.response_size=size.kB:kB",
    ],
    &[
        "start=sent",
        "latency=took_ms:ms",
        "error=outcome",
        "name=endpoint",
        "phase=stage",
        "metric.response_size=size_kb:kB",
    ],
    &[
        "start=start_time:s",
        "latency=response_time:ms",
        "status=status_code",
        "error=exception",
        "name=name",
    ],
];

thread_local! {
    static DIR: LazyCell<TempDir> = LazyCell::new(directory);
}

fuzz_target!(|input: &[u8]| {
    let [how, format, content @ ..] = input else { return };
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
        let name = path.to_str().expect("a path of letters");
        let (input_format, mapping) = format_of(*format);
        let whole = RecordedOptions {
            skip_bad_records: !has(3),
            input_format,
            mapping,
            batch_records: 1000,
            ..RecordedOptions::default()
        };
        let expected = read(name, whole.clone(), in_order);
        let small = RecordedOptions { batch_records: 3, ..whole.clone() };
        assert_eq!(read(name, small, in_order), expected, "the size of batches changed it");
        let block_bytes = BLOCK_BYTES[usize::from(how >> 5)];
        let cut = RecordedOptions { block_bytes, ..whole.clone() };
        assert_eq!(
            read(name, cut.clone(), in_order),
            expected,
            "blocks of {block_bytes} changed it"
        );
        assert_eq!(read(name, cut, in_pairs), expected, "a second thread changed it");
    });
});

/// The format that an input is forced to be of, 0: none; and what it is mapped by.
fn format_of(byte: u8) -> (Option<Format>, Mapping) {
    let format = Format::ALL.get(usize::from(byte % 16).wrapping_sub(1)).copied();
    let flags = match format {
        Some(Format::Csv) => MAPPINGS[0],
        Some(Format::Jsonl) => MAPPINGS[1],
        Some(Format::Parquet) => MAPPINGS[2],
        None if byte % 16 == 14 => MAPPINGS[3],
        _ => &[],
    };
    let mut mapping = Mapping::default();
    flags.iter().for_each(|flag| mapping.add_flag(flag).expect("a mapping"));
    (format, mapping)
}

/// What is told of k6's points where one of them is bad.
const BAD_POINT: &str = "a bad point";

/// What was read, as far as it must not change with the way in which it is.
fn read(
    name: &str,
    options: RecordedOptions,
    items_of: impl Fn(&RecordedSource) -> Vec<Item>,
) -> Result<String, String> {
    let batch_records = options.batch_records;
    let source = RecordedSource::open(&[name.to_owned()], options).map_err(|error| {
        let words = error.to_string();
        assert_can_be_shown(&words);
        words
    })?;
    let columns = source.columns().to_vec();
    let (mut records, mut events) = (0, Vec::new());
    let mut digests = Digests::default();
    for item in items_of(&source) {
        match item {
            Item::Batch(batch) => {
                assert!(!batch.is_empty() && batch.len() <= batch_records);
                assert!(batch.infos().starts_with(&columns));
                assert_can_be_shown(&batch.phase().name);
                records += batch.len() as u64;
                digests.add(&batch);
            }
            Item::Event(event) => {
                assert_can_be_shown(&event.phase.name);
                events.push(event);
            }
        }
    }
    let SourceEnd { phases, mut inputs, interrupted, error } = source.end();
    assert!(!interrupted);
    assert_eq!(inputs[0].records, records, "a record was lost or made up");
    assert_eq!(events.len(), 3 * phases.len());
    assert_eq!(phases.iter().map(|phase| phase.stats.sent).sum::<u64>(), records);
    inputs[0].bad_record_reasons.iter().for_each(|reason| assert_can_be_shown(reason));
    let error = error.map(|error| error.to_string());
    error.iter().for_each(|words| assert_can_be_shown(words));
    if error.is_some() {
        // Behind what ended it, the rest of its block was read in vain.
        inputs[0].bytes = 0;
    }
    // Where one of k6's points is bad, the others of its request may be cut from it, and are
    // told of as another.
    if inputs[0].format.starts_with("k6-") && inputs[0].bad_records > 0 {
        return Err(BAD_POINT.to_owned());
    }
    Ok(format!("{digests:?}\n{inputs:?}\n{phases:?}\n{events:?}\n{error:?}"))
}

/// As one thread reads.
fn in_order(source: &RecordedSource) -> Vec<Item> {
    source.items().collect()
}

/// As two threads read, of which the first is slow.
fn in_pairs(source: &RecordedSource) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(first) = source.next_piece() {
        let second = source.next_piece().map(|piece| piece());
        items.extend(source.accept(first()));
        items.extend(second.into_iter().flat_map(|second| source.accept(second)));
    }
    items
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).expect("gzip");
    encoder.finish().expect("gzip")
}
