//! Discovery: finds packages in plugins directories and files. An invalid package does not
//! affect others: it stays in the registry with the reason.

use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::component::info::ComponentInfo;
use crate::component::offers::Offer;
use crate::index::Stamp;
use crate::manifest::{DEFAULT_PRIORITY, MANIFEST_FILE, Manifest, ManifestImplementation};
use crate::package::{ComponentLocation, Package, PackageSource};
use crate::registry::Registry;
use perfbox_model::escape;
use perfbox_model::names::PackageName;

/// Manifest of the builtins.
const BUILTINS: &str = perfbox_builtins::MANIFEST;

/// Minimum number of packages to read on all cores: starting a thread costs about as much as
/// reading one manifest.
const PARALLEL_MIN_PACKAGES: usize = 16;

/// Locations of plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginSources {
    /// Directories of packages and bare components.
    pub plugins_dirs: Vec<PathBuf>,
    /// Single components.
    pub plugin_files: Vec<PathBuf>,
}

/// Errors of discovery. An invalid package inside a directory is not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoverError {
    /// Plugins directory that cannot be read.
    #[error("cannot read plugins directory `{}`; check that it exists and is readable", escape(&path.to_string_lossy()))]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// Single component that cannot be read.
    #[error("cannot read plugin `{}`; check that it exists and is readable", escape(&path.to_string_lossy()))]
    File {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// File that is not a plugin.
    #[error("plugin {reason}")]
    NotAPlugin {
        /// The file and the problem.
        reason: String,
    },
}

impl Registry {
    /// Creates a registry with the builtins.
    ///
    /// # Panics
    /// Never: a test checks the manifest of the builtins.
    pub fn with_builtins() -> Self {
        let manifest =
            Manifest::parse_builtin(BUILTINS).expect("manifest of the builtins is valid");
        let mut registry = Self::default();
        let place = PathBuf::from("builtin:");
        let locate = |_: &Path| ComponentLocation::Builtin;
        let builtins = Package::offering(manifest, PackageSource::Builtin, &place, locate);
        registry.add(builtins, place);
        registry
    }

    /// Adds all packages of `sources`: first the directories, then the files.
    ///
    /// # Errors
    /// For the first source that cannot be read. An invalid package in a directory is not an
    /// error: it is listed as invalid.
    pub fn discover_all(&mut self, sources: &PluginSources) -> Result<(), DiscoverError> {
        sources.plugins_dirs.iter().try_for_each(|dir| self.discover(dir))?;
        sources.plugin_files.iter().try_for_each(|file| self.register_file(file))
    }

    /// Adds every package in a plugins directory: directories with a manifest, and bare
    /// components. If `dir` is itself a package, adds that package.
    ///
    /// # Errors
    /// If the directory cannot be read. An invalid package in it is not an error: it is listed
    /// as invalid.
    pub fn discover(&mut self, dir: &Path) -> Result<(), DiscoverError> {
        self.discover_at(dir, SystemTime::now())
    }

    /// Implements [`discover`](Self::discover); `now` is a time before the first read in the
    /// directory.
    pub(crate) fn discover_at(&mut self, dir: &Path, now: SystemTime) -> Result<(), DiscoverError> {
        let unreadable = |source| DiscoverError::Directory { path: dir.to_owned(), source };
        let real_dir = dir.canonicalize().map_err(unreadable)?;
        if dir.join(MANIFEST_FILE).symlink_metadata().is_ok() {
            let manifest = read_directory(dir);
            self.add(package(manifest, Kind::Directory, dir, PackageSource::Directory), real_dir);
            return Ok(());
        }
        let mut candidates = Vec::new();
        for entry in dir.read_dir().map_err(unreadable)? {
            candidates.extend(Candidate::from(&entry.map_err(unreadable)?, &real_dir));
        }
        // The order must not depend on the file system.
        candidates.sort_by(|a, b| a.name.cmp(&b.name));
        let manifests = self.manifests(&candidates, &real_dir, now);
        for (one, manifest) in candidates.into_iter().zip(manifests) {
            let package = package(manifest, one.kind, &one.path, PackageSource::Directory);
            self.add(package, one.place);
        }
        Ok(())
    }

