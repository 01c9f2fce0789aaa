//! Errors of resolving a name.

use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName};

/// Errors of resolving a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Unknown identifier.
    #[error("unknown {category} `{}`{}", escape(requested), next_step(*category, near.as_deref(), *other, known, invalid))]
    Unknown {
        /// The category.
        category: Category,
        /// The requested identifier.
        requested: String,
        /// The nearest identifier of the category.
        near: Option<String>,
        /// All identifiers of the category.
        known: Vec<String>,
        /// Another category with the identifier.
        other: Option<Category>,
        /// Reasons of invalid packages, one of which may offer the identifier.
        invalid: Vec<String>,
    },
    /// Several plugins offer the identifier.
    #[error("`{identifier}` is offered by {count} packages: {packages}; choose one with {flags}")]
    Ambiguous {
        /// The category.
        category: Category,
        /// The requested identifier.
        identifier: Identifier,
        /// Number of packages.
        count: usize,
        /// Their names and paths.
        packages: String,
        /// The `--use` flag for each.
        flags: String,
    },
    /// Only a disabled package offers the identifier.
    #[error(
        "`{identifier}` is only offered by package `{package}`, which is disabled; set `enabled: true` in its manifest"
    )]
    Disabled {
        /// The requested identifier.
        identifier: Identifier,
        /// The package.
        package: String,
    },
    /// The package of an override does not offer the identifier.
    #[error(
        "{}: `{category}/{identifier}={}`: no such package offers `{identifier}`; {packages}",
        escape(by),
        escape(package)
    )]
    UnknownPackage {
        /// The category.
        category: Category,
        /// The identifier.
        identifier: Identifier,
        /// The package of the override.
        package: String,
        /// Origin of the override.
        by: String,
        /// The packages that offer the identifier.
        packages: String,
    },
    /// Category without a default.
    #[error("no default {category}; set one with `use_implementation_by_id`")]
    NoDefault {
        /// The category.
        category: Category,
    },
    /// Malformed override.
    #[error(
        "invalid override `{}`; use CATEGORY/ID=PACKAGE, for example phase_hook/audit=acme-tools",
        escape(given)
    )]
    MalformedOverride {
        /// The malformed text.
        given: String,
    },
    /// Invalid category or identifier.
    #[error(transparent)]
    InvalidName(#[from] InvalidName),
}

impl ResolveError {
    /// The nearest known identifier.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Self::Unknown { near, .. } => near.as_deref(),
            _ => None,
        }
    }
}

/// Maximum number of identifiers in an error.
const LISTED_MAX: usize = 10;

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
            format!("; it is a {other}, select it with {flag}")
        }
        (None, Some(near)) => format!("; did you mean `{near}`?"),
        (None, None) if known.is_empty() => String::new(),
        (None, None) => {
            let more = if known.len() > LISTED_MAX { ", …" } else { "" };
            let listed = &known[..known.len().min(LISTED_MAX)];
            format!("; use one of {}{more}", listed.join(", "))
        }
    };
    let refused = match invalid {
        [] => String::new(),
        [reason] => format!("; one package is invalid: {reason}"),
        [reason, ..] => format!(
            "; {} packages are invalid (see `perfbox plugins list --all`), the first: {reason}",
            invalid.len()
        ),
    };
    format!("{hint} (see `perfbox plugins list --category {category}`){refused}")
}
