//! One store: one instance of a selected implementation.
//!
//! Every call into a guest goes through [`Sandbox::call`](sandbox::Sandbox::call):
//! deadlines, limits, logs and the kinds of failure are handled there and nowhere
//! else. After a failed call the store is gone.

mod convert;
mod created;
mod failure;
mod hook;
mod lent_batch;
mod limiter;
mod logs;
mod processor;
mod result;
mod sandbox;
mod state;

pub use created::{CreateInstanceError, Instance, Settings};
pub use failure::{Failure, FailureKind};
use hook::HookInstance;
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub use lent_batch::LentBatch;
use processor::ProcessorInstance;
pub use sandbox::Cost;
pub(crate) use state::HostState;

use std::path::PathBuf;

use crate::grants::Grants;
use crate::limits::Limits;

/// What one instance is made with.
#[derive(Debug, Clone)]
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
}
