//! `perfbox plugins verify-deterministic ID INPUT`: whether two runs of a plugin over the
//! same input are alike to the byte.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use perfbox::records::RecordedSource;
use perfbox::report::{OutputDir, PluginStatus};
use perfbox::{CancelToken, Category, Identifier, Registry, Report, RunOptions, escape};
use serde_json::Value;

use crate::cli::PluginArgs;
use crate::cli::cache::CacheArgs;
use crate::cli::config::{Config, Origin, Sourced};
use crate::cli::input::InputArgs;
use crate::cli::load::{create, load, new_loader};
use crate::cli::select::{SelectionArgs, select};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox plugins verify-deterministic metrics results.jsonl
  perfbox plugins verify-deterministic phase_hook/mine results.jsonl --plugin mine.wasm
  Whether it still is with a clock that counts and seeded random numbers:
    perfbox plugins verify-deterministic mine results.jsonl --plugin mine.wasm --deterministic

What is compared is what it returns and the files that it writes, not its log.")]
pub(crate) struct VerifyArgs {
    /// Identifier, alone or as CATEGORY/ID.
    #[arg(value_name = "ID")]
    id: String,

    #[command(flatten)]
    input: InputArgs,

    /// Parameter of the plugin; repeatable.
    #[arg(long = "set", value_name = "[CATEGORY/]ID.PARAM=VALUE")]
    params: Vec<String>,

    /// Limit of the plugin; repeatable.
    #[arg(long = "limit", value_name = "[[CATEGORY/]ID.]LIMIT=VALUE")]
    limits: Vec<String>,

    /// Run it as `perfbox run --deterministic` does.
    #[arg(long)]
    deterministic: bool,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    plugins: PluginArgs,
}

/// What one run left.
struct Left {
    result: Value,
    files: BTreeMap<String, Vec<u8>>,
}

impl VerifyArgs {
    /// What to print on standard output; a difference is an error.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let (first, second) = (self.run_once()?, self.run_once()?);
        if let Some(words) = difference(&first, &second) {
            let next = match self.deterministic {
                true => "please report it: --deterministic ought to have made them alike",
                false => "`--deterministic` gives it no clock and no chance to differ by",
            };
            return Err(anyhow!("two runs of {} differ: {words}; {next}", escape(&self.id)))
                .plugin_failed();
        }
        let files = match first.files.len() {
            0 => "no files".to_owned(),
            1 => "1 file".to_owned(),
            several => format!("{several} files"),
        };
        let metrics = first.result["metrics"].as_array().map_or(0, Vec::len);
        let metrics =
            if metrics == 1 { "1 metric".to_owned() } else { format!("{metrics} metrics") };
        Ok(format!("two runs of {} are alike: {metrics}, {files}\n", escape(&self.id)))
    }

    fn run_once(&self) -> Result<Left, Failed> {
        let selection = SelectionArgs {
            params: self.params.clone(),
            limits: self.limits.clone(),
            no_auto_load: true,
            ..SelectionArgs::default()
        };
        let mut config = Config::gather(&self.plugins, &selection).usage()?;
        let cache = self.cache.open();
        let registry = config.registry(cache.clone()).usage()?;
        let (category, identifier) = self.meant(&registry).usage()?;
        let named = vec![Sourced { value: identifier.to_string(), origin: Origin::Default }];
        let is_hook = category == Category::PhaseHook;
        (config.hooks, config.processors) =
            if is_hook { (named, Some(Vec::new())) } else { (Vec::new(), Some(named)) };
        let selected = select(&config, &registry).usage()?;
        let mut loader = new_loader(self.deterministic, cache)?;
        let loaded = load(&mut loader, &selected)?;
        let cancel = CancelToken::default();
        let read = self.input.format.options(&config).usage()?;
        let inputs = self.input.expand().bad_input()?;
        let mut source = RecordedSource::open(&inputs, read).bad_input()?;
        let place = tempfile::tempdir()
            .context("there is no place for the plugin's files")
            .host_failed()?;
        let output = OutputDir::prepare(place.path(), false).host_failed()?;
        let options = RunOptions::default();
        let plugins = create(&selected, &loaded, &output, &cancel, options.threads)?;
        let finished = perfbox::run(&mut source, plugins, options);
        if let Some(error) = finished.error {
            return Err(anyhow::Error::from_boxed(error)).bad_input();
        }
        let failures = finished.report.plugins.iter().filter_map(|one| one.failure.as_ref());
        if let Some(failure) = failures.into_iter().next() {
            return Err(anyhow!("{category}/{identifier} failed: {failure}")).plugin_failed();
        }
        left(&finished.report, place.path()).host_failed()
    }

    /// The implementation that the name means.
    fn meant(&self, registry: &Registry) -> anyhow::Result<(Category, Identifier)> {
        let (categories, name) = match self.id.split_once('/') {
            Some((category, name)) => (vec![category.parse()?], name),
            None => (Category::ALL.to_vec(), self.id.as_str()),
        };
        let mut found = Vec::new();
        let mut errors = Vec::new();
        for category in categories {
            match registry.resolve(category, name) {
                Ok(one) => found.push((one.category, one.identifier.clone())),
                Err(error) => errors.push(error),
            }
        }
        match found.len() {
            0 => {
                let nearest = errors.iter().position(|error| error.nearest().is_some());
                Err(errors.swap_remove(nearest.unwrap_or(0)).into())
            }
            1 => Ok(found.swap_remove(0)),
            _ => bail!(
                "`{0}` is both a hook and a processor; name phase_hook/{0} or post_processor/{0}",
                escape(name)
            ),
        }
    }
}

