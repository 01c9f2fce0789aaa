//! Expands directories and patterns to inputs.

use std::path::{Component, Path, PathBuf};

use crate::error::InputError;
use crate::input::is_aiperf_directory;

/// Extensions of record files in a directory, before `.gz` or `.zst`.
const ENDS: [&str; 7] = [".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".jtl", ".parquet"];

/// Expands the inputs of a command line. A directory stands for the record files in it, unless
/// AIPerf wrote it; a pattern with `*`, `?` or `[…]` for the files and AIPerf directories that
/// it matches. Both are sorted by name.
///
/// # Errors
/// When a pattern matches nothing, or a directory has no record files or cannot be read.
pub fn expand_inputs(names: &[String]) -> Result<Vec<String>, InputError> {
    let mut inputs = Vec::new();
    for name in names {
        let path = Path::new(name);
        if name == "-" || path.is_file() || (path.is_dir() && is_aiperf_directory(path)) {
            inputs.push(name.clone());
        } else if path.is_dir() {
            inputs.extend(files_in(path, name)?);
        } else if name.contains(['*', '?', '[']) && !path.exists() {
            inputs.extend(fitting(name)?);
        } else {
            inputs.push(name.clone());
        }
    }
    Ok(inputs)
}

fn files_in(dir: &Path, name: &str) -> Result<Vec<String>, InputError> {
    let failed = |source| InputError::Io { path: name.to_owned(), bytes: 0, source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && has_records_name(&path) {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    if files.is_empty() {
        return Err(InputError::NotArtifacts { path: PathBuf::from(dir) });
    }
    files.sort();
    Ok(files)
}

fn has_records_name(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase());
    let name = name.unwrap_or_default();
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    !name.starts_with('.') && ENDS.iter().any(|end| name.ends_with(end))
}

fn fitting(pattern: &str) -> Result<Vec<String>, InputError> {
    let refused = |problem: String| InputError::Pattern { pattern: pattern.to_owned(), problem };
    let found = glob::glob(pattern).map_err(|error| refused(error.msg.to_string()))?;
    let dotted: Vec<_> = Path::new(pattern)
        .components()
        .filter_map(|part| glob::Pattern::new(part.as_os_str().to_str()?).ok())
        .filter(|part| part.as_str().starts_with('.'))
        .collect();
    // As in a shell, a hidden name matches only a pattern part that begins with a dot. The glob
    // crate's own option never matches hidden names, and panics at names that are not UTF-8.
    let is_meant = |path: &PathBuf| {
        path.components().all(|part| match part {
            Component::Normal(name) if name.as_encoded_bytes().starts_with(b".") => {
                dotted.iter().any(|dotted| dotted.matches_path(Path::new(name)))
            }
            _ => true,
        })
    };
    let is_input = |path: &PathBuf| !path.is_dir() || is_aiperf_directory(path);
    let files = found.filter_map(Result::ok).filter(is_meant).filter(is_input);
    let files: Vec<_> = files.map(|path| path.to_string_lossy().into_owned()).collect();
    if files.is_empty() {
        return Err(refused("no file matches it".to_owned()));
    }
    Ok(files)
}
