//! Directory of the user for compiled code and the manifest index, kept between runs.
//!
//! Compiled code is machine code: anyone able to write an entry could run anything, and one
//! flipped bit can crash the process. Therefore only the owner can access the directory, and
//! each entry has a keyed MAC over its name and content, checked before any other use. The
//! key lies outside the directory.

pub(crate) mod dir;
pub(crate) mod entry;
mod error;
mod eviction;
mod key;
mod private_dir;
#[cfg(test)]
mod tests;

pub use dir::CacheDir;
pub use entry::CODE_SUFFIX;
pub use error::CacheError;
pub use eviction::{CacheInfo, CacheUsage};
