//! The parameters that an implementation declares, and values checked against them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::escape;
use crate::names::{InvalidName, ParamName, nearest};

/// A declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigParam {
    /// Its name, as in `--set ID.NAME=VALUE`.
    pub name: ParamName,
    /// What it takes.
    pub kind: ParamType,
    /// Its value unless another is given.
    pub default: Option<Value>,
    /// Without a default: true when it must be given, false when it may stay absent.
    pub required: bool,
    /// For people.
    pub description: String,
}

impl ConfigParam {
    /// One that has a default or must be given. Every declaration, wherever it stands,
    /// comes through here or through [`ConfigParam::optional_text`].
    ///
    /// # Errors
    /// What cannot be in it, in words.
    pub(crate) fn declared(
        name: &str,
        kind: ParamType,
        default: Option<Value>,
        description: String,
    ) -> Result<Self, String> {
        let name: ParamName = name.parse().map_err(|error: InvalidName| error.to_string())?;
        if let Some(default) = default.as_ref().filter(|value| !kind.accepts(value)) {
            return Err(format!(
                "the default of parameter `{name}` is not of its type, {kind}: {}",
                escape(&default.to_string())
            ));
        }
        Ok(Self { name, kind, required: default.is_none(), default, description })
    }

    /// One that may stay absent, of which only the name is known.
    ///
    /// # Errors
    /// What is wrong with the name, in words.
    pub(crate) fn optional_text(name: &str) -> Result<Self, String> {
        let kind = ParamType::One(ScalarType::String);
        Ok(Self { required: false, ..Self::declared(name, kind, None, String::new())? })
    }

    /// Adds it to those of the same implementation.
    ///
    /// # Errors
    /// When there is one of its name, in words.
    pub(crate) fn add_to(self, params: &mut Vec<Self>) -> Result<(), String> {
        if params.iter().any(|known| known.name == self.name) {
            return Err(format!("parameter `{}` is declared twice", self.name));
        }
        params.push(self);
        Ok(())
    }
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// One value.
    One(ScalarType),
    /// Any number of values.
    List(ScalarType),
}

/// What one value of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// Text.
    String,
    /// A whole number of 64 bits, with or without sign.
    Int,
    /// A finite number.
    Float,
    /// `true` or `false`.
    Bool,
}

impl ScalarType {
    fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
        }
    }

    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Int => value.is_i64() || value.is_u64(),
            Self::Float => value.as_f64().is_some_and(f64::is_finite),
            Self::Bool => value.is_boolean(),
        }
    }
}

impl fmt::Display for ParamType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(scalar) => f.write_str(scalar.as_str()),
            Self::List(scalar) => write!(f, "list<{}>", scalar.as_str()),
        }
    }
}

impl FromStr for ParamType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scalar = |text: &str| match text {
            "string" => Some(ScalarType::String),
            "int" => Some(ScalarType::Int),
            "float" => Some(ScalarType::Float),
            "bool" => Some(ScalarType::Bool),
            _ => None,
        };
        let item = text.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>'));
        let found = match item {
            Some(item) => scalar(item).map(Self::List),
            None => scalar(text).map(Self::One),
        };
        found.ok_or_else(|| {
            format!(
                "`{}` is not a type; the types are string, int, float, bool and list<…> of each",
                escape(text)
            )
        })
    }
}

impl<'de> Deserialize<'de> for ParamType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ParamType {
    /// True for a value of this type.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::One(scalar) => scalar.accepts(value),
            Self::List(scalar) => {
                value.as_array().is_some_and(|items| items.iter().all(|item| scalar.accepts(item)))
            }
        }
    }

    /// Reads a value from the command line: text as it is, all else as YAML.
    fn read(self, text: &str) -> Option<Value> {
        let value = match self {
            Self::One(ScalarType::String) => Value::String(text.to_owned()),
            _ => serde_saphyr::from_str(text).ok()?,
        };
        self.accepts(&value).then_some(value)
    }
}

/// A value given to a parameter that does not go with what is declared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// No such parameter.
    #[error("{owner} has no parameter `{}`{}", escape(name), suggest(name, known))]
    Unknown {
        /// Category and identifier.
        owner: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<ParamName>,
    },
    /// A value of another type.
    #[error("parameter `{name}` of {owner} takes {kind}, and `{}` is not one", escape(given))]
    WrongType {
        /// Category and identifier.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// What it takes.
        kind: ParamType,
        /// What was given.
        given: String,
    },
    /// A parameter without a default that was not given.
    #[error("{owner} needs parameter `{name}` ({kind}); give it with --set {}.{name}=VALUE",
            owner.trim_matches('`'))]
    Missing {
        /// Category and identifier.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// What it takes.
        kind: ParamType,
    },
}

