//! `perfbox cache`: what is kept between runs; and the flag of those commands that
//! compile.

use anyhow::anyhow;
use clap::{Args, Subcommand};
use perfbox::report::{Align, in_columns};
use perfbox::{CacheDir, CacheError, CacheInfo, CacheUsage, escape};
use serde_json::json;

use super::dirs;
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show where the cache lies and what it holds.
    Info(InfoArgs),
    /// Remove all that the cache holds; what is needed is made anew.
    Clear(ClearArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  perfbox cache info
  perfbox cache info --json")]
pub(crate) struct InfoArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  perfbox cache clear

Only what perfbox wrote is removed, and no run is disturbed by it.")]
pub(crate) struct ClearArgs {}

/// How a command that compiles uses the cache.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    /// Compile every component anew, and keep nothing for the next run.
    #[arg(long)]
    no_cache: bool,
}

impl CacheCommand {
    /// What to print on standard output.
    pub(crate) fn run(&self) -> Result<String, Failed> {
        let cache = open().usage()?.status()?;
        match self {
            Self::Info(args) => {
                let info = cache.info().status()?;
                Ok(if args.json { as_json(&cache, &info) } else { as_table(&cache, &info) })
            }
            Self::Clear(ClearArgs {}) => {
                let CacheUsage { entries, bytes, .. } = cache.clear().status()?;
                let place = cache.path().to_string_lossy();
                let plural = if entries == 1 { "entry" } else { "entries" };
                Ok(format!("removed {entries} {plural}, {bytes} bytes, from {}\n", escape(&place)))
            }
        }
    }
}

impl CacheArgs {
    /// The user's cache; none where it is not wanted, or, with a warning, where it
    /// cannot be used.
    pub(crate) fn open(&self) -> Option<CacheDir> {
        if self.no_cache {
            return None;
        }
        let unusable = match open() {
            Ok(Ok(cache)) => return Some(cache),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            "compiled code is not kept: {unusable}; --no-cache runs without this warning"
        );
        None
    }
}

/// For commands that compile nothing: without the cache they are slower, no more.
pub(crate) fn open_quietly() -> Option<CacheDir> {
    open().ok()?.ok()
}

/// The cache in the user's own directories, unless there are none.
fn open() -> anyhow::Result<Result<CacheDir, CacheError>> {
    let places = dirs::cache().zip(dirs::cache_key());
    let (dir, key) = places.ok_or_else(|| {
        anyhow!("there is no home directory for the cache; set HOME, or XDG_CACHE_HOME and XDG_STATE_HOME")
    })?;
    Ok(CacheDir::open(&dir, &key))
}

/// A system that does not play along is perfbox's failure, all else the user's to mend.
trait Status<T> {
    fn status(self) -> Result<T, Failed>;
}

impl<T> Status<T> for Result<T, CacheError> {
    fn status(self) -> Result<T, Failed> {
        match self {
            Err(error @ CacheError::Io { .. }) => Err(error).host_failed(),
            done => done.usage(),
        }
    }
}

fn as_table(cache: &CacheDir, info: &CacheInfo) -> String {
    let row = |kind: &str, entries: String, bytes: String| vec![kind.to_owned(), entries, bytes];
    let usage =
        |kind, usage: CacheUsage| row(kind, usage.entries.to_string(), usage.bytes.to_string());
    let rows = [
        row("KIND", "ENTRIES".to_owned(), "BYTES".to_owned()),
        usage("code", info.code),
        usage("index", info.index),
        usage("all", info.total),
        row("limit", String::new(), info.limit_bytes.to_string()),
    ];
    let table = in_columns(&rows, &[Align::Left, Align::Right]);
    format!("{}\n\n{table}", escape(&cache.path().to_string_lossy()))
}

fn as_json(cache: &CacheDir, info: &CacheInfo) -> String {
    let shown = json!({
        "path": cache.path().to_string_lossy(),
        "limit_bytes": info.limit_bytes,
        "total": info.total,
        "code": info.code,
        "index": info.index,
    });
    format!("{shown:#}\n")
}
