//! The parameters that an implementation declares, and values checked against them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::escape;
use crate::names::{InvalidName, NAME_PATTERN, ParamName, nearest};

/// A declared parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigParam {
    /// Its name, as in `--set ID.NAME=VALUE`.
    pub name: ParamName,
    /// What it takes.
    pub kind: ParamType,
    /// Its value unless another is given.
    #[serde(with = "as_json")]
    pub default: Option<Value>,
    /// Without a default: true when it must be given, false when it may stay absent.
    pub required: bool,
    /// The values that it takes; empty: any of its type. For a list, of each item; so
    /// the bounds.
    #[serde(with = "as_json")]
    pub choices: Vec<Value>,
    /// The least number that it takes.
    #[serde(with = "as_json")]
    pub min: Option<Value>,
    /// The greatest number that it takes.
    #[serde(with = "as_json")]
    pub max: Option<Value>,
    /// For people.
    pub description: String,
}

/// All that a manifest can say of a parameter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ParamDeclaration")]
pub(crate) struct Declaration {
    /// Its name, as in `--set ID.NAME=VALUE`.
    #[schemars(extend("pattern" = NAME_PATTERN))]
    pub(crate) name: String,
    /// What it takes.
    #[serde(rename = "type", default = "string_type")]
    #[schemars(extend("enum" = ParamType::ALL.map(ParamType::as_str)))]
    pub(crate) kind: String,
    /// Its value unless another is given; absent: one must be given.
    pub(crate) default: Option<Value>,
    /// For people.
    #[serde(default)]
    pub(crate) description: String,
    /// The values that it takes, or of which a list takes some; absent: any of its type.
    pub(crate) choices: Option<Vec<Value>>,
    /// The least that an int or float, or an item of a list of them, may be.
    pub(crate) min: Option<Value>,
    /// The most that it may be.
    pub(crate) max: Option<Value>,
}

fn string_type() -> String {
    ParamType::One(ScalarType::String).as_str().to_owned()
}

/// JSON in a text, for forms that do not describe themselves. What is empty takes no
/// text, and so no time: an index holds thousands of these.
mod as_json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize + Default + PartialEq, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if *value == T::default() {
            return serializer.serialize_none();
        }
        serializer.serialize_some(&serde_json::to_string(value).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let Some(text) = Option::<&str>::deserialize(deserializer)? else {
            return Ok(T::default());
        };
        serde_json::from_str(text).map_err(D::Error::custom)
    }
}

impl ConfigParam {
    /// One that has a default or must be given. Every declaration, wherever it stands,
    /// comes through here or through [`ConfigParam::optional_text`].
    ///
    /// # Errors
    /// What cannot be in it, in words.
    pub(crate) fn declared(declaration: Declaration) -> Result<Self, String> {
        let Declaration { name, kind, default, description, choices, min, max } = declaration;
        let name: ParamName = name.parse().map_err(|error: InvalidName| error.to_string())?;
        let kind: ParamType = kind.parse()?;
        let required = default.is_none();
        let choices = match choices {
            Some(choices) if choices.is_empty() => {
                return Err(format!(
                    "parameter `{name}` has no choices; name some, or leave `choices` out"
                ));
            }
            choices => choices.unwrap_or_default(),
        };
        let of_item = |what: &str, value: &Value| match kind.item().accepts(value) {
            true => Ok(()),
            false => Err(format!(
                "{what} of parameter `{name}` is not of its type, {}: {}",
                kind.item().as_str(),
                escape(&value.to_string())
            )),
        };
        choices.iter().try_for_each(|choice| of_item("a choice", choice))?;
        for (what, bound) in [("the min", &min), ("the max", &max)] {
            let Some(bound) = bound else { continue };
            if !matches!(kind.item(), ScalarType::Int | ScalarType::Float) {
                return Err(format!(
                    "parameter `{name}` is no number, and only numbers have min and max"
                ));
            }
            of_item(what, bound)?;
        }
        let param = Self { name, kind, default, required, choices, min, max, description };
        if let Some(default) = &param.default {
            param.check(default).map_err(|fault| match fault {
                Fault::Type => format!(
                    "the default of parameter `{}` is not of its type, {kind}: {}",
                    param.name,
                    escape(&default.to_string())
                ),
                Fault::Choice | Fault::Range => format!(
                    "the default of parameter `{}` is not {}: {}",
                    param.name,
                    param.rule(&fault),
                    escape(&default.to_string())
                ),
            })?;
        }
        Ok(param)
    }

    /// One that may stay absent, of which only the name is known.
    ///
    /// # Errors
    /// What is wrong with the name, in words.
    pub(crate) fn optional_text(name: &str) -> Result<Self, String> {
        let named =
            Declaration { name: name.to_owned(), kind: string_type(), ..Declaration::default() };
        Ok(Self { required: false, ..Self::declared(named)? })
    }

