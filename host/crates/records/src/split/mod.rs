//! Where an input is split into blocks.

mod csv;
mod k6;
pub(crate) mod rule;
