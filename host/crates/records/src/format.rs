//! Formats of recorded results, and how one is recognised.

use std::str::FromStr;

use serde::de::IgnoredAny;

use super::Problem;
use super::cut::BYTE_ORDER_MARK;
use super::input::Input;
use super::mapping::{Mapping, number};
use super::problem::Reach;
use super::readers::Reader;
use super::readers::aiperf::{self, Aiperf};
use super::readers::csv::{Csv, header_of};
use super::readers::guidellm_json::{self, GuidellmJson};
use super::readers::jsonl::Jsonl;
use super::readers::k6_csv::{self, K6Csv};
use super::readers::k6_json::{self, K6Json};
use super::readers::parquet::Parquet;
use super::readers::tools_csv;
use super::readers::vegeta_json::{self, VegetaJson};
use super::readers::vllm_json::{self, VllmJson};
use super::sniff::members;
use super::time::rfc3339_ns;
use perfbox_model::names::nearest;

/// The format of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// AIPerf's `profile_export.jsonl`.
    AiperfJsonl,
    /// k6's `--out json`.
    K6Json,
    /// k6's `--out csv`.
    K6Csv,
    /// vegeta's `encode --to json`.
    VegetaJson,
    /// vegeta's `encode --to csv`.
    VegetaCsv,
    /// JMeter's results as CSV.
    JmeterCsv,
    /// oha's `--output-format csv`.
    OhaCsv,
    /// hey's `-o csv`.
    HeyCsv,
    /// vLLM's `bench serve --save-result --save-detailed`.
    VllmJson,
    /// guidellm's benchmarks.
    GuidellmJson,
    /// Any CSV, with a mapping.
    Csv,
    /// Any JSON lines, with a mapping.
    Jsonl,
    /// Any Parquet, with a mapping.
    Parquet,
}

impl Format {
    /// All of them, in the order in which an input is tried.
    pub const ALL: [Self; 13] = [
        Self::AiperfJsonl,
        Self::K6Json,
        Self::VegetaJson,
        Self::VllmJson,
        Self::GuidellmJson,
        Self::K6Csv,
        Self::JmeterCsv,
        Self::OhaCsv,
        Self::HeyCsv,
        Self::VegetaCsv,
        Self::Parquet,
        Self::Jsonl,
        Self::Csv,
    ];

    /// Whether it says nothing of what its columns are, and so takes a mapping.
    pub fn is_mapped(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl | Self::Parquet)
    }

    /// Its name, on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::AiperfJsonl => "aiperf-jsonl",
            Self::K6Json => "k6-json",
            Self::K6Csv => "k6-csv",
            Self::VegetaJson => "vegeta-json",
            Self::VegetaCsv => "vegeta-csv",
            Self::JmeterCsv => "jmeter-csv",
            Self::OhaCsv => "oha-csv",
            Self::HeyCsv => "hey-csv",
            Self::VllmJson => "vllm-json",
            Self::GuidellmJson => "guidellm-json",
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|format| format.name());
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| {
            // `k6` and `heyy` are near the names of their tools only.
            let tool = |name: &'static str| name.split('-').next().unwrap_or(name);
            let of_tool = nearest(text, names().map(tool));
            let near = nearest(text, names())
                .or_else(|| names().find(|name| of_tool.is_some_and(|one| one == tool(name))));
            let hint = near.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
            let all: Vec<_> = names().collect();
            format!("there is no such format{hint} (formats are {})", all.join(", "))
        })
    }
}

/// What is said of the inputs beforehand.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    /// Their format; none: each is recognised.
    pub(super) format: Option<Format>,
    /// For formats that need one.
    pub(super) mapping: Mapping,
}

/// What an input is seen to be.
pub(super) enum Recognised {
    /// Something that is read.
    Readable(Box<dyn Reader>),
    /// Of a format that needs a mapping, and there is none.
    Unmapped(Format),
}

