//! Bash: a script of our own, since bash splits words at `=`, and since the program may
//! lie at a path with blanks.

use std::ffi::{OsStr, OsString};
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
        let at = at.unwrap_or_default();
        let quotes = args.get(at).map(|word: &OsString| Quotes::of(word)).unwrap_or_default();
        let line = Line::join(args.into_iter().map(plain).collect(), at);
        for candidate in complete(cmd, line.words, line.at, current_dir)? {
            let value = candidate.get_value().to_string_lossy();
            let value = value.strip_prefix(&line.kept).unwrap_or(&value);
            writeln!(buf, "{}", quotes.quote(value))?;
        }
        Ok(())
    }
}

/// A word as the shell will take it: bash gives words as they are typed.
pub(super) fn plain(word: OsString) -> OsString {
    // What is no text is left alone; none of it is completed.
    word.to_str().map_or_else(|| word.clone(), |typed| read(typed).0.into())
}

/// A word without its quotes, and the quote that is still open at its end.
fn read(typed: &str) -> (String, Option<char>) {
    let (mut plain, mut open) = (String::new(), None);
    let mut rest = typed.chars().peekable();
    while let Some(one) = rest.next() {
        match (open, one) {
            (Some(quote), one) if one == quote => open = None,
            (None, '"' | '\'') => open = Some(one),
            (None, '\\') => plain.extend(rest.next()),
            (Some('"'), '\\') => {
                plain.push(rest.next_if(|&next| "\\\"$`".contains(next)).unwrap_or(one));
            }
            _ => plain.push(one),
        }
    }
    (plain, open)
}

/// How the word that is completed begins, which stays in the line.
#[derive(Debug, Default)]
struct Quotes {
    open: Option<char>,
    /// Begins with a `~` for the shell to expand.
    is_of_home: bool,
}

impl Quotes {
    fn of(word: &OsStr) -> Self {
        let word = word.to_string_lossy();
        Self { open: read(&word).1, is_of_home: word.starts_with('~') }
    }

    /// A candidate as it is to stand in the line. It may be a stranger's words, such as
    /// the name of a file, so the shell must take each character of it for itself.
    fn quote(&self, candidate: &str) -> String {
        let mut quoted = String::new();
        for (at, one) in candidate.char_indices() {
            match (self.open, one) {
                (Some('\''), '\'') => quoted.push_str(r"'\''"),
                (Some('\''), _) => quoted.push(one),
                // There, a backslash in front of it would stay.
                (Some('"'), '!') => quoted.push_str(r#""\!""#),
                (Some('"'), '"' | '$' | '`' | '\\') => quoted.extend(['\\', one]),
                (Some('"'), _) => quoted.push(one),
                (_, '~') if at == 0 && self.is_of_home => quoted.push(one),
                _ if is_meant_as_itself(one) => quoted.push(one),
                _ => quoted.extend(['\\', one]),
            }
        }
        quoted
    }
}

/// True for what the shell takes for itself outside of quotes.
fn is_meant_as_itself(one: char) -> bool {
    one.is_ascii_alphanumeric() || !one.is_ascii() || "_.@/=:+,-%".contains(one)
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
    fn words_are_read_without_their_quotes() {
        for (typed, plain, open) in [
            ("", "", None),
            (r"a\ b", "a b", None),
            (r#""a b"c"#, "a bc", None),
            (r#""a \$b\c"#, r"a $b\c", Some('"')),
            (r"'a \b", r"a \b", Some('\'')),
            ("a\\", "a", None),
        ] {
            assert_eq!(read(typed), (plain.to_owned(), open), "{typed}");
        }
    }

    #[test]
    fn candidates_are_quoted_as_the_word_is_begun() {
        let quote = |typed: &str, value: &str| Quotes::of(OsStr::new(typed)).quote(value);
        assert_eq!(quote("", "--use=a/b=c:d@1.0"), "--use=a/b=c:d@1.0");
        assert_eq!(quote("~/a", "~/a b~"), r"~/a\ b\~");
        assert_eq!(quote("", "~a;$(b)"), r"\~a\;\$\(b\)");
        assert_eq!(quote("\"", "a b$c!d`"), r#"a b\$c"\!"d\`"#);
        assert_eq!(quote("'", "a b$c'd"), r"a b$c'\''d");
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
