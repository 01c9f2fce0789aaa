//! What a run is to be: flags before the environment, that before `perfbox.yaml`, that
//! before defaults; each value with where it came from.

mod file;
mod show;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use perfbox::registry::{PackageOverride, ParamValue};
use perfbox::{CacheDir, Category, Clock, OnFailure, Random, Registry};
use serde_json::Value;
use serde_saphyr::Spanned;

pub(crate) use file::CONFIG_FILE;
use file::{ConfigFile, GrantsSection};
pub(crate) use show::ConfigCommand;

use super::select::SelectionArgs;
use super::{PluginArgs, dirs};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// A variable of the environment.
    Variable(&'static str),
    /// A line of the config file.
    File { path: PathBuf, line: u64 },
    /// Nobody said otherwise.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File { path, line } => {
                write!(f, "{}:{line}", perfbox::escape(&path.to_string_lossy()))
            }
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Sourced<T> {
    fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// A parameter given to a plugin.
#[derive(Debug, Clone)]
pub(crate) struct Param {
    /// `[CATEGORY/]ID`.
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) value: ParamValue,
}

/// A limit set for a plugin or, without owner, for all.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    /// `[CATEGORY/]ID`.
    pub(crate) owner: Option<String>,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Something that is said of one plugin.
#[derive(Debug, Clone)]
pub(crate) struct OfPlugin<T> {
    /// `[CATEGORY/]ID`.
    pub(crate) owner: String,
    pub(crate) value: T,
}

/// Something that a plugin is given, or not.
#[derive(Debug, Clone)]
pub(crate) enum Granted {
    Output(bool),
    Clock(Clock),
    Random(Random),
    /// A directory to read, by name.
    Read(String, PathBuf),
}

/// All that flags, environment and config file say.
#[derive(Debug)]
pub(crate) struct Config {
    /// The config file, where there is one.
    pub(crate) file: Option<PathBuf>,
    pub(crate) plugins_dirs: Vec<Sourced<PathBuf>>,
    pub(crate) plugin_files: Vec<Sourced<PathBuf>>,
    /// Whether the environment's and the user's own are among them.
    pub(crate) default_plugins: Sourced<bool>,
    /// `CATEGORY/ID=PACKAGE`, the weightiest last.
    pub(crate) choices: Vec<Sourced<String>>,
    /// Identifiers.
    pub(crate) hooks: Vec<Sourced<String>>,
    /// Identifiers; none: nobody said, so the default.
    pub(crate) processors: Option<Vec<Sourced<String>>>,
    pub(crate) auto_load: Sourced<bool>,
    /// The weightiest last.
    pub(crate) params: Vec<Sourced<Param>>,
    /// The weightiest last.
    pub(crate) limits: Vec<Sourced<Limit>>,
    /// The weightiest last.
    pub(crate) grants: Vec<Sourced<OfPlugin<Granted>>>,
    /// `FIELD=COLUMN[:UNIT]`, of the config file.
    pub(crate) mapping: Vec<Sourced<String>>,
    /// The weightiest last.
    pub(crate) on_failure: Vec<Sourced<OfPlugin<OnFailure>>>,
}

impl Config {
    /// Of these flags, the environment and the config file.
    pub(crate) fn gather(plugins: &PluginArgs, selection: &SelectionArgs) -> anyhow::Result<Self> {
        let path = match &plugins.config {
            Some(path) => Some(path.clone()),
            None if plugins.no_config => None,
            None => Some(PathBuf::from(CONFIG_FILE)).filter(|path| path.symlink_metadata().is_ok()),
        };
        let file = match &path {
            Some(path) => ConfigFile::read(path).context("the config file cannot be used")?,
            None => ConfigFile::default(),
        };
        let in_file = InFile { path: path.as_deref().unwrap_or(Path::new(CONFIG_FILE)) };
        let mut params = in_file.params(&file);
        for text in &selection.params {
            params.push(Sourced::new(SelectionArgs::param(text)?, Origin::Flag("--set")));
        }
        let mut limits = in_file.limits(&file);
        for text in &selection.limits {
            limits.push(Sourced::new(SelectionArgs::limit(text)?, Origin::Flag("--limit")));
        }
        let default_plugins = match &file.default_plugins {
            _ if plugins.no_default_plugins => {
                Sourced::new(false, Origin::Flag("--no-default-plugins"))
            }
            Some(said) => in_file.value(said, said.value),
            None => Sourced::new(true, Origin::Default),
        };
        let with_defaults = default_plugins.value;
        let mut choices: Vec<_> = file
            .choices
            .iter()
            .map(|(key, package)| in_file.value(package, format!("{key}={}", package.value)))
            .collect();
        choices.extend(from_environment("PERFBOX_USE")?);
        choices.extend(from_flag("--use", &plugins.choices));
        let auto_load = match &file.auto_load {
            _ if selection.no_auto_load => Sourced::new(false, Origin::Flag("--no-auto-load")),
            Some(auto_load) => in_file.value(auto_load, auto_load.value),
            None => Sourced::new(true, Origin::Default),
        };
        Ok(Self {
            plugins_dirs: plugins_dirs(plugins, in_file.paths(&file.plugins_dirs), with_defaults),
            plugin_files: plugin_files(plugins, in_file.paths(&file.plugin_files), with_defaults)?,
            default_plugins,
            choices,
            hooks: first_said([
                said(from_flag("--hook", &selection.hooks)),
                said(from_environment("PERFBOX_HOOKS")?),
                file.hooks.as_deref().map(|hooks| in_file.texts(hooks)),
            ])
            .unwrap_or_default(),
            processors: first_said([
                said(from_flag("--processor", &selection.processors)),
                said(from_environment("PERFBOX_PROCESSORS")?),
                file.processors.as_deref().map(|processors| in_file.texts(processors)),
            ]),
            auto_load,
            params,
            limits,
            grants: in_file.grants(&file)?,
            mapping: in_file.mapping(&file),
            on_failure: in_file.on_failure(&file),
            file: path,
        })
    }

