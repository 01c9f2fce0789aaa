//! Packages, their implementations, and the locations of their components.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, PackageName};

use crate::manifest::{DEFAULT_PRIORITY, Manifest, ManifestImplementation};
use crate::params::ConfigParam;

/// Package, valid or not.
#[derive(Debug, Clone)]
pub struct Package {
    /// Name; for an invalid package, the name of its file or directory.
    pub name: String,
    /// Version; empty if not declared, as are the next three.
    pub version: String,
    /// Description.
    pub description: String,
    /// Author.
    pub author: String,
    /// License.
    pub license: String,
    /// Origin.
    pub source: PackageSource,
    /// Directory, or the file of a bare component.
    pub path: PathBuf,
    /// State.
    pub state: PackageState,
}

impl Package {
    /// Implementations, including those of a disabled package.
    pub fn implementations(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        match &self.state {
            PackageState::Ready(offered) | PackageState::Disabled(offered) => offered.iter(),
            PackageState::Invalid(_) => [].iter(),
        }
    }

    /// Creates a package from a manifest; `locate` returns the location of a component.
    pub(crate) fn offering(
        manifest: Manifest,
        source: PackageSource,
        path: &Path,
        locate: impl Fn(&Path) -> ComponentLocation,
    ) -> Self {
        let implementation = |one: ManifestImplementation| {
            Arc::new(Implementation {
                category: one.category,
                identifier: one.identifier,
                package: manifest.name.clone(),
                version: manifest.version.clone(),
                source,
                component: locate(&one.component),
                class: one.class,
                description: one.description,
                priority: one.priority,
                tags: one.tags,
                auto_load: one.auto_load,
                params: one.params,
            })
        };
        let offered = manifest.implementations.into_iter().map(implementation).collect();
        Self {
            name: manifest.name.to_string(),
            version: manifest.version,
            description: manifest.description,
            author: manifest.author,
            license: manifest.license,
            source,
            path: path.to_owned(),
            state: match manifest.enabled {
                true => PackageState::Ready(offered),
                false => PackageState::Disabled(offered),
            },
        }
    }

    /// Creates an invalid package.
    pub(crate) fn invalid(path: &Path, source: PackageSource, reason: String) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self {
            name: escape(&name).into_owned(),
            version: String::new(),
            description: String::new(),
            author: String::new(),
            license: String::new(),
            source,
            path: path.to_owned(),
            state: PackageState::Invalid(reason),
        }
    }
}

/// State of a package.
#[derive(Debug, Clone)]
pub enum PackageState {
    /// Valid and enabled.
    Ready(Vec<Arc<Implementation>>),
    /// `enabled: false` in the manifest: listed, never selected.
    Disabled(Vec<Arc<Implementation>>),
    /// Invalid, with the reason.
    Invalid(String),
}

/// Origin of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PackageSource {
    /// Part of perfbox.
    Builtin,
    /// Plugins directory.
    Directory,
    /// Single component, given by a flag, the environment or the config file.
    Flag,
    /// Registered by an embedder.
    Library,
}

impl PackageSource {
    /// Name for users.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Directory => "directory",
            Self::Flag => "flag",
            Self::Library => "library",
        }
    }
}

impl std::fmt::Display for PackageSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Implementation of one (category, identifier) by one package.
#[derive(Debug, Clone, PartialEq)]
pub struct Implementation {
    /// Category.
    pub category: Category,
    /// Name for selection.
    pub identifier: Identifier,
    /// Package.
    pub package: PackageName,
    /// Version of the package.
    pub version: String,
    /// Origin of the package.
    pub source: PackageSource,
    /// Location of its code.
    pub component: ComponentLocation,
    /// Name of the implementation inside the component.
    pub class: String,
    /// Description.
    pub description: String,
    /// Call order: lower first.
    pub priority: i64,
    /// Tags.
    pub tags: Vec<String>,
    /// If true, joins every run without being selected.
    pub auto_load: bool,
    /// Parameters; `None` if not declared, which accepts any.
    pub params: Option<Vec<ConfigParam>>,
}

impl Implementation {
    /// Creates an implementation for `Registry::register`, with the class named by
    /// `identifier`, the defaults of a manifest, and undeclared parameters.
    pub fn new(
        category: Category,
        identifier: Identifier,
        package: PackageName,
        component: impl Into<PathBuf>,
    ) -> Self {
        let path = component.into();
        Self {
            category,
            class: identifier.to_string(),
            identifier,
            package,
            version: String::new(),
            source: PackageSource::Library,
            component: ComponentLocation::File {
                package_dir: path.parent().unwrap_or(Path::new("")).into(),
                path,
            },
            description: String::new(),
            priority: DEFAULT_PRIORITY,
            tags: Vec::new(),
            auto_load: false,
            params: None,
        }
    }

    /// True for a builtin.
    pub fn is_builtin(&self) -> bool {
        self.source == PackageSource::Builtin
    }

    /// Name for users, as `CATEGORY/ID`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.category, self.identifier)
    }
}

/// Location of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComponentLocation {
    /// Inside this binary.
    Builtin,
    /// File in the directory of the package.
    File {
        /// Directory of the package or bare component.
        package_dir: Arc<Path>,
        /// The file.
        path: PathBuf,
    },
}

impl ComponentLocation {
    /// The file; `None` for a builtin.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Builtin => None,
            Self::File { path, .. } => Some(path),
        }
    }
}

impl std::fmt::Display for ComponentLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin => f.write_str("builtin"),
            Self::File { path, .. } => write!(f, "`{}`", escape(&path.to_string_lossy())),
        }
    }
}
