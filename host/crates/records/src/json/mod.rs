//! JSON: scalars read in place, scans without a full parse, and parse errors.

pub(crate) mod error;
pub(crate) mod scalar;
pub(crate) mod scan;
