//! Bash: a script of our own, since bash splits words at `=`, and since the program may
//! lie at a path with blanks.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap_complete::engine::complete;
use clap_complete::env::EnvCompleter;

/// The script, with `COMPLETER` in place of the program to ask.
const SCRIPT: &str = include_str!("perfbox.bash");

/// Says which word is to be completed; the scripts of all shells set it.
const INDEX_VARIABLE: &str = "_CLAP_COMPLETE_INDEX";

pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        _var: &str,
        _name: &str,
        _bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let quoted = format!("'{}'", completer.replace('\'', r"'\''"));
        buf.write_all(SCRIPT.replace("COMPLETER", &quoted).as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let at = std::env::var(INDEX_VARIABLE).ok().and_then(|index| index.parse().ok());
        let line = Line::join(args, at.unwrap_or_default());
        for candidate in complete(cmd, line.words, line.at, current_dir)? {
            let value = candidate.get_value().to_string_lossy();
            writeln!(buf, "{}", value.strip_prefix(&line.kept).unwrap_or(&value))?;
        }
        Ok(())
    }
}

/// A command line whose words are whole again.
#[derive(Debug, PartialEq)]
struct Line {
    words: Vec<OsString>,
    /// Which word is to be completed.
    at: usize,
    /// What of that word bash keeps in front of a candidate.
    kept: String,
}

impl Line {
    /// Bash has `--hook=x` as the three words `--hook`, `=` and `x`.
    fn join(mut split: Vec<OsString>, at: usize) -> Self {
        if split.len() <= at {
            split.push(OsString::new());
        }
        let mut line = Self { words: Vec::new(), at: 0, kept: String::new() };
        let mut goes_on = false;
        for (index, word) in split.into_iter().enumerate() {
            let is_sign = word == "=";
            match line.words.last_mut().filter(|_| is_sign || goes_on) {
                Some(whole) => {
                    if index == at {
                        line.kept = whole.to_string_lossy().into_owned();
                        line.kept.push_str(if is_sign { "=" } else { "" });
                    }
                    whole.push(&word);
                }
                None => line.words.push(word),
            }
            if index == at {
                line.at = line.words.len() - 1;
            }
            goes_on = is_sign;
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(words: &[&str], at: usize) -> (Vec<String>, usize, String) {
        let line = Line::join(words.iter().map(OsString::from).collect(), at);
        let words = line.words.iter().map(|word| word.to_str().unwrap().to_owned());
        (words.collect(), line.at, line.kept)
    }

    #[test]
    fn words_that_bash_split_are_whole_again() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(join(&["p", "r"], 1), (words(&["p", "r"]), 1, String::new()));
        assert_eq!(join(&["p", "r"], 2), (words(&["p", "r", ""]), 2, String::new()));
        for (split, at, whole, kept) in [
            (&["p", "--a", "="][..], 2, "--a=", "--a="),
            (&["p", "--a", "=", "x"], 3, "--a=x", "--a="),
            (&["p", "--a", "=", "x.y", "=", "z"], 5, "--a=x.y=z", "--a=x.y="),
        ] {
            assert_eq!(join(split, at), (words(&["p", whole]), 1, kept.to_owned()));
        }
        let later = join(&["p", "--a", "=", "x", "", "--b", "=", "y"], 4);
        assert_eq!(later, (words(&["p", "--a=x", "", "--b=y"]), 2, String::new()));
    }
}
