//! All packages known, and the choices made between them.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::dir::CacheDir;
use crate::package::{ComponentLocation, Implementation, Package, PackageSource, PackageState};
use crate::package_override::PackageOverride;
use perfbox_model::names::{Category, Identifier, PackageName};

/// All packages known, and the choices made between them.
#[derive(Debug)]
pub struct Registry {
    pub(crate) packages: Vec<Package>,
    /// Where they are, without links: the same place reached twice counts once.
    pub(crate) places: HashSet<OsString>,
    /// What can be selected, in the order in which it came.
    pub(crate) offered: HashMap<Category, HashMap<Identifier, Vec<Arc<Implementation>>>>,
    pub(crate) choices: Vec<PackageOverride>,
    pub(crate) defaults: HashMap<Category, Identifier>,
    /// Where what was read of manifests is kept between runs.
    pub(crate) cache: Option<CacheDir>,
}

/// The category's default until another is chosen.
const DEFAULT_PROCESSOR: &str = "metrics";

impl Default for Registry {
    /// Without packages, not even the builtins.
    fn default() -> Self {
        let metrics = DEFAULT_PROCESSOR.parse().expect("it is an identifier");
        Self {
            packages: Vec::new(),
            places: HashSet::new(),
            offered: HashMap::new(),
            choices: Vec::new(),
            defaults: HashMap::from([(Category::PostProcessor, metrics)]),
            cache: None,
        }
    }
}

impl Registry {
    /// Keeps what is read of manifests in `cache`, so that it need not be read again
    /// while `stat` says that a file is the same.
    pub fn with_cache(mut self, cache: CacheDir) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Registers one implementation, lazily: its component is not even looked for
    /// before it is loaded.
    ///
    /// # Errors
    /// When its package offers the same category and identifier already.
    pub fn register(&mut self, implementation: Implementation) -> Result<(), RegisterError> {
        let implementation = Arc::new(implementation);
        let is_its = |one: &&mut Package| {
            one.source == PackageSource::Library && one.name == implementation.package.as_str()
        };
        match self.packages.iter_mut().find(is_its).map(|package| &mut package.state) {
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

    /// Every package, in the order in which they came; those that were refused too.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The package that offers `one`.
    pub fn package_of(&self, one: &Implementation) -> Option<&Package> {
        self.packages.iter().find(|package| package.implementations().any(|own| **own == *one))
    }

    /// Adds a package; `place` is where it is, without links.
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

/// An implementation that was registered twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("package `{package}` offers {key} already; register it once, or under another identifier")]
pub struct RegisterError {
    key: String,
    package: PackageName,
}
