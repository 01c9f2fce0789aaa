//! Detects the format of an input.

use serde::de::IgnoredAny;

use crate::format::Format;
use crate::input::Input;
use crate::json::scan::members;
use crate::mapping::definition::Mapping;
use crate::number::number;
use crate::reader::Reader;
use crate::readers::aiperf::Aiperf;
use crate::readers::csv::{Csv, header_of};
use crate::readers::guidellm_json::GuidellmJson;
use crate::readers::jsonl::Jsonl;
use crate::readers::k6_csv::K6Csv;
use crate::readers::k6_json::K6Json;
use crate::readers::parquet::Parquet;
use crate::readers::vegeta_json::VegetaJson;
use crate::readers::vllm_json::VllmJson;
use crate::readers::{aiperf, guidellm_json, k6_csv, k6_json, tools_csv, vegeta_json, vllm_json};
use crate::record_error::{ErrorScope, RecordError};
use crate::text::BYTE_ORDER_MARK;
use crate::time::rfc3339_ns;

/// Format and mapping that the user chose.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormatChoice {
    /// Format of the inputs; none: detected.
    pub(crate) format: Option<Format>,
    /// Mapping for CSV, JSON lines and Parquet.
    pub(crate) mapping: Mapping,
}

/// Result of the detection.
pub(crate) enum Detected {
    /// The input can be read.
    Readable(Box<dyn Reader>),
    /// The format needs a mapping and has none.
    Unmapped(Format),
}

/// Returns the reader of an input; `start` is its first block.
///
/// # Errors
/// When the input is not of the chosen format, its format is unknown, or the mapping is missing
/// or does not fit.
pub(crate) fn reader_for(
    start: &[u8],
    input: &Input,
    given: &FormatChoice,
) -> Result<Box<dyn Reader>, RecordError> {
    match detect_format(start, input, given)? {
        Detected::Readable(reader) => Ok(reader),
        Detected::Unmapped(format) => Err(no_mapping(format, start)),
    }
}

/// Detects the format of an input; `start` is its first block.
///
/// # Errors
/// Like [`reader_for`], except that a missing mapping is no error.
pub(crate) fn detect_format(
    start: &[u8],
    input: &Input,
    given: &FormatChoice,
) -> Result<Detected, RecordError> {
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
                let message = format!(
                    "the input is not in the format {}; leave out --input-format to detect the \
                        format",
                    format.name()
                );
                RecordError::at(1, message)
            })?;
        return Ok(Detected::Readable(reader));
    }
    for format in Format::ALL {
        if !format.is_mapped()
            && let Some(reader) = reader(format, start, input, given)?
        {
            return Ok(Detected::Readable(reader));
        }
    }
    unmapped(mapped(start), start)
}

/// An input whose format needs a mapping and has none.
///
/// # Errors
/// When no mapping would help.
fn unmapped(format: Format, start: &[u8]) -> Result<Detected, RecordError> {
    let is_odd = |letter: char| letter.is_control() && letter != '\t';
    let is_text = |names: &[String]| !names.iter().any(|name| name.contains(is_odd));
    match format {
        Format::Csv if tools_csv::is_locust_totals(start) => Err(RecordError::at(
            1,
            "the file has totals of Locust, not its requests; write one row a request with a \
                listener of `request`, as its docs show",
        )),
        // An empty input has no format and no records.
        Format::Csv if start.trim_ascii().is_empty() => {
            Ok(Detected::Readable(Box::new(Aiperf::default())))
        }
        Format::Csv
            if header_of(start).is_none_or(|(_, names)| names.len() < 2 || !is_text(&names)) =>
        {
            let formats: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
            Err(RecordError::at(
                1,
                format!(
                    "unknown format: neither JSON nor Parquet nor CSV with a header of at least \
                        two columns; the formats are {}; see docs/formats.md for how to write them",
                    formats.join(", ")
                ),
            ))
        }
        Format::Jsonl if is_document(start) => {
            let list = list_in(start).unwrap_or("requests");
            Err(RecordError::at(
                1,
                format!(
                    "this is one JSON document, not JSON lines; write one object a line, for \
                        example with `jq -c '.{list}[]'`"
                ),
            ))
        }
        format => Ok(Detected::Unmapped(format)),
    }
}

/// Adds a hint to a mapping error if the input is the output of a known tool.
fn with_tool(problem: RecordError, start: &[u8], input: &Input) -> RecordError {
    let is_known = |format: &Format| {
        !format.is_mapped()
            && matches!(reader(*format, start, input, &FormatChoice::default()), Ok(Some(_)))
    };
    match Format::ALL.into_iter().find(is_known) {
        Some(format) if problem.scope == ErrorScope::Mapping => RecordError::mapping(format!(
            "{}; --input-format {} reads it without a mapping",
            problem.message,
            format.name()
        )),
        _ => problem,
    }
}

