//! Splits an input into blocks of whole records.

mod csv;
mod k6;
pub(crate) mod rule;
