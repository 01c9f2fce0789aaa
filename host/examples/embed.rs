//! perfbox inside another program: no command line, no recorded results. The program
//! brings its own phase events and records and gets a report back.
//!
//! `cargo run --release -p perfbox --example embed`

use std::error::Error;
use std::io::IsTerminal as _;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::UInt32Type;
use arrow_array::{Float64Array, UInt64Array};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::{ParamValues, check_params};
use perfbox::report::table;
use perfbox::source::{Item, Items};
use perfbox::{
    Batch, Category, CompileMode, EventKind, Limits, Loader, Phase, PhaseBounds, PhaseEvent,
    PhaseStats, PhaseSummary, Plugin, Registry, RunOptions, Settings,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // Messages of plugins go through `tracing`.
    let log = tracing_subscriber::fmt().with_env_filter("plugin=info").without_time();
    log.with_ansi(std::io::stdout().is_terminal()).init();

    // Which implementations there are. Plugins directories would be added with
    // `registry.discover(dir)`.
    let registry = Registry::with_builtins();
    let mut loader = Loader::new(CompileMode::InProcess)?;
    let mut plugins = Vec::new();
    for (category, identifier) in
        [(Category::PhaseHook, "phase_log"), (Category::PostProcessor, "metrics")]
    {
        let implementation = registry.resolve(category, identifier)?;
        let declared = implementation.params.as_deref();
        let config = check_params(identifier, declared, &ParamValues::new())?;
        let settings = Settings { config, limits: Limits::for_builtins(), ..Settings::default() };
        let loaded = loader.load(implementation, &settings.limits)?;
        plugins.push(Plugin::create(loaded, settings).await);
    }

    // The run: a phase starts, its records come in batches, it ends.
    let phase = Phase { name: "steady".to_owned(), kind: "profiling".to_owned(), index: 0 };
    let start_ns = 1_700_000_000_000_000_000;
    let started = PhaseStats { start_ns: Some(start_ns), ..PhaseStats::default() };
    let end_ns = start_ns + 2_000_000_000;
    let ended = PhaseStats {
        sent: 4,
        completed: 4,
        errors: 1,
        sending_complete_ns: Some(start_ns + 1_500_000_000),
        end_ns: Some(end_ns),
        ..started
    };
    let items = [
        Item::Event(event(EventKind::PhaseStart, start_ns, &phase, &started)),
        Item::Batch(batch(&phase, start_ns)?),
        Item::Event(event(EventKind::PhaseComplete, end_ns, &phase, &ended)),
    ];
    // Any iterator will do, also one that waits for records as they come.
    let summary = PhaseSummary { phase, stats: ended, bounds: PhaseBounds::Reported };
    let mut source = Items::new(items, vec![summary]);
    let finished = perfbox::run(&mut source, plugins, RunOptions::default());
    print!("{}", table(&finished.report, 80));
    Ok(())
}

fn event(event: EventKind, time_ns: u64, phase: &Phase, stats: &PhaseStats) -> PhaseEvent {
    PhaseEvent { event, time_ns, phase: phase.clone(), stats: stats.clone() }
}

/// Four requests, half a second apart, the last one failed.
fn batch(phase: &Phase, start_ns: u64) -> Result<Batch, Box<dyn Error>> {
    let columns: Arc<[ColumnInfo]> = Arc::new([
        ColumnInfo::new("request_start_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_latency", ColumnType::F64, "ms"),
        ColumnInfo::new("error_type", ColumnType::Text, ""),
    ]);
    let starts = (0..4).map(|n| start_ns + n * 500_000_000);
    let mut errors = StringDictionaryBuilder::<UInt32Type>::new();
    errors.extend([None, None, None, Some("Timeout")]);
    let values = vec![
        Column::U64(UInt64Array::from_iter_values(starts)),
        Column::F64(Float64Array::from(vec![Some(12.5), Some(13.0), Some(19.5), None])),
        Column::Text(errors.finish()),
    ];
    Ok(Batch::new(Arc::new(phase.clone()), columns, values)?)
}
