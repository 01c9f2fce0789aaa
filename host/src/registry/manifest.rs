//! `registry.yaml`: what a package says it offers.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use super::params::ConfigParam;
use crate::escape;
use crate::names::{Category, Identifier, PackageName};

/// Name of a package's manifest.
pub const MANIFEST_FILE: &str = "registry.yaml";

/// Largest manifest that is read, in bytes.
const MANIFEST_MAX_BYTES: usize = 64 * 1024;

/// The manifest's form that this version reads.
const SCHEMA_VERSION: &str = "1.0";

/// Priority of an implementation that does not say: calls go from low to high.
pub(crate) const DEFAULT_PRIORITY: i64 = 50;

/// A checked manifest.
#[derive(Debug, Clone, PartialEq)]
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
#[derive(Debug, Clone, PartialEq)]
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

/// Why a manifest was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Something in it is wrong.
    #[error("{}:{line}:{column}: {problem}", escape(&path.to_string_lossy()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// It is larger than any manifest.
    #[error("{}: a manifest has at most {MANIFEST_MAX_BYTES} bytes, not {bytes}", escape(&path.to_string_lossy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It could not be read.
    #[error("{}: {reason}", escape(&path.to_string_lossy()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[allow(dead_code, reason = "looked at by `newer_schema`, before anything else is believed")]
    schema_version: Option<String>,
    plugin: RawPlugin,
    #[serde(default)]
    phase_hooks: BTreeMap<String, Spanned<RawImplementation>>,
    #[serde(default)]
    post_processors: BTreeMap<String, Spanned<RawImplementation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugin {
    name: Spanned<String>,
    version: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    license: String,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

fn default_priority() -> i64 {
    DEFAULT_PRIORITY
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawImplementation {
    component: Spanned<String>,
    class: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default = "default_priority")]
    priority: i64,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    auto_load: bool,
    config_params: Option<Vec<Spanned<RawParam>>>,
}

/// A parameter in its long or short form.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawParam {
    Name(String),
    Full(RawFullParam),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFullParam {
    name: String,
    #[serde(rename = "type", default = "string_type")]
    kind: String,
    default: Option<Value>,
    #[serde(default)]
    description: String,
}

fn string_type() -> String {
    "string".to_owned()
}

/// Reads only as much as tells whether the rest can be understood.
#[derive(Deserialize)]
struct SchemaOnly {
    schema_version: Option<Spanned<String>>,
}

/// Where a problem is, and what it is.
type Problem = (Option<Location>, String);

impl Manifest {
    /// Reads the manifest of the package in `dir`.
    ///
    /// # Errors
    /// When it cannot be read, or says something that cannot be.
    pub fn read(dir: &Path) -> Result<Self, ManifestError> {
        let path = dir.join(MANIFEST_FILE);
        let unreadable = |error: std::io::Error| ManifestError::Unreadable {
            path: path.clone(),
            reason: error.to_string(),
        };
        let file = crate::files::open_regular(&path).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        if bytes > MANIFEST_MAX_BYTES as u64 {
            return Err(ManifestError::TooLarge { path, bytes });
        }
        let text = std::io::read_to_string(file).map_err(unreadable)?;
        Self::parse(&text, &path)
    }

    /// Checks the text of a manifest; `path` is where it came from, for errors.
    ///
    /// # Errors
    /// When it says something that cannot be, with line and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        Self::parse_as(text, path, false)
    }

    /// The builtins' manifest, which bears perfbox's own package name.
    pub(crate) fn parse_builtin(text: &str) -> Result<Self, ManifestError> {
        Self::parse_as(text, Path::new("builtin:registry.yaml"), true)
    }

    fn parse_as(text: &str, path: &Path, builtin: bool) -> Result<Self, ManifestError> {
        check(text, builtin).map_err(|(location, problem)| ManifestError::Invalid {
            path: path.to_owned(),
            // The parser says column 0 for the end of a file.
            line: location.map_or(1, |location| location.line().max(1)),
            column: location.map_or(1, |location| location.column().max(1)),
            problem,
        })
    }
}

fn check(text: &str, builtin: bool) -> Result<Manifest, Problem> {
    let raw: RawManifest = serde_saphyr::from_str(text).map_err(|error| {
        newer_schema(text).unwrap_or_else(|| {
            let words = error.without_snippet().to_string();
            (error.location(), first_line(&words))
        })
    })?;
    if let Some(problem) = newer_schema(text) {
        return Err(problem);
    }
    let given = &raw.plugin.name;
    let name = match builtin {
        true => given.value.parse().map_err(|error: crate::InvalidName| error.to_string()),
        false => PackageName::of_plugin(&given.value),
    };
    let name = name.map_err(|problem| (Some(given.referenced), problem))?;
    let mut implementations = Vec::new();
    let categories =
        [(Category::PhaseHook, raw.phase_hooks), (Category::PostProcessor, raw.post_processors)];
    for (category, entries) in categories {
        for (identifier, entry) in entries {
            implementations.push(check_implementation(category, &identifier, entry)?);
        }
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

/// A manifest of a later form is refused by name, not half read.
fn newer_schema(text: &str) -> Option<Problem> {
    let schema: SchemaOnly = serde_saphyr::from_str(text).ok()?;
    let version = schema.schema_version?;
    (version.value != SCHEMA_VERSION).then(|| {
        let problem = format!(
            "schema_version `{}` is not known to this perfbox, which reads {SCHEMA_VERSION}; \
             a newer perfbox may",
            escape(&version.value)
        );
        (Some(version.referenced), problem)
    })
}

/// The parser's own position is shown in front, so its words go without one.
fn first_line(words: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line {
        "invalid i64" => "a whole number belongs here",
        "invalid boolean" => "true or false belongs here",
        "expected string scalar" => "a text belongs here",
        "expected mapping start" => "entries of the form `key: value` belong here",
        "unexpected end of input" => "it is empty; a manifest has at least `plugin`",
        line if line.starts_with("budget breached") => {
            "it unfolds to more than any manifest needs; use fewer aliases"
        }
        "recursion limit exceeded" => "it is nested deeper than any manifest needs",
        line if line.contains("untagged enum RawParam") => {
            "a parameter is a name, or {name, type, default, description}"
        }
        // What follows is for the parser's own callers.
        line => line.split(", set DuplicateKeyPolicy").next().unwrap_or(line),
    };
    escape(line).into_owned()
}

fn check_implementation(
    category: Category,
    identifier: &str,
    entry: Spanned<RawImplementation>,
) -> Result<ManifestImplementation, Problem> {
    let place = entry.referenced;
    let raw = entry.value;
    let identifier: Identifier =
        identifier.parse().map_err(|error: crate::InvalidName| (Some(place), error.to_string()))?;
    let component = inner_path(&raw.component.value).ok_or_else(|| {
        let problem = format!(
            "component `{}` is not a path inside the package; use plain parts, without `..`",
            escape(&raw.component.value)
        );
        (Some(raw.component.referenced), problem)
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

fn check_declared(raw: Vec<Spanned<RawParam>>) -> Result<Vec<ConfigParam>, Problem> {
    let mut params = Vec::new();
    for entry in raw {
        let place = Some(entry.referenced);
        let param = match entry.value {
            RawParam::Name(name) => ConfigParam::optional_text(&name),
            RawParam::Full(RawFullParam { name, kind, default, description }) => kind
                .parse()
                .and_then(|kind| ConfigParam::declared(&name, kind, default, description)),
        };
        param.and_then(|param| param.add_to(&mut params)).map_err(|problem| (place, problem))?;
    }
    Ok(params)
}
