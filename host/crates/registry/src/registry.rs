//! The registry: all known packages and the user's overrides.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::dir::CacheDir;
use crate::package::{ComponentLocation, Implementation, Package, PackageSource, PackageState};
use crate::package_override::PackageOverride;
use perfbox_model::names::{Category, Identifier, PackageName};

/// All known packages and the user's overrides.
#[derive(Debug)]
pub struct Registry {
    pub(crate) packages: Vec<Package>,
    /// Paths of the packages with all links resolved; a package found twice counts once.
    pub(crate) places: HashSet<OsString>,
    /// Selectable implementations, in order of discovery.
    pub(crate) offered: HashMap<Category, HashMap<Identifier, Vec<Arc<Implementation>>>>,
    pub(crate) overrides: Vec<PackageOverride>,
    pub(crate) defaults: HashMap<Category, Identifier>,
    /// Cache for the index of manifests.
    pub(crate) cache: Option<CacheDir>,
}

/// Initial default of the post processors.
const DEFAULT_PROCESSOR: &str = "metrics";

impl Default for Registry {
    /// Creates a registry without packages and builtins.
    fn default() -> Self {
        let metrics = DEFAULT_PROCESSOR.parse().expect("it is an identifier");
        Self {
            packages: Vec::new(),
            places: HashSet::new(),
            offered: HashMap::new(),
            overrides: Vec::new(),
            defaults: HashMap::from([(Category::PostProcessor, metrics)]),
            cache: None,
        }
    }
}

impl Registry {
    /// Caches manifests in `cache`; a manifest is read again only if `stat` of its file
    /// changes.
    pub fn with_cache(mut self, cache: CacheDir) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Registers one implementation, without accessing its component.
    ///
    /// # Errors
    /// If its package already offers the same category and identifier.
    pub fn register(&mut self, implementation: Implementation) -> Result<(), RegisterError> {
        let implementation = Arc::new(implementation);
        let is_same_package = |one: &&mut Package| {
            one.source == PackageSource::Library && one.name == implementation.package.as_str()
        };
        match self.packages.iter_mut().find(is_same_package).map(|package| &mut package.state) {
            Some(PackageState::Ready(known)) => {
                if known.iter().any(|known| known.key() == implementation.key()) {
                    let key = implementation.key();
                    return Err(RegisterError { key, package: implementation.package.clone() });
                }
                known.push(Arc::clone(&implementation));
            }
            Some(PackageState::Disabled(_) | PackageState::Invalid(_)) | None => {
                self.packages.push(Package {
                    name: implementation.package.to_string(),
                    version: implementation.version.clone(),
                    description: String::new(),
                    author: String::new(),
                    license: String::new(),
                    source: PackageSource::Library,
                    path: match &implementation.component {
                        ComponentLocation::Builtin => PathBuf::from("builtin:"),
                        ComponentLocation::File { package_dir, .. } => package_dir.to_path_buf(),
                    },
                    state: PackageState::Ready(vec![Arc::clone(&implementation)]),
                });
            }
        }
        self.offer(implementation);
        Ok(())
    }

    /// All packages, including invalid ones, in order of discovery.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// Package of an implementation.
    pub fn package_of(&self, one: &Implementation) -> Option<&Package> {
        self.packages.iter().find(|package| package.implementations().any(|own| **own == *one))
    }

    /// Adds a package; `place` is its path with all links resolved.
    pub(crate) fn add(&mut self, package: Package, place: PathBuf) {
        if !self.places.insert(place.into_os_string()) {
            return;
        }
        if let PackageState::Ready(implementations) = &package.state {
            implementations.clone().into_iter().for_each(|one| self.offer(one));
        }
        self.packages.push(package);
    }

    fn offer(&mut self, one: Arc<Implementation>) {
        let of_category = self.offered.entry(one.category).or_default();
        match of_category.get_mut(&one.identifier) {
            Some(offered) => offered.push(one),
            None => {
                of_category.insert(one.identifier.clone(), vec![one]);
            }
        }
    }
}

/// Error for an implementation that is already registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("package `{package}` already offers {key}; register it once, or with another identifier")]
pub struct RegisterError {
    key: String,
    package: PackageName,
}
