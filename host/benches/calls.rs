//! What the sandbox costs: loading, instantiating, calling, and a batch against the same
//! code run natively in the same process.
//!
//! `cargo bench -p perfbox --bench calls`

use std::sync::Arc;

use arrow_array::{Float64Array, UInt64Array};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::{ParamValues, check_params};
use perfbox::{
    Batch, Category, CompileMode, EventKind, Limits, Loaded, Loader, Phase, PhaseEvent, PhaseStats,
    Plugin, Registry, Settings,
};
use perfbox_builtin_plugins::{Metrics, MetricsConfig};
use perfbox_guest::Processor as _;
use perfbox_guest::testing::BatchBuilder;
use perfbox_sandbox::instance::ProcessorInstance;
use perfbox_sandbox::plugin::Instances;
use tokio::runtime::Runtime;

const RECORDS: u64 = 16_384;
const FIRST_START_NS: u64 = 1_700_000_000_000_000_000;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

fn load(loader: &mut Loader, category: Category, identifier: &str) -> Loaded {
    let implementation =
        Registry::with_builtins().resolve(category, identifier).expect("a builtin");
    loader.load(implementation, &Limits::for_builtins()).expect("a builtin loads")
}

/// With its parameters' defaults.
fn settings(identifier: &str) -> Settings {
    let builtins = Registry::with_builtins();
    let categories = [Category::PhaseHook, Category::PostProcessor];
    let found = categories.into_iter().find_map(|one| builtins.resolve(one, identifier).ok());
    let params = found.expect("a builtin").params.clone();
    let config = check_params(identifier, params.as_deref(), &ParamValues::new());
    let limits = Limits::for_builtins();
    Settings { config: config.expect("defaults"), limits, ..Settings::default() }
}

async fn instances_of(loaded: Loaded, settings: Settings) -> Instances {
    let mut plugin = Plugin::create(loaded, settings).await;
    assert!(plugin.failure().is_none(), "{:?}", plugin.failure());
    plugin.take_instances().expect("it has not failed")
}

async fn processor_of(loaded: Loaded, settings: Settings) -> ProcessorInstance {
    match instances_of(loaded, settings).await {
        Instances::Processor(mut instances) => instances.remove(0),
        Instances::Hook(_) => unreachable!("a processor was loaded"),
    }
}

fn phase() -> Phase {
    Phase { name: "profiling".to_owned(), kind: "profiling".to_owned(), index: 0 }
}

fn loading(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    group.bench_function("compile", |b| {
        b.iter_batched(
            || Loader::new(CompileMode::InProcess).expect("an engine"),
            |mut loader| load(&mut loader, Category::PostProcessor, "metrics"),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let runtime = runtime();
    let mut loader = Loader::new(CompileMode::InProcess).expect("an engine");
    let loaded = load(&mut loader, Category::PostProcessor, "metrics");
    c.bench_function("instantiate-and-create", |b| {
        let settings = settings("metrics");
        b.iter(|| runtime.block_on(instances_of(loaded.clone(), settings.clone())));
    });
}

fn calling(c: &mut Criterion) {
    let runtime = runtime();
    let mut loader = Loader::new(CompileMode::InProcess).expect("an engine");
    let hook = load(&mut loader, Category::PhaseHook, "phase_log");
    let Instances::Hook(mut hook) = runtime.block_on(instances_of(hook, settings("phase_log")))
    else {
        unreachable!("a hook was loaded")
    };
    let event = PhaseEvent {
        event: EventKind::PhaseStart,
        time_ns: FIRST_START_NS,
        phase: phase(),
        stats: PhaseStats::default(),
    };
    c.bench_function("call/event", |b| {
        b.iter(|| runtime.block_on(hook.call(&event)).expect("a call"))
    });
}

fn config() -> MetricsConfig {
    MetricsConfig {
        only: Vec::new(),
        group_by: String::new(),
        include_errors: false,
        exact_memory: 1 << 30,
    }
}

fn batches(c: &mut Criterion) {
    let runtime = runtime();
    let mut loader = Loader::new(CompileMode::InProcess).expect("an engine");
    let metrics = load(&mut loader, Category::PostProcessor, "metrics");
    let starts: Vec<u64> = (0..RECORDS).map(|n| FIRST_START_NS + n * 1_000).collect();
    let latencies: Vec<f64> = (0..RECORDS).map(|n| (n * 7919 % RECORDS) as f64 / 8.0).collect();

    let columns: Arc<[ColumnInfo]> = Arc::new([
        ColumnInfo::new("request_start_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_latency", ColumnType::F64, "ms"),
    ]);
    let values = vec![
        Column::U64(UInt64Array::from(starts.clone())),
        Column::F64(Float64Array::from(latencies.clone())),
    ];
    let batch = Arc::new(Batch::new(Arc::new(phase()), columns, values).expect("a batch"));
    let native = BatchBuilder::new("profiling")
        .u64s("request_start_ns", "ns", starts)
        .f64s("request_latency", "ms", latencies)
        .build();

    let settings = settings("metrics");
    let mut group = c.benchmark_group("batch");
    group.throughput(Throughput::Elements(RECORDS));
    group.bench_function(BenchmarkId::new("guest", RECORDS), |b| {
        b.iter_batched(
            || runtime.block_on(processor_of(metrics.clone(), settings.clone())),
            |mut processor| {
                runtime.block_on(processor.process(&batch, false)).expect("a call");
                processor
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function(BenchmarkId::new("native", RECORDS), |b| {
        b.iter_batched(
            || Metrics::new(config()).expect("metrics"),
            |mut metrics| {
                metrics.process(&native).expect("a batch");
                metrics
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, loading, calling, batches);
criterion_main!(benches);
