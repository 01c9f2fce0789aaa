//! Entries of vLLM's arrays. The type of an entry is checked when it is used, so that one bad
//! entry does not affect the others.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Debug)]
pub(super) enum Entry<'a> {
    Null,
    Bool,
    Number(f64),
    Text(Cow<'a, str>),
    Numbers(Vec<f64>),
    /// A list of other values.
    List,
    Object,
}

impl Entry<'_> {
    /// The number in the array of that name.
    pub(super) fn number(&self, array: &str) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            other => Err(other.is_not(array, "a number")),
        }
    }

    /// The list of numbers in the array of that name.
    pub(super) fn numbers(&self, array: &str) -> Result<&[f64], String> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            other => Err(other.is_not(array, "a list of numbers")),
        }
    }

    /// The text in the array of that name, if any.
    pub(super) fn text(&self, array: &str) -> Result<Option<&str>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Text(text) => Ok(Some(text)),
            other => Err(other.is_not(array, "a text")),
        }
    }

    fn is_not(&self, array: &str, expected: &str) -> String {
        let found = match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Numbers(_) => "a list of numbers",
            Self::List => "a list of other things",
            Self::Object => "an object",
        };
        format!("`{array}` has {found} there, not {expected}")
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Entry<'de>, E> {
        Ok(Entry::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Entry<'de>, E> {
        Ok(Entry::Bool)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Entry<'de>, E> {
        Ok(Entry::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Entry<'de>, E> {
        Ok(Entry::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Entry<'de>, E> {
        Ok(Entry::Number(number as f64))
    }

    fn visit_str<E>(self, text: &str) -> Result<Entry<'de>, E> {
        Ok(Entry::Text(text.to_owned().into()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Entry<'de>, E> {
        Ok(Entry::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Entry<'de>, A::Error> {
        let mut numbers = Vec::new();
        let mut is_list_of_numbers = true;
        while let Some(entry) = seq.next_element::<Entry<'de>>()? {
            match entry {
                Entry::Number(number) => numbers.push(number),
                _ => is_list_of_numbers = false,
            }
        }
        Ok(if is_list_of_numbers { Entry::Numbers(numbers) } else { Entry::List })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Entry::Object)
    }
}

/// Number of entries in an array that is not read.
#[derive(Debug)]
pub(super) struct Count(pub(super) usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counter;
        impl<'de> Visitor<'de> for Counter {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counter)
    }
}
