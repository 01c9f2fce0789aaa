//! Finds the scalars at given paths in a line of JSON. Checks the syntax of the whole line and
//! keeps nothing else of it.

use std::borrow::Cow;
use std::fmt;

use perfbox_model::escape;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use crate::record_error::RecordError;

/// Text of each scalar, by the index of its path; empty if missing or null.
pub(super) type Scalars<'l> = Vec<Cow<'l, str>>;

/// Paths to find, as a tree of names.
#[derive(Debug, Default)]
pub(super) struct Paths {
    /// Paths as given.
    given: Vec<String>,
    names: Vec<Name>,
}

/// A name on a path.
#[derive(Debug)]
struct Name {
    name: String,
    /// Paths that end here.
    ends: Vec<End>,
    below: Vec<Name>,
}

/// End of a path.
#[derive(Debug, Clone, Copy)]
struct End {
    /// Index of the path.
    path: usize,
    /// The path is one name that contains dots; it takes precedence over nested names.
    is_whole: bool,
}

/// Value at the end of a path, as written.
type Found<'l> = Option<(&'l str, bool)>;

impl Paths {
    pub(super) fn new<'p>(paths: impl Iterator<Item = &'p str>) -> Self {
        let mut new = Self::default();
        for (at, path) in paths.enumerate() {
            new.given.push(path.to_owned());
            add(&mut new.names, path, None, End { path: at, is_whole: true });
            if let Some((name, rest)) = path.split_once('.') {
                add(&mut new.names, name, Some(rest), End { path: at, is_whole: false });
            }
        }
        new
    }

    /// Finds the scalars of a line, which must be an object.
    pub(super) fn read<'l>(&self, line: &'l [u8]) -> Result<Scalars<'l>, RecordError> {
        let text = std::str::from_utf8(line).map_err(|error| {
            RecordError::at(error.valid_up_to() as u64 + 1, "not JSON: the text is not UTF-8")
        })?;
        let mut found: Vec<Found<'l>> = vec![None; self.given.len()];
        let mut json = serde_json::Deserializer::from_str(text);
        let taken = Take { names: &self.names, found: &mut found }.deserialize(&mut json);
        taken.and_then(|()| json.end()).map_err(|error| {
            let problem = RecordError::from(&error);
            RecordError { message: format!("not JSON: {}", problem.message), ..problem }
        })?;
        if !text.trim_start().starts_with('{') {
            return Err(RecordError::at(1, "the line is not a JSON object"));
        }
        let scalar = |(found, path): (Option<_>, &String)| match found {
            None => Ok(Cow::Borrowed("")),
            Some((json, _)) => scalar(json).ok_or_else(|| {
                let path = escape(path);
                RecordError::at(1, format!("`{path}` is not a number, text or boolean"))
            }),
        };
        found.into_iter().zip(&self.given).map(scalar).collect()
    }
}

fn add(names: &mut Vec<Name>, name: &str, rest: Option<&str>, end: End) {
    let at = names.iter().position(|known| known.name == name).unwrap_or_else(|| {
        names.push(Name { name: name.to_owned(), ends: Vec::new(), below: Vec::new() });
        names.len() - 1
    });
    match rest {
        None => names[at].ends.push(end),
        Some(rest) => match rest.split_once('.') {
            Some((name, rest)) => add(&mut names[at].below, name, Some(rest), end),
            None => add(&mut names[at].below, rest, None, end),
        },
    }
}

/// Text of a JSON scalar; none for a list or an object.
fn scalar(json: &str) -> Option<Cow<'_, str>> {
    Some(match json.as_bytes().first()? {
        b'[' | b'{' => return None,
        b'n' => Cow::Borrowed(""),
        b'"' if json.contains('\\') => Cow::Owned(serde_json::from_str(json).ok()?),
        b'"' => Cow::Borrowed(&json[1..json.len() - 1]),
        _ => Cow::Borrowed(json),
    })
}

/// Visits a value and takes the scalars below it.
struct Take<'t, 'l> {
    names: &'t [Name],
    found: &'t mut [Found<'l>],
}

