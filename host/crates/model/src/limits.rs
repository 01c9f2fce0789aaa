//! What one plugin may use.

use std::time::Duration;

use bytesize::ByteSize;

use crate::escape::escape;
use crate::names::nearest;

/// Limits of one implementation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// All linear memories and tables of one instance together, in bytes. More is
    /// refused to the guest; a guest that fails over it fails for `memory`.
    pub memory_bytes: usize,
    /// Longest single call for a phase event, wall clock, rounded up to an epoch tick;
    /// longer fails for `deadline`. So the three below.
    pub event_deadline: Duration,
    /// Longest call of `process`.
    pub batch_deadline: Duration,
    /// Longest call of `create`, `requirements` or `finish`.
    pub finish_deadline: Duration,
    /// Longest start of an instance, before its first call.
    pub start_deadline: Duration,
    /// All its calls together, wall clock; more fails for `deadline`.
    pub run_budget: Duration,
    /// What each record that it is given adds to [`run_budget`](Self::run_budget).
    pub record_budget: Duration,
    /// Most that the host allocates for one returned value, in bytes; more fails for
    /// `invalid_output`.
    pub returned_bytes: usize,
    /// Most metrics in one result; more fails for `invalid_output`.
    pub metrics: usize,
    /// Handles on resources that it may hold at once, its own included; more fails for
    /// `trap`.
    pub handles: usize,
    /// Things of the host's that it may hold at once: batches, open files and
    /// directories, streams; more fails for `trap`.
    pub resources: usize,
    /// Bytes by which it may make files grow in all; more fails for `output`.
    pub output_bytes: usize,
    /// Files and directories that it may make in all; more fails for `output`.
    pub output_files: usize,
    /// Longest line of log, in bytes; the rest of it is cut off.
    pub log_line_bytes: usize,
    /// Log lines of one second together, in bytes; more are dropped and counted.
    pub log_bytes_per_second: usize,
    /// Largest component that is read, in bytes; a larger one is refused.
    pub component_bytes: usize,
    /// Most core instances, and most memories and tables, in one component; more is
    /// refused.
    pub core_instances: usize,
    /// Longest compilation of the component, in processor time and by the wall clock.
    pub compile_time: Duration,
    /// Address space of the process that compiles it, in bytes.
    pub compile_memory_bytes: usize,
}

const MIB: usize = 1024 * 1024;

/// Largest component where nothing else is said, in bytes.
pub const COMPONENT_BYTES: usize = 64 * MIB;

/// What to do about a limit that a component does not keep within.
pub const RAISE: &str =
    "raise that limit with --limit or in perfbox.yaml if you trust the component with more";

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            event_deadline: Duration::from_secs(1),
            batch_deadline: Duration::from_secs(10),
            finish_deadline: Duration::from_secs(60),
            start_deadline: Duration::from_secs(10),
            run_budget: Duration::from_secs(60),
            record_budget: Duration::from_micros(5),
            returned_bytes: 8 * MIB,
            metrics: 100_000,
            handles: 10_000,
            resources: 256,
            output_bytes: 256 * MIB,
            output_files: 1000,
            log_line_bytes: 1024,
            log_bytes_per_second: 64 * 1024,
            component_bytes: COMPONENT_BYTES,
            core_instances: 64,
            compile_time: Duration::from_secs(60),
            compile_memory_bytes: 2 * 1024 * MIB,
        }
    }
}

impl Limits {
    /// For the builtins, which are ours: room for a gibibyte of exact samples and the
    /// growth of their buffers.
    pub fn for_builtins() -> Self {
        Self { memory_bytes: 3 * 1024 * MIB, ..Self::default() }
    }
}

/// A limit's name, its value as it is written, and how it is read.
struct Named {
    name: &'static str,
    show: fn(&Limits) -> String,
    read: fn(&mut Limits, &str) -> Option<()>,
    /// An example of its values.
    example: &'static str,
}

macro_rules! named {
    ($name:literal, $field:ident, $show:path, $read:path, $example:literal) => {
        Named {
            name: $name,
            show: |limits| $show(limits.$field),
            read: |limits, text| $read(text).map(|value| limits.$field = value),
            example: $example,
        }
    };
}

