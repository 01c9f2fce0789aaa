//! vegeta's `encode --to json`: one JSON object a request (`lib/results.go`).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use crate::batch_builder::{BatchBuilder, DEFAULT_PHASE, PhaseKey};
use crate::format::Format;
use crate::input::Block;
use crate::json::error::parse_line;
use crate::json::scan::{first_line, members};
use crate::lines::read_lines;
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::FieldRole;
use crate::reader::{BlockScan, Reader};
use crate::readers::request::scan_for_request;
use crate::record_error::RecordError;
use crate::schema_scan::SchemaScan;
use crate::split::rule::SplitRule;
use crate::time::{TimeForm, rfc3339_ns};

/// Columns besides the standard ones, with their units.
const OWN_COLUMNS: [(&str, &str); 2] = [("bytes_in", "B"), ("bytes_out", "B")];

const NS: TimeForm = TimeForm::Units(1.0);

/// Reads vegeta's results.
#[derive(Default)]
pub(crate) struct VegetaJson {
    /// A request was found.
    found: AtomicBool,
}

/// True if an input begins like vegeta's results.
pub(crate) fn detect(start: &[u8]) -> bool {
    const KEYS: [&[u8]; 5] = [b"attack", b"seq", b"code", b"timestamp", b"latency"];
    let keys: Vec<_> = members(first_line(start)).map(|(key, _)| key).collect();
    KEYS.iter().all(|key| keys.contains(key))
}

/// One line. The response body is skipped.
#[derive(Debug, Deserialize)]
struct Line<'a> {
    code: u64,
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    latency: u64,
    #[serde(default)]
    bytes_in: Option<f64>,
    #[serde(default)]
    bytes_out: Option<f64>,
    #[serde(borrow, default)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
}

/// Parses a line. Also returns the start of the request.
fn parse(line: &[u8]) -> Result<(Line<'_>, u64), RecordError> {
    let parsed: Line<'_> = parse_line(line, "a result of vegeta encode --to json")?;
    let start_ns = rfc3339_ns(&parsed.timestamp).ok_or_else(|| {
        let column = memchr::memmem::find(line, parsed.timestamp.as_bytes());
        let message = format!(
            "`timestamp` is `{}`, not an RFC 3339 time since 1970",
            perfbox_model::escape(&parsed.timestamp)
        );
        RecordError::at(column.map_or(1, |at| at as u64 + 1), message)
    })?;
    Ok((parsed, start_ns))
}

impl Reader for VegetaJson {
    fn format(&self) -> Format {
        Format::VegetaJson
    }

    fn split_rule(&self) -> SplitRule {
        SplitRule::Lines
    }

    fn scan_schema(&self, block: &Block, schema: &mut SchemaScan) -> BlockScan {
        scan_for_request(&self.found, block, schema, &OWN_COLUMNS, |line| parse(line).map(|_| true))
    }

