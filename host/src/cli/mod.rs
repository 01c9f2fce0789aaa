//! The command line: what can be typed, and one file for each subcommand.

pub(crate) mod dirs;
pub(crate) mod plugins;
pub(crate) mod progress;
pub(crate) mod run;
mod select;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use perfbox::Registry;
use perfbox::registry::PackageChoice;

/// Run plugins over the results of a benchmark, each in a sandbox of its own.
#[derive(Debug, Parser)]
#[command(
    name = "perfbox",
    version,
    arg_required_else_help = true,
    after_help = "\
Exit status:
  0    the run finished and every selected plugin did its work
  1    perfbox failed, or could not write its output
  2    wrong usage or configuration, or a named plugin refused: nothing was run
  3    the run finished, but a plugin failed; the report says which and why
  4    an input could not be read to its end; what was read is reported
  130  interrupted; what was processed is reported

Environment:
  RUST_LOG  what is logged to standard error (default: warn,plugin=info)
  NO_COLOR  set to anything: no colours"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run hooks and processors over recorded results and report what they return.
    Run(run::RunArgs),
    /// Look at the plugins that there are.
    #[command(subcommand)]
    Plugins(plugins::PluginsCommand),
}

/// Where plugins come from.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where plugins come from")]
pub(crate) struct PluginArgs {
    /// Directory of plugin packages and bare components; repeatable.
    ///
    /// Those of PERFBOX_PLUGIN_PATH (separated as in PATH) and the user's own
    /// ($XDG_DATA_HOME/perfbox/plugins) are looked through as well.
    #[arg(long, value_name = "DIR")]
    plugins_dir: Vec<PathBuf>,

    /// One component, without any directory; repeatable.
    ///
    /// Those of PERFBOX_PLUGINS (separated by commas) are taken as well.
    #[arg(long, value_name = "FILE.wasm")]
    plugin: Vec<PathBuf>,

    /// Only what --plugins-dir and --plugin name, and the builtins.
    #[arg(long)]
    no_default_plugins: bool,

    /// Which package serves an identifier that several offer; repeatable.
    ///
    /// PACKAGE is a name, name@version, or path. Those of PERFBOX_USE (separated by
    /// commas) hold where no flag says otherwise.
    #[arg(long = "use", value_name = "CATEGORY/ID=PACKAGE")]
    choices: Vec<String>,
}

impl PluginArgs {
    /// The registry that flags and environment describe.
    pub(crate) fn registry(&self) -> anyhow::Result<Registry> {
        let mut registry = Registry::with_builtins();
        for dir in &self.plugins_dir {
            registry.discover(dir)?;
        }
        if !self.no_default_plugins {
            let path = std::env::var_os("PERFBOX_PLUGIN_PATH").unwrap_or_default();
            for dir in std::env::split_paths(&path).filter(|dir| !dir.as_os_str().is_empty()) {
                registry.discover(&dir).context("PERFBOX_PLUGIN_PATH")?;
            }
            if let Some(dir) = dirs::user_plugins().filter(|dir| dir.is_dir()) {
                registry.discover(&dir)?;
            }
        }
        for file in &self.plugin {
            registry.register_file(file)?;
        }
        if !self.no_default_plugins {
            for file in from_environment("PERFBOX_PLUGINS") {
                registry.register_file(file.as_ref()).context("PERFBOX_PLUGINS")?;
            }
        }
        for choice in from_environment("PERFBOX_USE") {
            let choice: PackageChoice = choice.parse().context("PERFBOX_USE")?;
            registry.use_package(choice).context("PERFBOX_USE")?;
        }
        for choice in &self.choices {
            registry.use_package(choice.parse()?)?;
        }
        Ok(registry)
    }
}

/// The values of a variable, separated by commas.
pub(crate) fn from_environment(variable: &str) -> Vec<String> {
    let value = std::env::var(variable).unwrap_or_default();
    let values = value.split(',').map(str::trim).filter(|value| !value.is_empty());
    values.map(str::to_owned).collect()
}

/// Characters in a line of standard output: the terminal's, else COLUMNS, else 80.
pub(crate) fn output_width() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(columns).unwrap_or(80)
}
