//! `perfbox plugins lock`: keeps what a run would load, so that a later run refuses what
//! has changed since.

use std::path::PathBuf;

use clap::Args;
use perfbox::lock::LockedComponent;
use perfbox::report::{Align, in_columns};
use perfbox::{Lock, PackageName, escape};

use crate::cli::PluginArgs;
use crate::cli::config::Config;
use crate::cli::lock::lock_path;
use crate::cli::select::{Selected, SelectionArgs, select};
use crate::exit::{Failed, StatusOf as _};

#[derive(Debug, Args)]
#[command(after_help = "\
It covers what `perfbox run` would load with the same flags, environment and
config file, builtins aside, and is to be kept with the config file. From then
on, `perfbox run` refuses a component whose digest or abilities have changed,
and a package that takes the place of another; `perfbox run --locked` also
refuses whatever is not in it. To accept what has changed, lock anew.

Examples:
  perfbox plugins lock
  perfbox plugins lock --plugins-dir plugins --hook audit --processor audit
  perfbox run results.jsonl --locked")]
pub(crate) struct LockCommandArgs {
    /// Where to write it [default: perfbox.lock beside the config file, or in the
    /// working directory].
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,

    #[command(flatten)]
    selection: SelectionArgs,

    #[command(flatten)]
    plugins: PluginArgs,
}

impl LockCommandArgs {
    /// What to print on standard output.
    pub(super) fn run(&self) -> Result<String, Failed> {
        let config = Config::gather(&self.plugins, &self.selection).usage()?;
        let registry = config.registry(crate::cli::cache::open_quietly()).usage()?;
        let selected = select(&config, &registry).usage()?;
        let path = lock_path(self.lock.as_deref(), &config);
        let old = Lock::read(&path).usage()?;
        // A run does without those that it refuses.
        let is_run = |one: &&Selected| one.config.is_ok();
        let to_lock = selected.iter().filter(is_run);
        let to_lock = to_lock.map(|one| (&*one.implementation, one.auto_loaded));
        let new = Lock::of(&path, to_lock).usage()?;
        new.write().host_failed()?;
        let old = old.as_ref().map_or(&[][..], Lock::components);
        let path = escape(&path.to_string_lossy()).into_owned();
        Ok(told(&path, old, new.components(), &selected))
    }
}

/// What is in the lock now, what is accepted with that, and what was left out.
fn told(
    path: &str,
    old: &[LockedComponent],
    new: &[LockedComponent],
    selected: &[Selected],
) -> String {
    let plural = if new.len() == 1 { "" } else { "s" };
    let mut text = format!("{path}: {} component{plural} locked\n", new.len());
    let mut gone: Vec<&LockedComponent> = old.iter().collect();
    let mut rows = Vec::new();
    for one in new {
        // The same one, else the one whose place it takes.
        let same = gone.iter().position(|old| old.digest == one.digest && is_of_one(old, one));
        let before = same.or_else(|| gone.iter().position(|old| is_of_one(old, one)));
        let words = match before.map(|at| gone.remove(at)) {
            None => "new".to_owned(),
            Some(old) => {
                let mut changes = old.changes(&one.version, one.digest, &one.capabilities);
                changes.extend(old.changes_of_class(one));
                changes.extend(served(old, one));
                match changes.is_empty() {
                    true => "unchanged".to_owned(),
                    false => changes.join("; "),
                }
            }
        };
        rows.push(row(one, words));
    }
    rows.extend(gone.into_iter().map(|old| row(old, "no longer in it".to_owned())));
    rows.extend(selected.iter().filter_map(left_out));
    let columns = in_columns(&rows, &[Align::Left]);
    text.extend(columns.lines().map(|line| format!("  {line}\n")));
    text
}

/// What it is selected for that it was not, and the other way round.
fn served(old: &LockedComponent, new: &LockedComponent) -> Option<String> {
    let keys_of = |one: &LockedComponent, other: &LockedComponent| {
        let missing = one.serves.keys().filter(|key| !other.serves.contains_key(key));
        let keys: Vec<_> = missing.map(|(category, id)| format!("{category}/{id}")).collect();
        keys.join(", ")
    };
    let joined_of = |one: &LockedComponent, other: &LockedComponent| {
        let missing = one.auto_loaded.difference(&other.auto_loaded);
        let keys: Vec<_> = missing.map(|(category, id)| format!("{category}/{id}")).collect();
        keys.join(", ")
    };
    let said = [
        ("serves", keys_of(new, old)),
        ("no longer serves", keys_of(old, new)),
        ("auto-loads", joined_of(new, old)),
        ("no longer auto-loads", joined_of(old, new)),
    ];
    let said: Vec<_> = said
        .into_iter()
        .filter(|(_, keys)| !keys.is_empty())
        .map(|(verb, keys)| format!("{verb} {keys}"))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn is_of_one(old: &LockedComponent, new: &LockedComponent) -> bool {
    (&old.package, &old.component) == (&new.package, &new.component)
}

fn row(one: &LockedComponent, words: String) -> Vec<String> {
    vec![named(&one.package, &one.version), escape(&one.component).into_owned(), words]
}

/// What wanted to join and was refused: a run says so too, and goes on without it.
fn left_out(one: &Selected) -> Option<Vec<String>> {
    let reason = one.config.as_ref().err()?;
    let implementation = &one.implementation;
    let package = named(&implementation.package, &implementation.version);
    Some(vec![package, implementation.key(), format!("not locked, as a run refuses it: {reason}")])
}

fn named(package: &PackageName, version: &str) -> String {
    escape(format!("{package} {version}").trim_end()).into_owned()
}