    /// The identifiers that are named, by category.
    pub(crate) fn named(&self) -> [(Category, &[Sourced<String>]); 2] {
        let processors = self.processors.as_deref().unwrap_or_default();
        [(Category::PhaseHook, &self.hooks), (Category::PostProcessor, processors)]
    }

    /// The registry that it describes; what is read of manifests is kept in the cache.
    pub(crate) fn registry(&self, cache: Option<CacheDir>) -> anyhow::Result<Registry> {
        let mut registry = Registry::with_builtins();
        if let Some(cache) = cache {
            registry = registry.with_cache(cache);
        }
        for dir in &self.plugins_dirs {
            dir.said(registry.discover(&dir.value))?;
        }
        for file in &self.plugin_files {
            file.said(registry.register_file(&file.value))?;
        }
        for choice in &self.choices {
            let read: PackageOverride = choice.said(choice.value.parse())?;
            let read = read.by(choice.origin.to_string());
            match choice.origin {
                Origin::Flag(_) => registry.use_package(read)?,
                _ => registry.use_package_unchecked(read),
            }
        }
        Ok(registry)
    }
}

impl<T> Sourced<T> {
    /// What came of it, with where it came from in front of an error.
    pub(crate) fn said<V, E>(&self, result: Result<V, E>) -> anyhow::Result<V>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        match self.origin {
            Origin::Default => Ok(result?),
            _ => result.with_context(|| self.origin.to_string()),
        }
    }
}

/// The values of the config file, each with its line.
struct InFile<'p> {
    path: &'p Path,
}

impl InFile<'_> {
    fn value<S, T>(&self, place: &Spanned<S>, value: T) -> Sourced<T> {
        let line = place.referenced.line().max(1);
        Sourced::new(value, Origin::File { path: self.path.to_owned(), line })
    }

    /// Relative ones are relative to the file.
    fn paths(&self, paths: &[Spanned<PathBuf>]) -> Vec<Sourced<PathBuf>> {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        paths.iter().map(|path| self.value(path, dir.join(&path.value))).collect()
    }

    fn texts(&self, texts: &[Spanned<String>]) -> Vec<Sourced<String>> {
        texts.iter().map(|text| self.value(text, text.value.clone())).collect()
    }

    fn mapping(&self, file: &ConfigFile) -> Vec<Sourced<String>> {
        let fields = file.mapping.iter();
        fields.map(|(field, said)| self.value(said, format!("{field}={}", said.value))).collect()
    }

    fn params(&self, file: &ConfigFile) -> Vec<Sourced<Param>> {
        let of_plugin = file.plugins.iter().flat_map(|(owner, plugin)| {
            plugin.params.iter().map(move |(name, value)| (owner, name, value))
        });
        let param = |(owner, name, value): (&String, &String, &Spanned<Value>)| {
            let given = ParamValue::Value(value.value.clone());
            let param = Param { owner: owner.clone(), name: name.clone(), value: given };
            self.value(value, param)
        };
        by_weight(of_plugin.map(param).collect(), |param| Some(&param.owner))
    }

    /// Those of all plugins, then those of one.
    fn limits(&self, file: &ConfigFile) -> Vec<Sourced<Limit>> {
        let of_all = file.limits.iter().map(|(name, value)| (None, name, value));
        let of_one = file.plugins.iter().flat_map(|(owner, plugin)| {
            plugin.limits.iter().map(move |(name, value)| (Some(owner), name, value))
        });
        let limit = |(owner, name, value): (Option<&String>, &String, &Spanned<Value>)| {
            let text = value.value.as_str().map_or_else(|| value.value.to_string(), str::to_owned);
            self.value(value, Limit { owner: owner.cloned(), name: name.clone(), value: text })
        };
        by_weight(of_all.chain(of_one).map(limit).collect(), |limit| limit.owner.as_ref())
    }
}

