//! `perfbox.yaml`: what a team's runs have in common.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use perfbox::yaml::{self, ConfigError, Versioned, YamlError};
use perfbox::{Clock, OnFailure, Random};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

/// Its name in the working directory.
pub(crate) const CONFIG_FILE: &str = "perfbox.yaml";

/// What stands in it. Paths are relative to it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    schema_version: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) plugins_dirs: Vec<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) plugin_files: Vec<Spanned<PathBuf>>,
    pub(super) default_plugins: Option<Spanned<bool>>,
    /// `CATEGORY/ID: PACKAGE`.
    #[serde(default, rename = "use")]
    pub(super) choices: BTreeMap<String, Spanned<String>>,
    pub(super) hooks: Option<Vec<Spanned<String>>>,
    pub(super) processors: Option<Vec<Spanned<String>>>,
    pub(super) auto_load: Option<Spanned<bool>>,
    /// What the columns of inputs are: `FIELD: COLUMN[:UNIT]`.
    #[serde(default)]
    pub(super) mapping: BTreeMap<String, Spanned<String>>,
    /// Of all plugins.
    #[serde(default)]
    pub(super) limits: BTreeMap<String, Spanned<Value>>,
    /// By `[CATEGORY/]ID`.
    #[serde(default)]
    pub(super) plugins: BTreeMap<String, PluginSection>,
}

/// What it says of one plugin.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PluginSection {
    #[serde(default)]
    pub(super) params: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    pub(super) limits: BTreeMap<String, Spanned<Value>>,
    #[serde(default)]
    pub(super) grants: GrantsSection,
    pub(super) on_failure: Option<Spanned<OnFailure>>,
}

/// What it gives one plugin, or takes away.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantsSection {
    pub(super) output: Option<Spanned<bool>>,
    pub(super) clock: Option<Spanned<Clock>>,
    pub(super) random: Option<Spanned<Random>>,
    /// Directories by name.
    #[serde(default)]
    pub(super) read: BTreeMap<String, Spanned<PathBuf>>,
}

impl Versioned for ConfigFile {
    const REQUIRED: &'static str = "add a key, or remove the file";
    const VERSION: &'static str = "1.0";

    fn schema_version(&self) -> Option<&Spanned<String>> {
        self.schema_version.as_ref()
    }
}

impl ConfigFile {
    pub(super) fn read(path: &Path) -> Result<Self, YamlError> {
        let text = yaml::read_through_link(path)?;
        yaml::parse(&text).map_err(|error: ConfigError| error.in_file(path))
    }
}