/// The reader of an input that begins with `start`, its first block.
///
/// # Errors
/// When it is not of the format that it is said to be, or of none that is recognised, or
/// the mapping does not fit it, or is missing.
pub(super) fn reader_of(
    start: &[u8],
    input: &Input,
    given: &Given,
) -> Result<Box<dyn Reader>, Problem> {
    match recognise(start, input, given)? {
        Recognised::Readable(reader) => Ok(reader),
        Recognised::Unmapped(format) => Err(no_mapping(format, start)),
    }
}

/// What an input is that begins with `start`, its first block.
///
/// # Errors
/// As [`reader_of`], but where a mapping is missing.
pub(super) fn recognise(start: &[u8], input: &Input, given: &Given) -> Result<Recognised, Problem> {
    if let Some(problem) = foreign(start) {
        return Err(problem);
    }
    let format = given.format.or_else(|| (!given.mapping.fields.is_empty()).then(|| mapped(start)));
    if let Some(format) = format {
        if format.is_mapped() && given.mapping.fields.is_empty() {
            return unmapped(format, start);
        }
        let reader = reader(format, start, input, given);
        let reader =
            reader.map_err(|problem| with_tool(problem, start, input))?.ok_or_else(|| {
                let words = format!(
                    "the input is not of the format {}; without --input-format it is recognised by \
                 its content",
                    format.name()
                );
                Problem::at(1, words)
            })?;
        return Ok(Recognised::Readable(reader));
    }
    for format in Format::ALL {
        if !format.is_mapped()
            && let Some(reader) = reader(format, start, input, given)?
        {
            return Ok(Recognised::Readable(reader));
        }
    }
    unmapped(mapped(start), start)
}

/// An input of a format that needs a mapping, where there is none.
///
/// # Errors
/// When no mapping would help.
fn unmapped(format: Format, start: &[u8]) -> Result<Recognised, Problem> {
    let is_odd = |letter: char| letter.is_control() && letter != '\t';
    let is_text = |names: &[String]| !names.iter().any(|name| name.contains(is_odd));
    match format {
        Format::Csv if tools_csv::is_locust_totals(start) => Err(Problem::at(
            1,
            "these are totals of Locust's, and no records; its docs show a listener of `request` \
             that writes one row for each",
        )),
        // An empty one has no format, and no records.
        Format::Csv if start.trim_ascii().is_empty() => {
            Ok(Recognised::Readable(Box::new(Aiperf::default())))
        }
        Format::Csv
            if header_of(start).is_none_or(|(_, names)| names.len() < 2 || !is_text(&names)) =>
        {
            let formats: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
            Err(Problem::at(
                1,
                format!(
                    "this is of no format that is read: no JSON, no Parquet, no CSV with a header \
                     of two columns at least; the formats are {}, and docs/formats.md says how \
                     their tools write them",
                    formats.join(", ")
                ),
            ))
        }
        Format::Jsonl if is_document(start) => {
            let list = list_in(start).unwrap_or("requests");
            Err(Problem::at(
                1,
                format!(
                    "this is one JSON document; JSON lines are read, one object a line, as \
                     `jq -c '.{list}[]'` makes of a list in it"
                ),
            ))
        }
        format => Ok(Recognised::Unmapped(format)),
    }
}

/// A mapping that does not fit an input of a tool's that is known.
fn with_tool(problem: Problem, start: &[u8], input: &Input) -> Problem {
    let is_known = |format: &Format| {
        !format.is_mapped()
            && matches!(reader(*format, start, input, &Given::default()), Ok(Some(_)))
    };
    match Format::ALL.into_iter().find(is_known) {
        Some(format) if problem.reach == Reach::Mapping => Problem::of_mapping(format!(
            "{}; --input-format {} reads it without a mapping",
            problem.words,
            format.name()
        )),
        _ => problem,
    }
}

/// Whether the object that a text begins with is all of it: it goes on past its first
/// line, or is alone and has a list of objects.
fn is_document(start: &[u8]) -> bool {
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii();
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = (&text[..end], text[end..].trim_ascii_start());
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => rest.is_empty() && list_in(start).is_some(),
        // The next one of JSON lines would be an object.
        Err(error) => error.is_eof() && !rest.is_empty() && rest[0] != b'{',
    }
}

