//! Package management: validates packages, adds them to a plugins directory, removes them.
//! Nothing is compiled or run.
//!
//! [`validate()`] checks whether every package under a path would load. An [`Addition`] copies
//! a package into a staging directory and validates the copy, so that the reviewed package is
//! the added one; [`remove`] deletes a package. Both use a hidden staging directory inside the
//! plugins directory, which discovery skips, and publish changes by renaming only.

mod add;
mod check;
mod contract_check;
mod copy;
mod examine;
mod info;
mod installed;
mod location;
mod manifest_check;
mod remove;
mod staging;
mod validate;

pub use add::{AddError, Addition};
pub use check::{Check, Checked, Finding, Outcome};
pub use contract_check::{MissingItems, validate_code};
pub use copy::CopyError;
pub use examine::PackageReport;
pub use info::PackageInfo;
pub use installed::Installed;
pub use remove::{RemoveError, remove};
pub use validate::{ValidateError, Validation, validate};
