//! Checks that hold for every format.

use perfbox_model::batch::ColumnType;
use perfbox_model::escape;

use crate::limits::NAME_MAX_BYTES;
use crate::record_error::RecordError;

/// Name of a column type in messages.
pub(crate) fn type_name(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::U64 | ColumnType::F64 => "a number",
        ColumnType::Text => "a text",
        ColumnType::F64List => "a list of numbers",
    }
}

/// Checks the name of a phase, metric or unit: short and printable.
pub(crate) fn check_name(what: &str, text: &str) -> Result<(), RecordError> {
    let message = if text.len() > NAME_MAX_BYTES {
        format!("{what} name has {} bytes; the maximum is {NAME_MAX_BYTES}", text.len())
    } else if escape(text) != text {
        format!("{what} name has unprintable characters: `{}`", escape(text))
    } else {
        return Ok(());
    };
    Err(RecordError::at(1, message))
}

/// Maximum latency, in ms: what fits into u64 nanoseconds, 584 years.
const LATENCY_MAX_MS: f64 = 18_446_744_073_709.0;

/// Checks that a latency is neither negative nor too long.
pub(crate) fn check_latency(ms: f64) -> Result<(), String> {
    match ms {
        0.0..=LATENCY_MAX_MS => Ok(()),
        ..0.0 => Err(format!("latency is negative: {ms} ms")),
        _ => Err(format!("latency exceeds the maximum of 584 years: {ms:?} ms")),
    }
}
