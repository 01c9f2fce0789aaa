//! Packages, what they offer, and where their components lie.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, PackageName};

use crate::manifest::{DEFAULT_PRIORITY, Manifest, ManifestImplementation};
use crate::params::ConfigParam;

/// A package, whole or refused.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name; for one that was refused, the name of its file or directory.
    pub name: String,
    /// Its version; empty where it does not say. So the three below.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Its licence.
    pub license: String,
    /// Where it was found.
    pub source: PackageSource,
    /// Its directory, or its file for a bare component.
    pub path: PathBuf,
    /// What can be done with it.
    pub state: PackageState,
}

impl Package {
    /// What it offers, whether or not that can be selected.
    pub fn implementations(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        match &self.state {
            PackageState::Ready(offered) | PackageState::Disabled(offered) => offered.iter(),
            PackageState::Invalid(_) => [].iter(),
        }
    }

    /// The package of a manifest; `locate` finds its components.
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

    /// One that is refused.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PackageSource {
    /// It comes with perfbox.
    Builtin,
    /// Found in a plugins directory.
    Directory,
    /// Named by itself.
    Flag,
    /// Registered by a program that uses the library.
    Library,
}

impl PackageSource {
    /// In one word.
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
    /// For people.
    pub tags: Vec<String>,
    /// Part of every run without being named.
    pub auto_load: bool,
    /// Its parameters; none: not declared, anything goes.
    pub params: Option<Vec<ConfigParam>>,
}

impl Implementation {
    /// One for `Registry::register`: the class of its name in a component's file, with
    /// the defaults that a manifest has, and undeclared parameters.
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

    /// True for one that comes with perfbox.
    pub fn is_builtin(&self) -> bool {
        self.source == PackageSource::Builtin
    }

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
        package_dir: Arc<Path>,
        /// The file.
        path: PathBuf,
    },
}

impl ComponentLocation {
    /// The file; none: in this binary.
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