/// What the one plugin of a run returned, and what it wrote below `place`.
fn left(report: &Report, place: &Path) -> anyhow::Result<Left> {
    let mut files = BTreeMap::new();
    for plugin in report.plugins.iter().filter(|one| one.status == PluginStatus::Ok) {
        for name in &plugin.files {
            let content = std::fs::read(place.join(name))
                .with_context(|| format!("`{}` cannot be read", escape(name)))?;
            let own = name.splitn(4, '/').nth(3).unwrap_or(name);
            files.insert(own.to_owned(), content);
        }
    }
    let result = report.results.values().next().map(serde_json::to_value).transpose()?;
    Ok(Left { result: result.unwrap_or_default(), files })
}

/// Where two runs part, in words.
fn difference(first: &Left, second: &Left) -> Option<String> {
    if let Some(words) = value_difference("results", &first.result, &second.result) {
        return Some(words);
    }
    let names = first.files.keys().chain(second.files.keys());
    names.into_iter().find_map(|name| match (first.files.get(name), second.files.get(name)) {
        (Some(one), Some(other)) => bytes_difference(name, one, other),
        _ => Some(format!("only one of them wrote `{}`", escape(name))),
    })
}

/// The first place where two values differ, down to the innermost.
fn value_difference(place: &str, one: &Value, other: &Value) -> Option<String> {
    if one == other {
        return None;
    }
    let below = match (one, other) {
        (Value::Object(ones), Value::Object(others)) if ones.len() == others.len() => {
            ones.iter().find_map(|(key, value)| {
                value_difference(&format!("{place}.{key}"), value, others.get(key)?)
            })
        }
        (Value::Array(ones), Value::Array(others)) if ones.len() == others.len() => {
            ones.iter().zip(others).enumerate().find_map(|(at, (one, other))| {
                let name = one["name"].as_str().map_or_else(|| at.to_string(), str::to_owned);
                value_difference(&format!("{place}[{name}]"), one, other)
            })
        }
        _ => None,
    };
    let shown = |value: &Value| -> String {
        let text = value.to_string();
        let kept: String = text.chars().take(60).collect();
        let cut = if kept.len() < text.len() { "…" } else { "" };
        format!("{}{cut}", escape(&kept))
    };
    let place = escape(place);
    Some(below.unwrap_or_else(|| format!("`{place}` is {}, then {}", shown(one), shown(other))))
}

fn bytes_difference(name: &str, one: &[u8], other: &[u8]) -> Option<String> {
    if one == other {
        return None;
    }
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let line = one[..same].iter().filter(|byte| **byte == b'\n').count() + 1;
    Some(format!("file `{}` at byte {same}, in line {line}", escape(name)))
}
