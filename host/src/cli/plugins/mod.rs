//! `perfbox plugins`: what there is, without running any of it. One file a command.

mod list;

use clap::Subcommand;

use crate::exit::Failed;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginsCommand {
    /// List implementations, and which of them their identifiers mean.
    List(list::ListArgs),
}

impl PluginsCommand {
    /// What to print on standard output.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        match self {
            Self::List(args) => args.run(),
        }
    }
}
