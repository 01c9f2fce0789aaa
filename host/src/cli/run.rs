//! `perfbox run`: plugins over recorded results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use perfbox::registry::{GivenParams, Implementation, PackageSource, check_params};
use perfbox::report::{DEFAULT_OUTPUT_DIR, OutputDir, OutputError, PluginStatus};
use perfbox::source::{Recorded, RecordedOptions, Source as _, SourceError, read_event_log};
use perfbox::{
    Category, CompileMode, Finished, Limits, Loaded, Loader, Pipeline, Registry, Report, Settings,
    escape,
};

use super::{PluginArgs, from_environment, output_width, progress};
use crate::exit::{Failed, StatusOf as _, status_of};

/// What runs when no processor is named.
const DEFAULT_PROCESSOR: &str = "metrics";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  The metrics of a run of AIPerf's:
    perfbox run artifacts/profile_export.jsonl
  Only its profiling phase, as JSON:
    perfbox run artifacts --phase profiling --format json
  Hooks and processors of a package, with a parameter:
    perfbox run results.jsonl --plugins-dir plugins \\
      --hook example_logging_hook --set example_logging_hook.verbose=true \\
      --processor example_metrics_processor
  What would run, with which limits, without running it:
    perfbox run results.jsonl --plugin mine.wasm --processor mine --dry-run")]
pub(crate) struct RunArgs {
    /// Recorded results: AIPerf's profile_export.jsonl (plain, .gz or .zst), a directory
    /// of AIPerf's artifacts, or - for standard input.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<String>,

    /// Hook to tell of every phase event; repeatable [env: PERFBOX_HOOKS, by commas].
    #[arg(long = "hook", value_name = "ID")]
    hooks: Vec<String>,

    /// Processor to give every record; repeatable [env: PERFBOX_PROCESSORS, by commas]
    /// [default: metrics].
    #[arg(long = "processor", value_name = "ID")]
    processors: Vec<String>,

    /// Parameter of a plugin, read by its declared type, a list as [a, b]; repeatable.
    #[arg(long = "set", value_name = "[CATEGORY/]ID.PARAM=VALUE")]
    params: Vec<String>,

    /// Only phases of this name; repeatable [default: all].
    #[arg(long = "phase", value_name = "NAME")]
    phases: Vec<String>,

    /// Most records in one batch, in records.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    batch_size: u32,

    /// Event log to tell hooks of, in place of the events rebuilt from the records: one
    /// JSON object a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Leave records that cannot be read out and count them [default: stop there].
    #[arg(long)]
    skip_bad_records: bool,

    /// Leave out plugins whose manifest says auto_load [default: they join].
    #[arg(long)]
    no_auto_load: bool,

    /// Directory for summary.json and the plugins' files [default: perfbox-out, replaced].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Replace the run that the --out directory holds.
    #[arg(long, requires = "out")]
    force: bool,

    /// What to print on standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// No table, no progress, no messages of plugins.
    #[arg(long, short)]
    quiet: bool,

    /// Show what would be loaded, from where, with which limits, and run nothing.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    plugins: PluginArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people.
    Table,
    /// The content of summary.json.
    Json,
}

/// An implementation that is to run, with its parameters.
struct Selected {
    implementation: Arc<Implementation>,
    config: serde_json::Map<String, serde_json::Value>,
    /// Not named: if it is refused, the run goes on.
    auto_loaded: bool,
}

impl Selected {
    fn limits(&self) -> Limits {
        match self.implementation.source {
            PackageSource::Builtin => Limits::for_builtins(),
            PackageSource::Directory | PackageSource::Flag => Limits::default(),
        }
    }
}

impl RunArgs {
    /// Runs, prints, and returns the exit status.
    pub(crate) fn run(self) -> Result<u8, Failed> {
        let bar = progress::new_bar(self.quiet);
        progress::start_logging(&bar, self.quiet);
        let registry = self.plugins.registry().usage()?;
        let selected = self.select(&registry).usage()?;
        if self.dry_run {
            crate::print(&describe(&selected, &self.out_dir()))?;
            return Ok(0);
        }
        let mut loader = Loader::new(CompileMode::InProcess).host_failed()?;
        let loaded = load(&mut loader, &selected)?;
        let mut source = self.open_source()?;
        let output = self.prepare_output()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .context("the runtime could not be started")
            .host_failed()?;
        bar.set_length(source.total_bytes().unwrap_or_default());
        let finished = runtime.block_on(async {
            let pipeline = create(selected, loaded, &output).await?;
            Ok(perfbox::run(&mut source, pipeline, &mut |bytes| bar.set_position(bytes)).await)
        });
        bar.finish_and_clear();
        // A guest's unfinished file operation must not hold up the end.
        runtime.shutdown_background();
        self.print(&finished?, &output)
    }

