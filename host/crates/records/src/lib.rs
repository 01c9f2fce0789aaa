//! Recorded results of benchmark tools as batches and phase events.
//!
//! The path of one block of records, a file a step:
//!
//! 1. `input` opens a file, decompresses it and splits it into blocks of whole records by the
//!    `split` rule of its format.
//! 2. `detect` finds out the format from the first block and picks one of the `readers`.
//! 3. `schema_scan` collects columns and phases from the start of the input.
//! 4. The reader parses a block; for CSV, JSON lines and Parquet a `mapping` gives each field
//!    its role.
//! 5. `batch_builder` collects the values of each phase into columns.
//! 6. `source` runs these steps on several threads, returns the batches in the order of the
//!    input and, at the end, the phase events of each `timeline`.
//!
//! `inspect` describes an input without running anything.

mod batch_builder;
mod checks;
mod column_builder;
mod columns;
mod csv_row;
mod detect;
mod error;
mod event_log;
mod expand;
mod format;
mod input;
mod inspect;
mod json;
mod limits;
mod line_template;
mod lines;
mod mapping;
mod number;
mod reader;
mod readers;
mod record_error;
mod schema_scan;
mod source;
mod split;
#[cfg(test)]
mod testing;
mod text;
mod time;
mod timeline;

pub use error::InputError;
pub use event_log::read_event_log;
pub use expand::expand_inputs;
pub use format::Format;
pub use inspect::{Contents, Inspection, inspect};
pub use mapping::definition::{MappedField, Mapping, MappingError};
pub use source::options::RecordedOptions;
pub use source::recorded::{BlockResult, RecordedSource};
