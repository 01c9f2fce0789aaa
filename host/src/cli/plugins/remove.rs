//! `perfbox plugins remove`: a package out of the user's plugins directory.

use clap::Args;
use perfbox::escape;
use perfbox::packages::remove;

use super::{known_plugins, users_plugins_dir};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
Only the user's own plugins directory, $XDG_DATA_HOME/perfbox/plugins, is
changed; of a link in it, the link is removed and never what it points to.

Examples:
  perfbox plugins remove example-plugin")]
pub(crate) struct RemoveArgs {
    /// The package's name; of a bare component, also its file's; of an invalid package,
    /// its directory's.
    #[arg(value_name = "NAME")]
    name: String,
}

impl RemoveArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let dir = users_plugins_dir().usage()?;
        let removed = match remove(&dir, &self.name, &known_plugins()) {
            Err(error) if error.is_refusal() => Err(error).usage(),
            removed => removed.host_failed(),
        }?;
        let named = format!("{} {}", removed.name, escape(&removed.version));
        let path = removed.path.to_string_lossy();
        Ok(format!("removed {}: {}\n", named.trim_end(), escape(&path)))
    }
}
