//! Which package is to serve a name, as a user says it.

use std::path::Path;
use std::str::FromStr;

use crate::package::{ComponentLocation, Implementation};
use crate::resolve_error::ResolveError;
use perfbox_model::names::{Category, Identifier};

/// Which package is to serve one (category, identifier).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOverride {
    /// The category.
    pub category: Category,
    /// The identifier.
    pub identifier: Identifier,
    /// The package: its name, `name@version`, or its path.
    pub package: String,
    /// Who chose, for people.
    pub by: String,
}

impl FromStr for PackageOverride {
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
            by: "choice".to_owned(),
        })
    }
}

impl PackageOverride {
    /// The same, said to be made by `who`, for example `--use`.
    pub fn by(self, who: impl Into<String>) -> Self {
        Self { by: who.into(), ..self }
    }

    pub(crate) fn is_for(&self, category: Category, identifier: &str) -> bool {
        self.category == category && self.identifier.as_str() == identifier
    }

    pub(crate) fn names(&self, one: &Implementation) -> bool {
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
