//! `registry.yaml`, the manifest of a package.

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

/// File name of a manifest.
pub const MANIFEST_FILE: &str = "registry.yaml";

/// Supported schema version.
const SCHEMA_VERSION: &str = "1.0";

/// Default priority; plugins with a lower priority are called first.
pub(crate) const DEFAULT_PRIORITY: i64 = 50;

/// Validated manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Package name.
    pub name: PackageName,
    /// Version, in any form.
    pub version: String,
    /// Description.
    pub description: String,
    /// Author.
    pub author: String,
    /// License, as an SPDX expression.
    pub license: String,
    /// If false, listed but never selected.
    pub enabled: bool,
    /// Implementations, by category and identifier.
    pub implementations: Vec<ManifestImplementation>,
}

/// Entry of `phase_hooks` or `post_processors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestImplementation {
    /// Category.
    pub category: Category,
    /// Name for selection.
    pub identifier: Identifier,
    /// Component, as a relative path inside the package, without `..`.
    pub component: PathBuf,
    /// Name of the implementation inside the component.
    pub class: String,
    /// Description.
    pub description: String,
    /// Call order: lower first.
    pub priority: i64,
    /// Tags.
    pub tags: Vec<String>,
    /// If true, joins every run without being selected.
    pub auto_load: bool,
    /// Parameters; `None` if not declared, which accepts any.
    pub params: Option<Vec<ConfigParam>>,
}

/// Manifest of a perfbox plugin package, `registry.yaml`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Manifest")]
struct RawManifest {
    /// Schema version of this file; default "1.0".
    #[schemars(with = "Option<String>", extend("const" = SCHEMA_VERSION))]
    schema_version: Option<Spanned<String>>,
    /// Package.
    plugin: RawPlugin,
    /// Phase hooks by identifier.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawImplementation>", extend("propertyNames" = {"pattern": NAME_PATTERN}))]
    phase_hooks: BTreeMap<String, Spanned<RawImplementation>>,
    /// Post processors by identifier.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, RawImplementation>", extend("propertyNames" = {"pattern": NAME_PATTERN}))]
    post_processors: BTreeMap<String, Spanned<RawImplementation>>,
}

impl Versioned for RawManifest {
    const REQUIRED: &'static str = "a manifest requires `plugin`";
    const VERSION: &'static str = SCHEMA_VERSION;

    fn schema_version(&self) -> Option<&Spanned<String>> {
        self.schema_version.as_ref()
    }
}

/// Description of the package.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Plugin")]
struct RawPlugin {
    /// Package name, as in `--use CATEGORY/ID=NAME`; `builtin` is reserved.
    #[schemars(with = "String", extend("pattern" = NAME_PATTERN, "not" = {"const": "builtin"}))]
    name: Spanned<String>,
    /// Version.
    version: String,
    /// Description.
    #[serde(default)]
    description: String,
    /// Author.
    #[serde(default)]
    author: String,
    /// License, as an SPDX expression.
    #[serde(default)]
    license: String,
    /// If false, listed but never selected.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

fn default_priority() -> i64 {
    DEFAULT_PRIORITY
}

/// Implementation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Implementation")]
struct RawImplementation {
    /// Component, as a path inside the package.
    #[schemars(with = "String")]
    component: Spanned<String>,
    /// Name of the implementation inside the component; default: the identifier.
    class: Option<String>,
    /// Description.
    #[serde(default)]
    description: String,
    /// Call order: lower first, ties by identifier.
    #[serde(default = "default_priority")]
    priority: i64,
    /// Tags.
    #[serde(default)]
    tags: Vec<String>,
    /// If true, joins every run without being selected.
    #[serde(default)]
    auto_load: bool,
    /// Parameters; if absent, any parameter is accepted.
    #[schemars(with = "Option<Vec<RawParam>>")]
    config_params: Option<Vec<Spanned<RawParam>>>,
}

/// Parameter: a name (an optional string), or a full declaration.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Param")]
enum RawParam {
    Name(#[schemars(extend("pattern" = NAME_PATTERN))] String),
    Full(Box<Declaration>),
}

/// Manual implementation: a derived one would lose the location of errors in a declaration.
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
    /// If it cannot be read or is invalid.
    pub fn read(dir: &Path) -> Result<Self, YamlError> {
        let path = dir.join(MANIFEST_FILE);
        Self::parse(&yaml::read(&path)?, &path)
    }

    /// Parses the text of a manifest; `path` is its file, for errors.
    ///
    /// # Errors
    /// For an invalid manifest, with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, YamlError> {
        check(text, PackageName::of_plugin).map_err(|error| error.in_file(path))
    }

    /// Parses the manifest of the builtins, which has the reserved package name.
    pub(crate) fn parse_builtin(text: &str) -> Result<Self, YamlError> {
        let any_name = |name: &str| name.parse().map_err(|error: InvalidName| error.to_string());
        check(text, any_name).map_err(|error| error.in_file(Path::new("builtin:registry.yaml")))
    }
}

/// JSON Schema of `registry.yaml`, generated from the types.
pub fn manifest_schema() -> Value {
    schemars::schema_for!(RawManifest).to_value()
}

fn check(
    text: &str,
    package_name: impl Fn(&str) -> Result<PackageName, String>,
) -> Result<Manifest, ConfigError> {
    let raw: RawManifest = yaml::parse(text)?;
    let given = &raw.plugin.name;
    let name = package_name(&given.value).map_err(|message| ConfigError::at(given, message))?;
    let mut implementations = Vec::new();
    let categories =
        [(Category::PhaseHook, raw.phase_hooks), (Category::PostProcessor, raw.post_processors)];
    for (category, entries) in categories {
        for (identifier, entry) in entries {
            implementations.push(check_implementation(category, &identifier, entry)?);
        }
    }
    if implementations.is_empty() {
        let message = "no implementations; add one under `phase_hooks` or `post_processors`";
        return Err(ConfigError::at(given, message));
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
        let message = format!(
            "component `{}` is not a path inside the package; use a relative path without `..`",
            escape(&raw.component.value)
        );
        ConfigError::at(&raw.component, message)
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

/// Parses a relative path that stays inside the package; removes `.` parts.
fn inner_path(text: &str) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for part in Path::new(text).components() {
        match part {
            Component::Normal(part) => inner.push(part),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    let is_plain_text = escape(text) == text;
    (is_plain_text && !inner.as_os_str().is_empty()).then_some(inner)
}

fn check_declared(raw: Vec<Spanned<RawParam>>) -> Result<Vec<ConfigParam>, ConfigError> {
    let mut params = Vec::new();
    for entry in raw {
        let param = match &entry.value {
            RawParam::Name(name) => ConfigParam::optional_text(name),
            RawParam::Full(declaration) => ConfigParam::declared((**declaration).clone()),
        };
        let added = param.and_then(|param| param.add_to(&mut params));
        added.map_err(|message| ConfigError::at(&entry, message))?;
    }
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `BLESS=1` rewrites the published schema.
    #[test]
    fn published_schema_matches_the_types() {
        let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/registry.schema.json");
        let schema = format!("{:#}\n", manifest_schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(published, &schema).unwrap();
        }
        assert_eq!(std::fs::read_to_string(published).unwrap(), schema);
    }
}
