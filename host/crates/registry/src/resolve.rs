//! Resolution: selects the implementation for a (category, identifier).
//!
//! Priority: the user's override, then a plugin, then a builtin. Two plugins with the same
//! identifier are ambiguous, which is an error.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::manifest::MANIFEST_FILE;
use crate::package::{ComponentLocation, Implementation, Package, PackageState};
use crate::package_override::PackageOverride;
use crate::registry::Registry;
use crate::resolve_error::ResolveError;
use crate::yaml;
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, PackageName, nearest};

/// Selected implementation for a name, with the reason.
#[derive(Debug, Clone)]
pub struct Selection {
    /// The selected implementation.
    pub implementation: Arc<Implementation>,
    /// Reason of the selection.
    pub reason: Reason,
    /// Other implementations with the same name.
    pub shadowed: Vec<Arc<Implementation>>,
}

/// Reason of a selection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No other package offers the name.
    OnlyOne,
    /// A plugin takes precedence over a builtin.
    PluginOverBuiltin,
    /// Selected by an override, with its origin.
    Chosen(String),
}

/// Text that follows "selected: ".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyOne => f.write_str("only implementation"),
            Self::PluginOverBuiltin => f.write_str("plugin over builtin"),
            Self::Chosen(by) => write!(f, "chosen by {}", escape(by)),
        }
    }
}

/// Implementation with its status.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The implementation.
    pub implementation: Arc<Implementation>,
    /// Its status.
    pub status: Status,
}

/// Status of an implementation among those of the same category and identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Selected, with the reason.
    Selected(Reason),
    /// Not selected: another package is.
    ShadowedBy(String),
    /// No selection: several plugins offer the name.
    Ambiguous,
    /// No selection: the package of the override does not offer the name.
    Unresolved {
        /// The package of the override.
        package: String,
        /// Origin of the override.
        by: String,
    },
    /// Package is disabled.
    Disabled,
}

impl Registry {
    /// Selects the package for a name. Replaces an earlier override of the name.
    ///
    /// # Errors
    /// If no such package offers the name.
    pub fn use_package(&mut self, chosen: PackageOverride) -> Result<(), ResolveError> {
        match self.offering(chosen.category, chosen.identifier.as_str()) {
            offering if offering.iter().any(|one| chosen.selects(one)) => {
                self.use_package_unchecked(chosen);
                Ok(())
            }
            offering => Err(unresolved(&chosen, offering)),
        }
    }

    /// Like [`use_package`](Self::use_package), without the check that the package offers the
    /// name: for overrides in a config file, which serve many runs. Resolving the name fails
    /// instead.
    pub fn use_package_unchecked(&mut self, chosen: PackageOverride) {
        self.overrides.retain(|known| {
            known.category != chosen.category || known.identifier != chosen.identifier
        });
        self.overrides.push(chosen);
    }

    /// Sets the default of a category, which [`default_of`](Self::default_of) returns.
    ///
    /// # Errors
    /// If the identifier cannot be resolved.
    pub fn use_implementation_by_id(
        &mut self,
        category: Category,
        identifier: &str,
    ) -> Result<(), ResolveError> {
        let selected = self.resolve(category, identifier)?;
        self.defaults.insert(category, selected.identifier.clone());
        Ok(())
    }

    /// Default implementation of a category: initially `metrics` for post processors, none for
    /// phase hooks.
    ///
    /// # Errors
    /// If there is no default, or it cannot be resolved.
    pub fn default_of(&self, category: Category) -> Result<Arc<Implementation>, ResolveError> {
        match self.defaults.get(&category) {
            Some(identifier) => self.resolve(category, identifier.as_str()),
            None => Err(ResolveError::NoDefault { category }),
        }
    }

    /// Resolves a name to an implementation.
    ///
    /// # Errors
    /// If no package offers the name, or the name is ambiguous.
    pub fn resolve(
        &self,
        category: Category,
        requested: &str,
    ) -> Result<Arc<Implementation>, ResolveError> {
        self.explain(category, requested).map(|selection| selection.implementation)
    }

