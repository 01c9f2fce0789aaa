//! Which implementation a (category, identifier) means.
//!
//! A choice made by the user comes first, then a plugin, then a builtin. Two plugins
//! that offer the same one are ambiguous: nobody wins in silence.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use super::{ComponentLocation, Implementation, PackageSource, PackageState, Registry};
use crate::escape;
use crate::names::{Category, Identifier, InvalidName, nearest};

/// Which package is to serve one (category, identifier).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageChoice {
    /// The category.
    pub category: Category,
    /// The identifier.
    pub identifier: Identifier,
    /// The package: its name, `name@version`, or its path.
    pub package: String,
}

impl FromStr for PackageChoice {
    type Err = ResolveError;

    /// Reads `CATEGORY/ID=PACKAGE`.
    fn from_str(text: &str) -> Result<Self, ResolveError> {
        let malformed = || ResolveError::MalformedChoice { given: text.to_owned() };
        let (key, package) = text.split_once('=').ok_or_else(malformed)?;
        let (category, identifier) = key.split_once('/').ok_or_else(malformed)?;
        Ok(Self {
            category: category.parse()?,
            identifier: identifier.parse()?,
            package: package.to_owned(),
        })
    }
}

impl PackageChoice {
    fn is_for(&self, one: &Implementation) -> bool {
        self.category == one.category && self.identifier == one.identifier
    }

    fn names(&self, one: &Implementation) -> bool {
        let by_name = self.package == one.package.as_str();
        let by_version = self.package == format!("{}@{}", one.package, one.version);
        let by_path = match &one.component {
            ComponentLocation::Builtin => false,
            ComponentLocation::File { package_dir, path } => {
                let given = Path::new(&self.package);
                is_same_place(given, package_dir) || is_same_place(given, path)
            }
        };
        by_name || by_version || by_path
    }
}

/// However the two are written.
fn is_same_place(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Why a name means nothing that could be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Nothing is called so.
    #[error("`{}` is not a known {category}{}", escape(requested), next_step(*category, near.as_deref(), *other, known, invalid))]
    Unknown {
        /// Where it was looked for.
        category: Category,
        /// What was asked for.
        requested: String,
        /// The nearest known identifier of the category.
        near: Option<String>,
        /// Every known identifier of the category.
        known: Vec<String>,
        /// A category that does have it.
        other: Option<Category>,
        /// Why packages were refused, one of which may have been meant.
        invalid: Vec<String>,
    },
    /// Two plugins offer it.
    #[error("`{identifier}` is offered by {count} packages: {packages}; choose one with {choices}")]
    Ambiguous {
        /// The category.
        category: Category,
        /// What was asked for.
        identifier: Identifier,
        /// How many offer it.
        count: usize,
        /// Their names and paths.
        packages: String,
        /// The flags that choose one of them.
        choices: String,
    },
    /// Only a package that is switched off offers it.
    #[error(
        "`{identifier}` is offered by package `{package}` only, whose manifest says `enabled: false`; enable it there"
    )]
    Disabled {
        /// What was asked for.
        identifier: Identifier,
        /// The package.
        package: String,
    },
    /// A choice names a package that does not offer it.
    #[error(
        "--use {category}/{identifier}={}: no such package offers it; {packages}",
        escape(package)
    )]
    UnknownPackage {
        /// The category.
        category: Category,
        /// The identifier.
        identifier: Identifier,
        /// The package asked for.
        package: String,
        /// Those that do offer it.
        packages: String,
    },
    /// A choice in another form.
    #[error(
        "`{}` is not of the form CATEGORY/ID=PACKAGE, for example phase_hook/audit=acme-tools",
        escape(given)
    )]
    MalformedChoice {
        /// What was given.
        given: String,
    },
    /// A name that cannot be one.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
}

/// Most identifiers that an error lists.
const MOST_LISTED: usize = 10;