    /// Returns the manifest of each candidate, from the index of the directory if unchanged.
    fn manifests(
        &self,
        candidates: &[Candidate],
        place: &Path,
        now: SystemTime,
    ) -> Vec<Result<Manifest, String>> {
        let mut index = self.index_of(place);
        let mut found: Vec<Option<Result<Manifest, String>>> =
            candidates.iter().map(|one| index.take(&one.name, one.stamp?).map(Ok)).collect();
        let is_missing: Vec<bool> = found.iter().map(Option::is_none).collect();
        let missing = candidates.iter().zip(&mut found).filter(|(_, found)| found.is_none());
        read_all(missing.collect());
        let manifests: Vec<_> = found.into_iter().flatten().collect();
        let read = candidates.iter().zip(&manifests);
        let to_keep = || {
            read.clone().map(|(one, manifest)| {
                let stamp = one.stamp.filter(|stamp| stamp.is_settled(now))?;
                Some((one.name.as_str(), stamp, manifest.as_ref().ok()?))
            })
        };
        let is_new =
            to_keep().zip(&is_missing).any(|(entry, is_missing)| *is_missing && entry.is_some());
        if is_new || !index.is_used_up() {
            self.keep_index(place, now, to_keep().flatten());
        }
        manifests
    }

    /// Adds one component. If a manifest in the same directory names the component, adds that
    /// package.
    ///
    /// # Errors
    /// If the file cannot be read or is not a plugin, or if the manifest in its directory is
    /// invalid.
    pub fn register_file(&mut self, path: &Path) -> Result<(), DiscoverError> {
        let place = path
            .canonicalize()
            .map_err(|source| DiscoverError::File { path: path.to_owned(), source })?;
        let dir = parent(path);
        if dir.join(MANIFEST_FILE).symlink_metadata().is_ok() {
            let manifest = Manifest::read(dir).map_err(|error| DiscoverError::NotAPlugin {
                reason: format!(
                    "`{}` is in a directory with an invalid manifest: {error}",
                    escape(&path.to_string_lossy())
                ),
            })?;
            if manifest.implementations.iter().any(|one| dir.join(&one.component) == path) {
                let package = package(Ok(manifest), Kind::Directory, dir, PackageSource::Flag);
                self.add(package, parent(&place).to_owned());
                return Ok(());
            }
        }
        let manifest = read_bare(path).map_err(|reason| DiscoverError::NotAPlugin { reason })?;
        self.add(package(Ok(manifest), Kind::Bare, path, PackageSource::Flag), place);
        Ok(())
    }
}

/// Entry of a plugins directory that may be a package.
struct Candidate {
    /// Path as given by the user.
    path: PathBuf,
    /// Path with all links resolved.
    place: PathBuf,
    /// Name in the directory.
    name: String,
    kind: Kind,
    /// Stamp of the manifest or bare component; `None` if the index cannot identify it.
    stamp: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Directory with a manifest.
    Directory,
    /// Component without a manifest.
    Bare,
}

impl Candidate {
    fn from(entry: &DirEntry, real_dir: &Path) -> Option<Self> {
        let file_name = entry.file_name();
        let name = file_name.to_string_lossy();
        if name.starts_with('.') {
            return None;
        }
        let path = entry.path();
        let found = entry.file_type().ok()?;
        // Follow links at the first level: the operator made them.
        let (is_link, is_dir) = (found.is_symlink(), found.is_dir() || path.is_dir());
        let kind = match (is_dir, path.extension()) {
            (true, _) => Kind::Directory,
            (false, Some(extension)) if extension == "wasm" => Kind::Bare,
            (false, _) => return None,
        };
        let place = match is_link {
            true => path.canonicalize().unwrap_or_else(|_| path.clone()),
            false => real_dir.join(&file_name),
        };
        let described_by = match kind {
            Kind::Directory => path.join(MANIFEST_FILE).symlink_metadata(),
            Kind::Bare => path.symlink_metadata(),
        };
        // The target of a link can change without the link, and the lossy form of a name that
        // is not UTF-8 is not unique.
        let is_identifiable = !is_link && file_name.to_str().is_some();
        let is_plain = |metadata: &Metadata| is_identifiable && metadata.is_file();
        let stamp = described_by.ok().filter(is_plain).as_ref().and_then(Stamp::of);
        Some(Self { place, kind, stamp, name: name.into_owned(), path })
    }

