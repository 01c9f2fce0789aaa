//! Components, described by parsing their bytes: nothing is compiled or run.
//!
//! Operators see what a plugin asks for, the registry sees what a bare component offers, and
//! a lock file records both.

pub(crate) mod capability;
pub(crate) mod changes;
pub(crate) mod compile_cost;
pub(crate) mod error;
pub(crate) mod info;
mod metadata;
pub(crate) mod offers;
mod sections;

pub use capability::{Access, Capability};
pub use changes::{Changed, Changes, SetChange};
pub use compile_cost::CompileCost;
pub use error::{ComponentError, ComponentFileError};
pub use info::ComponentInfo;
pub use metadata::{Metadata, Producer};
pub use offers::Offer;
