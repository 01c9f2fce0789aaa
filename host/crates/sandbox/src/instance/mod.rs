//! One store for each instance of a selected implementation.
//!
//! Every call into a guest goes through `Sandbox::call` in `sandbox.rs`: deadlines, limits,
//! logs and kinds of failure are handled there and nowhere else. After a failed call the
//! store is gone.

mod clock;
mod config;
mod convert;
mod deadline;
mod failure;
mod filesystem;
mod hook;
mod limiter;
mod logs;
mod lower_batch;
mod processor;
mod result;
mod sandbox;
mod state;

pub(crate) use config::InstanceConfig;
pub use hook::HookInstance;
pub(crate) use limiter::TABLE_SLOT_BYTES;
pub use processor::{ProcessorInstance, Requirements};
pub(crate) use state::HostState;

use wasmtime::component::Linker;

/// Adds what replaces WASI's own clock and file system.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    clock::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)
}
