//! What the words typed so far say about which plugins there are.

use std::ffi::OsString;
use std::path::PathBuf;

use perfbox::Registry;

use crate::cli::PluginArgs;

/// Read without the parser, which takes no line that is not whole.
pub(super) struct Typed {
    plugins: PluginArgs,
    /// Identifiers that --hook and --processor name.
    pub(super) selected: Vec<String>,
}

impl Typed {
    /// Reads the arguments of this program, in which the typed words follow `--`.
    pub(super) fn read(args: impl Iterator<Item = OsString>) -> Self {
        let mut read = Self { plugins: PluginArgs::default(), selected: Vec::new() };
        let mut words = args.skip_while(|word| word != "--").skip(1).peekable();
        while let Some(word) = words.next() {
            let Some(word) = word.to_str() else { continue };
            let (flag, value) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(OsString::from(value))),
                None => (word, None),
            };
            let mut value = || {
                // Bash has the sign as a word.
                words.next_if(|word| word == "=");
                value.clone().or_else(|| words.next())
            };
            match flag {
                "--plugins-dir" => read.plugins.plugins_dir.extend(value().map(expand_home)),
                "--plugin" => read.plugins.plugin.extend(value().map(expand_home)),
                "--no-default-plugins" => read.plugins.no_default_plugins = true,
                "--config" => read.plugins.config = value().map(expand_home),
                "--no-config" => read.plugins.no_config = true,
                "--hook" | "--processor" => {
                    read.selected.extend(value().map(|id| id.to_string_lossy().into_owned()));
                }
                _ => {}
            }
        }
        read
    }

    /// The plugins that there would be; fewer where some cannot be read.
    pub(super) fn registry(&self) -> Registry {
        let default = || PluginArgs::default().registry().ok();
        let registry = self.plugins.registry().ok().or_else(default);
        registry.unwrap_or_else(Registry::with_builtins)
    }
}

/// As the shell will, once the line is run.
fn expand_home(word: OsString) -> PathBuf {
    let path = PathBuf::from(word);
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(below), Some(home)) => PathBuf::from(home).join(below),
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_and_selections_are_read_in_every_form() {
        let line = "perfbox -- perfbox run --plugins-dir a --plugins-dir=b --plugins-dir = c \
                    --hook h --processor=p --no-default-plugins --config=c --plugin";
        let read = Typed::read(line.split_whitespace().map(OsString::from));
        assert_eq!(read.plugins.plugins_dir, ["a", "b", "c"].map(PathBuf::from));
        assert_eq!(read.selected, ["h", "p"]);
        assert!(read.plugins.no_default_plugins);
        assert_eq!(read.plugins.config, Some(PathBuf::from("c")));
        assert!(read.plugins.plugin.is_empty());
    }
}