fn suggest(name: &str, known: &[ParamName]) -> String {
    if known.is_empty() {
        return "; it takes none".to_owned();
    }
    let known = || known.iter().map(ParamName::as_str);
    match nearest(name, known()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; it takes {}", known().collect::<Vec<_>>().join(", ")),
    }
}

/// Values as given, by parameter name, as text.
pub type GivenParams = BTreeMap<String, String>;

/// The configuration of one implementation, as the JSON object that `create` gets:
/// the values given, defaults for the rest. `owner` names the implementation in
/// errors. Without declared parameters anything goes, read as YAML.
///
/// # Errors
/// A parameter that is not declared, a value of another type, a missing value.
pub fn check_params(
    owner: &str,
    declared: Option<&[ConfigParam]>,
    given: &GivenParams,
) -> Result<serde_json::Map<String, Value>, ParamError> {
    let Some(declared) = declared else {
        let loose = |text: &str| {
            serde_saphyr::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        };
        return Ok(given.iter().map(|(name, text)| (name.clone(), loose(text))).collect());
    };
    if let Some(name) = given.keys().find(|name| declared.iter().all(|p| p.name.as_str() != **name))
    {
        return Err(ParamError::Unknown {
            owner: owner.to_owned(),
            name: name.clone(),
            known: declared.iter().map(|param| param.name.clone()).collect(),
        });
    }
    let mut config = serde_json::Map::new();
    for param in declared {
        let value = match given.get(param.name.as_str()) {
            Some(text) => param.kind.read(text).ok_or_else(|| ParamError::WrongType {
                owner: owner.to_owned(),
                name: param.name.clone(),
                kind: param.kind,
                given: text.clone(),
            })?,
            None => match &param.default {
                Some(default) => default.clone(),
                None if !param.required => continue,
                None => {
                    return Err(ParamError::Missing {
                        owner: owner.to_owned(),
                        name: param.name.clone(),
                        kind: param.kind,
                    });
                }
            },
        };
        config.insert(param.name.to_string(), value);
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn declared() -> Vec<ConfigParam> {
        let param = |name: &str, kind: &str, default: Option<Value>| {
            let kind = kind.parse().unwrap();
            ConfigParam::declared(name, kind, default, String::new()).unwrap()
        };
        vec![
            param("file", "string", Some(json!("phases.log"))),
            param("verbose", "bool", Some(json!(false))),
            param("percentiles", "list<float>", Some(json!([50, 99]))),
            param("limit", "int", None),
        ]
    }

    fn check(given: &[(&str, &str)]) -> Result<Value, String> {
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        check_params("`post_processor/p`", Some(&declared()), &given)
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read_by_their_declared_type_and_the_rest_filled_in() {
        let config = check(&[("limit", "3"), ("file", "true"), ("percentiles", "[1, 2.5]")]);
        let expected =
            json!({"file": "true", "verbose": false, "percentiles": [1, 2.5], "limit": 3});
        assert_eq!(config.unwrap(), expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        for (given, words) in [
            (
                &[("limt", "3")][..],
                "`post_processor/p` has no parameter `limt`; did you mean `limit`?",
            ),
            (
                &[("colour", "3")],
                "`post_processor/p` has no parameter `colour`; it takes file, verbose, percentiles, limit",
            ),
            (
                &[("limit", "3.5")],
                "parameter `limit` of `post_processor/p` takes int, and `3.5` is not one",
            ),
            (
                &[("limit", "1"), ("verbose", "yes please")],
                "parameter `verbose` of `post_processor/p` takes bool, and `yes please` is not one",
            ),
            (
                &[("limit", "1"), ("percentiles", "[a]")],
                "parameter `percentiles` of `post_processor/p` takes list<float>, and `[a]` is not one",
            ),
            (
                &[],
                "`post_processor/p` needs parameter `limit` (int); give it with --set post_processor/p.limit=VALUE",
            ),
        ] {
            assert_eq!(check(given).unwrap_err(), words);
        }
    }

    #[test]
    fn without_a_declaration_anything_goes_as_yaml() {
        let given = [("n", "3"), ("text", "a b"), ("list", "[1, x]")];
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let config = check_params("", None, &given).unwrap();
        assert_eq!(Value::Object(config), json!({"list": [1, "x"], "n": 3, "text": "a b"}));
    }
}
