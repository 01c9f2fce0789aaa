//! Metadata of a component, from the custom sections that common tools write: [OCI's annotations](https://github.com/opencontainers/image-spec/blob/main/annotations.md)
//! as text, [`producers`](https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md),
//! and the names of components and core modules.

use serde::Serialize;
use wasmparser::{ComponentName, CustomSectionReader, KnownCustom, Name};

/// Maximum length of a text, in bytes; longer texts are ignored.
const TEXT_MAX_BYTES: usize = 4096;

/// Maximum number of tools and languages.
const PRODUCERS_MAX: usize = 64;

/// Metadata of a component, unverified. Missing or invalid entries are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metadata {
    /// Name of the component, or else of the core module with the code of the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Authors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authors: Option<String>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Licenses, as an SPDX expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licenses: Option<String>,
    /// Location of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Homepage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Revision of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Languages and tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub producers: Vec<Producer>,
}

/// Language or tool of a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Producer {
    /// `language`, `sdk` or `processed-by`.
    pub role: String,
    /// Name.
    pub name: String,
    /// Version; may be empty.
    pub version: String,
}

impl Metadata {
    /// Present texts by section name.
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

    /// Adds the content of a custom section. Ignores an invalid one: a bad homepage must not
    /// hide a plugin.
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
                    // Linkers name a module after its file.
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
        if fits && self.producers.len() < PRODUCERS_MAX {
            let [role, name, version] = [role, name, version].map(str::to_owned);
            self.producers.push(Producer { role, name, version });
        }
    }

    /// Fills missing texts from `other`, and merges the producers of both.
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

/// The text, unless it is blank or too long.
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
    fn every_section_is_read_by_name() {
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
    fn invalid_section_is_ignored_and_hides_nothing() {
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
    fn missing_metadata_is_absent_from_json() {
        let read = metadata("(@custom \"version\" \"1.0.0\")");
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::json!({"version": "1.0.0"}));
    }
}
