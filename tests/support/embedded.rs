//! perfbox as a library, as an embedder uses it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::UInt32Type;
use arrow_array::{Float64Array, UInt64Array};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::{GivenParams, check_params};
use perfbox::report::PluginReport;
use perfbox::{
    Batch, Category, CompileMode, EventKind, Instance, Limits, Loader, Phase, PhaseBounds,
    PhaseEvent, PhaseStats, PhaseSummary, Pipeline, Registry, Report, Settings,
};

/// A pipeline on its way, with what it takes to add to it.
pub(crate) struct Embedded {
    pub(crate) registry: Registry,
    loader: Loader,
    pub(crate) pipeline: Pipeline,
}

impl Embedded {
    /// With the builtins and the plugins of `tests/misbehaving` to choose from.
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_builtins();
        registry.register_file(super::misbehaving()).unwrap();
        let loader = Loader::new(CompileMode::InProcess).unwrap();
        Self { registry, loader, pipeline: Pipeline::new() }
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
        let given: GivenParams =
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let config = check_params(identifier, implementation.params.as_deref(), &given).unwrap();
        // What is tried is what holds once it is loaded.
        let loaded = self.loader.load(implementation, &Limits::default()).unwrap();
        let settings = Settings { config, limits, output_dir, ..Settings::default() };
        self.pipeline.add(Instance::create(loaded, settings).await);
    }

    /// A whole run of one phase: start, so many batches of three records, end.
    /// Then it is empty again, for another run.
    pub(crate) async fn run(&mut self, batches: u64) -> Report {
        self.pipeline.event(&event(EventKind::PhaseStart, 1)).await;
        for _ in 0..batches {
            self.pipeline.batch(batch(&[Some(10.0), Some(20.0), None])).await;
        }
        self.pipeline.event(&event(EventKind::PhaseSendingComplete, 2)).await;
        self.pipeline.event(&event(EventKind::PhaseComplete, 3)).await;
        std::mem::take(&mut self.pipeline).finish(&[phase_summary()]).await
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
