//! `perfbox plugins show ID`: all that is known of what a name can mean.

use anyhow::anyhow;
use clap::Args;
use perfbox::registry::{ConfigParam, Listed};
use perfbox::report::{Align, in_columns};
use perfbox::{Category, Limits, Permissions, Registry, escape};
use serde_json::{Value, json};

use super::list::{component, status_text, status_word};
use crate::cli::PluginArgs;
use crate::cli::config::Config;
use crate::cli::select::SelectionArgs;
use crate::cli::settings::{limits, permissions};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox plugins show metrics
  perfbox plugins show post_processor/metrics --json
  perfbox plugins show example_logging_hook --plugins-dir plugins

The limits are those of a run with the same flags, environment and config file. What a
component asks for is shown by `perfbox plugins inspect FILE.wasm`.")]
pub(crate) struct ShowArgs {
    /// Identifier, alone or as CATEGORY/ID.
    #[arg(value_name = "ID")]
    id: String,

    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    plugins: PluginArgs,
}

impl ShowArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let config = Config::gather(&self.plugins, &SelectionArgs::default()).usage()?;
        let registry = config.registry(crate::cli::cache::open_quietly()).usage()?;
        let found = self.find(&registry).usage()?;
        let mut shown = Vec::new();
        for listed in found {
            let limits = limits(&config.limits, &listed.implementation).usage()?;
            let permissions = permissions(&config.grants, &listed.implementation);
            shown.push(Shown { registry: &registry, listed, limits, permissions });
        }
        if self.json {
            let all: Vec<_> = shown.iter().map(Shown::as_json).collect();
            return Ok(format!("{:#}\n", Value::from(all)));
        }
        Ok(shown.iter().map(Shown::as_text).collect::<Vec<_>>().join("\n"))
    }

    /// Of every category that has it, selected or not.
    fn find(&self, registry: &Registry) -> anyhow::Result<Vec<Listed>> {
        let (categories, identifier) = match self.id.split_once('/') {
            Some((category, identifier)) => (vec![category.parse()?], identifier),
            None => (Category::ALL.to_vec(), self.id.as_str()),
        };
        let of = |category: &Category| registry.list_implementations(*category);
        let mut found: Vec<_> = categories.iter().flat_map(of).collect();
        found.retain(|listed| listed.implementation.identifier.as_str() == identifier);
        match found.is_empty() {
            false => Ok(found),
            true => Err(unknown(registry, &categories, identifier)),
        }
    }
}

/// The words for an identifier that no category has.
fn unknown(registry: &Registry, categories: &[Category], identifier: &str) -> anyhow::Error {
    let errors = categories.iter().map(|category| registry.resolve(*category, identifier));
    let mut errors: Vec<_> = errors.filter_map(Result::err).collect();
    let meant = errors.iter().position(|error| error.nearest().is_some());
    match (meant, errors.len()) {
        (Some(meant), _) => errors.swap_remove(meant).into(),
        (None, 1) => errors.swap_remove(0).into(),
        (None, _) => {
            let categories: Vec<_> = categories.iter().map(|one| one.as_str()).collect();
            anyhow!(
                "`{}` is not a known {} (see `perfbox plugins list --all`)",
                escape(identifier),
                categories.join(" or ")
            )
        }
    }
}

/// One implementation, with what it may use.
struct Shown<'r> {
    registry: &'r Registry,
    listed: Listed,
    limits: Limits,
    permissions: Permissions,
}

impl Shown<'_> {
    fn as_text(&self) -> String {
        let one = &self.listed.implementation;
        let package = self.registry.package_of(one);
        let of_package = |get: fn(&perfbox::registry::Package) -> &str| {
            package.map(get).unwrap_or_default().to_owned()
        };
        let version = &one.version;
        let yes_or_no = |is: bool| if is { "yes" } else { "no" };
        let rows = [
            ("status", status_text(&self.listed.status)),
            ("description", one.description.clone()),
            ("package", format!("{} {version}", one.package)),
            ("about", of_package(|package| &package.description)),
            ("author", of_package(|package| &package.author)),
            ("license", of_package(|package| &package.license)),
            ("source", one.source.to_string()),
            ("component", component(one)),
            ("class", one.class.clone()),
            ("tags", one.tags.join(", ")),
            ("priority", one.priority.to_string()),
            ("auto_load", yes_or_no(one.auto_load).to_owned()),
        ];
        let mut text = format!("{}\n", one.key());
        for (key, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            text.push_str(&format!("  {key:<12}{}\n", escape(value.trim_end())));
        }
        match one.params.as_deref() {
            None => text.push_str("  parameters  not declared: any is passed on\n"),
            Some([]) => text.push_str("  parameters  none\n"),
            Some(params) => text.push_str(&indented("parameters", &params_table(params))),
        }
        text.push_str(&format!("  may         {}\n", self.permissions));
        let limits: Vec<Vec<String>> =
            self.limits.list().map(|(name, value)| vec![name.to_owned(), value]).collect();
        text.push_str(&indented("limits", &in_columns(&limits, &[Align::Left])));
        text
    }

    fn as_json(&self) -> Value {
        let Listed { implementation: one, status } = &self.listed;
        let package = self.registry.package_of(one);
        json!({
            "category": one.category,
            "identifier": one.identifier,
            "status": status_word(status),
            "reason": status_text(status),
            "description": one.description,
            "package": {
                "name": one.package,
                "version": one.version,
                "description": package.map(|package| &package.description),
                "author": package.map(|package| &package.author),
                "license": package.map(|package| &package.license),
                "path": package.map(|package| package.path.to_string_lossy()),
            },
            "source": one.source.as_str(),
            "component": component(one),
            "class": one.class,
            "tags": one.tags,
            "priority": one.priority,
            "auto_load": one.auto_load,
            "config_params": one.params.as_ref().map(|all| all.iter().map(param_json).collect::<Vec<_>>()),
            "grants": {
                "output": self.permissions.output,
                "clock": self.permissions.clock,
                "random": self.permissions.random,
                "read": self.permissions.read,
            },
            "limits": self.limits.list().collect::<std::collections::BTreeMap<_, _>>(),
        })
    }
}

/// A parameter, as every command's JSON has it.
pub(super) fn param_json(param: &ConfigParam) -> Value {
    json!({
        "name": param.name, "type": param.kind, "default": param.default,
        "required": param.required, "choices": param.choices, "min": param.min,
        "max": param.max, "description": param.description,
    })
}

/// Parameters in columns, for people.
pub(super) fn params_table(params: &[ConfigParam]) -> String {
    let row = |param: &ConfigParam| {
        let default = match &param.default {
            Some(default) => format!("default {default}"),
            None if param.required => "required".to_owned(),
            None => "optional".to_owned(),
        };
        [
            param.name.to_string(),
            param.kind.to_string(),
            default,
            param.constraint(),
            param.description.clone(),
        ]
        .map(|cell| escape(&cell).into_owned())
        .to_vec()
    };
    let rows: Vec<_> = params.iter().map(row).collect();
    in_columns(&rows, &[Align::Left])
}

/// A table below its title.
fn indented(title: &str, table: &str) -> String {
    let lines: String = table.lines().map(|line| format!("    {line}\n")).collect();
    format!("  {title}\n{lines}")
}
