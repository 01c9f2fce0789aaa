//! `registry.yaml`: what a package says it offers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::params::{ConfigParam, Declaration};
use crate::yaml::{self, ConfigError, Versioned, YamlError};
use perfbox_model::escape;
use perfbox_model::names::{Category, Identifier, InvalidName, NAME_PATTERN, PackageName};

/// Name of a package's manifest.
pub const MANIFEST_FILE: &str = "registry.yaml";

/// The manifest's form that this version reads.
const SCHEMA_VERSION: &str = "1.0";

/// Priority of an implementation that does not say: calls go from low to high.
pub(crate) const DEFAULT_PRIORITY: i64 = 50;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The package's name.
    pub name: PackageName,
    /// Its version, as its author writes it.
    pub version: String,
    /// For people.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Under which licence, as an SPDX expression.
    pub license: String,
    /// False: listed, never selected.
    pub enabled: bool,
    /// What it offers, by category and identifier.
    pub implementations: Vec<ManifestImplementation>,
}

/// One entry of `phase_hooks` or `post_processors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestImplementation {
    /// What it is for.
    pub category: Category,
    /// What users select it by.
    pub identifier: Identifier,
    /// The component, as a path of plain parts inside the package.
    pub component: PathBuf,
    /// Which of the component's implementations.
    pub class: String,
    /// For people.
    pub description: String,
    /// Order of calls: lower first.
    pub priority: i64,
    /// For people.
    pub tags: Vec<String>,
    /// Part of every run without being named.
    pub auto_load: bool,
    /// Its parameters; none: not declared, anything goes.
    pub params: Option<Vec<ConfigParam>>,
}

/// `registry.yaml`: what a package offers to perfbox.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Manifest")]
struct RawManifest {
    /// The form of this file; absent: "1.0".
    #[schemars(with = "Option<String>", extend("const" = SCHEMA_VERSION))]
    schema_version: Option<Spanned<String>>,
    /// The package.
    plugin: RawPlugin,
    /// Hooks, by identifier.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawImplementation>", extend("propertyNames" = {"pattern": NAME_PATTERN}))]
    phase_hooks: BTreeMap<String, Spanned<RawImplementation>>,
    /// Processors, by identifier.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawImplementation>", extend("propertyNames" = {"pattern": NAME_PATTERN}))]
    post_processors: BTreeMap<String, Spanned<RawImplementation>>,
}

impl Versioned for RawManifest {
    const NEEDS: &'static str = "a manifest has at least `plugin`";
    const READ: &'static str = SCHEMA_VERSION;

    fn schema_version(&self) -> Option<&Spanned<String>> {
        self.schema_version.as_ref()
    }
}

/// Who made the package, and whether it takes part.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Plugin")]
struct RawPlugin {
    /// The package's name, as in `--use CATEGORY/ID=NAME`; not `builtin`.
    #[schemars(with = "String", extend("pattern" = NAME_PATTERN, "not" = {"const": "builtin"}))]
    name: Spanned<String>,
    /// Its version.
    version: String,
    /// For people.
    #[serde(default)]
    description: String,
    /// Who wrote it.
    #[serde(default)]
    author: String,
    /// Its licence, as an SPDX expression.
    #[serde(default)]
    license: String,
    /// False: listed, never selected.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

fn default_priority() -> i64 {
    DEFAULT_PRIORITY
}

/// One implementation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Implementation")]
struct RawImplementation {
    /// The component, as a path inside the package.
    #[schemars(with = "String")]
    component: Spanned<String>,
    /// Which of the component's implementations; absent: the identifier.
    class: Option<String>,
    /// For people.
    #[serde(default)]
    description: String,
    /// Order of calls: lower first, ties by identifier.
    #[serde(default = "default_priority")]
    priority: i64,
    /// For people.
    #[serde(default)]
    tags: Vec<String>,
    /// True: part of every run without being named.
    #[serde(default)]
    auto_load: bool,
    /// Its parameters; absent: not declared, anything goes.
    #[schemars(with = "Option<Vec<RawParam>>")]
    config_params: Option<Vec<Spanned<RawParam>>>,
}

/// A parameter: its name (a text without default), or all that can be said of it.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Param")]
enum RawParam {
    Name(#[schemars(extend("pattern" = NAME_PATTERN))] String),
    Full(Box<Declaration>),
}

/// By hand, so that what is wrong inside a declaration is said with its place.
impl<'de> Deserialize<'de> for RawParam {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrDeclaration;

        impl<'de> Visitor<'de> for NameOrDeclaration {
            type Value = RawParam;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a parameter's name, or {name, type, default, description}")
            }

