//! Loads plugins and runs them in a WebAssembly sandbox: the only crate that names
//! wasmtime.
//!
//! Reading order: [`loader`] compiles a component, or finds it in the cache, and checks it
//! against the contract; [`plugin`] makes instances of it; `instance` holds one store for
//! each and makes every call.

mod bindings;
pub mod compile;
mod engine;
pub mod instance;
pub mod loader;
pub mod plugin;
mod runtime;
mod sweep;

pub use runtime::block_on;