fn next_step(
    category: Category,
    near: Option<&str>,
    other: Option<Category>,
    known: &[String],
    invalid: &[String],
) -> String {
    let hint = match (other, near) {
        (Some(other), _) => {
            let flag = match other {
                Category::PhaseHook => "--hook",
                Category::PostProcessor => "--processor",
            };
            format!("; it is a {other}: select it with {flag}")
        }
        (None, Some(near)) => format!("; did you mean `{near}`?"),
        (None, None) if known.is_empty() => String::new(),
        (None, None) => {
            let more = if known.len() > MOST_LISTED { ", …" } else { "" };
            let listed = &known[..known.len().min(MOST_LISTED)];
            format!("; known are {}{more}", listed.join(", "))
        }
    };
    let refused = match invalid {
        [] => String::new(),
        [reason] => format!("; one package is invalid: {reason}"),
        [reason, ..] => format!("; {} packages are invalid, the first: {reason}", invalid.len()),
    };
    format!("{hint} (see `perfbox plugins list --category {category}`){refused}")
}

/// An implementation and how it stands among the others of its name.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The implementation.
    pub implementation: Arc<Implementation>,
    /// How it stands.
    pub standing: Standing,
}

/// How an implementation stands among those of its category and identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its name means it, and why.
    Selected(&'static str),
    /// Its name means that of another package.
    ShadowedBy(String),
    /// Its name means none: another plugin offers the same.
    Ambiguous,
    /// Its package is switched off.
    Disabled,
}

impl Registry {
    /// Lets `choice` decide between packages that offer the same.
    ///
    /// # Errors
    /// When no such package offers it.
    pub fn use_package(&mut self, choice: PackageChoice) -> Result<(), ResolveError> {
        let offering: Vec<_> = self.enabled().filter(|one| choice.is_for(one)).collect();
        if !offering.iter().any(|one| choice.names(one)) {
            let packages = match offering.is_empty() {
                true => "nothing does (see `perfbox plugins list`)".to_owned(),
                false => format!("these do: {}", describe(&offering)),
            };
            return Err(ResolveError::UnknownPackage {
                category: choice.category,
                identifier: choice.identifier,
                package: choice.package,
                packages,
            });
        }
        self.choices.retain(|known| {
            known.category != choice.category || known.identifier != choice.identifier
        });
        self.choices.push(choice);
        Ok(())
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
        let named: Vec<_> = self
            .enabled()
            .filter(|one| one.category == category && one.identifier.as_str() == requested)
            .collect();
        let Some(first) = named.first() else { return Err(self.unknown(category, requested)) };
        if let Some(choice) = self.choices.iter().find(|choice| choice.is_for(first)) {
            let mut chosen = named.iter().filter(|one| choice.names(one));
            return match (chosen.next(), chosen.next()) {
                (Some(one), None) => Ok(Arc::clone(one)),
                _ => Err(ambiguous(&named)),
            };
        }
        let plugins: Vec<_> =
            named.iter().filter(|one| one.source != PackageSource::Builtin).copied().collect();
        match plugins.as_slice() {
            [] => Ok(Arc::clone(first)),
            [one] => Ok(Arc::clone(one)),
            _ => Err(ambiguous(&plugins)),
        }
    }

    /// Everything offered, selected or not, by category, identifier and package.
    pub fn list_implementations(&self, category: Category) -> Vec<Listed> {
        let mut listed: Vec<Listed> = Vec::new();
        for package in &self.packages {
            let (implementations, disabled) = match &package.state {
                PackageState::Ready(implementations) => (implementations, false),
                PackageState::Disabled(implementations) => (implementations, true),
                PackageState::Invalid(_) => continue,
            };
            for one in implementations.iter().filter(|one| one.category == category) {
                let standing = if disabled { Standing::Disabled } else { self.standing(one) };
                listed.push(Listed { implementation: Arc::clone(one), standing });
            }
        }
        listed.sort_by(|a, b| {
            let key = |one: &Listed| {
                (one.implementation.identifier.clone(), one.implementation.package.clone())
            };
            key(a).cmp(&key(b))
        });
        listed
    }

