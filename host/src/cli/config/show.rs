//! `perfbox config show`: each value, and where it came from.

use clap::{Args, Subcommand};
use perfbox::records::Mapping;
use perfbox::report::{Align, in_columns};
use perfbox::{Category, Limits, escape};
use serde_json::{Value, json};

use super::{Config, Granted, Limit, OfPlugin, Origin, Param, Sourced};
use crate::cli::PluginArgs;
use crate::cli::select::SelectionArgs;
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show each value and where it came from: a flag, a variable, a line of the config
    /// file, or the default.
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox config show
  perfbox config show --config team.yaml --hook phase_log
  perfbox config show --json

Flags go before the environment, that before the config file, that before defaults.
Plugins directories are looked through all at once; of other lists the first that says
anything holds. For what a plugin may use, see also `perfbox plugins show`.")]
pub(crate) struct ShowArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    plugins: PluginArgs,
}

/// One value under its key.
struct Row {
    key: String,
    value: Value,
    origin: Origin,
}

impl ConfigCommand {
    /// What to print on standard output.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        let Self::Show(args) = self;
        let config = Config::gather(&args.plugins, &args.selection).usage()?;
        let rows = rows(&config).usage()?;
        Ok(if args.json { as_json(&config, &rows) } else { as_table(&config, &rows) })
    }
}

fn rows(config: &Config) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut row = |key: String, value: Value, origin: &Origin| {
        rows.push(Row { key, value, origin: origin.clone() });
    };
    for (key, paths) in
        [("plugins_dirs", &config.plugins_dirs), ("plugin_files", &config.plugin_files)]
    {
        for path in paths {
            row(key.to_owned(), json!(path.value.to_string_lossy()), &path.origin);
        }
    }
    row(
        "default_plugins".to_owned(),
        json!(config.default_plugins.value),
        &config.default_plugins.origin,
    );
    for Sourced { value, origin } in &config.choices {
        let (key, package) = value.split_once('=').unwrap_or((value, ""));
        row(format!("use.{key}"), json!(package), origin);
    }
    let [(_, hooks), (_, processors)] = config.named();
    for (key, identifiers) in [("hooks", hooks), ("processors", processors)] {
        for Sourced { value, origin } in identifiers {
            row(key.to_owned(), json!(value), origin);
        }
    }
    if config.processors.is_none() {
        let default = perfbox::Registry::with_builtins().default_of(Category::PostProcessor)?;
        row("processors".to_owned(), json!(default.identifier), &Origin::Default);
    }
    row("auto_load".to_owned(), json!(config.auto_load.value), &config.auto_load.origin);
    let mut mapping = Mapping::default();
    for said in &config.mapping {
        said.said(mapping.add_flag(&said.value))?;
        let (field, column) = said.value.split_once('=').unwrap_or((&said.value, ""));
        row(format!("mapping.{field}"), json!(column), &said.origin);
    }
    let mut limits = Limits::default();
    let of_all = |limit: &&Sourced<Limit>| limit.value.owner.is_none();
    for limit in config.limits.iter().filter(of_all) {
        limit.said(limits.set(&limit.value.name, &limit.value.value))?;
    }
    for (name, value) in limits.list() {
        let said = config.limits.iter().filter(of_all).rfind(|limit| limit.value.name == name);
        let origin = said.map_or(&Origin::Default, |limit| &limit.origin);
        row(format!("limits.{name}"), json!(value), origin);
    }
    for Sourced { value: Limit { owner, name, value }, origin } in &config.limits {
        if let Some(owner) = owner {
            Limits::default()
                .set(name, value)
                .map_err(|error| anyhow::Error::from(error).context(origin.to_string()))?;
            row(format!("plugins.{owner}.limits.{name}"), json!(value), origin);
        }
    }
    for Sourced { value: Param { owner, name, value }, origin } in &config.params {
        let value = match value {
            perfbox::registry::ParamValue::Text(text) => json!(text),
            perfbox::registry::ParamValue::Value(value) => value.clone(),
        };
        row(format!("plugins.{owner}.params.{name}"), value, origin);
    }
    for Sourced { value: OfPlugin { owner, value: granted }, origin } in &config.grants {
        let (name, value) = match granted {
            Granted::Output(output) => ("output".to_owned(), json!(output)),
            Granted::Clock(clock) => ("clock".to_owned(), json!(clock)),
            Granted::Random(random) => ("random".to_owned(), json!(random)),
            Granted::Read(name, dir) => (format!("read.{name}"), json!(dir.to_string_lossy())),
        };
        row(format!("plugins.{owner}.grants.{name}"), value, origin);
    }
    for Sourced { value: OfPlugin { owner, value }, origin } in &config.on_failure {
        row(format!("plugins.{owner}.on_failure"), json!(value), origin);
    }
    Ok(rows)
}

fn as_table(config: &Config, rows: &[Row]) -> String {
    let mut table = vec![["KEY", "VALUE", "FROM"].map(str::to_owned).to_vec()];
    for Row { key, value, origin } in rows {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        table.push(vec![escape(key).into_owned(), escape(&value).into_owned(), origin.to_string()]);
    }
    let file = match &config.file {
        Some(path) => escape(&path.to_string_lossy()).into_owned(),
        None => "none".to_owned(),
    };
    format!("config file: {file}\n\n{}", in_columns(&table, &[Align::Left]))
}

fn as_json(config: &Config, rows: &[Row]) -> String {
    let row =
        |row: &Row| json!({"key": row.key, "value": row.value, "from": row.origin.to_string()});
    let shown = json!({
        "config_file": config.file.as_ref().map(|path| path.to_string_lossy()),
        "values": rows.iter().map(row).collect::<Vec<_>>(),
    });
    format!("{shown:#}\n")
}
