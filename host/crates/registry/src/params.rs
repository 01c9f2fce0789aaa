//! The parameters that an implementation declares.

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::param_type::{ParamType, ScalarType};
use perfbox_model::escape;
use perfbox_model::names::{InvalidName, NAME_PATTERN, ParamName};

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

    /// What a value has to be, in words.
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
pub(crate) enum Fault {
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
pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
