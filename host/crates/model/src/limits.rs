//! Limits of one plugin: names, defaults, parsing and formatting.

use std::time::Duration;

use bytesize::ByteSize;

use crate::escape::escape;
use crate::names::nearest;

/// Limits of one implementation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Maximum total size of all linear memories and tables of one instance, in bytes. Further
    /// growth is denied; a guest that fails as a result fails with `memory`.
    pub memory_bytes: usize,
    /// Maximum wall-clock time of one call for a phase event, rounded up to an epoch tick. A
    /// longer call fails with `deadline`. The next four limits work the same way.
    pub event_deadline: Duration,
    /// Maximum time of one call of `process`.
    pub batch_deadline: Duration,
    /// Maximum time of one call of `snapshot`.
    pub snapshot_deadline: Duration,
    /// Maximum time of one call of `create`, `requirements` or `finish`.
    pub finish_deadline: Duration,
    /// Maximum time to start an instance, before its first call.
    pub start_deadline: Duration,
    /// Maximum wall-clock time of all calls together; more fails with `deadline`.
    pub run_budget: Duration,
    /// Time that each delivered record adds to [`run_budget`](Self::run_budget).
    pub record_budget: Duration,
    /// Maximum host memory for one returned value, in bytes; more fails with
    /// `invalid_output`.
    pub returned_bytes: usize,
    /// Maximum number of metrics in one result; more fails with `invalid_output`.
    pub metrics: usize,
    /// Maximum number of open resource handles, including the guest's own; more fails with
    /// `trap`.
    pub handles: usize,
    /// Maximum number of open host resources: open files, directories and streams; more fails
    /// with `trap`.
    pub resources: usize,
    /// Maximum total growth of all files, in bytes; more fails with `output`.
    pub output_bytes: usize,
    /// Maximum number of files and directories created; more fails with `output`.
    pub output_files: usize,
    /// Maximum length of a log line, in bytes; longer lines are truncated.
    pub log_line_bytes: usize,
    /// Maximum log output per second, in bytes; further lines are dropped and counted.
    pub log_bytes_per_second: usize,
    /// Maximum size of the component file, in bytes; a larger file is refused.
    pub component_bytes: usize,
    /// Maximum number of core instances, of memories and of tables in one component; a
    /// component with more is refused.
    pub core_instances: usize,
    /// Maximum time to compile the component, both CPU time and wall clock.
    pub compile_time: Duration,
    /// Maximum address space of the compiler process, in bytes.
    pub compile_memory_bytes: usize,
}

const MIB: usize = 1024 * 1024;

/// Default maximum size of a component, in bytes.
pub const COMPONENT_BYTES: usize = 64 * MIB;

/// Next step for a component that exceeds a limit.
pub const RAISE: &str =
    "raise the limit with --limit or in perfbox.yaml if you trust the component";

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 256 * MIB,
            event_deadline: Duration::from_secs(1),
            batch_deadline: Duration::from_secs(10),
            snapshot_deadline: Duration::from_secs(1),
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
    /// Limits of builtins: enough memory for 1 GiB of exact samples and the growth of their
    /// buffers.
    pub fn for_builtins() -> Self {
        Self { memory_bytes: 3 * 1024 * MIB, ..Self::default() }
    }
}

/// A limit by name, with the conversions of its value to and from text.
struct Named {
    name: &'static str,
    format: fn(&Limits) -> String,
    parse: fn(&mut Limits, &str) -> Option<()>,
    /// Example value.
    example: &'static str,
}

macro_rules! named {
    ($name:literal, $field:ident, $format:path, $parse:path, $example:literal) => {
        Named {
            name: $name,
            format: |limits| $format(limits.$field),
            parse: |limits, text| $parse(text).map(|value| limits.$field = value),
            example: $example,
        }
    };
}