    /// Those that join every run, by category, priority and identifier, each resolved.
    pub fn auto_loaded(&self) -> Vec<Arc<Implementation>> {
        let mut joined: Vec<_> = self
            .enabled()
            .filter(|one| one.auto_load)
            .filter(|one| {
                self.resolve(one.category, one.identifier.as_str())
                    .is_ok_and(|winner| winner == **one)
            })
            .cloned()
            .collect();
        joined.sort_by(|a, b| {
            (a.category, a.priority, &a.identifier).cmp(&(b.category, b.priority, &b.identifier))
        });
        joined
    }

    /// What would join every run if its name did not mean more than one, and the words
    /// for that; one implementation for each such name.
    pub fn auto_load_conflicts(&self) -> Vec<(Arc<Implementation>, ResolveError)> {
        let mut conflicts: Vec<(Arc<Implementation>, ResolveError)> = Vec::new();
        for one in self.enabled().filter(|one| one.auto_load) {
            let is_known = conflicts.iter().any(|(known, _)| {
                (known.category, &known.identifier) == (one.category, &one.identifier)
            });
            if let Err(error) = self.resolve(one.category, one.identifier.as_str())
                && !is_known
            {
                conflicts.push((Arc::clone(one), error));
            }
        }
        conflicts
    }

    /// What `one` shadows: those of its name that it was preferred to.
    pub fn shadows<'r>(
        &'r self,
        one: &'r Implementation,
    ) -> impl Iterator<Item = &'r Arc<Implementation>> {
        self.enabled().filter(move |other| {
            other.category == one.category && other.identifier == one.identifier && ***other != *one
        })
    }

    fn standing(&self, one: &Implementation) -> Standing {
        match self.resolve(one.category, one.identifier.as_str()) {
            Err(_) if one.source == PackageSource::Builtin => {
                Standing::ShadowedBy("several plugins".to_owned())
            }
            Err(_) => Standing::Ambiguous,
            Ok(winner) if *winner != *one => Standing::ShadowedBy(winner.package.to_string()),
            Ok(_) if self.choices.iter().any(|choice| choice.is_for(one)) => {
                Standing::Selected("chosen")
            }
            Ok(_) if self.shadows(one).next().is_some() => {
                Standing::Selected("plugin over builtin")
            }
            Ok(_) => Standing::Selected("the only one"),
        }
    }

    fn enabled(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        self.packages.iter().flat_map(|package| match &package.state {
            PackageState::Ready(implementations) => implementations.as_slice(),
            PackageState::Disabled(_) | PackageState::Invalid(_) => &[],
        })
    }

    fn unknown(&self, category: Category, requested: &str) -> ResolveError {
        let disabled = self.packages.iter().find(|package| match &package.state {
            PackageState::Disabled(implementations) => implementations
                .iter()
                .any(|one| one.category == category && one.identifier.as_str() == requested),
            PackageState::Ready(_) | PackageState::Invalid(_) => false,
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
            invalid: self
                .packages
                .iter()
                .filter_map(|package| match &package.state {
                    PackageState::Invalid(reason) => Some(reason.clone()),
                    PackageState::Ready(_) | PackageState::Disabled(_) => None,
                })
                .collect(),
        }
    }
}

fn ambiguous(offering: &[&Arc<Implementation>]) -> ResolveError {
    ResolveError::Ambiguous {
        category: offering[0].category,
        identifier: offering[0].identifier.clone(),
        count: offering.len(),
        packages: describe(offering),
        choices: choices(offering),
    }
}

/// The flag for each: by name, by version where names are the same, else by path.
fn choices(offering: &[&Arc<Implementation>]) -> String {
    let versioned = |one: &Implementation| format!("{}@{}", one.package, one.version);
    let flag = |one: &&Arc<Implementation>| {
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

fn describe(offering: &[&Arc<Implementation>]) -> String {
    let one = |one: &&Arc<Implementation>| format!("`{}` ({})", one.package, one.component);
    offering.iter().map(one).collect::<Vec<_>>().join(", ")
}