    fn select(&self, registry: &Registry) -> anyhow::Result<Vec<Selected>> {
        let named = |flags: &[String], variable| match flags.is_empty() {
            true => (from_environment(variable), Some(variable)),
            false => (flags.to_vec(), None),
        };
        let hooks = named(&self.hooks, "PERFBOX_HOOKS");
        let mut processors = named(&self.processors, "PERFBOX_PROCESSORS");
        if processors.0.is_empty() {
            processors.0.push(DEFAULT_PROCESSOR.to_owned());
        }
        let mut chosen: Vec<(Arc<Implementation>, bool)> = Vec::new();
        for (category, (identifiers, variable)) in
            [(Category::PhaseHook, hooks), (Category::PostProcessor, processors)]
        {
            for identifier in identifiers {
                let resolved = registry.resolve(category, &identifier);
                let one = match variable {
                    Some(variable) => resolved.context(variable)?,
                    None => resolved?,
                };
                if !chosen.iter().any(|(known, _)| *known == one) {
                    tell_shadowed(registry, &one);
                    chosen.push((one, false));
                }
            }
        }
        if !self.no_auto_load {
            for one in registry.auto_loaded() {
                if !chosen.iter().any(|(known, _)| *known == one) {
                    tracing::warn!(
                        "{} of package {} joins the run, as its manifest says auto_load; leave it out with --no-auto-load",
                        one.key(),
                        one.package
                    );
                    chosen.push((one, true));
                }
            }
        }
        let mut given = self.given_params(&chosen)?;
        let select = |(implementation, auto_loaded): (Arc<Implementation>, bool)| {
            let given = given.remove(&implementation.key()).unwrap_or_default();
            let owner = format!("`{}`", implementation.key());
            let config = check_params(&owner, implementation.params.as_deref(), &given)?;
            Ok(Selected { implementation, config, auto_loaded })
        };
        chosen.into_iter().map(select).collect()
    }

    /// The values of --set, by category and identifier.
    fn given_params(
        &self,
        chosen: &[(Arc<Implementation>, bool)],
    ) -> anyhow::Result<BTreeMap<String, GivenParams>> {
        let mut given: BTreeMap<String, GivenParams> = BTreeMap::new();
        for text in &self.params {
            let parts = text.split_once('=').and_then(|(key, value)| {
                let (owner, param) = key.rsplit_once('.')?;
                Some((owner, param, value))
            });
            let Some((owner, param, value)) = parts else {
                bail!(
                    "--set `{}` is not of the form [CATEGORY/]ID.PARAM=VALUE, for example \
                     example_logging_hook.verbose=true",
                    escape(text)
                );
            };
            let is_owner =
                |one: &&Arc<Implementation>| one.identifier.as_str() == owner || one.key() == owner;
            let owners: Vec<_> = chosen.iter().map(|(one, _)| one).filter(is_owner).collect();
            match owners.as_slice() {
                [one] => {
                    given.entry(one.key()).or_default().insert(param.to_owned(), value.to_owned());
                }
                [] => {
                    let keys: Vec<_> = chosen.iter().map(|(one, _)| one.key()).collect();
                    bail!(
                        "--set `{}`: `{}` is not part of this run, which has {}; select it with \
                         --hook or --processor",
                        escape(text),
                        escape(owner),
                        keys.join(", ")
                    );
                }
                _ => bail!(
                    "--set `{}`: `{owner}` is both a hook and a processor here; write {}.{param} or {}.{param}",
                    escape(text),
                    owners[0].key(),
                    owners[1].key(),
                ),
            }
        }
        Ok(given)
    }