    fn read(&self, block: &Block, builder: &mut BatchBuilder<'_>) {
        let mut phase = PhaseKey::named(DEFAULT_PHASE);
        let columns = builder.columns();
        let own = OWN_COLUMNS.map(|(name, _)| columns.position(name));
        let mut code = String::new();
        read_lines(block, builder, |line, builder| {
            let (line, start_ns) = parse(line)?;
            code.clear();
            let _ = write!(code, "{}", line.code);
            let mut request = RequestFields::default();
            request.take_ns(&FieldRole::Start(NS), start_ns);
            request.take_ns(&FieldRole::End(NS), start_ns.saturating_add(line.latency));
            request.take_number(&FieldRole::Latency(1.0), line.latency as f64 / 1e6);
            for (what, text) in [
                (FieldRole::Code, Some(&*code)),
                (FieldRole::Failure, line.error.as_deref()),
                (FieldRole::Method, line.method.as_deref()),
                (FieldRole::Name, line.url.as_deref()),
            ] {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    request.take(&what, text).map_err(|message| RecordError::at(1, message))?;
                }
            }
            let numbers = own.into_iter().zip([line.bytes_in, line.bytes_out]);
            let numbers = numbers.filter_map(|(column, value)| Some((column?, value?)));
            request.put(builder, &mut phase, numbers).map_err(|message| RecordError::at(1, message))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::request::profiling;
    use crate::readers::tools_csv;
    use crate::testing::ReadOutcome;
    use crate::testing::read;
    use crate::testing::read_in_blocks;

    const OK: &str = r#"{"attack":"a","seq":0,"code":200,"timestamp":"2026-05-28T15:28:20.000062202-05:00","latency":2990233,"bytes_out":7,"bytes_in":40,"error":"","body":"e30=","method":"GET","url":"http://h/?q=\u0027a\u0027","headers":{"A":["b","c"]}}"#;

    #[test]
    fn every_field_becomes_its_column() {
        let outcome = read(&VegetaJson::default(), OK);
        assert_eq!(outcome.bad, Vec::<String>::new());
        assert_eq!(outcome.records[0].0, profiling("profiling", None));
        assert_eq!(
            outcome.records[0].1,
            [
                "request_start_ns=1780000100000062202",
                "request_end_ns=1780000100003052435",
                "request_latency=2.990233",
                "status=200",
                "name=GET http://h/?q='a'",
                "was_cancelled=0",
                "bytes_in=40",
                "bytes_out=7",
            ]
        );
        let units: Vec<_> = outcome.columns.iter().map(|(_, unit)| unit.as_str()).collect();
        assert_eq!(units, ["B", "B"]);
    }

    #[test]
    fn code_and_error_mean_the_same_in_json_and_csv() {
        let requests = [
            ("0", "Get \"http://h\": EOF", "transport"),
            ("500", "500 Internal Server Error", "500"),
            ("200", "", ""),
            ("399", "", ""),
            ("400", "", "400"),
            ("199", "x", "199"),
            ("199", "", "199"),
            ("200", "unexpected EOF", "failed"),
        ];
        let json = requests.map(|(code, error, _)| {
            let error = format!("\"error\":{}", serde_json::Value::from(error));
            OK.replace("200", code).replace("\"error\":\"\"", &error)
        });
        let csv = requests.map(|(code, error, _)| {
            let error = error.replace('"', "\"\"");
            format!(
                "1780000100000062202,{code},2990233,7,40,\"{error}\",e30=,a,0,GET,http://h/?q='a',"
            )
        });
        let csv = csv.join("\n");
        let by_csv = tools_csv::reader_for(Format::VegetaCsv, csv.as_bytes()).unwrap().unwrap();
        let (by_json, by_csv) =
            (read(&VegetaJson::default(), &json.join("\n")), read(&by_csv, &csv));
        let outcome =
            |outcome: &ReadOutcome| outcome.values(&["request_latency", "bytes_in", "bytes_out"]);
        assert_eq!(by_json.value("error_type"), requests.map(|(.., error_type)| error_type));
        assert_eq!(by_json.value("error_message"), requests.map(|(_, error, _)| error));
        let statuses = requests.map(|(code, ..)| if code == "0" { "" } else { code });
        assert_eq!(by_json.value("status"), statuses);
        assert_eq!(outcome(&by_csv), outcome(&by_json));
    }

    #[test]
    fn older_lines_without_method_and_url_are_read() {
        let line = r#"{"attack":"","seq":0,"code":200,"timestamp":"1970-01-01T00:00:01Z","latency":5,"bytes_out":0,"bytes_in":0,"error":"","body":null}"#;
        let outcome = read(&VegetaJson::default(), line);
        assert_eq!(outcome.value("name"), [""]);
        assert_eq!(outcome.value("request_end_ns"), ["1000000005"]);
        let only_url = line.replace("\"body\"", "\"method\":\"\",\"url\":\"u\",\"body\"");
        assert_eq!(read(&VegetaJson::default(), &only_url).value("name"), ["u"]);
    }

    #[test]
    fn bad_lines_have_line_byte_and_message() {
        let text = [
            OK.replace("2990233", "-1"),
            OK.replace("2990233", "NaN"),
            OK.replace("2026-05", "2026-13"),
            OK.replace("\"bytes_in\":40", "\"bytes_in\":1e400"),
            OK.to_owned(),
            OK[..50].to_owned(),
        ];
        let outcome = read_in_blocks(&VegetaJson::default(), text.join("\r\n").as_bytes(), 300);
        assert_eq!(outcome.records.len(), 1);
        let what = "not a result of vegeta encode --to json";
        assert_eq!(
            outcome.bad,
            [
                format!("1:95: {what}: invalid value: integer `-1`, expected u64"),
                "2:94: not JSON: expected value".to_owned(),
                "3:47: `timestamp` is `2026-13-28T15:28:20.000062202-05:00`, not an RFC 3339 \
                    time since 1970"
                    .to_owned(),
                "4:131: number out of range".to_owned(),
                "6:50: not JSON: EOF while parsing a string".to_owned(),
            ]
        );
    }

    #[test]
    fn format_is_detected_by_its_keys() {
        assert!(detect(OK.as_bytes()));
        assert!(detect(format!("\u{feff}\n{OK}\n{{").as_bytes()));
        for other in crate::testing::STARTS {
            assert_eq!(detect(other.1.as_bytes()), other.0 == Format::VegetaJson, "{other:?}");
        }
    }
}
