//! A mapped column in one row group: its values become facts of records.

use std::borrow::Cow;

use parquet::errors::Result as ParquetResult;

use super::column::Form;
use super::column_type::ColumnType;
use super::decoder::Decoder;
use super::text::Written;
use super::value::{bytes, number, signed, unsigned};
use crate::mapping::request_fields::RequestFields;
use crate::mapping::role::FieldRole;
use crate::mapping::values::whole_status;
use crate::number::{is_missing, read_number};
use crate::time::TimeForm;

const BEFORE_1970: &str = "the time is before 1970";
const BEYOND: &str = "its value is out of range";
const NOT_UTF8: &str = "its text is not UTF-8";

/// A column in one row group, of which some rows are decoded at a time.
pub(super) struct Chunk<'c> {
    column_type: &'c ColumnType,
    form: Form,
    values: Decoder,
    /// Texts of the decoded values, where the column has none itself.
    written: Written,
}

impl<'c> Chunk<'c> {
    pub(super) fn new(column_type: &'c ColumnType, form: Form, values: Decoder) -> Self {
        Self { column_type, form, values, written: Written::default() }
    }

    /// Decodes the next rows, which replace those before them.
    ///
    /// # Errors
    /// When the file is damaged, or the column has fewer rows left.
    pub(super) fn decode(&mut self, rows: usize) -> ParquetResult<()> {
        self.values.decode(rows)?;
        if self.form == Form::Text && !self.column_type.is_text() {
            self.written.write(&self.values, rows, self.column_type);
        }
        Ok(())
    }

    /// Text of a row; none: it has none that can be read.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        if self.values.is_null(row) {
            return None;
        }
        self.read_text(row).ok().filter(|text| !text.is_empty())
    }

    /// Takes the value of a row in; returns that of a metric. None: there is none.
    ///
    /// # Errors
    /// When the value cannot be what the column is mapped to, in words.
    pub(super) fn take<'v>(
        &'v self,
        row: usize,
        role: &FieldRole,
        facts: &mut RequestFields<'v>,
    ) -> Result<Option<f64>, String> {
        if self.values.is_null(row) {
            return Ok(None);
        }
        let beyond = || BEYOND.to_owned();
        match self.form {
            Form::Ns { unit_ns } => {
                let ns = signed(&self.values, row).and_then(|time| time.checked_mul(unit_ns));
                let ns = ns.ok_or_else(beyond)?;
                facts.take_ns(role, u64::try_from(ns).map_err(|_| BEFORE_1970.to_owned())?);
            }
            Form::Duration { unit_ns, per_ns } => {
                let ns = signed(&self.values, row).and_then(|span| span.checked_mul(unit_ns));
                return take_number(ns.ok_or_else(beyond)? as f64 / per_ns, role, facts);
            }
            Form::Signed => {
                take_signed(signed(&self.values, row).ok_or_else(beyond)?, role, facts)?;
            }
            Form::Unsigned => {
                take_unsigned(unsigned(&self.values, row).ok_or_else(beyond)?, role, facts)?;
            }
            Form::Number => {
                let value = number(&self.values, row, self.column_type);
                return take_number(value.ok_or_else(beyond)?, role, facts);
            }
            Form::Text => match (self.read_text(row)?, role) {
                (text, _) if is_missing(text) => {}
                (text, FieldRole::Metric(..)) => return read_number(text).map(Some),
                (text, role) => facts.take(role, text)?,
            },
        }
        Ok(None)
    }

    /// Text of a row that is not null.
    fn read_text(&self, row: usize) -> Result<&str, &'static str> {
        match bytes(&self.values, row).filter(|_| self.column_type.is_text()) {
            Some(bytes) => std::str::from_utf8(bytes).map_err(|_| NOT_UTF8),
            None => self.written.text(row).ok_or(BEYOND),
        }
    }
}

fn take_signed(value: i64, role: &FieldRole, facts: &mut RequestFields<'_>) -> Result<(), String> {
    match (u64::try_from(value), role) {
        (Ok(value), role) => take_unsigned(value, role, facts),
        (Err(_), FieldRole::Status) => {
            facts.take_status_text(Cow::Owned(value.to_string()));
            Ok(())
        }
        (Err(_), _) => Err(BEFORE_1970.to_owned()),
    }
}

fn take_unsigned(
    value: u64,
    role: &FieldRole,
    facts: &mut RequestFields<'_>,
) -> Result<(), String> {
    match role {
        FieldRole::Start(form @ TimeForm::Units(unit_ns))
        | FieldRole::End(form @ TimeForm::Units(unit_ns)) => {
            let ns = value.checked_mul(*unit_ns as u64);
            facts.take_ns(role, ns.ok_or_else(|| form.not_a_time(&value.to_string()))?);
        }
        FieldRole::Status => facts.take_status(value),
        _ => {}
    }
    Ok(())
}

fn take_number(
    value: f64,
    role: &FieldRole,
    facts: &mut RequestFields<'_>,
) -> Result<Option<f64>, String> {
    if !value.is_finite() {
        return Err(format!("`{value}` is not a finite number"));
    }
    match role {
        FieldRole::Metric(..) => return Ok(Some(value)),
        FieldRole::Status => match whole_status(value) {
            Some(status) => facts.take_status(status),
            None => facts.take_status_text(Cow::Owned(value.to_string())),
        },
        role => facts.take_number(role, value),
    }
    Ok(None)
}