/// Every limit, by its name for users.
const NAMED: [Named; 20] = [
    named!("memory", memory_bytes, format_bytes, parse_bytes, "256 MiB"),
    named!("start_deadline", start_deadline, format_duration, parse_duration, "10s"),
    named!("event_deadline", event_deadline, format_duration, parse_duration, "1s"),
    named!("batch_deadline", batch_deadline, format_duration, parse_duration, "500ms"),
    named!("snapshot_deadline", snapshot_deadline, format_duration, parse_duration, "1s"),
    named!("finish_deadline", finish_deadline, format_duration, parse_duration, "1m"),
    named!("run_budget", run_budget, format_duration, parse_duration, "1m"),
    named!("record_budget", record_budget, format_duration, parse_duration, "5us"),
    named!("returned_value", returned_bytes, format_bytes, parse_bytes, "8 MiB"),
    named!("metrics", metrics, format_count, parse_count, "100000"),
    named!("handles", handles, format_count, parse_count, "10000"),
    named!("resources", resources, format_count, parse_count, "256"),
    named!("output", output_bytes, format_bytes, parse_bytes, "256 MiB"),
    named!("output_files", output_files, format_count, parse_count, "1000"),
    named!("log_line", log_line_bytes, format_bytes, parse_bytes, "1 KiB"),
    named!("log_per_second", log_bytes_per_second, format_bytes, parse_bytes, "64 KiB"),
    named!("component_file", component_bytes, format_bytes, parse_bytes, "64 MiB"),
    named!("core_instances", core_instances, format_count, parse_count, "64"),
    named!("compile_time", compile_time, format_duration, parse_duration, "1m"),
    named!("compile_memory", compile_memory_bytes, format_bytes, parse_bytes, "2 GiB"),
];

impl Limits {
    /// Sets one limit by name, for example `memory` to `256 MiB`.
    ///
    /// # Errors
    /// For an unknown name or an invalid value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        let Some(named) = NAMED.iter().find(|named| named.name == name) else {
            let known = || NAMED.iter().map(|named| named.name);
            return Err(LimitError::Unknown {
                name: name.to_owned(),
                near: nearest(name, known()).map(str::to_owned),
                known: known().collect(),
            });
        };
        (named.parse)(self, value).ok_or_else(|| LimitError::Value {
            name: named.name,
            given: value.to_owned(),
            example: named.example,
        })
    }

    /// Name and value of each limit, in the form that [`set`](Self::set) takes.
    pub fn list(&self) -> impl Iterator<Item = (&'static str, String)> {
        NAMED.iter().map(|named| (named.name, (named.format)(self)))
    }
}

/// Errors of [`Limits::set`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Unknown name.
    #[error("unknown limit `{}`; {}", escape(name), match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of {}", known.join(", ")),
    })]
    Unknown {
        /// The requested name.
        name: String,
        /// The nearest valid name.
        near: Option<String>,
        /// All valid names.
        known: Vec<&'static str>,
    },
    /// Invalid value.
    #[error(
        "invalid value `{}` for limit `{name}`; use a value above 0, for example \
         `{name}: {example}`",
        escape(given)
    )]
    Value {
        /// The limit.
        name: &'static str,
        /// The invalid value.
        given: String,
        /// A valid value.
        example: &'static str,
    },
}

fn parse_bytes(text: &str) -> Option<usize> {
    // A number without a unit is ambiguous.
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let bytes = text.parse::<ByteSize>().ok().filter(|_| has_unit)?.as_u64();
    // ByteSize saturates: values out of range become the maximum.
    usize::try_from(bytes).ok().filter(|bytes| (1..usize::MAX).contains(bytes))
}

/// Formats a size in the largest unit that divides it: `8 MiB`, `1000 B`.
pub fn format_bytes(bytes: usize) -> String {
    let units = [(1 << 30, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

fn parse_duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|time| !time.is_zero())
}

/// Formats a duration as users write it: `1m 30s`.
pub fn format_duration(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

fn parse_count(text: &str) -> Option<usize> {
    text.parse().ok().filter(|count| *count > 0)
}

fn format_count(count: usize) -> String {
    count.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_round_trips_through_text() {
        let default = Limits::default();
        let mut read = Limits {
            memory_bytes: 1,
            event_deadline: Duration::from_nanos(1),
            batch_deadline: Duration::from_nanos(1),
            snapshot_deadline: Duration::from_nanos(1),
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
    fn unknown_limits_and_invalid_values_are_named() {
        let mut limits = Limits::default();
        let mut message = |name, value| limits.set(name, value).unwrap_err().to_string();
        assert_eq!(message("memroy", "1 MiB"), "unknown limit `memroy`; did you mean `memory`?");
        assert!(message("colour", "1").starts_with("unknown limit `colour`; use one of memory, "));
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
                message(name, value),
                format!(
                    "invalid value `{value}` for limit `{name}`; use a value above 0, for \
                     example `{example}`"
                )
            );
        }
    }
}
