//! Where phase events and batches come from.
//!
//! Recorded results are one kind of source; a live load generator is to be another,
//! so nothing behind [`Source`] shows where a record came from.
//!
//! Recorded results go this way: `input` reads an input in blocks of whole records, which
//! end where `cut` finds it; `format` tells which of the `readers` it needs, a module for
//! each format; that finds the `columns`, and puts the records of a block into `rows` (a
//! `mapping` says which field is which); `recorded` hands them on in the order of the
//! input, with the events of their `timeline`. `inspect` says what was recognised, and
//! runs nothing.

mod columns;
mod cut;
mod error;
mod event_log;
mod fields;
mod format;
mod input;
mod inspect;
mod json;
mod mapping;
mod names;
mod parse;
mod problem;
mod readers;
mod recorded;
mod request;
mod rows;
mod sniff;
mod template;
#[cfg(test)]
mod testing;
mod time;
mod timeline;
mod values;

pub use error::InputError;
pub use event_log::read_event_log;
pub use format::Format;
pub use inspect::{Contents, Inspection, inspect};
pub use mapping::{MappedField, Mapping, MappingError};
pub use names::expand_inputs;
use problem::Problem;
pub use recorded::{Recorded, RecordedOptions, Recording};
