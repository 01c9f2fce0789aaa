//! Plain data shared by the crates of perfbox: ids, phases, batches of records, the two
//! streams of a run, limits, permissions, failures and reports. No code here reads records,
//! runs plugins or prints.

pub mod batch;
pub mod cancel;
pub mod cost;
pub mod digest;
mod escape;
pub mod failure;
pub mod files;
pub mod limits;
pub mod names;
pub mod permissions;
pub mod phase;
pub mod report;
pub mod source;
mod unshowable;

pub use escape::escape;
