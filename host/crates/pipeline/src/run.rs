//! One run, from a source and plugins to a report.

use std::collections::{BTreeMap, BTreeSet};

use perfbox_model::batch::{WantedColumns, standard_columns};
use perfbox_model::escape;
use perfbox_model::failure::FailureKind;
use perfbox_model::names::nearest;
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::{PluginReport, ProcessorResult, Report, RunStatus};
use perfbox_model::source::{Source, SourceError};
use perfbox_sandbox::plugin::{Instances, Plugin};

use crate::merge::merge_and_finish;
use crate::options::RunOptions;
use crate::scheduler::{Participant, Scheduler};

/// A finished run.
#[derive(Debug)]
pub struct Finished {
    /// Its report.
    pub report: Report,
    /// Why the source ended early.
    pub error: Option<SourceError>,
}

/// Gives everything in `source` to `plugins` and returns their report. Blocks until all
/// threads have ended; may be called from inside an async runtime.
///
/// Plugins are called by category, then priority, then identifier. One that fails is
/// dropped for the rest of the run and costs no other an event or a record, unless its
/// [`OnFailure`](perfbox_sandbox::plugin::OnFailure) ends the run.
pub fn run<S: Source>(
    source: &mut S,
    mut plugins: Vec<Plugin>,
    options: RunOptions<'_>,
) -> Finished {
    plugins.sort_by_key(|plugin| {
        let one = plugin.implementation();
        (one.category, one.priority, one.identifier.clone())
    });
    let wanted = plugins.iter().filter_map(|plugin| {
        Some((plugin.implementation().key(), plugin.wanted_columns()?.clone()))
    });
    let wanted: Vec<(String, WantedColumns)> = wanted.collect();
    let none = WantedColumns::Named(BTreeSet::new());
    source.want(&wanted.iter().map(|(_, columns)| columns.clone()).fold(none, WantedColumns::or));
    if aborting(&plugins).is_some() {
        source.stop();
    }
    let participants = plugins.iter_mut().map(|plugin| Participant {
        aborts_run: plugin.aborts_run_on_failure(),
        instances: plugin.take_instances(),
    });
    let done = Scheduler::run(&*source, participants.collect(), options);
    let end = source.end();
    for (plugin, wanted) in wanted {
        warn_of_unknown_columns(&plugin, &wanted, &done.column_names);
    }
    let mut results: BTreeMap<String, ProcessorResult> = BTreeMap::new();
    for (plugin, (instances, failure)) in plugins.iter_mut().zip(done.outcomes) {
        // A plugin that failed before the run keeps its failure.
        let Some(instances) = instances else { continue };
        let cost = instances.cost();
        match (failure, instances) {
            (Some(failure), _) => plugin.fail(failure, cost),
            (None, Instances::Hook(_)) => plugin.finish(cost),
            (None, Instances::Processor(instances)) => {
                let (result, cost) = on_own_thread(|| merge_and_finish(instances, &end.phases));
                match result {
                    Ok(result) => {
                        let identifier = plugin.implementation().identifier.to_string();
                        results.insert(identifier, result);
                        plugin.finish(cost);
                    }
                    Err(failure) => plugin.fail(failure, cost),
                }
            }
        }
    }
    let report = report(&end.phases, plugins, results);
    let status = match (end.interrupted || was_cut_short(&report.plugins), &end.error) {
        (true, _) => RunStatus::Interrupted,
        (false, Some(_)) => RunStatus::BadInput,
        (false, None) => report.status,
    };
    Finished { report: Report { inputs: end.inputs, status, ..report }, error: end.error }
}

/// Warns of columns that a plugin asks for by name and no batch had: a misspelt name would
/// otherwise look like a metric without values.
fn warn_of_unknown_columns(plugin: &str, wanted: &WantedColumns, known: &BTreeSet<String>) {
    let (WantedColumns::Named(names) | WantedColumns::NumbersAnd(names)) = wanted else { return };
    if known.is_empty() {
        return;
    }
    let standard = standard_columns();
    let is_unknown = |name: &&String| {
        !known.contains(*name) && standard.iter().all(|column| column.name != **name)
    };
    for name in names.iter().filter(is_unknown) {
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("; did you mean `{}`?", escape(near)),
            None => String::new(),
        };
        tracing::warn!("{plugin} asks for column `{}`, which no record has{hint}", escape(name));
    }
}

/// The plugin whose failure ends the run.
fn aborting(plugins: &[Plugin]) -> Option<String> {
    let aborts = |plugin: &&Plugin| plugin.aborts_run_on_failure() && plugin.failure().is_some();
    plugins.iter().find(aborts).map(|plugin| plugin.implementation().key())
}

fn report(
    phases: &[PhaseSummary],
    plugins: Vec<Plugin>,
    results: BTreeMap<String, ProcessorResult>,
) -> Report {
    let aborted_by = aborting(&plugins);
    let plugins = plugins.into_iter().map(Plugin::into_report).collect();
    Report { aborted_by, ..Report::new(phases, plugins, results) }
}

/// True if a call was interrupted, be it after everything was read.
fn was_cut_short(plugins: &[PluginReport]) -> bool {
    let is_interrupted = |plugin: &PluginReport| {
        plugin.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::Interrupted)
    };
    plugins.iter().any(is_interrupted)
}

/// Runs work that blocks on calls into guests: the calling thread may belong to an async
/// runtime, where that is not allowed.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
