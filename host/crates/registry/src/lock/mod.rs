//! Locks: the components that runs are expected to load, by digest.
//!
//! A team writes a lock once it has reviewed its plugins, and keeps it beside the config
//! file. From then on the loader refuses a component that differs from the locked one, and
//! lists the differences. The check reads the same bytes that are compiled.

mod breach;
mod component;
mod file;
mod pins;

pub use breach::LockBreach;
pub use component::LockedComponent;
pub use file::LockError;
pub use pins::Lock;