impl InFile<'_> {
    fn grants(&self, file: &ConfigFile) -> anyhow::Result<Vec<Sourced<OfPlugin<Granted>>>> {
        let mut all = Vec::new();
        for (owner, plugin) in &file.plugins {
            let GrantsSection { output, clock, random, read } = &plugin.grants;
            let mut said = |sourced: Sourced<Granted>| {
                let Sourced { value, origin } = sourced;
                all.push(Sourced::new(OfPlugin { owner: owner.clone(), value }, origin));
            };
            if let Some(output) = output {
                said(self.value(output, Granted::Output(output.value)));
            }
            if let Some(clock) = clock {
                said(self.value(clock, Granted::Clock(clock.value)));
            }
            if let Some(random) = random {
                said(self.value(random, Granted::Random(random.value)));
            }
            let dirs = read.values().cloned().collect::<Vec<_>>();
            for (name, dir) in read.keys().zip(self.paths(&dirs)) {
                check_granted_dir(name, &dir)?;
                said(Sourced::new(Granted::Read(name.clone(), dir.value), dir.origin));
            }
        }
        Ok(by_weight(all, |grant| Some(&grant.owner)))
    }

    fn on_failure(&self, file: &ConfigFile) -> Vec<Sourced<OfPlugin<OnFailure>>> {
        let said = file.plugins.iter().filter_map(|(owner, plugin)| {
            let said = plugin.on_failure.as_ref()?;
            Some(self.value(said, OfPlugin { owner: owner.clone(), value: said.value }))
        });
        by_weight(said.collect(), |policy| Some(&policy.owner))
    }
}

/// A directory that a plugin may read has a name that makes a path, and is there.
fn check_granted_dir(name: &str, dir: &Sourced<PathBuf>) -> anyhow::Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        bail!(
            "{}: `{}` is no name for a directory; use lower case, digits, - and _",
            dir.origin,
            perfbox::escape(name)
        );
    }
    if !dir.value.is_dir() {
        bail!(
            "{}: `{}` cannot be granted: there is no such directory",
            dir.origin,
            perfbox::escape(&dir.value.to_string_lossy())
        );
    }
    Ok(())
}

/// What is said of `CATEGORY/ID` weighs more than what is said of `ID`.
fn by_weight<T>(
    mut said: Vec<Sourced<T>>,
    owner: impl Fn(&T) -> Option<&String>,
) -> Vec<Sourced<T>> {
    said.sort_by_key(|one| owner(&one.value).map(|owner| owner.contains('/')));
    said
}

fn plugins_dirs(
    args: &PluginArgs,
    in_file: Vec<Sourced<PathBuf>>,
    with_defaults: bool,
) -> Vec<Sourced<PathBuf>> {
    let mut dirs = from_flag("--plugins-dir", &args.plugins_dir);
    if with_defaults {
        let variable = "PERFBOX_PLUGIN_PATH";
        let path = std::env::var_os(variable).unwrap_or_default();
        let named = std::env::split_paths(&path).filter(|dir| !dir.as_os_str().is_empty());
        dirs.extend(named.map(|dir| Sourced::new(dir, Origin::Variable(variable))));
    }
    dirs.extend(in_file);
    if with_defaults {
        let users = dirs::user_plugins().filter(|dir| dir.is_dir());
        dirs.extend(users.map(|dir| Sourced::new(dir, Origin::Default)));
    }
    dirs
}

fn plugin_files(
    args: &PluginArgs,
    in_file: Vec<Sourced<PathBuf>>,
    with_defaults: bool,
) -> anyhow::Result<Vec<Sourced<PathBuf>>> {
    let mut files = from_flag("--plugin", &args.plugin);
    if with_defaults {
        let named = from_environment("PERFBOX_PLUGINS")?.into_iter();
        files.extend(named.map(|file| Sourced::new(file.value.into(), file.origin)));
    }
    files.extend(in_file);
    Ok(files)
}

fn from_flag<T: Clone>(flag: &'static str, values: &[T]) -> Vec<Sourced<T>> {
    values.iter().map(|value| Sourced::new(value.clone(), Origin::Flag(flag))).collect()
}

/// The values of a variable, separated by commas.
fn from_environment(variable: &'static str) -> anyhow::Result<Vec<Sourced<String>>> {
    let value = std::env::var_os(variable).unwrap_or_default();
    let Some(value) = value.to_str() else {
        let shown = value.to_string_lossy();
        bail!("{variable}: `{}` is not UTF-8; set it anew", perfbox::escape(&shown));
    };
    let values = value.split(',').map(str::trim).filter(|value| !value.is_empty());
    Ok(values.map(|value| Sourced::new(value.to_owned(), Origin::Variable(variable))).collect())
}

/// A flag or variable without values says nothing; an empty list in a file says none.
fn said<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The first of these lists that was said: lists are not mixed.
fn first_said<T, const N: usize>(lists: [Option<Vec<T>>; N]) -> Option<Vec<T>> {
    lists.into_iter().flatten().next()
}