    fn read(&self) -> Result<Manifest, String> {
        match self.kind {
            Kind::Directory => read_directory(&self.path),
            Kind::Bare => read_bare(&self.path),
        }
    }
}

/// Reads the manifest of each candidate, on all cores if there are many.
fn read_all(mut missing: Vec<(&Candidate, &mut Option<Result<Manifest, String>>)>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if missing.len() < PARALLEL_MIN_PACKAGES { 1 } else { cores };
    let share = missing.len().div_ceil(threads).max(1);
    let read = |share: &mut [(&Candidate, &mut Option<_>)]| {
        share.iter_mut().for_each(|(one, found)| **found = Some(one.read()));
    };
    std::thread::scope(|scope| {
        let mut shares = missing.chunks_mut(share);
        let own = shares.next();
        for share in shares {
            scope.spawn(move || read(share));
        }
        own.into_iter().for_each(read);
    });
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn package(
    manifest: Result<Manifest, String>,
    kind: Kind,
    path: &Path,
    source: PackageSource,
) -> Package {
    match manifest {
        Err(reason) => Package::invalid(path, source, reason),
        Ok(manifest) => {
            let package_dir: Arc<Path> = path.into();
            Package::offering(manifest, source, path, |component| match kind {
                Kind::Directory => ComponentLocation::File {
                    package_dir: Arc::clone(&package_dir),
                    path: path.join(component),
                },
                // The path may be a link; the component is its whole package.
                Kind::Bare => ComponentLocation::File {
                    package_dir: parent(component).into(),
                    path: component.to_owned(),
                },
            })
        }
    }
}

fn read_directory(dir: &Path) -> Result<Manifest, String> {
    let found = dir.join(MANIFEST_FILE).symlink_metadata();
    if found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Err(format!(
            "`{}` has no {MANIFEST_FILE}; add one, or move its .wasm file into the plugins \
             directory",
            escape(&dir.to_string_lossy())
        ));
    }
    Manifest::read(dir).map_err(|error| error.to_string())
}

/// Reads a bare component and builds a manifest from its own declarations.
fn read_bare(path: &Path) -> Result<Manifest, String> {
    manifest_of(path).map_err(|reason| format!("`{}` {reason}", escape(&path.to_string_lossy())))
}

fn manifest_of(path: &Path) -> Result<Manifest, String> {
    // Follow a link at the first level: the operator made it.
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let bytes = perfbox_model::files::read_component(&real).map_err(|error| error.to_string())?;
    let info = ComponentInfo::read(&bytes).map_err(|error| error.to_string())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let own_name = info.metadata.name.as_deref().and_then(|name| PackageName::of_plugin(name).ok());
    let name = match own_name {
        Some(name) => name,
        None => {
            PackageName::of_plugin(&stem).map_err(|error| format!("is not a package: {error}"))?
        }
    };
    let offers = info.offers(&stem).map_err(|error| error.to_string())?;
    let implementation = |offer: Offer| ManifestImplementation {
        category: offer.category,
        identifier: offer.identifier,
        component: real.clone(),
        class: offer.class,
        description: offer.description,
        priority: DEFAULT_PRIORITY,
        tags: Vec::new(),
        auto_load: false,
        params: offer.params,
    };
    let own = info.metadata;
    Ok(Manifest {
        name,
        version: own.version.unwrap_or_default(),
        description: own.description.unwrap_or_default(),
        author: own.authors.unwrap_or_default(),
        license: own.licenses.unwrap_or_default(),
        enabled: true,
        implementations: offers.into_iter().map(implementation).collect(),
    })
}
