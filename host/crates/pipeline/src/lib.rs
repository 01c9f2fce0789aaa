//! A run of plugins over a source: events to hooks, batches to processors, results into a
//! report. [`run()`] is the one way through it, for recorded results, tests, benchmarks
//! and embedders alike.
//!
//! Reading order: `run` takes a source and plugins and returns the report;
//! `scheduler` distributes batches and events over threads; `merge` brings the states of
//! a processor's instances together.

mod merge;
mod options;
mod run;
mod scheduler;

pub use options::RunOptions;
pub use run::{Finished, run};
