//! Which of an input's fields is what: the start of a request, its latency, and so on.
//!
//! Formats of rows, such as CSV, differ in nothing else. What users say is a [`Mapping`];
//! bound to the fields of an input, it says what each of a row's values is, and what those
//! say together becomes a record in [`Facts::put`], whatever the format.

mod bind;
mod facts;
mod fields;
mod values;

pub(super) use bind::{Bound, Wanted, What, bind, only_place, survey};
pub(super) use facts::Facts;
pub use fields::{MappedField, Mapping, MappingError};
pub(super) use values::{
    is_missing, no_number, number, read_number, status, succeeded, whole_status,
};

/// The phase of formats that have none.
pub(super) const ONLY_PHASE: &str = "profiling";