/// True if the text is one JSON document: its first object spans lines, or is the only one and
/// contains a list of objects.
fn is_document(start: &[u8]) -> bool {
    let text = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii();
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = (&text[..end], text[end..].trim_ascii_start());
    match serde_json::from_slice::<IgnoredAny>(line) {
        Ok(_) => rest.is_empty() && list_in(start).is_some(),
        // In JSON lines the next line would begin another object.
        Err(error) => error.is_eof() && !rest.is_empty() && rest[0] != b'{',
    }
}

/// Name of the first list of objects in the first JSON object of a text.
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

/// Refuses inputs of other formats by their first bytes.
fn foreign(start: &[u8]) -> Option<RecordError> {
    let message = match start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start).trim_ascii_start() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            "this is UTF-16; convert it first, for example with `iconv -f utf-16 -t utf-8`"
        }
        [b'<', ..] => {
            "this is XML, which is not supported; write CSV from JMeter with \
             `-Jjmeter.save.saveservice.output_format=csv`"
        }
        [b'[', ..] => {
            "this is a JSON array, not JSON lines; write one object a line, for example with `jq \
                -c '.[]'`"
        }
        _ => return None,
    };
    Some(RecordError::at(1, message))
}

/// Error of an input whose format needs a mapping and has none.
fn no_mapping(format: Format, start: &[u8]) -> RecordError {
    let what = match format {
        Format::Parquet => "Parquet",
        Format::Jsonl => "JSON lines",
        _ => "CSV",
    };
    let (and_no_header, then) = match format == Format::Csv && !has_header(start) {
        true => (
            ", and its first line looks like data",
            "add a header line with the names of the columns, then ",
        ),
        false => ("", ""),
    };
    RecordError::at(
        1,
        format!(
            "this is {what} of an unknown tool{and_no_header}; {then}map its columns with --map; \
                `perfbox inspect` suggests a mapping"
        ),
    )
}

/// True if the first line of CSV looks like a header: fewer than half of its fields are numbers
/// or times.
pub(crate) fn has_header(start: &[u8]) -> bool {
    let Some((_, names)) = header_of(start) else { return false };
    let names: Vec<_> = names.iter().filter(|name| !name.is_empty()).collect();
    let values = names.iter().filter(|name| number(name).is_some() || rfc3339_ns(name).is_some());
    names.is_empty() || values.count() * 2 < names.len()
}

/// Reader of one format; none if the input is of another.
fn reader(
    format: Format,
    start: &[u8],
    input: &Input,
    given: &FormatChoice,
) -> Result<Option<Box<dyn Reader>>, RecordError> {
    Ok(match format {
        Format::AiperfJsonl => (Some(format) == given.format || aiperf::detect(start))
            .then(|| Box::new(Aiperf::default()) as _),
        Format::K6Json => k6_json::detect(start).then(|| Box::new(K6Json::default()) as _),
        Format::VegetaJson => {
            vegeta_json::detect(start).then(|| Box::new(VegetaJson::default()) as _)
        }
        Format::VllmJson => vllm_json::detect(start).then(|| Box::new(VllmJson) as _),
        Format::GuidellmJson => guidellm_json::detect(start).then(|| Box::new(GuidellmJson) as _),
        Format::K6Csv if k6_csv::detect(start) => {
            let is_chosen = given.format == Some(format);
            Some(Box::new(K6Csv::new(start, is_chosen)?) as _)
        }
        Format::JmeterCsv | Format::OhaCsv | Format::HeyCsv | Format::VegetaCsv => {
            tools_csv::reader_for(format, start)?.map(|reader| Box::new(reader) as _)
        }
        Format::Csv => Some(Box::new(Csv::mapped(start, &given.mapping)?) as _),
        Format::Jsonl => Some(Box::new(Jsonl::mapped(start, &given.mapping)?) as _),
        Format::Parquet => {
            let file = input.file().map_err(|error| RecordError::at(1, error.to_string()))?;
            Some(Box::new(Parquet::mapped(file, &given.mapping)?) as _)
        }
        _ => None,
    })
}

/// Format of an input that needs a mapping: Parquet, JSON lines or CSV.
pub(crate) fn mapped(start: &[u8]) -> Format {
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
    match start.trim_ascii_start() {
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [b'{', ..] => Format::Jsonl,
        _ => Format::Csv,
    }
}
