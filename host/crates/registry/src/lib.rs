//! Registry of plugins: discovers packages and resolves names to implementations.
//!
//! Lookup has two levels: category, then identifier. The registry stores paths and metadata
//! only; the loader opens a component when it loads it. The one exception is a bare component,
//! a `.wasm` file without a manifest: discovery parses it to find its implementations, but
//! never compiles it.
//!
//! Reading order: `manifest` and `params` hold the declarations of a package; `component`
//! describes a component from its bytes; `discover` finds packages in directories and files;
//! `registry` stores them; `resolve` and `package_override` select the implementation for a
//! name. [`packages`] validates, adds and removes packages; [`lock`] pins their components.

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
