//! What a component says about itself, in the sections that the field's tools write:
//! those of [OCI's annotations](https://github.com/opencontainers/image-spec/blob/main/annotations.md)
//! as text, [`producers`](https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md),
//! and the names of components and core modules.

use serde::Serialize;
use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, Name};

/// Longest text that is taken, in bytes; what is longer is no description.
const TEXT_MAX_BYTES: usize = 4096;

/// Most tools and languages that are taken, of one component.
const MOST_PRODUCERS: usize = 64;

/// What a component says about itself; nobody vouches for it. Of what it does not say,
/// or says unreadably, there is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// Its name; of one that has none, the name of the core module that the plugin's
    /// code is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<String>,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Under which licences, as an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<String>,
    /// Where its source code is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where to read about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Which revision of the source code it is built from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The languages it is written in and the tools that made it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<Producer>,
}

/// A language that a component is written in, or a tool that had a hand in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Producer {
    /// `language`, `sdk` or `processed-by`.
    pub role: String,
    /// Its name.
    pub name: String,
    /// Its version; may be empty.
    pub version: String,
}

impl Metadata {
    /// The texts that are there, by the names of their sections.
    pub fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("name", &self.name),
            ("version", &self.version),
            ("description", &self.description),
            ("authors", &self.authors),
            ("licenses", &self.licenses),
            ("homepage", &self.homepage),
            ("source", &self.source),
            ("revision", &self.revision),
        ];
        texts.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }

    /// Takes what a custom section says. One that says it unreadably is left out: a bad
    /// homepage must not hide a plugin.
    pub(super) fn add_section(&mut self, section: &CustomSectionReader<'_>) {
        let slot = match section.name() {
            "version" => &mut self.version,
            "authors" => &mut self.authors,
            "description" => &mut self.description,
            "licenses" => &mut self.licenses,
            "source" => &mut self.source,
            "homepage" => &mut self.homepage,
            "revision" => &mut self.revision,
            "name" | "component-name" | "producers" => return self.add_known(section),
            _ => return,
        };
        *slot = std::str::from_utf8(section.data()).ok().and_then(text);
    }

    fn add_known(&mut self, section: &CustomSectionReader<'_>) {
        match section.as_known() {
            KnownCustom::ComponentName(names) => {
                let name = names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    ComponentName::Component { name, .. } => text(name),
                    _ => None,
                });
                self.name = name.or(self.name.take());
            }
            KnownCustom::Name(names) => {
                let name = names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    // A linker gives a module the name of its file.
                    Name::Module { name, .. } => text(name.strip_suffix(".wasm").unwrap_or(name)),
                    _ => None,
                });
                self.name = name.or(self.name.take());
            }
            KnownCustom::Producers(fields) => {
                for field in fields.into_iter().map_while(Result::ok) {
                    for value in field.values.into_iter().map_while(Result::ok) {
                        self.add_producer(field.name, value.name, value.version);
                    }
                }
            }
            _ => {}
        }
    }

    fn add_producer(&mut self, role: &str, name: &str, version: &str) {
        let fits = name.len() + version.len() <= TEXT_MAX_BYTES;
        if fits && self.producers.len() < MOST_PRODUCERS {
            let [role, name, version] = [role, name, version].map(str::to_owned);
            self.producers.push(Producer { role, name, version });
        }
    }

    /// This, and what only the other says. The producers are those of both, since each
    /// made a part.
    pub(super) fn or(self, other: Self) -> Self {
        let mut producers = self.producers;
        producers.extend(other.producers);
        producers.sort();
        producers.dedup();
        Self {
            name: self.name.or(other.name),
            version: self.version.or(other.version),
            authors: self.authors.or(other.authors),
            description: self.description.or(other.description),
            licenses: self.licenses.or(other.licenses),
            source: self.source.or(other.source),
            homepage: self.homepage.or(other.homepage),
            revision: self.revision.or(other.revision),
            producers,
        }
    }
}

/// The text, if there is any and it is not too long.
fn text(text: &str) -> Option<String> {
    let is_taken = !text.trim().is_empty() && text.len() <= TEXT_MAX_BYTES;
    is_taken.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::info::ComponentInfo;

    fn metadata(sections: &str) -> Metadata {
        let bytes = wat::parse_str(format!("(component {sections})")).unwrap();
        ComponentInfo::read(&bytes).unwrap().metadata
    }

    #[test]
    fn every_section_is_read_under_its_name() {
        let sections: String =
            ["version", "authors", "description", "licenses", "source", "homepage", "revision"]
                .iter()
                .map(|name| format!("(@custom \"{name}\" \"the {name}\")"))
                .collect();
        let named = |text: &str| format!("$acme {text}");
        let read = metadata(&named(&sections));
        let texts: Vec<_> = read.texts().collect();
        assert_eq!(
            texts,
            [
                ("name", "acme"),
                ("version", "the version"),
                ("description", "the description"),
                ("authors", "the authors"),
                ("licenses", "the licenses"),
                ("homepage", "the homepage"),
                ("source", "the source"),
                ("revision", "the revision"),
            ]
        );
    }

    #[test]
    fn an_unreadable_section_is_left_out_and_hides_nothing() {
        let long = "x".repeat(TEXT_MAX_BYTES + 1);
        for bad in [r#""\ff\fe""#, r#""""#, r#"" \n ""#, &format!("\"{long}\"")] {
            let read = metadata(&format!(
                "(@custom \"homepage\" {bad}) (@custom \"producers\" {bad}) \
                 (@custom \"component-name\" {bad}) (@custom \"version\" \"1.0.0\")"
            ));
            let texts: Vec<_> = read.texts().collect();
            assert_eq!(texts, [("version", "1.0.0")]);
            assert_eq!(read.producers, []);
        }
    }

    #[test]
    fn what_a_component_does_not_say_is_absent_from_its_json() {
        let read = metadata("(@custom \"version\" \"1.0.0\")");
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::json!({"version": "1.0.0"}));
    }
}