/// The name of the first list of objects in the object that a text begins with.
fn list_in(start: &[u8]) -> Option<&str> {
    let is_list = |value: &[u8]| {
        let inside = value.strip_prefix(b"[").map(<[u8]>::trim_ascii_start);
        inside.is_some_and(|inside| inside.starts_with(b"{"))
    };
    let is_plain =
        |name: &[u8]| name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let (name, _) = members(start).find(|(name, value)| is_list(value) && is_plain(name))?;
    std::str::from_utf8(name).ok()
}

/// Why an input is not read whatever its records are, by how it begins.
fn foreign(start: &[u8]) -> Option<Problem> {
    let words = match start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            "this is UTF-16; convert it first, as with `iconv -f utf-16 -t utf-8`"
        }
        [b'<', ..] => {
            "this is XML, which is not read; JMeter writes CSV with \
             `-Jjmeter.save.saveservice.output_format=csv`"
        }
        [b'[', ..] => {
            "this is a JSON array; JSON lines are read, one object a line, as `jq -c '.[]'` \
             makes of it"
        }
        _ => return None,
    };
    Some(Problem::at(1, words))
}

/// Why an input is not read whose columns nobody has said what they are.
fn no_mapping(format: Format, start: &[u8]) -> Problem {
    let what = match format {
        Format::Parquet => "Parquet",
        Format::Jsonl => "JSON lines",
        _ => "CSV",
    };
    let (and_no_header, then) = match format == Format::Csv && !has_header(start) {
        true => (
            ", and its first line looks like data",
            "put a line with the names of the columns in front of it, and then ",
        ),
        false => ("", ""),
    };
    Problem::at(
        1,
        format!(
            "this is {what} of no tool that is known{and_no_header}; {then}say which column is \
             what with --map, as `perfbox inspect` suggests"
        ),
    )
}

/// Whether the first line of CSV looks like names of columns: of those, fewer than half
/// are numbers or times.
pub(super) fn has_header(start: &[u8]) -> bool {
    let Some((_, names)) = header_of(start) else { return false };
    let names: Vec<_> = names.iter().filter(|name| !name.is_empty()).collect();
    let values = names.iter().filter(|name| number(name).is_some() || rfc3339_ns(name).is_some());
    names.is_empty() || values.count() * 2 < names.len()
}

/// The reader of one format; none: the input is of another.
fn reader(
    format: Format,
    start: &[u8],
    input: &Input,
    given: &Given,
) -> Result<Option<Box<dyn Reader>>, Problem> {
    Ok(match format {
        Format::AiperfJsonl => (Some(format) == given.format || aiperf::is_one(start))
            .then(|| Box::new(Aiperf::default()) as _),
        Format::K6Json => k6_json::is_one(start).then(|| Box::new(K6Json::default()) as _),
        Format::VegetaJson => {
            vegeta_json::is_one(start).then(|| Box::new(VegetaJson::default()) as _)
        }
        Format::VllmJson => vllm_json::is_one(start).then(|| Box::new(VllmJson) as _),
        Format::GuidellmJson => guidellm_json::is_one(start).then(|| Box::new(GuidellmJson) as _),
        Format::K6Csv if k6_csv::is_one(start) => {
            let is_asked_for = given.format == Some(format);
            Some(Box::new(K6Csv::new(start, is_asked_for)?) as _)
        }
        Format::JmeterCsv | Format::OhaCsv | Format::HeyCsv | Format::VegetaCsv => {
            tools_csv::reader_of(format, start)?.map(|reader| Box::new(reader) as _)
        }
        Format::Csv => Some(Box::new(Csv::mapped(start, &given.mapping)?) as _),
        Format::Jsonl => Some(Box::new(Jsonl::mapped(start, &given.mapping)?) as _),
        Format::Parquet => {
            let file = input.file().map_err(|error| Problem::at(1, error.to_string()))?;
            Some(Box::new(Parquet::mapped(file, &given.mapping)?) as _)
        }
        _ => None,
    })
}

/// Which of the formats that take a mapping an input is of.
pub(super) fn mapped(start: &[u8]) -> Format {
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    match start.trim_ascii_start() {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'{', ..] => Format::Jsonl,
        _ => Format::Csv,
    }
}
