//! A plugin host for benchmark runs: phase events and result records in, WebAssembly
//! components over them, a report out. Each plugin runs in a sandbox of its own and can
//! spoil nothing but itself.
//!
//! The command line is a thin layer over this library. What it does, an embedder can
//! do, as `examples/embed.rs` shows:
//!
//! ```no_run
//! use perfbox::{
//!     Category, CompileMode, Instance, Limits, Loader, Pipeline, Registry, RunOptions, Settings,
//! };
//! use perfbox::registry::{GivenParams, check_params};
//! use perfbox::source::{Recorded, RecordedOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Registry::with_builtins();
//! let metrics = registry.resolve(Category::PostProcessor, "metrics")?;
//! let mut loader = Loader::new(CompileMode::InProcess)?;
//! let mut pipeline = Pipeline::new();
//! let config = check_params("metrics", metrics.params.as_deref(), &GivenParams::new())?;
//! let settings = Settings { config, limits: Limits::for_builtins(), ..Settings::default() };
//! pipeline.add(Instance::create(loader.load(metrics, &settings.limits)?, settings).await);
//! let mut source = Recorded::open(&["profile_export.jsonl".to_owned()], RecordedOptions::default())?;
//! let finished = perfbox::run(&mut source, pipeline, RunOptions::default());
//! println!("{}", finished.report.to_json());
//! # Ok(())
//! # }
//! ```
//!
//! # Reading order
//! A run goes one way, and so does the code:
//!
//! 1. [`registry`]: which implementations there are, and which one a name means. Paths
//!    and metadata only.
//!    [`component`]: what a component is, as its bytes alone show. [`packages`]:
//!    packages checked, added to a plugins directory, removed from it.
//! 2. [`Loader`]: from a location to a compiled component that fits the contract in
//!    `wit/`, out of a [`CacheDir`] where it was compiled before; with a [`lock`], only
//!    one that has been looked at.
//! 3. `instance`: one store for each plugin; every call into a guest goes through
//!    `Sandbox::call`, where limits are held and failures get their names.
//! 4. [`source`]: recorded results as phase events and [`batch`]es.
//! 5. [`Pipeline`] and [`run`]: events to hooks, batches to processors.
//! 6. [`report`]: what comes out, as plain data; a table and JSON of it.

pub mod batch;
mod bindings;
mod cache;
pub mod compile;
pub mod component;
mod digest;
mod engine;
mod escape;
mod files;
mod grants;
mod instance;
mod limits;
mod loader;
pub mod lock;
mod names;
pub mod packages;
mod phase;
mod pipeline;
pub mod registry;
pub mod report;
mod run;
mod runtime;
pub mod source;
mod stop;
mod unshowable;
pub mod yaml;

pub use batch::Batch;
pub use cache::{CacheDir, CacheError, CacheInfo, CacheUsage};
pub use digest::Digest;
pub use escape::escape;
pub use grants::{Clock, Grants, Random};
pub use instance::{
    Cost, CreateInstanceError, Failure, FailureKind, Instance, OnFailure, Settings,
};
pub use limits::{LimitError, Limits};
pub use loader::{CompileMode, LoadError, Loaded, Loader};
pub use lock::Lock;
pub use names::{BUILTIN_PACKAGE, Category, Identifier, InvalidName, PackageName};
pub use phase::{EventKind, Phase, PhaseBounds, PhaseEvent, PhaseStats, PhaseSummary};
pub use pipeline::Pipeline;
pub use registry::Registry;
pub use report::Report;
pub use run::{Finished, RunOptions, run};
pub use stop::Stop;
