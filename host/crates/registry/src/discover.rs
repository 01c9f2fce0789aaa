//! From plugins directories and files to packages. One bad package never hides the
//! good ones: it is kept with the reason why it was refused.

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

/// The builtins' manifest: all there are, for audit.
const BUILTINS: &str = perfbox_builtins::MANIFEST;

/// From how many packages on it pays to read them on all cores: a thread costs about as
/// much as one manifest.
const WORTH_THREADS: usize = 16;

/// Where to look for plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginSources {
    /// Directories of packages and bare components.
    pub plugins_dirs: Vec<PathBuf>,
    /// Components named by themselves.
    pub plugin_files: Vec<PathBuf>,
}

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
        let mut registry = Self::default();
        let place = PathBuf::from("builtin:");
        let locate = |_: &Path| ComponentLocation::Builtin;
        let builtins = Package::offering(manifest, PackageSource::Builtin, &place, locate);
        registry.add(builtins, place);
        registry
    }

    /// Adds all that `sources` names, first the directories, then the files.
    ///
    /// # Errors
    /// The first that cannot be read. A bad package in a directory is no error: it is
    /// listed as invalid.
    pub fn discover_all(&mut self, sources: &PluginSources) -> Result<(), DiscoverError> {
        sources.plugins_dirs.iter().try_for_each(|dir| self.discover(dir))?;
        sources.plugin_files.iter().try_for_each(|file| self.register_file(file))
    }

    /// Adds every package in a plugins directory: each directory with a manifest, each
    /// bare component. A directory that is itself a package is added as that one.
    ///
    /// # Errors
    /// When the directory cannot be read. A bad package in it is no error: it is
    /// listed as invalid.
    pub fn discover(&mut self, dir: &Path) -> Result<(), DiscoverError> {
        self.discover_at(dir, SystemTime::now())
    }

    /// The same, `now` being a time before anything of the directory is looked at.
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
        // The file system's order must never matter.
        candidates.sort_by(|a, b| a.name.cmp(&b.name));
        let manifests = self.manifests(&candidates, &real_dir, now);
        for (one, manifest) in candidates.into_iter().zip(manifests) {
            let package = package(manifest, one.kind, &one.path, PackageSource::Directory);
            self.add(package, one.place);
        }
        Ok(())
    }

    /// The manifest of each, from the directory's index where nothing has changed since.
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

    /// Adds one component. Where a manifest beside it names it, that package is added.
    ///
    /// # Errors
    /// When the file cannot be read, or is no component that offers anything, or the
    /// manifest beside it is invalid.
    pub fn register_file(&mut self, path: &Path) -> Result<(), DiscoverError> {
        let place = path
            .canonicalize()
            .map_err(|source| DiscoverError::File { path: path.to_owned(), source })?;
        let dir = parent(path);
        if dir.join(MANIFEST_FILE).symlink_metadata().is_ok() {
            let manifest = Manifest::read(dir).map_err(|error| DiscoverError::NotAPlugin {
                reason: format!(
                    "`{}` lies beside an invalid manifest: {error}",
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

/// Something in a plugins directory that may be a package.
struct Candidate {
    /// As the user has it.
    path: PathBuf,
    /// Without links.
    place: PathBuf,
    /// Its name in the directory.
    name: String,
    kind: Kind,
    /// Of the file that says what it offers; none: not to be known by it.
    stamp: Option<Stamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A directory with a manifest.
    Directory,
    /// A component without one.
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
        // Links at the first level are the operator's own.
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
        // A link's target may change without the link; a name that is not UTF-8 is not
        // the only one that is shown so.
        let is_known = !is_link && file_name.to_str().is_some();
        let is_plain = |metadata: &Metadata| is_known && metadata.is_file();
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

/// Reads the manifest of each, many on all cores.
fn read_all(mut missing: Vec<(&Candidate, &mut Option<Result<Manifest, String>>)>) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if missing.len() < WORTH_THREADS { 1 } else { cores };
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
                // It may be linked to, and is its own package.
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
            "`{}` has no {MANIFEST_FILE}, so it is no package; add one, or put its .wasm into the \
             plugins directory itself",
            escape(&dir.to_string_lossy())
        ));
    }
    Manifest::read(dir).map_err(|error| error.to_string())
}

/// What a component without a manifest says of itself, as the manifest that it could
/// have had.
fn read_bare(path: &Path) -> Result<Manifest, String> {
    manifest_of(path).map_err(|reason| format!("`{}` {reason}", escape(&path.to_string_lossy())))
}

fn manifest_of(path: &Path) -> Result<Manifest, String> {
    // A link at the first level of a plugins directory is the operator's own.
    let real = path.canonicalize().map_err(|error| error.to_string())?;
    let bytes = perfbox_model::files::read_component(&real).map_err(|error| error.to_string())?;
    let info = ComponentInfo::read(&bytes).map_err(|error| error.to_string())?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let own_name = info.metadata.name.as_deref().and_then(|name| PackageName::of_plugin(name).ok());
    let name = match own_name {
        Some(name) => name,
        None => PackageName::of_plugin(&stem)
            .map_err(|error| format!("cannot be a package: {error}"))?,
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
