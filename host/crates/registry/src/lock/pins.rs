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

/// Components that are known, and what each may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    pub(super) path: PathBuf,
    /// Whether anything else is refused.
    pub(super) exclusive: bool,
    /// Sorted.
    pub(super) components: Vec<LockedComponent>,
}

impl Lock {
    /// A lock of what was selected, each with whether it was auto-loaded; builtins aside,
    /// since they come with perfbox. To be written at `path`.
    ///
    /// # Errors
    /// When one of their components cannot be read.
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

    /// The same, which also refuses what is not in it.
    pub fn exclusive(self) -> Self {
        Self { exclusive: true, ..self }
    }

    /// The components in it, sorted by package.
    pub fn components(&self) -> &[LockedComponent] {
        &self.components
    }

    /// The component that is to serve this one.
    pub fn serving(&self, category: Category, identifier: &str) -> Option<&LockedComponent> {
        let serves = |locked: &&LockedComponent| {
            locked.serves.keys().any(|(of, id)| *of == category && id.as_str() == identifier)
        };
        self.components.iter().find(serves)
    }

    /// True for what it has a word of, and for builtins.
    pub fn covers(&self, one: &Implementation) -> bool {
        one.is_builtin() || self.serving(one.category, one.identifier.as_str()).is_some()
    }

    /// The words for something that is selected and that no package offers.
    ///
    /// `invalid` has the reasons of packages that are, since one of them may offer it.
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

    /// The words for something that joined by itself when the lock was written, and does
    /// so no more; `is_there` where it could still be named.
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

    /// Checks what is about to be compiled for an implementation.
    ///
    /// # Errors
    /// When it is not what the lock has.
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
        // What is selected for something else may be of a component that is known.
        let same =
            |locked: &&LockedComponent| locked.package == one.package && locked.component == name;
        let known: Vec<&LockedComponent> = match serving {
            Some(locked) => vec![locked],
            None => self.components.iter().filter(same).collect(),
        };
        if let Some(first) = known.first() {
            let info = inspect(one, bytes)?;
            // The same bytes are another plugin under another class.
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

/// The name of a component in its package, and its place for people; none for a builtin.
fn place_of(one: &Implementation) -> Option<(String, String)> {
    let ComponentLocation::File { package_dir, path } = &one.component else { return None };
    let inner = path.strip_prefix(package_dir).ok();
    // A bare component is all of its package.
    let inner = inner.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    Some((inner.to_string_lossy().into_owned(), escape(&path.to_string_lossy()).into_owned()))
}

fn inspect(one: &Implementation, bytes: &[u8]) -> Result<ComponentInfo, ComponentReadError> {
    ComponentInfo::read(bytes).map_err(|error| ComponentReadError::Invalid {
        place: one.component.to_string(),
        reason: match error {
            ComponentError::NotAComponent { reason } => format!("it {reason}; {REBUILD}"),
            ComponentError::Damaged { reason } => format!("{reason}; {REBUILD}"),
            other => format!("it {other}; {REBUILD}"),
        },
    })
}
