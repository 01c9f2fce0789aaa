//! The command line: what can be typed, and one file for each subcommand.

pub(crate) mod cache;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod dirs;
pub(crate) mod input;
pub(crate) mod inspect;
mod load;
mod lock;
pub(crate) mod plugins;
pub(crate) mod progress;
pub(crate) mod run;
mod select;
mod settings;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use config::Config;
use perfbox::Registry;
use select::SelectionArgs;

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
  4    an input could not be read, or not to its end; what was read is reported
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
    /// Show the format of recorded results, their columns, units and phases.
    Inspect(inspect::InspectArgs),
    /// Look at what flags, environment and config file say together.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look at the plugins that there are; check, add and remove packages.
    #[command(subcommand)]
    Plugins(plugins::PluginsCommand),
    /// Look at what is kept between runs, or remove it.
    #[command(subcommand)]
    Cache(cache::CacheCommand),
    /// Print the script that completes commands, identifiers and paths in a shell.
    Completions(completions::CompletionsArgs),
    /// Compile one component for the run that has started this.
    #[command(name = perfbox::compile::SUBCOMMAND, hide = true)]
    Compile(compile::CompileArgs),
}

/// Where plugins come from.
#[derive(Debug, Default, Args)]
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

    /// Only what flags and the config file name, and the builtins: neither the
    /// environment's nor the user's own.
    #[arg(long)]
    no_default_plugins: bool,

    /// Which package serves an identifier that several offer; repeatable.
    ///
    /// PACKAGE is a name, name@version, or path. Those of PERFBOX_USE (separated by
    /// commas) hold where no flag says otherwise.
    #[arg(long = "use", value_name = "CATEGORY/ID=PACKAGE")]
    choices: Vec<String>,

    /// Config file [default: perfbox.yaml, where there is one].
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    config: Option<PathBuf>,

    /// No config file.
    #[arg(long)]
    no_config: bool,
}

impl PluginArgs {
    /// The registry that flags, environment and config file describe.
    pub(crate) fn registry(&self) -> anyhow::Result<Registry> {
        Config::gather(self, &SelectionArgs::default())?.registry(cache::open_quietly())
    }
}

/// Characters in a line of standard output: the terminal's, else COLUMNS, else 80.
pub(crate) fn output_width() -> usize {
    let terminal = terminal_size::terminal_size_of(std::io::stdout());
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal.or_else(columns).unwrap_or(80)
}
