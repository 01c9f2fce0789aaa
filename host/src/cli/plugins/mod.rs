//! `perfbox plugins`: what there is, without running any of it. One file a command.

mod diff;
mod inspect;
mod list;
mod lock;
mod schema;
mod show;

use clap::Subcommand;

use crate::exit::Failed;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginsCommand {
    /// List implementations, and which of them their identifiers mean.
    List(list::ListArgs),
    /// Show all that is known of an identifier: package, parameters, limits.
    Show(show::ShowArgs),
    /// Print the JSON Schema of a package's registry.yaml.
    Schema(schema::SchemaArgs),
    /// Show what a component is, offers and asks for, without running it.
    Inspect(inspect::InspectArgs),
    /// Show what a new version of a component asks for and offers that the old did not.
    Diff(diff::DiffArgs),
    /// Keep what a run would load, so that a later run refuses what has changed.
    Lock(lock::LockCommandArgs),
}

impl PluginsCommand {
    /// What to print on standard output.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        match self {
            Self::List(args) => args.run(),
            Self::Show(args) => args.run(),
            Self::Schema(args) => Ok(args.run()),
            Self::Inspect(args) => args.run(),
            Self::Diff(args) => args.run(),
            Self::Lock(args) => args.run(),
        }
    }
}