            fn visit_str<E>(self, name: &str) -> Result<RawParam, E> {
                Ok(RawParam::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawParam, A::Error> {
                let declaration = Declaration::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawParam::Full(Box::new(declaration)))
            }
        }
        deserializer.deserialize_any(NameOrDeclaration)
    }
}

impl Manifest {
    /// Reads the manifest of the package in `dir`.
    ///
    /// # Errors
    /// When it cannot be read, or says something that cannot be.
    pub fn read(dir: &Path) -> Result<Self, YamlError> {
        let path = dir.join(MANIFEST_FILE);
        Self::parse(&yaml::read(&path)?, &path)
    }

    /// Checks the text of a manifest; `path` is where it came from, for errors.
    ///
    /// # Errors
    /// When it says something that cannot be, with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, YamlError> {
        check(text, PackageName::of_plugin).map_err(|error| error.in_file(path))
    }

    /// The builtins' manifest, which bears perfbox's own package name.
    pub(crate) fn parse_builtin(text: &str) -> Result<Self, YamlError> {
        let any_name = |name: &str| name.parse().map_err(|error: InvalidName| error.to_string());
        check(text, any_name).map_err(|error| error.in_file(Path::new("builtin:registry.yaml")))
    }
}

/// The JSON Schema of `registry.yaml`, made from the types that read it.
pub fn manifest_schema() -> Value {
    schemars::schema_for!(RawManifest).to_value()
}

fn check(
    text: &str,
    package_name: impl Fn(&str) -> Result<PackageName, String>,
) -> Result<Manifest, ConfigError> {
    let raw: RawManifest = yaml::parse(text)?;
    let given = &raw.plugin.name;
    let name = package_name(&given.value).map_err(|words| ConfigError::at(given, words))?;
    let mut implementations = Vec::new();
    let categories =
        [(Category::PhaseHook, raw.phase_hooks), (Category::PostProcessor, raw.post_processors)];
    for (category, entries) in categories {
        for (identifier, entry) in entries {
            implementations.push(check_implementation(category, &identifier, entry)?);
        }
    }
    if implementations.is_empty() {
        let words =
            "it offers nothing; name an implementation under phase_hooks or post_processors";
        return Err(ConfigError::at(given, words));
    }
    Ok(Manifest {
        name,
        version: raw.plugin.version,
        description: raw.plugin.description,
        author: raw.plugin.author,
        license: raw.plugin.license,
        enabled: raw.plugin.enabled,
        implementations,
    })
}

fn check_implementation(
    category: Category,
    identifier: &str,
    entry: Spanned<RawImplementation>,
) -> Result<ManifestImplementation, ConfigError> {
    let identifier: Identifier = identifier
        .parse()
        .map_err(|error: InvalidName| ConfigError::at(&entry, error.to_string()))?;
    let raw = entry.value;
    let component = inner_path(&raw.component.value).ok_or_else(|| {
        let words = format!(
            "component `{}` is not a path inside the package; use plain parts, without `..`",
            escape(&raw.component.value)
        );
        ConfigError::at(&raw.component, words)
    })?;
    let params = match raw.config_params {
        Some(params) => Some(check_declared(params)?),
        None => None,
    };
    Ok(ManifestImplementation {
        category,
        class: raw.class.unwrap_or_else(|| identifier.as_str().to_owned()),
        identifier,
        component,
        description: raw.description,
        priority: raw.priority,
        tags: raw.tags,
        auto_load: raw.auto_load,
        params,
    })
}

/// The path when it has only plain parts, so that it stays in its package. A `.` among
/// them is no part.
fn inner_path(text: &str) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(part) => inner.push(part),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    let shows_as_it_is = escape(text) == text;
    (shows_as_it_is && !inner.as_os_str().is_empty()).then_some(inner)
}

fn check_declared(raw: Vec<Spanned<RawParam>>) -> Result<Vec<ConfigParam>, ConfigError> {
    let mut params = Vec::new();
    for entry in raw {
        let param = match &entry.value {
            RawParam::Name(name) => ConfigParam::optional_text(name),
            RawParam::Full(declaration) => ConfigParam::declared((**declaration).clone()),
        };
        let added = param.and_then(|param| param.add_to(&mut params));
        added.map_err(|words| ConfigError::at(&entry, words))?;
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `BLESS=1` writes the published schema anew.
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/registry.schema.json");
        let schema = format!("{:#}\n", manifest_schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(published, &schema).unwrap();
        }
        assert_eq!(std::fs::read_to_string(published).unwrap(), schema);
    }
}
