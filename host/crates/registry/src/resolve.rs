//! Which implementation a (category, identifier) means.
//!
//! A choice made by the user comes first, then a plugin, then a builtin. Two plugins
//! that offer the same one are ambiguous: nobody wins in silence.

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

/// What a name means, and why.
#[derive(Debug, Clone)]
pub struct Selection {
    /// What it means.
    pub implementation: Arc<Implementation>,
    /// Why this one.
    pub reason: Reason,
    /// Those of its name that it was preferred to.
    pub shadowed: Vec<Arc<Implementation>>,
}

/// Why an implementation was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// No other package offers it.
    OnlyOne,
    /// A plugin goes before a builtin.
    PluginOverBuiltin,
    /// Its package was chosen, and by whom.
    Chosen(String),
}

/// Goes on from "selected: ".
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyOne => f.write_str("the only one"),
            Self::PluginOverBuiltin => f.write_str("plugin over builtin"),
            Self::Chosen(by) => write!(f, "chosen by {}", escape(by)),
        }
    }
}

/// An implementation and how it stands among the others of its name.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The implementation.
    pub implementation: Arc<Implementation>,
    /// How it stands.
    pub status: Status,
}

/// How an implementation stands among those of its category and identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Its name means it, and why.
    Selected(Reason),
    /// Its name means that of another package.
    ShadowedBy(String),
    /// Its name means none: another plugin offers the same.
    Ambiguous,
    /// Its name means none: the package that was chosen does not offer it.
    Unserved {
        /// The package that was chosen.
        package: String,
        /// Who chose it.
        by: String,
    },
    /// Its package is switched off.
    Disabled,
}

impl Registry {
    /// Lets `choice` decide between packages that offer the same, in place of an earlier
    /// choice.
    ///
    /// # Errors
    /// When no such package offers it.
    pub fn use_package(&mut self, choice: PackageOverride) -> Result<(), ResolveError> {
        match self.offering(choice.category, choice.identifier.as_str()) {
            offering if offering.iter().any(|one| choice.names(one)) => {
                self.choose(choice);
                Ok(())
            }
            offering => Err(unserved(&choice, offering)),
        }
    }

    /// The same of a choice that was made for many runs: that no such package offers it
    /// is an error only once the name is resolved.
    pub fn choose(&mut self, choice: PackageOverride) {
        self.choices.retain(|known| {
            known.category != choice.category || known.identifier != choice.identifier
        });
        self.choices.push(choice);
    }

    /// Makes an identifier its category's default: what
    /// [`default_of`](Self::default_of) gives.
    ///
    /// # Errors
    /// When it means nothing that could be run.
    pub fn use_implementation_by_id(
        &mut self,
        category: Category,
        identifier: &str,
    ) -> Result<(), ResolveError> {
        let meant = self.resolve(category, identifier)?;
        self.defaults.insert(category, meant.identifier.clone());
        Ok(())
    }

    /// What runs of a category where nothing is named: `metrics` of the processors, no
    /// hook, unless another was chosen.
    ///
    /// # Errors
    /// When there is none, or its name means none, or more than one.
    pub fn default_of(&self, category: Category) -> Result<Arc<Implementation>, ResolveError> {
        match self.defaults.get(&category) {
            Some(identifier) => self.resolve(category, identifier.as_str()),
            None => Err(ResolveError::NoDefault { category }),
        }
    }

    /// The implementation that a name means.
    ///
    /// # Errors
    /// When it means none, or more than one.
    pub fn resolve(
        &self,
        category: Category,
        requested: &str,
    ) -> Result<Arc<Implementation>, ResolveError> {
        self.explain(category, requested).map(|selection| selection.implementation)
    }

