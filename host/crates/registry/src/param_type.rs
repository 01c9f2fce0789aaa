//! Types of parameters.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use perfbox_model::escape;

/// Type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// One value.
    One(ScalarType),
    /// List of values.
    List(ScalarType),
}

/// Type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// Text.
    String,
    /// 64-bit integer, signed or unsigned.
    Int,
    /// Finite number.
    Float,
    /// `true` or `false`.
    Bool,
}

impl ScalarType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
        }
    }

    pub(crate) fn accepts(self, value: &Value) -> bool {
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
                "unknown type `{}`; use string, int, float, bool, or list<…> of one of them",
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

    /// Name in a manifest, for example `list<float>`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One(scalar) => scalar.as_str(),
            Self::List(ScalarType::String) => "list<string>",
            Self::List(ScalarType::Int) => "list<int>",
            Self::List(ScalarType::Float) => "list<float>",
            Self::List(ScalarType::Bool) => "list<bool>",
        }
    }

    /// Type of the value, or of the items of a list.
    pub(crate) fn item(self) -> ScalarType {
        match self {
            Self::One(scalar) | Self::List(scalar) => scalar,
        }
    }

    /// True if the value has this type.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::One(scalar) => scalar.accepts(value),
            Self::List(scalar) => {
                value.as_array().is_some_and(|items| items.iter().all(|item| scalar.accepts(item)))
            }
        }
    }

    /// Parses a value from the command line: a string unchanged, other types as YAML.
    pub(crate) fn parse(self, text: &str) -> Option<Value> {
        match self {
            Self::One(ScalarType::String) => Some(Value::String(text.to_owned())),
            _ => serde_saphyr::from_str(text).ok(),
        }
    }
}
