//! Why a name means nothing that could be run, in words.

use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName};

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
        "{}: `{category}/{identifier}={}`: no such package offers it; {packages}",
        escape(by),
        escape(package)
    )]
    UnknownPackage {
        /// The category.
        category: Category,
        /// The identifier.
        identifier: Identifier,
        /// The package asked for.
        package: String,
        /// Who asked for it.
        by: String,
        /// Those that do offer it.
        packages: String,
    },
    /// A category without a default.
    #[error("nothing is the default {category}; choose one with `use_implementation_by_id`")]
    NoDefault {
        /// The category.
        category: Category,
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

impl ResolveError {
    /// The known name that may have been meant.
    pub fn nearest(&self) -> Option<&str> {
        match self {
            Self::Unknown { near, .. } => near.as_deref(),
            _ => None,
        }
    }
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
        [reason, ..] => format!(
            "; {} packages are invalid (`perfbox plugins list --all` says why), the first: {reason}",
            invalid.len()
        ),
    };
    format!("{hint} (see `perfbox plugins list --category {category}`){refused}")
}
