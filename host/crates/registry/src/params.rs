//! Declared parameters of an implementation.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::param_type::{ParamType, ScalarType};
use perfbox_model::escape;
use perfbox_model::names::{InvalidName, NAME_PATTERN, ParamName};

/// Declared parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigParam {
    /// Name, as in `--set ID.NAME=VALUE`.
    pub name: ParamName,
    /// Type.
    pub kind: ParamType,
    /// Default value.
    #[serde(with = "as_json")]
    pub default: Option<Value>,
    /// For a parameter without a default: true if a value is required, false if optional.
    pub required: bool,
    /// Valid values; empty for any value of the type. In a list, applies to each item, as do
    /// the bounds.
    #[serde(with = "as_json")]
    pub choices: Vec<Value>,
    /// Minimum.
    #[serde(with = "as_json")]
    pub min: Option<Value>,
    /// Maximum.
    #[serde(with = "as_json")]
    pub max: Option<Value>,
    /// Description.
    pub description: String,
}

/// Declaration of a parameter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ParamDeclaration")]
pub(crate) struct Declaration {
    /// Name, as in `--set ID.NAME=VALUE`.
    #[schemars(extend("pattern" = NAME_PATTERN))]
    pub(crate) name: String,
    /// Type.
    #[serde(rename = "type", default = "string_type")]
    #[schemars(extend("enum" = ParamType::ALL.map(ParamType::as_str)))]
    pub(crate) kind: String,
    /// Default value; if absent, a value is required.
    pub(crate) default: Option<Value>,
    /// Description.
    #[serde(default)]
    pub(crate) description: String,
    /// Valid values, or valid items of a list; if absent, any value of the type.
    pub(crate) choices: Option<Vec<Value>>,
    /// Minimum of an int or float, or of each item in a list.
    pub(crate) min: Option<Value>,
    /// Maximum of an int or float, or of each item in a list.
    pub(crate) max: Option<Value>,
}

fn string_type() -> String {
    ParamType::One(ScalarType::String).as_str().to_owned()
}

/// Serializes values as JSON text, for formats that are not self-describing. Default values
/// become `None`, which is fast: an index can hold thousands of parameters.
mod as_json {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize + Default + PartialEq, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if *value == T::default() {
            return serializer.serialize_none();
        }
        serializer.serialize_some(&serde_json::to_string(value).map_err(S::Error::custom)?)
    }

    pub(crate) fn deserialize<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let Some(text) = Option::<&str>::deserialize(deserializer)? else {
            return Ok(T::default());
        };
        serde_json::from_str(text).map_err(D::Error::custom)
    }
}

impl ConfigParam {
    /// Checks a declaration. Every declaration, in a manifest or in a component, goes through
    /// this function or [`ConfigParam::optional_text`].
    ///
    /// # Errors
    /// A message for an invalid declaration.
    pub(crate) fn declared(declaration: Declaration) -> Result<Self, String> {
        let Declaration { name, kind, default, description, choices, min, max } = declaration;
        let name: ParamName = name.parse().map_err(|error: InvalidName| error.to_string())?;
        let kind: ParamType = kind.parse()?;
        let required = default.is_none();
        let choices = match choices {
            Some(choices) if choices.is_empty() => {
                return Err(format!(
                    "parameter `{name}` has an empty list of `choices`; add values, or remove `choices`"
                ));
            }
            choices => choices.unwrap_or_default(),
        };
        let of_item = |what: &str, value: &Value| match kind.item().accepts(value) {
            true => Ok(()),
            false => Err(format!(
                "{what} of parameter `{name}` is not of type {}: {}",
                kind.item().as_str(),
                escape(&value.to_string())
            )),
        };
        choices.iter().try_for_each(|choice| of_item("a choice", choice))?;
        for (what, bound) in [("`min`", &min), ("`max`", &max)] {
            let Some(bound) = bound else { continue };
            if !matches!(kind.item(), ScalarType::Int | ScalarType::Float) {
                return Err(format!(
                    "parameter `{name}` has `min` or `max`, but type {kind} is not a number; remove them"
                ));
            }
            of_item(what, bound)?;
        }
        let param = Self { name, kind, default, required, choices, min, max, description };
        if let Some(default) = &param.default {
            param.check(default).map_err(|fault| match fault {
                Fault::Type => format!(
                    "default of parameter `{}` is not of type {kind}: {}",
                    param.name,
                    escape(&default.to_string())
                ),
                Fault::Choice | Fault::Range => format!(
                    "default of parameter `{}` is not {}: {}",
                    param.name,
                    param.rule(&fault),
                    escape(&default.to_string())
                ),
            })?;
        }
        Ok(param)
    }

    /// Creates an optional parameter of type string.
    ///
    /// # Errors
    /// A message for an invalid name.
    pub(crate) fn optional_text(name: &str) -> Result<Self, String> {
        let named =
            Declaration { name: name.to_owned(), kind: string_type(), ..Declaration::default() };
        Ok(Self { required: false, ..Self::declared(named)? })
    }

    /// Checks a value against type, choices and bounds.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Fault> {
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

    /// Describes the valid values: `one of a, b`, `at least 1`.
    pub(crate) fn rule(&self, fault: &Fault) -> String {
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

    /// Describes choices and bounds; empty if there are none.
    pub fn constraint(&self) -> String {
        let choices = (!self.choices.is_empty()).then(|| self.rule(&Fault::Choice));
        let is_bounded = self.min.is_some() || self.max.is_some();
        let range = is_bounded.then(|| self.rule(&Fault::Range));
        choices.into_iter().chain(range).collect::<Vec<_>>().join(", ")
    }

    /// Adds the parameter to the others of its implementation.
    ///
    /// # Errors
    /// A message if the name is already declared.
    pub(crate) fn add_to(self, params: &mut Vec<Self>) -> Result<(), String> {
        if params.iter().any(|known| known.name == self.name) {
            return Err(format!("parameter `{}` is declared twice", self.name));
        }
        params.push(self);
        Ok(())
    }
}

/// Reason why a value is invalid.
pub(crate) enum Fault {
    Type,
    Choice,
    Range,
}

/// Compares two numbers; compares whole numbers exactly.
fn compare(a: &Value, b: &Value) -> Ordering {
    let whole =
        |value: &Value| value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal),
    }
}

/// Text of a string value; JSON for other values.
pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