    fn open_source(&self) -> Result<Recorded, Failed> {
        let stop = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The second signal ends the process at once.
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
                .context("signals cannot be caught")
                .host_failed()?;
        }
        let events = match &self.events {
            Some(path) => Some(read_event_log(path).bad_input()?),
            None => None,
        };
        let options = RecordedOptions {
            phases: self.phases.clone(),
            batch_records: self.batch_size as usize,
            skip_bad_records: self.skip_bad_records,
            events,
            stop,
        };
        match Recorded::open(&self.inputs, options) {
            Err(error @ SourceError::UnknownPhase { .. }) => Err(error).usage(),
            opened => opened.bad_input(),
        }
    }

    fn out_dir(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_OUTPUT_DIR))
    }

    fn prepare_output(&self) -> Result<OutputDir, Failed> {
        let replace = self.force || self.out.is_none();
        match OutputDir::prepare(&self.out_dir(), replace) {
            Err(error @ OutputError::Io { .. }) => Err(error).host_failed(),
            prepared => prepared.usage(),
        }
    }

    fn print(&self, finished: &Finished, output: &OutputDir) -> Result<u8, Failed> {
        let Finished { report, error } = finished;
        let summary = output.write_summary(report).host_failed()?;
        match self.format {
            Format::Json => crate::print(&report.to_json())?,
            Format::Table if self.quiet => {}
            Format::Table => {
                crate::print(&report.to_table(output_width()))?;
                crate::print(&format!("summary: {}\n", escape(&summary.to_string_lossy())))?;
            }
        }
        match error {
            Some(error) => crate::print_error(error),
            None => tell_skipped(report),
        }
        for plugin in report.plugins.iter().filter(|one| one.status == PluginStatus::Failed) {
            if let Some(failure) = &plugin.failure {
                eprintln!("error: {}/{} failed: {failure}", plugin.category, plugin.identifier);
            }
        }
        Ok(status_of(report.status))
    }
}

fn tell_skipped(report: &Report) {
    for input in report.inputs.iter().filter(|input| input.bad_records > 0) {
        let plural = if input.bad_records == 1 { "" } else { "s" };
        tracing::warn!(
            "{} bad record{plural} of {} left out, the first at {}",
            input.bad_records,
            escape(&input.path),
            input.bad_record_reasons.first().map_or("", String::as_str),
        );
    }
}

fn tell_shadowed(registry: &Registry, one: &Implementation) {
    let shadows_builtin = one.source != PackageSource::Builtin
        && registry.shadows(one).any(|other| other.source == PackageSource::Builtin);
    if shadows_builtin {
        tracing::warn!(
            "{} is taken from package {}, which shadows the builtin",
            one.key(),
            one.package
        );
    }
}

/// Compiles and checks everything before any of it runs. One that was named and is
/// refused ends the run; one that joined by itself is kept as refused.
fn load(
    loader: &mut Loader,
    selected: &[Selected],
) -> Result<Vec<Result<Loaded, perfbox::LoadError>>, Failed> {
    let mut loaded = Vec::new();
    for one in selected {
        let result = loader.load(Arc::clone(&one.implementation));
        match result {
            Err(error) if !one.auto_loaded => {
                return Err(error)
                    .context(format!("{} is refused", one.implementation.key()))
                    .usage();
            }
            result => loaded.push(result),
        }
    }
    Ok(loaded)
}

async fn create(
    selected: Vec<Selected>,
    loaded: Vec<Result<Loaded, perfbox::LoadError>>,
    output: &OutputDir,
) -> Result<Pipeline, Failed> {
    let mut pipeline = Pipeline::new();
    for (one, loaded) in selected.into_iter().zip(loaded) {
        match loaded {
            Err(error) => pipeline.add_refused(one.implementation, &error),
            Ok(loaded) => {
                let output_dir = Some(output.plugin_dir(&one.implementation).host_failed()?);
                let limits = one.limits();
                pipeline.add(loaded, Settings { config: one.config, limits, output_dir }).await;
            }
        }
    }
    Ok(pipeline)
}

/// What --dry-run shows.
fn describe(selected: &[Selected], out: &Path) -> String {
    let mut text = String::new();
    for one in selected {
        let implementation = &one.implementation;
        let Limits {
            memory_bytes,
            event_deadline,
            batch_deadline,
            finish_deadline,
            start_deadline,
            returned_bytes,
            metrics,
            log_line_bytes,
            log_bytes_per_second,
        } = one.limits();
        let config = serde_json::Value::Object(one.config.clone()).to_string();
        let package = format!("{} {}", implementation.package, escape(&implementation.version));
        let files = out.join("plugins").join(implementation.key());
        for line in [
            implementation.key(),
            format!("  package     {}", package.trim_end()),
            format!("  component   {}", implementation.component),
            format!("  parameters  {}", escape(&config)),
            format!("  memory      {} MiB", memory_bytes >> 20),
            format!(
                "  deadlines   start {start_deadline:?}, event {event_deadline:?}, batch \
                 {batch_deadline:?}, create and finish {finish_deadline:?}"
            ),
            format!("  results     {metrics} metrics, {} MiB a value", returned_bytes >> 20),
            format!(
                "  logs        {} KiB a second, {log_line_bytes} bytes a line",
                log_bytes_per_second >> 10
            ),
            format!(
                "  may         log, read clocks, draw random numbers, write below {}",
                escape(&files.to_string_lossy())
            ),
        ] {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}
