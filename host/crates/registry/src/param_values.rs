//! Parameter values, checked against the declared parameters.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::param_type::{ParamType, ScalarType};
use crate::params::{ConfigParam, Fault, text_of};
use perfbox_model::escape;
use perfbox_model::names::{ParamName, nearest};

/// Errors of parameter values.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// Unknown parameter.
    #[error("{} has no parameter `{}`{}", escape(owner), escape(name), suggest(name, known))]
    Unknown {
        /// The implementation, as `CATEGORY/ID`.
        owner: String,
        /// The requested name.
        name: String,
        /// The declared parameters.
        known: Vec<ParamName>,
    },
    /// Value of the wrong type.
    #[error("invalid value `{1}` for parameter `{name}` of {0}; expected type {kind}{2}", escape(owner), escape(given),
            syntax_hint(*kind, given))]
    WrongType {
        /// The implementation, as `CATEGORY/ID`.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// Its type.
        kind: ParamType,
        /// The invalid value.
        given: String,
    },
    /// Value that is not one of the choices, or out of range.
    #[error("invalid value `{1}` for parameter `{name}` of {0}; valid: {rule}{2}", escape(owner), escape(given),
            near.as_ref().map(|near| format!("; did you mean `{}`?", escape(near))).unwrap_or_default())]
    NotAllowed {
        /// The implementation, as `CATEGORY/ID`.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// The valid values, for example `at least 1`.
        rule: String,
        /// The invalid value.
        given: String,
        /// The nearest valid choice.
        near: Option<String>,
    },
    /// Missing value of a parameter without a default.
    #[error("{} requires parameter `{name}` ({kind}); set it with --set {}.{name}=VALUE",
            escape(owner), escape(owner.trim_matches('`')))]
    Missing {
        /// The implementation, as `CATEGORY/ID`.
        owner: String,
        /// The parameter.
        name: ParamName,
        /// Its type.
        kind: ParamType,
    },
}

impl ParamError {
    /// Name of the parameter.
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
        return "; it takes no parameters".to_owned();
    }
    let known = || known.iter().map(ParamName::as_str);
    match nearest(name, known()) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; use one of {}", known().collect::<Vec<_>>().join(", ")),
    }
}

/// Hint on the syntax of a value, if `given` suggests that the user needs one.
fn syntax_hint(kind: ParamType, given: &str) -> String {
    match kind {
        ParamType::One(ScalarType::String) => ", in quotes".to_owned(),
        ParamType::List(_) if !given.trim_start().starts_with('[') => {
            format!(", in brackets: `[{}]`", escape(given))
        }
        _ => String::new(),
    }
}

/// Unchecked value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParamValue {
    /// From the command line: parsed by the type of the parameter.
    Text(String),
    /// From a file: already typed.
    Value(Value),
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl ParamValue {
    /// Text for display, not escaped.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Value(value) => text_of(value),
        }
    }

    fn parse(&self, kind: ParamType) -> Option<Value> {
        match self {
            Self::Text(text) => kind.parse(text),
            Self::Value(value) => Some(value.clone()),
        }
    }

    /// Parses a value without a declared type as YAML.
    fn parse_untyped(&self) -> Value {
        match self {
            Self::Text(text) => {
                serde_saphyr::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
            }
            Self::Value(value) => value.clone(),
        }
    }
}

/// Unchecked values by parameter name.
pub type ParamValues = BTreeMap<String, ParamValue>;

/// Builds the configuration of one implementation, the JSON object passed to `create`: the
/// given values, and defaults for the rest. `owner` names the implementation in errors.
/// Without declared parameters, accepts any name and parses text as YAML.
///
/// # Errors
/// For an undeclared parameter, a value of the wrong type or not allowed, or a missing value.
pub fn check_params(
    owner: &str,
    declared: Option<&[ConfigParam]>,
    given: &ParamValues,
) -> Result<serde_json::Map<String, Value>, ParamError> {
    let Some(declared) = declared else {
        return Ok(given
            .iter()
            .map(|(name, value)| (name.clone(), value.parse_untyped()))
            .collect());
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
            (Some(given), _) => param.accept(owner, given)?,
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
    /// Parses and checks a given value.
    fn accept(&self, owner: &str, given: &ParamValue) -> Result<Value, ParamError> {
        let (owner, name) = (owner.to_owned(), self.name.clone());
        let value = given.parse(self.kind);
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
    fn values_are_parsed_by_type_and_defaults_fill_the_rest() {
        let config = check(&[("limit", "3"), ("file", "true"), ("percentiles", "[1, 2.5]")]);
        let expected = json!({"file": "true", "verbose": false, "percentiles": [1, 2.5],
            "limit": 3, "mode": "exact", "ratios": [], "depth": 4});
        assert_eq!(config.unwrap(), expected);
    }

    #[test]
    fn invalid_values_are_refused_with_the_valid_ones() {
        for (given, message) in [
            (
                &[("limt", "3")][..],
                "`post_processor/p` has no parameter `limt`; did you mean `limit`?",
            ),
            (
                &[("colour", "3")],
                "`post_processor/p` has no parameter `colour`; use one of file, verbose, percentiles, limit, mode, ratios, depth",
            ),
            (
                &[("limit", "3.5")],
                "invalid value `3.5` for parameter `limit` of `post_processor/p`; expected type int",
            ),
            (
                &[("limit", "1"), ("verbose", "yes please")],
                "invalid value `yes please` for parameter `verbose` of `post_processor/p`; expected type bool",
            ),
            (
                &[("limit", "1"), ("percentiles", "[a]")],
                "invalid value `[a]` for parameter `percentiles` of `post_processor/p`; expected type list<float>",
            ),
            (
                &[("limit", "1"), ("percentiles", "50, 99")],
                "invalid value `50, 99` for parameter `percentiles` of `post_processor/p`; expected type list<float>, in brackets: `[50, 99]`",
            ),
            (
                &[("limit", "1"), ("mode", "fats")],
                "invalid value `fats` for parameter `mode` of `post_processor/p`; valid: one of fast, exact; did you mean `fast`?",
            ),
            (
                &[("limit", "1"), ("ratios", "[0.5, 1.5]")],
                "invalid value `[0.5, 1.5]` for parameter `ratios` of `post_processor/p`; valid: from 0 to 1",
            ),
            (
                &[("limit", "1"), ("depth", "0")],
                "invalid value `0` for parameter `depth` of `post_processor/p`; valid: at least 1",
            ),
            (
                &[],
                "`post_processor/p` requires parameter `limit` (int); set it with --set post_processor/p.limit=VALUE",
            ),
        ] {
            assert_eq!(check(given).unwrap_err(), message);
        }
    }

    #[test]
    fn undeclared_values_are_parsed_as_yaml() {
        let given = [("n", "3"), ("text", "a b"), ("list", "[1, x]")];
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), ParamValue::from(*v))).collect();
        let config = check_params("", None, &given).unwrap();
        assert_eq!(Value::Object(config), json!({"list": [1, "x"], "n": 3, "text": "a b"}));
    }
}
