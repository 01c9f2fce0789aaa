//! Values given to parameters, checked against what is declared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::param_type::{ParamType, ScalarType};
use crate::params::{ConfigParam, Fault, text_of};
use perfbox_model::escape;
use perfbox_model::names::{ParamName, nearest};

/// A value given to a parameter that does not go with what is declared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// No such parameter.
    #[error("{} has no parameter `{}`{}", escape(owner), escape(name), suggest(name, known))]
    Unknown {
        /// Category and identifier.
        owner: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<ParamName>,
    },
    /// A value of another type.
    #[error("parameter `{name}` of {} takes {kind}, and `{}` is not one{}", escape(owner), escape(given),
            how_to_write(*kind, given))]
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
    /// A value that is not among the choices, or out of bounds.
    #[error("parameter `{name}` of {} is {rule}, not `{}`{}", escape(owner), escape(given),
            near.as_ref().map(|near| format!("; did you mean `{}`?", escape(near))).unwrap_or_default())]
    NotAllowed {
        /// Category and identifier.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// What it has to be, for example `at least 1`.
        rule: String,
        /// What was given.
        given: String,
        /// The nearest choice.
        near: Option<String>,
    },
    /// A parameter without a default that was not given.
    #[error("{} needs parameter `{name}` ({kind}); give it with --set {}.{name}=VALUE",
            escape(owner), escape(owner.trim_matches('`')))]
    Missing {
        /// Category and identifier.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// What it takes.
        kind: ParamType,
    },
}

impl ParamError {
    /// The name of the parameter.
    pub fn param(&self) -> &str {
        match self {
            Self::Unknown { name, .. } => name,
            Self::WrongType { name, .. }
            | Self::NotAllowed { name, .. }
            | Self::Missing { name, .. } => name.as_str(),
        }
    }
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

/// How to write a value of a type, where what was given shows that it is not known.
fn how_to_write(kind: ParamType, given: &str) -> String {
    match kind {
        ParamType::One(ScalarType::String) => "; put it in quotes".to_owned(),
        ParamType::List(_) if !given.trim_start().starts_with('[') => {
            format!("; a list stands in brackets: `[{}]`", escape(given))
        }
        _ => String::new(),
    }
}

/// A value as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// On a command line: read by the parameter's type.
    Text(String),
    /// In a file: it has a type already.
    Value(Value),
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl ParamValue {
    /// As it can be shown, not yet made safe.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(value) => text_of(value),
        }
    }

    fn read(&self, kind: ParamType) -> Option<Value> {
        match self {
            Self::Text(text) => kind.read(text),
            Self::Value(value) => Some(value.clone()),
        }
    }

    /// Without a declared type.
    fn read_loose(&self) -> Value {
        match self {
            Self::Text(text) => {
                serde_saphyr::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Self::Value(value) => value.clone(),
        }
    }
}

/// Values as given, by parameter name.
pub type ParamValues = BTreeMap<String, ParamValue>;

/// The configuration of one implementation, as the JSON object that `create` gets:
/// the values given, defaults for the rest. `owner` names the implementation in
/// errors. Without declared parameters anything goes, texts read as YAML.
///
/// # Errors
/// A parameter that is not declared, a value of another type or not allowed, a missing
/// value.
pub fn check_params(
    owner: &str,
    declared: Option<&[ConfigParam]>,
    given: &ParamValues,
) -> Result<serde_json::Map<String, Value>, ParamError> {
    let Some(declared) = declared else {
        return Ok(given.iter().map(|(name, one)| (name.clone(), one.read_loose())).collect());
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
        let value = match (given.get(param.name.as_str()), &param.default) {
            (Some(given), _) => param.take(owner, given)?,
            (None, Some(default)) => default.clone(),
            (None, None) if !param.required => continue,
            (None, None) => {
                return Err(ParamError::Missing {
                    owner: owner.to_owned(),
                    name: param.name.clone(),
                    kind: param.kind,
                });
            }
        };
        config.insert(param.name.to_string(), value);
    }
    Ok(config)
}

impl ConfigParam {
    /// The value that was given, checked.
    fn take(&self, owner: &str, given: &ParamValue) -> Result<Value, ParamError> {
        let (owner, name) = (owner.to_owned(), self.name.clone());
        let value = given.read(self.kind);
        let fault = match &value {
            None => Err(Fault::Type),
            Some(value) => self.check(value),
        };
        let given = given.text();
        match (value, fault) {
            (Some(value), Ok(())) => Ok(value),
            (_, Ok(()) | Err(Fault::Type)) => {
                Err(ParamError::WrongType { owner, name, kind: self.kind, given })
            }
            (_, Err(fault)) => {
                let choices: Vec<String> = self.choices.iter().map(text_of).collect();
                let near = nearest(&given, choices.iter().map(String::as_str)).map(str::to_owned);
                Err(ParamError::NotAllowed { owner, name, rule: self.rule(&fault), given, near })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Declaration;
    use serde_json::json;

    fn declared() -> Vec<ConfigParam> {
        let declare = |more: Declaration| ConfigParam::declared(more).unwrap();
        let param = |name: &str, kind: &str, default: Option<Value>| Declaration {
            name: name.to_owned(),
            kind: kind.to_owned(),
            default,
            ..Declaration::default()
        };
        let mode = Declaration {
            choices: Some(vec![json!("fast"), json!("exact")]),
            ..param("mode", "string", Some(json!("exact")))
        };
        let ratios = Declaration {
            min: Some(json!(0)),
            max: Some(json!(1)),
            ..param("ratios", "list<float>", Some(json!([])))
        };
        let depth = Declaration { min: Some(json!(1)), ..param("depth", "int", Some(json!(4))) };
        let all = vec![
            param("file", "string", Some(json!("phases.log"))),
            param("verbose", "bool", Some(json!(false))),
            param("percentiles", "list<float>", Some(json!([50, 99]))),
            param("limit", "int", None),
            mode,
            ratios,
            depth,
        ];
        all.into_iter().map(declare).collect()
    }

    fn check(given: &[(&str, &str)]) -> Result<Value, String> {
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), ParamValue::from(*v))).collect();
        check_params("`post_processor/p`", Some(&declared()), &given)
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read_by_their_declared_type_and_the_rest_filled_in() {
        let config = check(&[("limit", "3"), ("file", "true"), ("percentiles", "[1, 2.5]")]);
        let expected = json!({"file": "true", "verbose": false, "percentiles": [1, 2.5],
            "limit": 3, "mode": "exact", "ratios": [], "depth": 4});
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
                "`post_processor/p` has no parameter `colour`; it takes file, verbose, percentiles, limit, mode, ratios, depth",
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
                &[("limit", "1"), ("percentiles", "50, 99")],
                "parameter `percentiles` of `post_processor/p` takes list<float>, and `50, 99` is not one; a list stands in brackets: `[50, 99]`",
            ),
            (
                &[("limit", "1"), ("mode", "fats")],
                "parameter `mode` of `post_processor/p` is one of fast, exact, not `fats`; did you mean `fast`?",
            ),
            (
                &[("limit", "1"), ("ratios", "[0.5, 1.5]")],
                "parameter `ratios` of `post_processor/p` is from 0 to 1, not `[0.5, 1.5]`",
            ),
            (
                &[("limit", "1"), ("depth", "0")],
                "parameter `depth` of `post_processor/p` is at least 1, not `0`",
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
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), ParamValue::from(*v))).collect();
        let config = check_params("", None, &given).unwrap();
        assert_eq!(Value::Object(config), json!({"list": [1, "x"], "n": 3, "text": "a b"}));
    }
}
