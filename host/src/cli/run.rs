//! `perfbox run`: plugins over recorded results.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use perfbox::records::{RecordedOptions, RecordedSource, read_event_log};
use perfbox::report::{DEFAULT_OUTPUT_DIR, OutputDir, OutputError, PluginStatus};
use perfbox::source::Source as _;
use perfbox::{CancelToken, Finished, Lock, PhaseEvent, Report, RunOptions, escape};

use super::cache::CacheArgs;
use super::config::Config;
use super::input::{InputArgs, opened};
use super::load::{create, load, new_loader};
use super::lock::{LockArgs, check_names};
use super::select::{Selected, SelectionArgs, describe, select};
use super::{PluginArgs, output_width, progress};
use crate::exit::{Failed, StatusOf as _, status_of};

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
    #[command(flatten)]
    input: InputArgs,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Only phases of this name; repeatable [default: all].
    #[arg(long = "phase", value_name = "NAME")]
    phases: Vec<String>,

    /// Most records in one batch, in records.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    batch_size: u32,

    /// Threads that read the input and call plugins; what a run gives does not depend on
    /// them [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,

    /// Memory of all samples together, for processors that keep them: beyond it they keep
    /// sketches, whose percentiles are within 0.1 % [default: 1GiB, which is the most].
    #[arg(long, value_name = "SIZE", value_parser = read_exact_memory)]
    exact_memory: Option<u64>,

    /// Event log to tell hooks of, in place of the events rebuilt from the records: one
    /// JSON object a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Leave records that cannot be read out and count them [default: stop there].
    #[arg(long)]
    skip_bad_records: bool,

    /// The inputs are parts of one run, such as a file for each worker: their phases of the
    /// same name are one [default: each input has phases of its own].
    #[arg(long)]
    one_run: bool,

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

    /// Give plugins a clock that counts, seeded random numbers and instructions in place
    /// of time, so that two runs of the same input have the same results and files.
    #[arg(long)]
    deterministic: bool,

    /// Load what a run would load, show it with its limits, and run nothing; the input is
    /// not looked at.
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    lock: LockArgs,

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

impl RunArgs {
    /// Runs, prints, and returns the exit status.
    pub(crate) fn run(self) -> Result<u8, Failed> {
        let bar = progress::new_bar(self.quiet);
        progress::start_logging(&bar, self.quiet);
        if self.dry_run && self.format == Format::Json {
            return Err(anyhow!(
                "--dry-run has no JSON; leave out --format, or see `perfbox config show --json`"
            ))
            .usage();
        }
        let loading = end_at_signals()?;
        let config = Config::gather(&self.plugins, &self.selection).usage()?;
        // Taking thousands of packages apart at the end of the process is for nobody.
        let cache = self.cache.open();
        let registry = ManuallyDrop::new(config.registry(cache.clone()).usage()?);
        let lock = self.lock.read(&config).usage()?;
        if let Some(lock) = &lock {
            check_names(lock, &config, &registry).usage()?;
        }
        let mut selected = select(&config, &registry).usage()?;
        if let Some(bytes) = self.exact_memory {
            set_exact_memory(&mut selected, bytes);
        }
        self.output(OutputDir::check)?;
        let mut loader = new_loader(self.deterministic, cache)?;
        if let Some(lock) = lock {
            if !self.lock.is_exclusive() {
                tell_unlocked(&lock, &selected);
            }
            loader = loader.with_lock(lock);
        }
        let loaded = load(&mut loader, &selected)?;
        if self.dry_run {
            crate::print(&describe(&selected, &loaded, &self.out_dir()))?;
            return Ok(0);
        }
        let cancel = CancelToken::default();
        let options = self.input.format.options(&config).usage()?;
        if self.force {
            // What fails from here on has no report, and the earlier one is not to pass for it.
            self.output(OutputDir::clear)?;
        }
        raise_open_files();
        let events = self.take_over_signals(&cancel, &loading)?;
        let options = RecordedOptions {
            phases: self.phases.clone(),
            batch_records: self.batch_size as usize,
            skip_bad_records: self.skip_bad_records,
            one_run: self.one_run,
            events,
            cancel: cancel.clone(),
            ..options
        };
        let inputs = match self.one_run {
            true => self.input.expand_parts()?,
            false => self.input.expand().bad_input()?,
        };
        let threads = self.threads();
        let progress: &(dyn Fn(u64) + Sync) = &|bytes| bar.set_position(bytes);
        let mut source = opened(RecordedSource::open(&inputs, options))?;
        let output = self.output(OutputDir::prepare)?;
        bar.set_length(source.total_bytes().unwrap_or_default());
        let plugins = create(&selected, &loaded, &output, &cancel, threads)?;
        let finished = perfbox::run(&mut source, plugins, RunOptions { threads, progress });
        bar.finish_and_clear();
        Ok(self.print(&finished, &output))
    }

