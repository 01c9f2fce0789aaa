//! User overrides of the package that serves a name, such as `--use`.

use std::path::Path;
use std::str::FromStr;

use crate::package::{ComponentLocation, Implementation};
use crate::resolve_error::ResolveError;
use perfbox_model::names::{Category, Identifier};

/// Package that serves one (category, identifier), set by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageOverride {
    /// The category.
    pub category: Category,
    /// The identifier.
    pub identifier: Identifier,
    /// The package, as `NAME`, `NAME@VERSION` or a path.
    pub package: String,
    /// Origin of the override for messages, for example `--use`.
    pub by: String,
}

impl FromStr for PackageOverride {
    type Err = ResolveError;

    /// Parses `CATEGORY/ID=PACKAGE`.
    fn from_str(text: &str) -> Result<Self, ResolveError> {
        let malformed = || ResolveError::MalformedOverride { given: text.to_owned() };
        let (key, package) = text.split_once('=').ok_or_else(malformed)?;
        let (category, identifier) = key.split_once('/').ok_or_else(malformed)?;
        Ok(Self {
            category: category.parse()?,
            identifier: identifier.parse()?,
            package: package.to_owned(),
            by: "override".to_owned(),
        })
    }
}

impl PackageOverride {
    /// Sets the origin of the override, for example `--use`.
    pub fn by(self, origin: impl Into<String>) -> Self {
        Self { by: origin.into(), ..self }
    }

    /// True if the override applies to this category and identifier.
    pub(crate) fn is_for(&self, category: Category, identifier: &str) -> bool {
        self.category == category && self.identifier.as_str() == identifier
    }

    /// True if the override selects the package of `implementation`.
    pub(crate) fn selects(&self, implementation: &Implementation) -> bool {
        let by_name = self.package == implementation.package.as_str();
        let by_version =
            self.package == format!("{}@{}", implementation.package, implementation.version);
        let by_path = match &implementation.component {
            ComponentLocation::Builtin => false,
            ComponentLocation::File { package_dir, path } => {
                let given = Path::new(&self.package);
                is_same_path(given, package_dir) || is_same_path(given, path)
            }
        };
        by_name || by_version || by_path
    }
}

/// True if both paths lead to the same file or directory.
fn is_same_path(a: &Path, b: &Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}
