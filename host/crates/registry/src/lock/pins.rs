//! The pinned components of a lock: recorded from a selection, and compared with one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use perfbox_model::escape;
use perfbox_model::limits::COMPONENT_BYTES;
use perfbox_model::names::{Category, Identifier};

use super::breach::LockBreach;
use super::component::LockedComponent;
use crate::component::error::ComponentError;
use crate::component::info::ComponentInfo;
use crate::package::{ComponentLocation, Implementation};
use crate::read::{ComponentReadError, REBUILD, read_component};

/// Locked components and the implementations that each serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    pub(super) path: PathBuf,
    /// True to refuse implementations that are not in the lock.
    pub(super) exclusive: bool,
    /// Sorted.
    pub(super) components: Vec<LockedComponent>,
}

impl Lock {
    /// Creates a lock of the selected implementations, each with a flag for auto-loaded ones.
    /// Skips builtins, which are part of perfbox. `path` is the file of the lock.
    ///
    /// # Errors
    /// If a component cannot be read.
    pub fn of<'i>(
        path: &Path,
        selected: impl IntoIterator<Item = (&'i Implementation, bool)>,
    ) -> Result<Self, ComponentReadError> {
        let mut components: Vec<LockedComponent> = Vec::new();
        for (one, auto_loaded) in selected {
            let Some((name, _)) = place_of(one) else { continue };
            let bytes = read_component(&one.component, COMPONENT_BYTES)?;
            let info = inspect(one, &bytes)?;
            let serves = (one.category, one.identifier.clone());
            let is_known = |known: &LockedComponent| {
                (&known.package, &known.component, known.digest)
                    == (&one.package, &name, info.digest)
            };
            let at = components.iter().position(is_known);
            let at = at.unwrap_or_else(|| {
                components.push(LockedComponent {
                    package: one.package.clone(),
                    version: one.version.clone(),
                    component: name.clone(),
                    contract: Vec::from_iter(info.contract_versions).join(", "),
                    digest: info.digest,
                    capabilities: info.capabilities,
                    serves: BTreeMap::new(),
                    auto_loaded: BTreeSet::new(),
                });
                components.len() - 1
            });
            if auto_loaded {
                components[at].auto_loaded.insert(serves.clone());
            }
            components[at].serves.insert(serves, one.class.clone());
        }
        components.sort();
        Ok(Self { path: path.to_owned(), exclusive: false, components })
    }

    /// Also refuses implementations that are not in the lock.
    pub fn exclusive(self) -> Self {
        Self { exclusive: true, ..self }
    }

    /// Locked components, sorted by package.
    pub fn components(&self) -> &[LockedComponent] {
        &self.components
    }

    /// Locked component of an implementation.
    pub fn serving(&self, category: Category, identifier: &str) -> Option<&LockedComponent> {
        let serves = |locked: &&LockedComponent| {
            locked.serves.keys().any(|(of, id)| *of == category && id.as_str() == identifier)
        };
        self.components.iter().find(serves)
    }

    /// True for implementations in the lock, and for builtins.
    pub fn covers(&self, one: &Implementation) -> bool {
        one.is_builtin() || self.serving(one.category, one.identifier.as_str()).is_some()
    }

    /// Error for a selected implementation that no package offers. `invalid` lists the reasons
    /// of invalid packages, one of which may offer it.
    pub fn breach_of_missing(
        &self,
        category: Category,
        identifier: &str,
        invalid: Vec<String>,
    ) -> Option<LockBreach> {
        let locked = self.serving(category, identifier)?;
        Some(LockBreach::Missing {
            key: format!("{category}/{identifier}"),
            package: locked.package.clone(),
            version: locked.version.clone(),
            invalid,
            lock: self.path.clone(),
        })
    }

    /// Error for an auto-loaded implementation that no longer joins; `is_there` if it can still
    /// be selected by name.
    pub fn breach_of_left(
        &self,
        locked: &LockedComponent,
        (category, identifier): &(Category, Identifier),
        is_there: bool,
        invalid: Vec<String>,
    ) -> LockBreach {
        LockBreach::Left {
            key: format!("{category}/{identifier}"),
            package: locked.package.clone(),
            version: locked.version.clone(),
            is_there,
            invalid,
            lock: self.path.clone(),
        }
    }

    /// Compares the component about to be compiled with the lock.
    ///
    /// # Errors
    /// If it does not match.
    pub fn check(&self, one: &Implementation, bytes: &[u8]) -> Result<(), LockBreach> {
        let serving = self.serving(one.category, one.identifier.as_str());
        if let Some(locked) = serving.filter(|locked| locked.package != one.package) {
            return Err(LockBreach::Elsewhere {
                key: one.key(),
                found: one.package.clone(),
                package: locked.package.clone(),
                version: locked.version.clone(),
                lock: self.path.clone(),
            });
        }
        let Some((name, place)) = place_of(one) else { return Ok(()) };
        // An implementation outside the lock may still belong to a locked component.
        let same =
            |locked: &&LockedComponent| locked.package == one.package && locked.component == name;
        let known: Vec<&LockedComponent> = match serving {
            Some(locked) => vec![locked],
            None => self.components.iter().filter(same).collect(),
        };
        if let Some(first) = known.first() {
            let info = inspect(one, bytes)?;
            // The same bytes with another class are another plugin.
            let changes_since = |locked: &LockedComponent| {
                let mut changes = locked.changes(&one.version, info.digest, &info.capabilities);
                changes.extend(locked.change_of_class(one));
                changes
            };
            if known.iter().all(|locked| !changes_since(locked).is_empty()) {
                return Err(LockBreach::Changed {
                    package: one.package.clone(),
                    place,
                    changes: changes_since(first),
                    same_bytes: first.digest == info.digest,
                    lock: self.path.clone(),
                });
            }
        }
        if self.exclusive && serving.is_none() {
            return Err(LockBreach::Unknown {
                package: one.package.clone(),
                place,
                lock: self.path.clone(),
            });
        }
        Ok(())
    }
}

/// Path of a component inside its package, and its path for display; `None` for a builtin.
fn place_of(one: &Implementation) -> Option<(String, String)> {
    let ComponentLocation::File { package_dir, path } = &one.component else { return None };
    let inner = path.strip_prefix(package_dir).ok();
    // A bare component is its whole package.
    let inner = inner.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    Some((inner.to_string_lossy().into_owned(), escape(&path.to_string_lossy()).into_owned()))
}

fn inspect(one: &Implementation, bytes: &[u8]) -> Result<ComponentInfo, ComponentReadError> {
    ComponentInfo::read(bytes).map_err(|error| ComponentReadError::Invalid {
        place: one.component.to_string(),
        reason: match error {
            ComponentError::NotAComponent { reason } => format!("it {reason}; {REBUILD}"),
            ComponentError::Malformed { reason } => format!("{reason}; {REBUILD}"),
            other => format!("it {other}; {REBUILD}"),
        },
    })
}