    /// Resolves a name, with the reason and the other implementations of the name.
    ///
    /// # Errors
    /// If no package offers the name, or the name is ambiguous.
    pub fn explain(&self, category: Category, requested: &str) -> Result<Selection, ResolveError> {
        let offering = self.offering(category, requested);
        let chosen = self.overrides.iter().find(|chosen| chosen.is_for(category, requested));
        let Some(first) = offering.first() else {
            return Err(match chosen {
                Some(chosen) => unresolved(chosen, offering),
                None => self.unknown(category, requested),
            });
        };
        let plugins: Vec<_> = offering.iter().filter(|one| !one.is_builtin()).collect();
        let (selected, reason) = match (chosen, plugins.as_slice()) {
            (Some(chosen), _) => {
                let mut matching = offering.iter().filter(|one| chosen.selects(one));
                match (matching.next(), matching.next()) {
                    (Some(one), None) => (one, Reason::Chosen(chosen.by.clone())),
                    (None, _) => return Err(unresolved(chosen, offering)),
                    (Some(_), Some(_)) => return Err(ambiguous(offering)),
                }
            }
            (None, []) => (first, Reason::OnlyOne),
            (None, [one]) if offering.len() == 1 => (*one, Reason::OnlyOne),
            (None, [one]) => (*one, Reason::PluginOverBuiltin),
            (None, _) => return Err(ambiguous(plugins)),
        };
        let is_other = |one: &&Arc<Implementation>| !Arc::ptr_eq(one, selected);
        Ok(Selection {
            implementation: Arc::clone(selected),
            reason,
            shadowed: offering.iter().filter(is_other).cloned().collect(),
        })
    }

    /// All implementations of a category, selected or not, sorted by identifier and package.
    pub fn list_implementations(&self, category: Category) -> Vec<Listed> {
        let mut listed: Vec<Listed> = Vec::new();
        for (identifier, offering) in self.offered.get(&category).into_iter().flatten() {
            let selection = self.explain(category, identifier.as_str());
            listed.extend(offering.iter().map(|one| Listed {
                implementation: Arc::clone(one),
                status: status(one, &selection),
            }));
        }
        for package in &self.packages {
            if let PackageState::Disabled(implementations) = &package.state {
                let of_category = implementations.iter().filter(|one| one.category == category);
                listed.extend(of_category.map(|one| Listed {
                    implementation: Arc::clone(one),
                    status: Status::Disabled,
                }));
            }
        }
        listed.sort_by(|a, b| sort_key(&a.implementation).cmp(&sort_key(&b.implementation)));
        listed
    }

    /// Implementations with `auto_load`, sorted by category, priority and identifier. An
    /// ambiguous name is listed once, with its error.
    pub fn auto_loaded(&self) -> Vec<(Arc<Implementation>, Result<(), ResolveError>)> {
        let mut joining: BTreeMap<_, (Arc<Implementation>, Result<(), ResolveError>)> =
            BTreeMap::new();
        for one in self.enabled().filter(|one| one.auto_load) {
            let key = (one.category, one.priority, one.identifier.clone());
            match self.resolve(one.category, one.identifier.as_str()) {
                Ok(selected) if Arc::ptr_eq(&selected, one) => {
                    joining.insert(key, (selected, Ok(())));
                }
                // Another implementation is selected for the name, which may not have auto_load.
                Ok(_) => {}
                Err(error) => {
                    let known = joining.values().any(|(known, _)| known.key() == one.key());
                    if !known {
                        joining.insert(key, (Arc::clone(one), Err(error)));
                    }
                }
            }
        }
        joining.into_values().collect()
    }

    /// Selectable implementations of one name.
    fn offering(&self, category: Category, identifier: &str) -> &[Arc<Implementation>] {
        let of_category = self.offered.get(&category);
        of_category.and_then(|offered| offered.get(identifier)).map_or(&[], Vec::as_slice)
    }

    fn enabled(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        let packages = self.packages.iter();
        let ready = packages.filter(|package| matches!(package.state, PackageState::Ready(_)));
        ready.flat_map(Package::implementations)
    }

    /// Reasons of invalid packages; those whose manifest contains `requested` come first.
    fn invalid(&self, requested: &str) -> Vec<String> {
        let mut refused: Vec<(bool, String)> = Vec::new();
        for package in &self.packages {
            if let PackageState::Invalid(reason) = &package.state {
                let manifest = yaml::read(&package.path.join(MANIFEST_FILE));
                let mentions = manifest.is_ok_and(|text| text.contains(requested));
                refused.push((!mentions, reason.clone()));
            }
        }
        refused.sort_by_key(|(is_other, _)| *is_other);
        refused.into_iter().map(|(_, reason)| reason).collect()
    }

