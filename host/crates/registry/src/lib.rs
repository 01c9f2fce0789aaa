//! Which implementations there are, and which one a name means.
//!
//! Two levels: category, then identifier. The registry holds paths and metadata only;
//! a component is opened when a loader loads it. The one
//! exception is a bare component, whose offers stand nowhere else: it is read and
//! parsed, never compiled.

//!
//! Reading order: `manifest` and `params` are what a package declares; `component` what
//! a component says of itself, by parsing; `discover` makes packages of directories and
//! files; `registry` holds them, `resolve` and `choice` find the one that a name means.
//! [`packages`] checks, adds and removes packages; [`lock`] pins what they contain.

pub mod cache;
pub mod component;
pub mod contract;
mod discover;
mod index;
pub mod lock;
mod manifest;
mod package;
mod package_override;
pub mod packages;
mod param_type;
mod param_values;
mod params;
pub mod read;
mod registry;
mod resolve;
mod resolve_error;
pub mod yaml;

pub use discover::{DiscoverError, PluginSources};
pub use manifest::{MANIFEST_FILE, Manifest, ManifestImplementation, manifest_schema};
pub use package::{ComponentLocation, Implementation, Package, PackageSource, PackageState};
pub use package_override::PackageOverride;
pub use param_type::{ParamType, ScalarType};
pub use param_values::{ParamError, ParamValue, ParamValues, check_params};
pub use params::ConfigParam;
pub use registry::{RegisterError, Registry};
pub use resolve::{Listed, Reason, Selection, Status};
pub use resolve_error::ResolveError;
