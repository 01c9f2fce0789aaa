//! Which implementations there are, and which one a name means.
//!
//! Two levels: category, then identifier. The registry holds paths and metadata only;
//! a component is opened when the [`Loader`](crate::Loader) loads it. The one
//! exception is a bare component, whose offers stand nowhere else: it is read and
//! parsed, never compiled.

mod discover;
mod manifest;
mod offers;
mod params;
mod resolve;

pub use discover::DiscoverError;
pub use manifest::{MANIFEST_FILE, Manifest, ManifestImplementation, manifest_schema};
pub use params::{
    ConfigParam, Given, GivenParams, ParamError, ParamType, ScalarType, check_params,
};
pub use resolve::{Listed, PackageChoice, ResolveError, Standing};

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

pub use crate::names::ParamName;
use crate::names::{Category, Identifier, PackageName};

/// All packages known, and the choices made between them.
#[derive(Debug)]
pub struct Registry {
    packages: Vec<Package>,
    /// Where they are, without links.
    places: HashSet<PathBuf>,
    choices: Vec<PackageChoice>,
}

/// A package, whole or refused.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name; for one that was refused, the name of its file or directory.
    pub name: String,
    /// Its version; empty where it does not say.
    pub version: String,
    /// Where it was found.
    pub source: PackageSource,
    /// Its directory, or its file for a bare component.
    pub path: PathBuf,
    /// What can be done with it.
    pub state: PackageState,
}

/// What can be done with a package.
#[derive(Debug, Clone)]
pub enum PackageState {
    /// Its implementations can be selected.
    Ready(Vec<Arc<Implementation>>),
    /// Its manifest says `enabled: false`: listed, never selected.
    Disabled(Vec<Arc<Implementation>>),
    /// It was refused, and why.
    Invalid(String),
}

/// How a package came into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageSource {
    /// It comes with perfbox.
    Builtin,
    /// Found in a plugins directory.
    Directory,
    /// Named by itself.
    Flag,
}

/// One (category, identifier) that one package offers.
#[derive(Debug, Clone, PartialEq)]
pub struct Implementation {
    /// What it is for.
    pub category: Category,
    /// What users select it by.
    pub identifier: Identifier,
    /// The package that offers it.
    pub package: PackageName,
    /// The package's version.
    pub version: String,
    /// How the package came into the registry.
    pub source: PackageSource,
    /// Where its code is.
    pub component: ComponentLocation,
    /// Which of the component's implementations.
    pub class: String,
    /// For people.
    pub description: String,
    /// Order of calls: lower first.
    pub priority: i64,
    /// Part of every run without being named.
    pub auto_load: bool,
    /// Its parameters; none: not declared, anything goes.
    pub params: Option<Vec<ConfigParam>>,
}

impl Implementation {
    /// Category and identifier, as users write them.
    pub fn key(&self) -> String {
        format!("{}/{}", self.category, self.identifier)
    }
}

/// Where the code of an implementation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentLocation {
    /// In this binary.
    Builtin,
    /// A file; it lies in the package's directory.
    File {
        /// The package's directory, or the directory of a bare component.
        package_dir: PathBuf,
        /// The file.
        path: PathBuf,
    },
}

impl std::fmt::Display for ComponentLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::File { path, .. } => write!(f, "`{}`", crate::escape(&path.to_string_lossy())),
        }
    }
}