    /// The implementation that a name means, why that one, and what it shadows.
    ///
    /// # Errors
    /// When it means none, or more than one.
    pub fn explain(&self, category: Category, requested: &str) -> Result<Selection, ResolveError> {
        let offering = self.offering(category, requested);
        let choice = self.choices.iter().find(|choice| choice.is_for(category, requested));
        let Some(first) = offering.first() else {
            return Err(match choice {
                Some(choice) => unserved(choice, offering),
                None => self.unknown(category, requested),
            });
        };
        let plugins: Vec<_> = offering.iter().filter(|one| !one.is_builtin()).collect();
        let (meant, reason) = match (choice, plugins.as_slice()) {
            (Some(choice), _) => {
                let mut chosen = offering.iter().filter(|one| choice.names(one));
                match (chosen.next(), chosen.next()) {
                    (Some(one), None) => (one, Reason::Chosen(choice.by.clone())),
                    (None, _) => return Err(unserved(choice, offering)),
                    (Some(_), Some(_)) => return Err(ambiguous(offering)),
                }
            }
            (None, []) => (first, Reason::OnlyOne),
            (None, [one]) if offering.len() == 1 => (*one, Reason::OnlyOne),
            (None, [one]) => (*one, Reason::PluginOverBuiltin),
            (None, _) => return Err(ambiguous(plugins)),
        };
        let is_other = |one: &&Arc<Implementation>| !Arc::ptr_eq(one, meant);
        Ok(Selection {
            implementation: Arc::clone(meant),
            reason,
            shadowed: offering.iter().filter(is_other).cloned().collect(),
        })
    }

    /// Everything that is offered in a category, selected or not, by identifier and
    /// package.
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
        listed.sort_by(|a, b| order(&a.implementation).cmp(&order(&b.implementation)));
        listed
    }

    /// What would join every run, by category, priority and identifier: each as its name
    /// is resolved or, where that means more than one, with the words for that, once for
    /// each such name.
    pub fn auto_loaded(&self) -> Vec<(Arc<Implementation>, Result<(), ResolveError>)> {
        let mut joining: BTreeMap<_, (Arc<Implementation>, Result<(), ResolveError>)> =
            BTreeMap::new();
        for one in self.enabled().filter(|one| one.auto_load) {
            let key = (one.category, one.priority, one.identifier.clone());
            match self.resolve(one.category, one.identifier.as_str()) {
                Ok(meant) if Arc::ptr_eq(&meant, one) => {
                    joining.insert(key, (meant, Ok(())));
                }
                // Its name means another, which may not want to join.
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

    /// All of one name that can be selected.
    fn offering(&self, category: Category, identifier: &str) -> &[Arc<Implementation>] {
        let of_category = self.offered.get(&category);
        of_category.and_then(|offered| offered.get(identifier)).map_or(&[], Vec::as_slice)
    }

    fn enabled(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        let packages = self.packages.iter();
        let ready = packages.filter(|package| matches!(package.state, PackageState::Ready(_)));
        ready.flat_map(Package::implementations)
    }

    /// Why packages were refused, those first whose manifest has this word in it.
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

/// Of a list: by identifier, then by package, then by place.
fn order(one: &Implementation) -> (&Identifier, &PackageName, &str, Option<&Path>) {
    (&one.identifier, &one.package, &one.version, one.component.path())
}

fn status(one: &Arc<Implementation>, selection: &Result<Selection, ResolveError>) -> Status {
    match selection {
        Err(ResolveError::UnknownPackage { package, by, .. }) => {
            Status::Unserved { package: package.clone(), by: by.clone() }
        }
        Err(_) if one.is_builtin() => Status::ShadowedBy("several plugins".to_owned()),
        Err(_) => Status::Ambiguous,
        Ok(meant) if Arc::ptr_eq(&meant.implementation, one) => {
            Status::Selected(meant.reason.clone())
        }
        Ok(meant) => Status::ShadowedBy(meant.implementation.package.to_string()),
    }
}

fn unserved(choice: &PackageOverride, offering: &[Arc<Implementation>]) -> ResolveError {
    ResolveError::UnknownPackage {
        category: choice.category,
        identifier: choice.identifier.clone(),
        package: choice.package.clone(),
        by: choice.by.clone(),
        packages: match offering.is_empty() {
            true => "nothing does (see `perfbox plugins list --all`)".to_owned(),
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
        choices: choices(offering),
    }
}

/// The flag for each: by name, by version where names are the same, else by path.
fn choices(offering: &[Arc<Implementation>]) -> String {
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
