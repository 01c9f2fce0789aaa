//! `perfbox plugins`: what there is, and what is to be known of it. One file a command.

mod add;
mod diff;
mod inspect;
mod list;
mod lock;
mod remove;
mod schema;
mod show;
mod validate;
mod verify_deterministic;

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;
use perfbox::Registry;

use super::{PluginArgs, dirs};
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
    /// Check whether packages would load, without loading them.
    Validate(validate::ValidateArgs),
    /// Run a plugin twice over the same input, and say where the two runs differ.
    VerifyDeterministic(verify_deterministic::VerifyArgs),
    /// Add a package to the user's plugins directory.
    Add(add::AddArgs),
    /// Remove a package from the user's plugins directory.
    Remove(remove::RemoveArgs),
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
            Self::Validate(args) => args.run(),
            Self::VerifyDeterministic(args) => args.run(),
            Self::Add(args) => args.run(),
            Self::Remove(args) => args.run(),
        }
    }
}

/// Where packages are added to and removed from.
fn users_plugins_dir() -> anyhow::Result<PathBuf> {
    dirs::user_plugins().ok_or_else(|| {
        anyhow!(
            "there is no home directory, so there is no plugins directory of the user's own; \
             set HOME, or XDG_DATA_HOME, to an absolute path"
        )
    })
}

/// The plugins that there are by default, to say how another stands to them; where some
/// cannot be read, fewer.
fn known_plugins() -> Registry {
    PluginArgs::default().registry().unwrap_or_else(|_| Registry::with_builtins())
}
