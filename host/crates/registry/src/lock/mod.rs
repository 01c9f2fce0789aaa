//! What components runs are to have, by digest: a lock.
//!
//! A lock is written once a team has looked at its plugins, and kept beside the config
//! file. From then on the loader refuses a component that is not the
//! one that was looked at, and says what is different. The check is made on the very
//! bytes that are compiled.

mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use file::LockError;

use crate::component::{Ability, ComponentError, ComponentInfo, SetChange};
use crate::package::{ComponentLocation, Implementation};
use crate::read::{ComponentReadError, REBUILD, read_component};
use perfbox_model::digest::Digest;
use perfbox_model::escape;
use perfbox_model::limits::COMPONENT_BYTES;
use perfbox_model::names::{Category, Identifier, PackageName};

/// Components that are known, and what each may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    path: PathBuf,
    /// Whether anything else is refused.
    exclusive: bool,
    /// Sorted.
    components: Vec<LockedComponent>,
}

/// A component of a package, as it was when the lock was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct LockedComponent {
    /// The package that it belongs to.
    pub package: PackageName,
    /// The package's version; empty where it did not say.
    pub version: String,
    /// Its place in the package.
    pub component: String,
    /// The contract's version that it is built for.
    pub contract: String,
    /// Its bytes.
    pub digest: Digest,
    /// What it asks for.
    pub abilities: BTreeSet<Ability>,
    /// What it was selected for, and by which of its classes each is served.
    pub serves: BTreeMap<(Category, Identifier), String>,
    /// Which of these nobody named: they joined, as the manifest said auto_load.
    pub auto_loaded: BTreeSet<(Category, Identifier)>,
}

/// What was selected is not what the lock has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockBreach {
    /// The component of that package has changed.
    #[error(
        "package `{package}` is not as `{}` has it: {}; {}, and accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock), changes.join("; "), how_to_look(*same_bytes, place)
    )]
    Changed {
        /// The package.
        package: PackageName,
        /// The component, as it is now.
        place: String,
        /// What is different, in words.
        changes: Vec<String>,
        /// Whether only what is said of it is different.
        same_bytes: bool,
        /// The lock.
        lock: PathBuf,
    },
    /// Another package serves it.
    #[error(
        "it comes from package `{found}`, and `{}` has it from package `{package}` {}; install that one, or choose it with --use {key}={package}, or accept this one with `perfbox plugins lock` and the flags of this run",
        shown(lock),
        escape(version)
    )]
    Elsewhere {
        /// Category and identifier.
        key: String,
        /// The package that serves it now.
        found: PackageName,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// The lock.
        lock: PathBuf,
    },
    /// Nothing serves it any more.
    #[error(
        "{key} is not there, and `{}` has it from package `{package}` {}; install that package, or select it no more and accept that with `perfbox plugins lock`{}",
        shown(lock),
        escape(version),
        refused(invalid)
    )]
    Missing {
        /// Category and identifier.
        key: String,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// Why packages are invalid: it may be one of them.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// It joined runs by itself, and does so no more.
    #[error(
        "{key} does not join the run any more, and `{}` has it as auto-loaded from package `{package}` {}: {}; bring it back, or leave such plugins out with --no-auto-load, or accept that with `perfbox plugins lock` and the flags of this run{}",
        shown(lock),
        escape(version),
        if *is_there { "its manifest does not say auto_load" } else { "no enabled package offers it" },
        refused(invalid)
    )]
    Left {
        /// Category and identifier.
        key: String,
        /// The package that the lock has.
        package: PackageName,
        /// Its version.
        version: String,
        /// Whether it could still be named.
        is_there: bool,
        /// Why packages are invalid: it may be one of them.
        invalid: Vec<String>,
        /// The lock.
        lock: PathBuf,
    },
    /// The component cannot be read.
    #[error(transparent)]
    Read(#[from] ComponentReadError),
    /// The lock has no word of it, and allows nothing else.
    #[error(
        "`{}` does not have it from package `{package}`, and --locked takes nothing else; look at it with `perfbox plugins inspect {place}`, and accept it with `perfbox plugins lock` and the flags of this run",
        shown(lock)
    )]
    Unknown {
        /// The package that serves it.
        package: PackageName,
        /// The component.
        place: String,
        /// The lock.
        lock: PathBuf,
    },
}

/// Two components of the same bytes have nothing that could be told apart.
fn how_to_look(same_bytes: bool, place: &str) -> String {
    match same_bytes {
        true => {
            "its bytes are the same, so see who edited its registry.yaml or the lock".to_owned()
        }
        false => format!("see what is new with `perfbox plugins diff OLD.wasm {place}`"),
    }
}

/// The end of the words for something that an invalid package may have offered.
fn refused(invalid: &[String]) -> String {
    match invalid {
        [] => String::new(),
        reasons => format!(" (packages that cannot be used: {})", reasons.join("; ")),
    }
}

fn shown(path: &Path) -> String {
    escape(&path.to_string_lossy()).into_owned()
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
                    abilities: info.abilities,
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
                let mut changes = locked.changes(&one.version, info.digest, &info.abilities);
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

impl LockedComponent {
    /// What is different in what is there now, in words.
    pub fn changes(
        &self,
        version: &str,
        digest: Digest,
        abilities: &BTreeSet<Ability>,
    ) -> Vec<String> {
        let mut changes = Vec::new();
        if self.version != version {
            let [old, new] = [self.version.as_str(), version].map(escape);
            changes.push(format!("its version is `{new}`, it was `{old}`"));
        }
        let SetChange { added, removed } = SetChange::between(&self.abilities, abilities);
        let words = |abilities: &[Ability]| {
            let words: Vec<_> = abilities.iter().map(Ability::to_string).collect();
            escape(&words.join(", ")).into_owned()
        };
        if !added.is_empty() {
            changes.push(format!("it asks for {}, which it did not", words(&added)));
        }
        if !removed.is_empty() {
            changes.push(format!("it does not ask for {} any more", words(&removed)));
        }
        if self.digest != digest {
            changes.push(format!("its digest is {digest}, it was {}", self.digest));
        }
        changes
    }

    fn change_of_class(&self, one: &Implementation) -> Option<String> {
        let old = self.serves.get(&(one.category, one.identifier.clone()))?;
        change_of_class(&one.key(), &one.class, old)
    }

    /// What another class serves in `new`, in words.
    pub fn changes_of_class(&self, new: &Self) -> Vec<String> {
        let in_both =
            self.serves.iter().filter_map(|(key, old)| Some((key, old, new.serves.get(key)?)));
        in_both
            .filter_map(|((category, id), old, new)| {
                change_of_class(&format!("{category}/{id}"), new, old)
            })
            .collect()
    }
}

/// The words for an identifier that another class now serves.
fn change_of_class(key: &str, new: &str, old: &str) -> Option<String> {
    let [shown_new, shown_old] = [new, old].map(escape);
    (new != old).then(|| format!("the class of {key} is `{shown_new}`, it was `{shown_old}`"))
}

/// The name of a component in its package, and its place for people; none for a builtin.
fn place_of(one: &Implementation) -> Option<(String, String)> {
    let ComponentLocation::File { package_dir, path } = &one.component else { return None };
    let inner = path.strip_prefix(package_dir).ok();
    // A bare component is all of its package.
    let inner = inner.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    Some((inner.to_string_lossy().into_owned(), shown(path)))
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
