//! From plugins directories and files to packages. One bad package never hides the
//! good ones: it is kept with the reason why it was refused.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::manifest::{DEFAULT_PRIORITY, MANIFEST_FILE, Manifest};
use super::offers::read_offers;
use super::{ComponentLocation, Implementation, Package, PackageSource, PackageState, Registry};
use crate::escape;
use crate::names::PackageName;

/// The builtins' manifest: all there are, for audit.
const BUILTINS: &str = include_str!("../../builtins/registry.yaml");

/// Why a source of packages could not be looked through at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// A plugins directory that cannot be read.
    #[error("the plugins directory `{}` cannot be read; check that it is there and readable", escape(&path.to_string_lossy()))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A component named by itself that cannot be read.
    #[error("the plugin `{}` cannot be read; check that it is there and readable", escape(&path.to_string_lossy()))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A component named by itself that offers nothing.
    #[error("the plugin {reason}")]
    NotAPlugin {
        /// Which file, and what is wrong with it.
        reason: String,
    },
}

impl Registry {
    /// A registry of the builtins.
    ///
    /// # Panics
    /// Never: the builtins' manifest is checked by a test.
    pub fn with_builtins() -> Self {
        let manifest = Manifest::parse_builtin(BUILTINS).expect("the builtins' manifest is valid");
        let implementations =
            from_manifest(&manifest, PackageSource::Builtin, |_| ComponentLocation::Builtin);
        let builtin = Package {
            name: manifest.name.as_str().to_owned(),
            version: manifest.version,
            source: PackageSource::Builtin,
            path: PathBuf::from("builtin:"),
            state: PackageState::Ready(implementations),
        };
        Self { packages: vec![builtin], places: HashSet::new(), choices: Vec::new() }
    }

    /// Adds every package in a plugins directory: each directory with a manifest, each
    /// bare component. A directory that is itself a package is added as that one.
    ///
    /// # Errors
    /// When the directory cannot be read. A bad package in it is no error: it is
    /// listed as invalid.
    pub fn discover(&mut self, dir: &Path) -> Result<(), DiscoverError> {
        let unreadable = |source| DiscoverError::Directory { path: dir.to_owned(), source };
        if dir.join(MANIFEST_FILE).symlink_metadata().is_ok() {
            self.add(read_directory(dir, PackageSource::Directory));
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in dir.read_dir().map_err(unreadable)? {
            entries.push(entry.map_err(unreadable)?.path());
        }
        // The file system's order must never matter.
        entries.sort();
        for path in entries {
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                self.add(read_directory(&path, PackageSource::Directory));
            } else if path.extension().is_some_and(|extension| extension == "wasm") {
                self.add(read_bare(&path, PackageSource::Directory));
            }
        }
        Ok(())
    }

    /// Adds one component. Where a manifest beside it names it, that package is added.
    ///
    /// # Errors
    /// When the file cannot be read, or is no component that offers anything, or the
    /// manifest beside it is invalid.
    pub fn register_file(&mut self, path: &Path) -> Result<(), DiscoverError> {
        path.metadata().map_err(|source| DiscoverError::File { path: path.to_owned(), source })?;
        let dir = parent(path);
        let named = match dir.join(MANIFEST_FILE).symlink_metadata() {
            Err(_) => false,
            Ok(_) => {
                let manifest = Manifest::read(dir).map_err(|error| DiscoverError::NotAPlugin {
                    reason: format!(
                        "`{}` lies beside an invalid manifest: {error}",
                        escape(&path.to_string_lossy())
                    ),
                })?;
                manifest.implementations.iter().any(|one| path.ends_with(&one.component))
            }
        };
        let package = match named {
            true => read_directory(dir, PackageSource::Flag),
            false => read_bare(path, PackageSource::Flag),
        };
        if let PackageState::Invalid(reason) = package.state {
            return Err(DiscoverError::NotAPlugin { reason });
        }
        self.add(package);
        Ok(())
    }

    /// Every package, in the order in which they came; those that were refused too.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// The same place reached twice counts once.
    fn add(&mut self, package: Package) {
        let place = package.path.canonicalize().unwrap_or_else(|_| package.path.clone());
        if self.places.insert(place) {
            self.packages.push(package);
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn read_directory(dir: &Path, source: PackageSource) -> Package {
    if dir.join(MANIFEST_FILE).symlink_metadata().is_err() {
        let reason = format!(
            "`{}` has no {MANIFEST_FILE}, so it is no package; add one, or put its .wasm into the \
             plugins directory itself",
            escape(&dir.to_string_lossy())
        );
        return invalid(dir, source, reason);
    }
    match Manifest::read(dir) {
        Err(error) => invalid(dir, source, error.to_string()),
        Ok(manifest) => {
            let implementations = from_manifest(&manifest, source, |component| {
                ComponentLocation::File { package_dir: dir.to_owned(), path: dir.join(component) }
            });
            Package {
                name: manifest.name.as_str().to_owned(),
                version: manifest.version,
                source,
                path: dir.to_owned(),
                state: if manifest.enabled {
                    PackageState::Ready(implementations)
                } else {
                    PackageState::Disabled(implementations)
                },
            }
        }
    }
}

fn from_manifest(
    manifest: &Manifest,
    source: PackageSource,
    locate: impl Fn(&Path) -> ComponentLocation,
) -> Vec<Arc<Implementation>> {
    let implementation = |one: &super::ManifestImplementation| {
        Arc::new(Implementation {
            category: one.category,
            identifier: one.identifier.clone(),
            package: manifest.name.clone(),
            version: manifest.version.clone(),
            source,
            component: locate(&one.component),
            class: one.class.clone(),
            description: one.description.clone(),
            priority: one.priority,
            auto_load: one.auto_load,
            params: one.params.clone(),
        })
    };
    manifest.implementations.iter().map(implementation).collect()
}

/// A component without a manifest: a package of the file's name.
fn read_bare(path: &Path, source: PackageSource) -> Package {
    match bare_implementations(path, source) {
        Err(reason) => {
            invalid(path, source, format!("`{}` {reason}", escape(&path.to_string_lossy())))
        }
        Ok(implementations) => Package {
            name: stem(path),
            version: String::new(),
            source,
            path: path.to_owned(),
            state: PackageState::Ready(implementations),
        },
    }
}

fn bare_implementations(
    path: &Path,
    source: PackageSource,
) -> Result<Vec<Arc<Implementation>>, String> {
    let package = PackageName::of_plugin(&stem(path))
        .map_err(|error| format!("cannot be a package: {error}"))?;
    // A link at the first level of a plugins directory is the operator's own.
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let bytes = crate::files::read_component(&real).map_err(|error| error.to_string())?;
    let implementation = |offer: super::offers::Offer| {
        Arc::new(Implementation {
            category: offer.category,
            identifier: offer.identifier,
            package: package.clone(),
            version: String::new(),
            source,
            component: ComponentLocation::File {
                package_dir: parent(&real).to_owned(),
                path: real.clone(),
            },
            class: offer.class,
            description: offer.description,
            priority: DEFAULT_PRIORITY,
            auto_load: false,
            params: offer.params,
        })
    };
    Ok(read_offers(&bytes, package.as_str())?.into_iter().map(implementation).collect())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn invalid(path: &Path, source: PackageSource, reason: String) -> Package {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Package {
        name: escape(&name).into_owned(),
        version: String::new(),
        source,
        path: path.to_owned(),
        state: PackageState::Invalid(reason),
    }
}
