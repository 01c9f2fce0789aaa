//! Write [perfbox] plugins in Rust: hooks that hear of every phase event of a
//! benchmark run, and processors that get every result record and return metrics.
//!
//! A plugin is a crate of type `cdylib`, built for `wasm32-wasip2`. This is a whole
//! one:
//!
//! ```
//! use perfbox_guest::{Batch, Processor, ProcessingResult, Result};
//! use serde::Deserialize;
//!
//! /// Counts the requests that took longer than a threshold.
//! struct SlowRequests {
//!     config: Config,
//!     slow: u64,
//! }
//!
//! #[derive(Deserialize)]
//! struct Config {
//!     threshold_ms: f64,
//! }
//!
//! impl Processor for SlowRequests {
//!     type Config = Config;
//!
//!     fn new(config: Config) -> Result<Self> {
//!         Ok(Self { config, slow: 0 })
//!     }
//!
//!     fn process(&mut self, batch: &Batch) -> Result<()> {
//!         let latency_ms = batch.f64s("request_latency")?;
//!         self.slow += latency_ms.iter().filter(|ms| **ms > self.config.threshold_ms).count() as u64;
//!         Ok(())
//!     }
//!
//!     fn finish(self, _phases: &[perfbox_guest::PhaseSummary]) -> Result<ProcessingResult> {
//!         Ok(ProcessingResult::new().metric("slow_requests", self.slow, "requests"))
//!     }
//! }
//!
//! perfbox_guest::export! {
//!     processors: {
//!         slow_requests: SlowRequests {
//!             description: "Requests slower than a threshold",
//!             params: {
//!                 threshold_ms: float = 250.0 => "Longest latency that is not slow, in ms",
//!             },
//!         },
//!     }
//! }
//!
//! // The same code runs natively, so a test needs no WebAssembly.
//! # fn main() -> Result<()> {
//! use perfbox_guest::testing;
//! let mut slow = SlowRequests::new(Config { threshold_ms: 250.0 })?;
//! let batch = testing::BatchBuilder::new("profiling")
//!     .f64s("request_latency", "ms", [120.0, 251.0, 900.0])
//!     .build();
//! slow.process(&batch)?;
//! let result = slow.finish(&[])?;
//! assert_eq!(result.find("slow_requests"), Some(&2_u64.into()));
//! # Ok(())
//! # }
//! ```
//!
//! # Where to read on
//! - [`Hook`] and [`Processor`]: what to implement, and when each method is called.
//! - [`Batch`]: the records, as columns or as rows.
//! - [`ProcessingResult`], [`Metric`], [`Distribution`]: what to return.
//! - [`export!`]: how a component says what it offers.
//! - [`testing`]: batches and events for native tests.
//! - [`output_dir`]: the one place where a plugin may write files.
//!
//! [perfbox]: https://crates.io/crates/perfbox-guest

extern crate self as perfbox_guest;

mod batch;
mod bindings;
mod column;
mod error;
mod export;
mod hook;
mod log;
mod offers;
mod output;
mod package;
mod processor;
mod result;
mod rows;
mod stats;
pub mod testing;

pub use batch::Batch;
pub use bindings::hook::exports::perfbox::plugin::phase_hook::PhaseEvent;
pub use bindings::logging::Level;
pub use bindings::types::{ErrorKind, Phase, PhaseBounds, PhaseStats, PhaseSummary, Quantile};
pub use column::{Column, ColumnInfo, ColumnType, ListColumn, TextColumn};
pub use error::{Error, Result};
pub use hook::Hook;
pub use output::output_dir;
pub use processor::{Processor, Requirements};
pub use result::{Metric, MetricValue, ProcessingResult};
pub use rows::{Row, Rows};
pub use stats::{Distribution, percentile};

/// The configuration of an implementation that takes no parameters.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
pub struct NoConfig {}

/// What [`export!`] expands to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{hook, processor};
    pub use crate::export::{
        ErasedHook, ErasedProcessor, HookExports, HookSet, ProcessorExports, ProcessorSet,
        create_hook, create_processor, unknown_class,
    };
    pub use crate::log::log;
    pub use crate::offers::{Default, Offer, Param, json_len, to_json};
    pub use crate::package::{Fact, fact_bytes, fact_len};
    pub use wit_bindgen;
}