/// Every limit, by the name that users give it.
const NAMED: [Named; 19] = [
    named!("memory", memory_bytes, format_bytes, read_bytes, "256 MiB"),
    named!("start_deadline", start_deadline, format_duration, read_time, "10s"),
    named!("event_deadline", event_deadline, format_duration, read_time, "1s"),
    named!("batch_deadline", batch_deadline, format_duration, read_time, "500ms"),
    named!("finish_deadline", finish_deadline, format_duration, read_time, "1m"),
    named!("run_budget", run_budget, format_duration, read_time, "1m"),
    named!("record_budget", record_budget, format_duration, read_time, "5us"),
    named!("returned_value", returned_bytes, format_bytes, read_bytes, "8 MiB"),
    named!("metrics", metrics, show_count, read_count, "100000"),
    named!("handles", handles, show_count, read_count, "10000"),
    named!("resources", resources, show_count, read_count, "256"),
    named!("output", output_bytes, format_bytes, read_bytes, "256 MiB"),
    named!("output_files", output_files, show_count, read_count, "1000"),
    named!("log_line", log_line_bytes, format_bytes, read_bytes, "1 KiB"),
    named!("log_per_second", log_bytes_per_second, format_bytes, read_bytes, "64 KiB"),
    named!("component_file", component_bytes, format_bytes, read_bytes, "64 MiB"),
    named!("core_instances", core_instances, show_count, read_count, "64"),
    named!("compile_time", compile_time, format_duration, read_time, "1m"),
    named!("compile_memory", compile_memory_bytes, format_bytes, read_bytes, "2 GiB"),
];

impl Limits {
    /// Sets one limit by its name, for example `memory` to `256 MiB`.
    ///
    /// # Errors
    /// When there is no such limit, or the value is none that it takes.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let Some(named) = NAMED.iter().find(|named| named.name == name) else {
            let known = || NAMED.iter().map(|named| named.name);
            return Err(LimitError::Unknown {
                name: name.to_owned(),
                near: nearest(name, known()).map(str::to_owned),
                known: known().collect(),
            });
        };
        (named.read)(self, value).ok_or_else(|| LimitError::Value {
            name: named.name,
            given: value.to_owned(),
            example: named.example,
        })
    }

    /// Name and value of each, as [`set`](Self::set) takes them.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, String)> {
        NAMED.iter().map(|named| (named.name, (named.show)(self)))
    }
}

/// Why a limit could not be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// There is no such limit.
    #[error("`{}` is no limit; {}", escape(name), match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the limits are {}", known.join(", ")),
    })]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest that there is.
        near: Option<String>,
        /// All that there are.
        known: Vec<&'static str>,
    },
    /// It does not take such a value.
    #[error(
        "`{}` is no value of limit `{name}`; give one above 0 as in `{name}: {example}`",
        escape(given)
    )]
    Value {
        /// The limit.
        name: &'static str,
        /// What was given.
        given: String,
        /// A value that it takes.
        example: &'static str,
    },
}

fn read_bytes(text: &str) -> Option<usize> {
    // A number alone could be meant in any unit.
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let bytes = text.parse::<ByteSize>().ok().filter(|_| has_unit)?.as_u64();
    // More than there are numbers for is read as the last of them.
    usize::try_from(bytes).ok().filter(|bytes| (1..usize::MAX).contains(bytes))
}

/// In the largest unit that goes into it.
pub fn format_bytes(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

fn read_time(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|time| !time.is_zero())
}

/// As people write it: `1m 30s`.
pub fn format_duration(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

fn read_count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count > 0)
}

fn show_count(count: usize) -> String {
    count.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_read_as_it_is_shown() {
        let default = Limits::default();
        let mut read = Limits {
            memory_bytes: 1,
            event_deadline: Duration::from_nanos(1),
            batch_deadline: Duration::from_nanos(1),
            finish_deadline: Duration::from_nanos(1),
            start_deadline: Duration::from_nanos(1),
            run_budget: Duration::from_nanos(1),
            record_budget: Duration::from_nanos(1),
            returned_bytes: 1,
            metrics: 1,
            handles: 1,
            resources: 1,
            output_bytes: 1,
            output_files: 1,
            log_line_bytes: 1,
            log_bytes_per_second: 1,
            component_bytes: 1,
            core_instances: 1,
            compile_time: Duration::from_nanos(1),
            compile_memory_bytes: 1,
        };
        for (name, value) in default.list() {
            read.set(name, &value).unwrap();
        }
        assert_eq!(read, default);
        for named in &NAMED {
            read.set(named.name, named.example).unwrap();
        }
        assert_eq!(format_bytes(1_000), "1000 B");
        assert_eq!(format_bytes(3 << 30), "3 GiB");
    }

    #[test]
    fn what_is_no_limit_is_said_in_words() {
        let mut limits = Limits::default();
        let mut words = |name, value| limits.set(name, value).unwrap_err().to_string();
        assert_eq!(words("memroy", "1 MiB"), "`memroy` is no limit; did you mean `memory`?");
        assert!(words("colour", "1").starts_with("`colour` is no limit; the limits are memory, "));
        for (name, value, example) in [
            ("memory", "lots", "memory: 256 MiB"),
            ("memory", "0 MiB", "memory: 256 MiB"),
            ("memory", "512", "memory: 256 MiB"),
            ("memory", "99999999999999 TiB", "memory: 256 MiB"),
            ("event_deadline", "1", "event_deadline: 1s"),
            ("event_deadline", "0s", "event_deadline: 1s"),
            ("metrics", "-1", "metrics: 100000"),
        ] {
            assert_eq!(
                words(name, value),
                format!(
                    "`{value}` is no value of limit `{name}`; give one above 0 as in `{example}`"
                )
            );
        }
    }
}
