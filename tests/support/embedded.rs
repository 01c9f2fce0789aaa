//! perfbox as a library, as an embedder uses it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::UInt32Type;
use arrow_array::{Float64Array, UInt64Array};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::{ParamValues, check_params};
use perfbox::report::PluginReport;
use perfbox::source::{Item, Items};
use perfbox::{
    Batch, Category, CompileMode, EventKind, Limits, Loader, Phase, PhaseBounds, PhaseEvent,
    PhaseStats, PhaseSummary, Plugin, Registry, Report, RunOptions, Settings,
};

/// The plugins of a run, and what it takes to add more.
pub(crate) struct Embedded {
    pub(crate) registry: Registry,
    loader: Loader,
    plugins: Vec<Plugin>,
}

impl Embedded {
    /// With the builtins and the plugins of `tests/misbehaving` to choose from.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_builtins();
        registry.register_file(super::misbehaving()).unwrap();
        let loader = Loader::new(CompileMode::InProcess).unwrap();
        Self { registry, loader, plugins: Vec::new() }
    }

    /// Adds one of them.
    pub(crate) async fn add(
        &mut self,
        category: Category,
        identifier: &str,
        params: &[(&str, &str)],
        limits: Limits,
    ) {
        self.add_with_dir(category, identifier, params, limits, None).await;
    }

    /// Adds one that may write to a directory.
    pub(crate) async fn add_with_dir(
        &mut self,
        category: Category,
        identifier: &str,
        params: &[(&str, &str)],
        limits: Limits,
        output_dir: Option<PathBuf>,
    ) {
        let implementation = self.registry.resolve(category, identifier).unwrap();
        let given: ParamValues =
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let config = check_params(identifier, implementation.params.as_deref(), &given).unwrap();
        // What is tried is what holds once it is loaded.
        let loaded = self.loader.load(implementation, &Limits::default()).unwrap();
        let settings = Settings { config, limits, output_dir, ..Settings::default() };
        self.plugins.push(Plugin::create(loaded, settings).await);
    }

    /// Takes the plugins added so far.
    pub(crate) fn take_plugins(&mut self) -> Vec<Plugin> {
        std::mem::take(&mut self.plugins)
    }

    /// Runs the plugins added so far over one phase: start, batches of three records, end.
    pub(crate) fn run(&mut self, batches: usize) -> Report {
        let batches =
            std::iter::repeat_n(Item::Batch(batch(&[Some(10.0), Some(20.0), None])), batches);
        let start = [Item::Event(event(EventKind::PhaseStart, 1))];
        let end = [EventKind::PhaseSendingComplete, EventKind::PhaseComplete];
        let end = end.into_iter().zip(2..).map(|(kind, time_ns)| Item::Event(event(kind, time_ns)));
        self.run_items(start.into_iter().chain(batches).chain(end).collect())
    }

    /// Runs the plugins added so far over these items of the phase `steady`.
    pub(crate) fn run_items(&mut self, items: Vec<Item>) -> Report {
        let mut source = Items::new(items, vec![phase_summary()]);
        perfbox::run(&mut source, self.take_plugins(), RunOptions::default()).report
    }
}

/// What the report says of one plugin.
pub(crate) fn reported<'r>(report: &'r Report, identifier: &str) -> &'r PluginReport {
    report.plugins.iter().find(|one| one.identifier.as_str() == identifier).unwrap()
}

fn phase() -> Phase {
    Phase { name: "steady".to_owned(), kind: "profiling".to_owned(), index: 0 }
}

/// An event of the phase `steady`.
pub(crate) fn event(event: EventKind, time_ns: u64) -> PhaseEvent {
    PhaseEvent { event, time_ns, phase: phase(), stats: PhaseStats::default() }
}

/// Records of the phase `steady` with these latencies in ms; one without has failed.
pub(crate) fn batch(latencies_ms: &[Option<f64>]) -> Batch {
    let columns: Arc<[ColumnInfo]> = Arc::new([
        ColumnInfo::new("request_start_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_latency", ColumnType::F64, "ms"),
        ColumnInfo::new("error_type", ColumnType::Text, ""),
    ]);
    let mut errors = StringDictionaryBuilder::<UInt32Type>::new();
    errors.extend(latencies_ms.iter().map(|ms| if ms.is_some() { None } else { Some("Timeout") }));
    let values = vec![
        Column::U64(UInt64Array::from_iter_values(1..=latencies_ms.len() as u64)),
        Column::F64(Float64Array::from(latencies_ms.to_vec())),
        Column::Text(errors.finish()),
    ];
    Batch::new(Arc::new(phase()), columns, values).unwrap()
}

/// The phase `steady` at its end, two seconds long.
pub(crate) fn phase_summary() -> PhaseSummary {
    let stats = PhaseStats {
        start_ns: Some(1_000_000_000),
        end_ns: Some(3_000_000_000),
        ..PhaseStats::default()
    };
    PhaseSummary { phase: phase(), stats, bounds: PhaseBounds::Reported }
}
