//! One store: one instance of a selected implementation.
//!
//! Every call into a guest goes through [`Sandbox::call`](sandbox::Sandbox::call):
//! deadlines, limits, logs and the kinds of failure are handled there and nowhere
//! else. After a failed call the store is gone.

mod clock;
mod convert;
mod created;
mod deadline;
mod failure;
mod filesystem;
mod hook;
mod lent_batch;
mod limiter;
mod logs;
mod processor;
mod result;
mod sandbox;
mod state;

pub use created::{CreateInstanceError, Instance, OnFailure, Settings};
pub use failure::{Failure, FailureKind};
use hook::HookInstance;
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub use lent_batch::LentBatch;
pub(crate) use limiter::TABLE_SLOT_BYTES;
pub(crate) use processor::ProcessorInstance;
pub use sandbox::Cost;
pub(crate) use state::HostState;

/// What plugins are given in place of WASI's own clock and file system.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    clock::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)
}

use std::path::PathBuf;

use wasmtime::component::Linker;

use crate::grants::Grants;
use crate::limits::Limits;
use crate::stop::Stop;

/// What one instance is made with.
#[derive(Debug, Clone, Default)]
pub(crate) struct InstanceConfig {
    /// The plugin's name in logs.
    pub(crate) identifier: String,
    /// Which of the component's implementations.
    pub(crate) class: String,
    /// Checked parameters, a JSON object.
    pub(crate) config: String,
    /// What it may use.
    pub(crate) limits: Limits,
    /// What it is given.
    pub(crate) grants: Grants,
    /// Its own directory, `/out` to the guest; none: no file system.
    pub(crate) output_dir: Option<PathBuf>,
    /// Whether two runs must be alike to the byte.
    pub(crate) deterministic: bool,
    /// The end of the run, asked for.
    pub(crate) stop: Stop,
}
