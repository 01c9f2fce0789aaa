//! YAML that people have written: read within bounds, refused with line and column.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use perfbox_model::escape;

/// Largest file that is read, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// Why a YAML file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum YamlError {
    /// Something in it is wrong.
    #[error("{}:{line}:{column}: {problem}", escape(&path.to_string_lossy()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// It is larger than any such file.
    #[error("{}: such a file has at most {MAX_BYTES} bytes, not {bytes}", escape(&path.to_string_lossy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It could not be read.
    #[error("{}: {reason}", escape(&path.to_string_lossy()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// What is wrong with a text, and where, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    place: Option<Location>,
    words: String,
}

impl ConfigError {
    /// One at a known place.
    pub fn at<T>(place: &Spanned<T>, words: impl Into<String>) -> Self {
        Self { place: Some(place.referenced), words: words.into() }
    }

    /// The same, of the file at `path`.
    pub fn in_file(self, path: &Path) -> YamlError {
        // The parser says column 0 for the end of a file.
        let at = |part: fn(&Location) -> u64| self.place.as_ref().map_or(1, part).max(1);
        YamlError::Invalid {
            path: path.to_owned(),
            line: at(Location::line),
            column: at(Location::column),
            problem: self.words,
        }
    }
}

/// The text of a file, which must be a regular one, of at most 64 KiB.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<String, YamlError> {
    let unreadable = |error: std::io::Error| YamlError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let file = perfbox_model::files::open_regular(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    if bytes > MAX_BYTES as u64 {
        return Err(YamlError::TooLarge { path: path.to_owned(), bytes });
    }
    // Held while reading too, since the file may grow, or not know its size.
    let mut text = String::new();
    file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLarge { path: path.to_owned(), bytes: text.len() as u64 });
    }
    Ok(text)
}

/// The same, of a file of the reader's own, which may be a link to another.
///
/// # Errors
/// When it cannot be read.
pub fn read_through_link(path: &Path) -> Result<String, YamlError> {
    read(&through_link(path))
}

/// The file itself, where `path` is a link to it.
pub(crate) fn through_link(path: &Path) -> PathBuf {
    match path.is_symlink() {
        true => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
        false => path.to_owned(),
    }
}

/// A document that says in `schema_version` which form it has.
pub trait Versioned {
    /// What to say of an empty one.
    const NEEDS: &'static str;
    /// The form that is read.
    const READ: &'static str;
    /// The form that this one says it has.
    fn schema_version(&self) -> Option<&Spanned<String>>;
}

/// Reads a document. One of a later form is refused by name, whatever else it says.
///
/// # Errors
/// What is wrong with it.
pub fn parse<T: DeserializeOwned + Versioned>(text: &str) -> Result<T, ConfigError> {
    match serde_saphyr::from_str::<T>(text) {
        Ok(document) => match document.schema_version().and_then(later_form::<T>) {
            Some(problem) => Err(problem),
            None => Ok(document),
        },
        Err(error) => {
            // Only as much as tells whether the rest can be understood.
            let head: Option<Head> = serde_saphyr::from_str(text).ok();
            let later = head.and_then(|head| later_form::<T>(head.schema_version.as_ref()?));
            Err(later.unwrap_or_else(|| {
                let words = error.without_snippet().to_string();
                ConfigError { place: error.location(), words: in_plain_words(&words, T::NEEDS) }
            }))
        }
    }
}

#[derive(Deserialize)]
struct Head {
    schema_version: Option<Spanned<String>>,
}

fn later_form<T: Versioned>(version: &Spanned<String>) -> Option<ConfigError> {
    (version.value != T::READ).then(|| {
        let words = format!(
            "schema_version `{}` is not known to this perfbox, which reads {}; a newer perfbox may",
            escape(&version.value),
            T::READ
        );
        ConfigError::at(version, words)
    })
}

/// The parser's words, for people. Its own position is shown in front of them.
fn in_plain_words(words: &str, needs: &str) -> String {
    let line = words.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let line = match line {
        "invalid i64" => "a whole number belongs here",
        "invalid boolean" => "true or false belongs here",
        "expected string scalar" => "a text belongs here",
        "expected sequence start" => "a list belongs here, for example [a, b]",
        "expected mapping start" => "entries of the form `key: value` belong here",
        "unexpected end of input" => return format!("it is empty; {needs}"),
        line if line.starts_with("budget breached") => {
            "it unfolds to more than any such file needs; use fewer aliases"
        }
        "recursion limit exceeded" => "it is nested deeper than any such file needs",
        // What follows is for the parser's own callers.
        line => line.split(", set DuplicateKeyPolicy").next().unwrap_or(line),
    };
    escape(line).into_owned()
}