    fn unknown(&self, category: Category, requested: &str) -> ResolveError {
        let disabled = self.packages.iter().find(|package| {
            matches!(package.state, PackageState::Disabled(_))
                && package
                    .implementations()
                    .any(|one| one.category == category && one.identifier.as_str() == requested)
        });
        if let (Some(package), Ok(identifier)) = (disabled, requested.parse()) {
            return ResolveError::Disabled { identifier, package: package.name.clone() };
        }
        let of_category = |wanted: Category| {
            self.enabled()
                .filter(move |one| one.category == wanted)
                .map(|one| one.identifier.as_str())
        };
        ResolveError::Unknown {
            category,
            requested: requested.to_owned(),
            near: nearest(requested, of_category(category)).map(str::to_owned),
            known: of_category(category)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            other: Category::ALL
                .into_iter()
                .find(|other| of_category(*other).any(|identifier| identifier == requested)),
            invalid: self.invalid(requested),
        }
    }
}

/// Sort key: identifier, package, version, path.
fn sort_key(one: &Implementation) -> (&Identifier, &PackageName, &str, Option<&Path>) {
    (&one.identifier, &one.package, &one.version, one.component.path())
}

fn status(one: &Arc<Implementation>, selection: &Result<Selection, ResolveError>) -> Status {
    match selection {
        Err(ResolveError::UnknownPackage { package, by, .. }) => {
            Status::Unresolved { package: package.clone(), by: by.clone() }
        }
        Err(_) if one.is_builtin() => Status::ShadowedBy("several plugins".to_owned()),
        Err(_) => Status::Ambiguous,
        Ok(selected) if Arc::ptr_eq(&selected.implementation, one) => {
            Status::Selected(selected.reason.clone())
        }
        Ok(selected) => Status::ShadowedBy(selected.implementation.package.to_string()),
    }
}

fn unresolved(chosen: &PackageOverride, offering: &[Arc<Implementation>]) -> ResolveError {
    ResolveError::UnknownPackage {
        category: chosen.category,
        identifier: chosen.identifier.clone(),
        package: chosen.package.clone(),
        by: chosen.by.clone(),
        packages: match offering.is_empty() {
            true => "no package does (see `perfbox plugins list --all`)".to_owned(),
            false => format!("these do: {}", describe(offering)),
        },
    }
}

fn ambiguous<O: Borrow<Arc<Implementation>>>(
    offering: impl IntoIterator<Item = O>,
) -> ResolveError {
    let offering: Vec<Arc<Implementation>> =
        offering.into_iter().map(|one| Arc::clone(one.borrow())).collect();
    let offering = offering.as_slice();
    ResolveError::Ambiguous {
        category: offering[0].category,
        identifier: offering[0].identifier.clone(),
        count: offering.len(),
        packages: describe(offering),
        flags: use_flags(offering),
    }
}

/// The `--use` flag for each package: by name if unique, else by version or path.
fn use_flags(offering: &[Arc<Implementation>]) -> String {
    let versioned = |one: &Implementation| format!("{}@{}", one.package, one.version);
    let flag = |one: &Arc<Implementation>| {
        let is_alone = |same: &dyn Fn(&Implementation) -> bool| {
            offering.iter().filter(|other| same(other)).count() == 1
        };
        let package = if is_alone(&|other| other.package == one.package) {
            one.package.to_string()
        } else if is_alone(&|other| versioned(other) == versioned(one)) {
            versioned(one)
        } else {
            match &one.component {
                ComponentLocation::Builtin => one.package.to_string(),
                ComponentLocation::File { path, .. } => path.to_string_lossy().into_owned(),
            }
        };
        format!("--use {}={}", one.key(), escape(&package))
    };
    offering.iter().map(flag).collect::<Vec<_>>().join(" or ")
}

fn describe(offering: &[Arc<Implementation>]) -> String {
    let one = |one: &Arc<Implementation>| format!("`{}` ({})", one.package, one.component);
    offering.iter().map(one).collect::<Vec<_>>().join(", ")
}