    /// Threads that read and call plugins.
    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or(cores, usize::from)
    }

    /// From here on there is something to report when a signal comes. Also reads the log
    /// of events, which needs no looking at the records.
    fn take_over_signals(
        &self,
        cancel: &CancelToken,
        loading: &AtomicBool,
    ) -> Result<Option<Vec<PhaseEvent>>, Failed> {
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // The second signal ends the process at once.
            signal_hook::flag::register_conditional_shutdown(signal, 130, cancel.flag())
                .and_then(|_| signal_hook::flag::register(signal, cancel.flag()))
                .context("signals cannot be caught")
                .host_failed()?;
        }
        loading.store(false, Ordering::Relaxed);
        self.events.as_deref().map(|path| read_event_log(path).bad_input()).transpose()
    }

    fn out_dir(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_OUTPUT_DIR))
    }

    /// One step with the output directory.
    fn output<T>(&self, step: impl Fn(&Path, bool) -> Result<T, OutputError>) -> Result<T, Failed> {
        let replace = self.force || self.out.is_none();
        match step(&self.out_dir(), replace) {
            Err(error @ OutputError::Io { .. }) => Err(error).host_failed(),
            done => done.usage(),
        }
    }

    /// Standard output and `summary.json` each get the report, whatever becomes of the
    /// other.
    fn print(&self, finished: &Finished, output: &OutputDir) -> u8 {
        let Finished { report, error } = finished;
        let written = output.write_summary(report).host_failed();
        let printed = self.print_report(report, written.as_deref().ok());
        match error {
            Some(error) => crate::print_error(&**error),
            None => tell_skipped(report),
        }
        for plugin in report.plugins.iter().filter(|one| one.status == PluginStatus::Failed) {
            if let Some(failure) = &plugin.failure {
                crate::print_to_stderr(&format!(
                    "error: {}/{} failed: {failure}",
                    plugin.category, plugin.identifier
                ));
                for frame in &failure.backtrace {
                    crate::print_to_stderr(&format!("    in {frame}"));
                }
            }
        }
        if let Some(plugin) = &report.aborted_by {
            crate::print_to_stderr(&format!(
                "error: the run ended with the failure of {plugin}, as its on_failure says; \
                 what had been read by then is reported"
            ));
        }
        let mut status = status_of(report.status);
        for failed in [printed.err(), written.err()].into_iter().flatten() {
            crate::print_error(&*failed.error);
            if status == 0 {
                status = failed.status;
            }
        }
        status
    }

    fn print_report(&self, report: &Report, summary: Option<&Path>) -> Result<(), Failed> {
        match self.format {
            Format::Json => crate::print(&report.to_json())?,
            Format::Table if self.quiet => {}
            Format::Table => {
                crate::print(&perfbox::report::table(report, output_width()))?;
                if let Some(path) = summary {
                    crate::print(&format!("summary: {}\n", escape(&path.to_string_lossy())))?;
                }
            }
        }
        Ok(())
    }
}

/// The parameter that --exact-memory sets.
const EXACT_MEMORY: &str = "exact_memory";

/// Most bytes of samples: an instance has little more than twice as much memory.
const EXACT_MEMORY_MAX: u64 = 1 << 30;

fn read_exact_memory(text: &str) -> Result<u64, String> {
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let size = text.parse::<bytesize::ByteSize>().ok().filter(|_| has_unit);
    match size.map(|size| size.as_u64()) {
        Some(bytes) if bytes <= EXACT_MEMORY_MAX => Ok(bytes),
        Some(_) => Err("at most 1GiB can be had".to_owned()),
        None => Err("write a size with its unit, for example 256MiB".to_owned()),
    }
}

/// Tells every processor that has the parameter.
fn set_exact_memory(selected: &mut [Selected], bytes: u64) {
    for config in selected.iter_mut().filter_map(|one| one.config.as_mut().ok()) {
        if let Some(value) = config.get_mut(EXACT_MEMORY) {
            *value = bytes.into();
        }
    }
}

/// A lock without --locked lets pass what it has no word of.
fn tell_unlocked(lock: &Lock, selected: &[Selected]) {
    let implementations = selected.iter().map(|one| &one.implementation);
    for one in implementations.filter(|one| !lock.covers(one)) {
        tracing::warn!(
            "{} of package {} is not in the lock; look at it with `perfbox plugins inspect`, \
             and lock it with `perfbox plugins lock`",
            one.key(),
            one.package
        );
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

/// While this is true, a signal ends the process at once: nothing has run, and a
/// component that is being compiled is not waited for.
fn end_at_signals() -> Result<Arc<AtomicBool>, Failed> {
    let loading = Arc::new(AtomicBool::new(true));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&loading))
            .context("signals cannot be caught")
            .host_failed()?;
    }
    Ok(loading)
}

/// Most open files that are asked of the system.
#[cfg(unix)]
const OPEN_FILES: u64 = 65_536;

/// Plugins hold files open in this process, each up to a limit of its own: all of them
/// together are not to take what the run needs.
#[cfg(unix)]
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES);
    if current.is_some_and(|current| current < most) {
        // Where it cannot be had, fewer plugins fit.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum });
    }
}

#[cfg(not(unix))]
fn raise_open_files() {}