    /// Checks one value.
    fn check(&self, value: &Value) -> Result<(), Fault> {
        if !self.kind.accepts(value) {
            return Err(Fault::Type);
        }
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        if !self.choices.is_empty() && items.iter().any(|item| !self.choices.contains(item)) {
            return Err(Fault::Choice);
        }
        let is_outside = |item: &Value| {
            let breaks = |bound: &Option<Value>, order| {
                bound.as_ref().is_some_and(|bound| compare(item, bound) == order)
            };
            breaks(&self.min, Ordering::Less) || breaks(&self.max, Ordering::Greater)
        };
        if items.iter().any(is_outside) {
            return Err(Fault::Range);
        }
        Ok(())
    }

    /// What a value has to be, in words.
    fn rule(&self, fault: &Fault) -> String {
        let shown = |value: &Value| escape(&text_of(value)).into_owned();
        match (fault, &self.min, &self.max) {
            (Fault::Choice, ..) => {
                let choices: Vec<_> = self.choices.iter().map(shown).collect();
                format!("one of {}", choices.join(", "))
            }
            (Fault::Range, Some(min), Some(max)) => {
                format!("from {} to {}", shown(min), shown(max))
            }
            (Fault::Range, Some(min), None) => format!("at least {}", shown(min)),
            (Fault::Range, None, Some(max)) => format!("at most {}", shown(max)),
            (Fault::Range, None, None) | (Fault::Type, ..) => self.kind.to_string(),
        }
    }

    /// What it takes besides its type, in words; empty: nothing.
    pub fn constraint(&self) -> String {
        let choices = (!self.choices.is_empty()).then(|| self.rule(&Fault::Choice));
        let is_bounded = self.min.is_some() || self.max.is_some();
        let range = is_bounded.then(|| self.rule(&Fault::Range));
        choices.into_iter().chain(range).collect::<Vec<_>>().join(", ")
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

/// What is wrong with a value.
enum Fault {
    Type,
    Choice,
    Range,
}

/// Of two numbers; whole ones are compared as such.
fn compare(a: &Value, b: &Value) -> Ordering {
    let whole =
        |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// A text as it is, all else as JSON.
fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
        f.write_str(self.as_str())
    }
}

impl FromStr for ParamType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            format!(
                "`{}` is not a type; the types are string, int, float, bool and list<…> of each",
                escape(text)
            )
        })
    }
}

impl Serialize for ParamType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ParamType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl ParamType {
    /// Every type.
    pub const ALL: [Self; 8] = [
        Self::One(ScalarType::String),
        Self::One(ScalarType::Int),
        Self::One(ScalarType::Float),
        Self::One(ScalarType::Bool),
        Self::List(ScalarType::String),
        Self::List(ScalarType::Int),
        Self::List(ScalarType::Float),
        Self::List(ScalarType::Bool),
    ];

    /// As a manifest has it, for example `list<float>`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One(scalar) => scalar.as_str(),
            Self::List(ScalarType::String) => "list<string>",
            Self::List(ScalarType::Int) => "list<int>",
            Self::List(ScalarType::Float) => "list<float>",
            Self::List(ScalarType::Bool) => "list<bool>",
        }
    }

    /// Its own type, or that of its items.
    fn item(self) -> ScalarType {
        match self {
            Self::One(scalar) | Self::List(scalar) => scalar,
        }
    }

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
        match self {
            Self::One(ScalarType::String) => Some(Value::String(text.to_owned())),
            _ => serde_saphyr::from_str(text).ok(),
        }
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
    #[error("parameter `{name}` of {owner} takes {kind}, and `{}` is not one{}", escape(given),
            if *kind == ParamType::One(ScalarType::String) { "; put it in quotes" } else { "" })]
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
    #[error("parameter `{name}` of {owner} is {rule}, not `{}`{}", escape(given),
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

/// A value as it was given.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// On a command line: read by the parameter's type.
    Text(String),
    /// In a file: it has a type already.
    Value(Value),
}

impl From<&str> for Given {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Given {
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
pub type GivenParams = BTreeMap<String, Given>;

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
    given: &GivenParams,
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
    fn take(&self, owner: &str, given: &Given) -> Result<Value, ParamError> {
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
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), Given::from(*v))).collect();
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
        let given = given.iter().map(|(k, v)| ((*k).to_owned(), Given::from(*v))).collect();
        let config = check_params("", None, &given).unwrap();
        assert_eq!(Value::Object(config), json!({"list": [1, "x"], "n": 3, "text": "a b"}));
    }
}
