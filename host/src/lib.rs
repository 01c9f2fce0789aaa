//! A plugin host for benchmark runs: phase events and result records in, WebAssembly
//! components over them, a report out. Each plugin runs in a sandbox of its own and can
//! harm nothing but itself.
//!
//! The command line is a thin layer over this library. What it does, an embedder can
//! do, as `examples/embed.rs` shows:
//!
//! ```no_run
//! use perfbox::records::{RecordedOptions, RecordedSource};
//! use perfbox::registry::{ParamValues, check_params};
//! use perfbox::{
//!     Category, CompileMode, Limits, Loader, Plugin, Registry, RunOptions, Settings,
//! };
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::with_builtins();
//! let metrics = registry.resolve(Category::PostProcessor, "metrics")?;
//! let mut loader = Loader::new(CompileMode::InProcess)?;
//! let config = check_params("metrics", metrics.params.as_deref(), &ParamValues::new())?;
//! let settings = Settings { config, limits: Limits::for_builtins(), ..Settings::default() };
//! let plugin = Plugin::create(loader.load(metrics, &settings.limits)?, settings).await;
//! let mut source = RecordedSource::open(&["profile_export.jsonl".to_owned()], RecordedOptions::default())?;
//! let finished = perfbox::run(&mut source, vec![plugin], RunOptions::default());
//! println!("{}", finished.report.to_json());
//! # Ok(())
//! # }
//! ```
//!
//! # Crates
//! This library re-exports the crates that it consists of, in the order in which a run
//! uses them:
//!
//! 1. `perfbox-model`: what the others share: ids, phases, [`Batch`]es, limits, reports.
//! 2. `perfbox-registry` ([`registry`]): which implementations there are, and which one a
//!    name means. Paths and metadata only.
//! 3. `perfbox-sandbox` ([`Loader`], [`Plugin`]): compiles components, makes instances, and
//!    makes every call into them.
//! 4. `perfbox-records` ([`records`]): recorded results as phase events and batches.
//! 5. `perfbox-pipeline` ([`run()`]): events to hooks, batches to processors.
//! 6. `perfbox-report` ([`report`]): the table and the output directory.

pub use perfbox_model::batch::{self, Batch};
pub use perfbox_model::cancel::CancelToken;
pub use perfbox_model::cost::Cost;
pub use perfbox_model::digest::Digest;
pub use perfbox_model::escape;
pub use perfbox_model::failure::{Failure, FailureKind};
pub use perfbox_model::limits::{LimitError, Limits};
pub use perfbox_model::names::{
    BUILTIN_PACKAGE, Category, Identifier, InvalidName, PackageName, ParamName,
};
pub use perfbox_model::permissions::{Clock, Permissions, Random};
pub use perfbox_model::phase::{
    EventKind, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary,
};
pub use perfbox_model::report::Report;
pub use perfbox_model::source;
pub use perfbox_pipeline::{Finished, RunOptions, run};
pub use perfbox_records as records;
pub use perfbox_registry as registry;
pub use perfbox_registry::cache::{CacheDir, CacheError, CacheInfo, CacheUsage};
pub use perfbox_registry::lock::Lock;
pub use perfbox_registry::{Registry, component, lock, packages, yaml};
pub use perfbox_sandbox::compile;
pub use perfbox_sandbox::loader::{CompileMode, LoadError, Loaded, Loader};
pub use perfbox_sandbox::plugin::{CreateInstanceError, OnFailure, Plugin, Settings};

/// What a run returns, and how it is shown and written.
pub mod report {
    pub use perfbox_model::report::*;
    pub use perfbox_report::*;
}
