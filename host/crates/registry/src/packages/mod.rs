//! Packages as files: looked at closely, added to a plugins directory, removed from it.
//! Nothing here is compiled or run.
//!
//! [`validate()`] says of every package under a path whether it would load, and why
//! not. An [`Addition`] copies a package to where it is to be and validates the copy,
//! so that what was shown is what is added; [`remove`] takes one away. Both work in a
//! hidden directory beside the packages, which discovery skips, and change what can be
//! seen by renaming alone.

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
