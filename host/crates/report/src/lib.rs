//! Shows a run's report and writes it: the table for people, the output directory with
//! `summary.json`. The report itself, and its JSON, are `perfbox_model::report`.

mod columns;
mod numbers;
mod output;
mod table;

pub use columns::{Align, in_columns};
pub use output::{DEFAULT_OUTPUT_DIR, OutputDir, OutputError};
pub use table::table;
