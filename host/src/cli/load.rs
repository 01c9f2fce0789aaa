//! What a command has selected, loaded and created.

use std::sync::Arc;

use anyhow::Context as _;
use perfbox::report::OutputDir;
use perfbox::{CacheDir, CancelToken, CompileMode, LoadError, Loaded, Loader, Plugin, Settings};

use super::select::Selected;
use crate::exit::{Failed, StatusOf as _};

/// What loads the components of a run.
pub(super) fn new_loader(deterministic: bool, cache: Option<CacheDir>) -> Result<Loader, Failed> {
    let mode = compile_mode()?;
    let loader = match deterministic {
        true => Loader::deterministic(mode),
        false => Loader::new(mode),
    };
    let loader = loader.host_failed()?;
    Ok(match cache {
        Some(cache) => loader.with_cache(cache),
        None => loader,
    })
}

/// What runs the calls.
pub(super) fn new_runtime() -> Result<tokio::runtime::Runtime, Failed> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().context("the runtime could not be started").host_failed()
}

/// Compiles and checks everything before any of it runs. One that was named and is
/// refused ends the run; one that joined by itself is kept as refused.
pub(super) fn load(
    loader: &mut Loader,
    selected: &[Selected],
) -> Result<Vec<Result<Loaded, String>>, Failed> {
    let mut loaded = Vec::new();
    for one in selected {
        if let Err(reason) = &one.config {
            loaded.push(Err(reason.clone()));
            continue;
        }
        let result = loader
            .load(Arc::clone(&one.implementation), &one.limits)
            .and_then(|loaded| loaded.check_permissions(&one.permissions).map(|()| loaded));
        match result {
            Err(error @ LoadError::Compiler { .. }) => return Err(error).host_failed(),
            Err(error) if !one.auto_loaded => {
                return Err(error)
                    .context(format!("{} is refused", one.implementation.key()))
                    .usage();
            }
            result => loaded.push(result.map_err(|error| error.to_string())),
        }
    }
    Ok(loaded)
}

/// Has an instance of each created, of mergeable processors one for each thread.
pub(super) fn create(
    selected: &[Selected],
    loaded: &[Result<Loaded, String>],
    output: &OutputDir,
    cancel: &CancelToken,
    shards: usize,
) -> Result<Vec<Plugin>, Failed> {
    let runtime = new_runtime()?;
    let mut plugins = Vec::new();
    for (one, loaded) in selected.iter().zip(loaded) {
        let implementation = Arc::clone(&one.implementation);
        match (&one.config, loaded) {
            (Err(reason), _) | (_, Err(reason)) => {
                let refused = Plugin::refused(implementation, reason);
                plugins.push(refused.on_failure(one.on_failure));
            }
            (Ok(config), Ok(loaded)) => {
                let output_dir = match one.permissions.output {
                    true => Some(
                        output
                            .plugin_dir(implementation.category, &implementation.identifier)
                            .host_failed()?,
                    ),
                    false => None,
                };
                let settings = Settings {
                    config: config.clone(),
                    limits: one.limits.clone(),
                    permissions: one.permissions.clone(),
                    output_dir,
                    on_failure: one.on_failure,
                    cancel: cancel.clone(),
                    shards,
                };
                plugins.push(runtime.block_on(Plugin::create(loaded.clone(), settings)));
            }
        }
    }
    // A guest's unfinished file operation must not hold up the run.
    runtime.shutdown_background();
    Ok(plugins)
}

/// Components are strangers', and so is what it takes to compile them.
fn compile_mode() -> Result<CompileMode, Failed> {
    let program = std::env::current_exe().context("perfbox does not know where it lies");
    Ok(CompileMode::Child(program.host_failed()?))
}
