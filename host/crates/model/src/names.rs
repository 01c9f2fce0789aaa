//! Ids, each a type of its own: categories, identifiers, package names, parameter names.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Purpose of an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Receives every phase event.
    PhaseHook,
    /// Receives every record, returns metrics.
    PostProcessor,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 2] = [Self::PhaseHook, Self::PostProcessor];

    /// Name for users, for example `phase_hook`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PhaseHook => "phase_hook",
            Self::PostProcessor => "post_processor",
        }
    }

    /// Interface of the contract that a component of this category exports, without version.
    pub fn interface(self) -> &'static str {
        match self {
            Self::PhaseHook => "perfbox:plugin/phase-hook",
            Self::PostProcessor => "perfbox:plugin/post-processor",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Category {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let found = Self::ALL.into_iter().find(|category| category.as_str() == text);
        found.ok_or_else(|| InvalidName {
            what: "category",
            given: text.to_owned(),
            rule: format!("use one of {}", Self::ALL.map(Self::as_str).join(", ")).into(),
        })
    }
}

impl Serialize for Category {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Category {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A name that violates the rule for its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {what} `{}`; {rule}", crate::escape::escape(given))]
pub struct InvalidName {
    what: &'static str,
    given: String,
    rule: Cow<'static, str>,
}

/// The rule for names as a pattern for JSON Schema.
pub const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9_-]{0,63}$";

/// Maximum length of a name, in bytes.
const NAME_MAX_BYTES: usize = 64;

/// True for `[a-z0-9][a-z0-9_-]*` of at most [`NAME_MAX_BYTES`].
fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= NAME_MAX_BYTES
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'_' || b == b'-')
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_name(text) {
                    return Ok(Self(text.into()));
                }
                Err(InvalidName {
                    what: $what,
                    given: text.to_owned(),
                    rule: "use at most 64 of a-z, 0-9, _ and -, starting with a letter or digit"
                        .into(),
                })
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <&str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type! {
    /// Name by which users select an implementation; unique in its category within one
    /// package.
    Identifier, "identifier"
}

name_type! {
    /// Name of a package.
    PackageName, "package name"
}

name_type! {
    /// Name of a parameter of an implementation.
    ParamName, "parameter name"
}

/// Name of the package of builtins.
pub const BUILTIN_PACKAGE: &str = "builtin";

impl PackageName {
    /// Parses the name of a plugin package, which must not be [`BUILTIN_PACKAGE`].
    ///
    /// # Errors
    /// A message for an invalid or reserved name.
    pub fn of_plugin(text: &str) -> Result<Self, String> {
        if text == BUILTIN_PACKAGE {
            return Err(format!("package name `{BUILTIN_PACKAGE}` is reserved; choose another"));
        }
        text.parse().map_err(|error: InvalidName| error.to_string())
    }
}

/// The choice with the smallest edit distance to `given`, if close enough for a suggestion.
pub fn nearest<'c>(given: &str, choices: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let scored =
        choices.into_iter().map(|choice| (strsim::damerau_levenshtein(given, choice), choice));
    let (distance, choice) = scored.min()?;
    (distance <= 1 + given.chars().count() / 3).then_some(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_short_and_plain() {
        for good in ["a", "0", "example_logging_hook", "a-b", &"x".repeat(64)] {
            assert_eq!(good.parse::<Identifier>().unwrap().as_str(), good);
        }
        for bad in ["", "_a", "-a", "A", "a b", "a\u{202e}", "é", "a/b", "..", &"x".repeat(65)] {
            assert!(bad.parse::<Identifier>().is_err(), "{bad:?}");
        }
        assert_eq!(
            "a\nb".parse::<Identifier>().unwrap_err().to_string(),
            "invalid identifier `a\\nb`; use at most 64 of a-z, 0-9, _ and -, starting with a letter or digit"
        );
    }

    #[test]
    fn invalid_category_error_lists_the_categories() {
        assert_eq!(
            "hook".parse::<Category>().unwrap_err().to_string(),
            "invalid category `hook`; use one of phase_hook, post_processor"
        );
    }

    #[test]
    fn nearest_choice_is_suggested_only_if_close() {
        let choices = ["metrics", "timeslices"];
        assert_eq!(nearest("metrisc", choices), Some("metrics"));
        assert_eq!(nearest("metric", choices), Some("metrics"));
        assert_eq!(nearest("loudness", choices), None);
    }
}