impl<'l> DeserializeSeed<'l> for Take<'_, 'l> {
    type Value = ();

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'l> Visitor<'l> for Take<'_, 'l> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_map<A: MapAccess<'l>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Key(self.names))? {
            let Some(Name { ends, below, .. }) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if ends.is_empty() {
                map.next_value_seed(Take { names: below, found: self.found })?;
                continue;
            }
            let json = map.next_value::<&'l RawValue>()?.get();
            for End { path, is_whole } in ends {
                // Null counts as missing, but a whole name with it still takes precedence.
                let known = &mut self.found[*path];
                if *is_whole || known.is_none_or(|(_, is_whole)| !is_whole) {
                    *known = Some((json, *is_whole));
                }
            }
            if !below.is_empty() && json.starts_with('{') {
                let mut json = serde_json::Deserializer::from_str(json);
                Take { names: below, found: self.found }
                    .deserialize(&mut json)
                    .map_err(A::Error::custom)?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'l>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a key and looks it up among the names.
struct Key<'t>(&'t [Name]);

impl<'l, 't> DeserializeSeed<'l> for Key<'t> {
    type Value = Option<&'t Name>;

    fn deserialize<D: Deserializer<'l>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'_> for Key<'t> {
    type Value = Option<&'t Name>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|known| known.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(paths: &[&str], line: &str) -> Result<Vec<String>, String> {
        let scalars = Paths::new(paths.iter().copied()).read(line.as_bytes());
        let scalars =
            scalars.map_err(|problem| format!("{}: {}", problem.column, problem.message))?;
        Ok(scalars.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn scalars_are_as_they_are_written_wherever_they_stand() {
        let line =
            r#" {"a":1.10,"b":{"c":"x","d":{"e":true,"f":null}},"g":"\u0041\n","h":[1,{"a":2}]}"#;
        let paths = ["b.d.e", "a", "b.c", "g", "b.d.f", "b.d.x", "h.a", "a.c", "nothing"];
        assert_eq!(read(&paths, line).unwrap(), ["true", "1.10", "x", "A\n", "", "", "", "", ""]);
    }

    #[test]
    fn a_name_with_dots_in_it_comes_before_a_path() {
        for line in [r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a":{"b":2},"a.b":1}"#] {
            assert_eq!(read(&["a.b"], line).unwrap(), ["1"], "{line}");
        }
        assert_eq!(read(&["a.b", "a"], r#"{"a":"x"}"#).unwrap(), ["", "x"]);
        assert_eq!(read(&["a.b"], r#"{"a":{"b":2}}"#).unwrap(), ["2"]);
        assert_eq!(read(&["a", "a.b"], r#"{"a":null}"#).unwrap(), ["", ""]);
        // Of duplicate keys, the last counts.
        assert_eq!(read(&["a"], r#"{"a":1,"a":3}"#).unwrap(), ["3"]);
    }

    #[test]
    fn what_is_no_scalar_or_no_json_is_told() {
        for (line, message) in [
            (r#"{"a":[1]}"#, "1: `a` is not a number, text or boolean"),
            (r#"{"a":{"b":1}}"#, "1: `a` is not a number, text or boolean"),
            ("[1]", "1: the line is not a JSON object"),
            ("5", "1: the line is not a JSON object"),
            (r#"{"a":1,}"#, "8: not JSON: trailing comma"),
            (r#"{"a":1} {"a":2}"#, "9: not JSON: trailing characters"),
            (r#"{"a":01}"#, "7: not JSON: invalid number"),
            (r#"{"z":[1,{"y":NaN}],"a":1}"#, "14: not JSON: expected value"),
            (r#"{"a":1"#, "6: not JSON: EOF while parsing an object"),
        ] {
            assert_eq!(read(&["a"], line).unwrap_err(), message, "{line}");
        }
        let problem = Paths::default().read(b"{\"a\":\"\xff\"}").unwrap_err();
        assert_eq!((problem.column, &*problem.message), (7, "not JSON: the text is not UTF-8"));
    }
}
