//! How much of native speed is left of work on batches that cross into a guest? The same
//! source does it natively, in this process and on the same columns.
//!
//! `cargo bench -p perfbox --bench crossing`

use std::ffi::OsStr;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Float64Array, UInt64Array};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::{Implementation, check_params};
use perfbox::report::MetricValue;
use perfbox::source::{Item, Items};
use perfbox::{
    Batch, Category, CompileMode, Limits, Loader, Phase, Plugin, Registry, RunOptions, Settings,
};
use tokio::runtime::Runtime;

#[path = "../../tests/misbehaving/src/kernel.rs"]
mod kernel;
#[allow(dead_code, unused_imports, reason = "what the tests use beside it")]
#[path = "../../tests/support/mod.rs"]
mod support;

use kernel::{LatencyHistogram, Samples};

const RECORDS: usize = 16_384;
/// Batches of one measurement.
const BATCHES: usize = 256;
/// Measurements whose median is taken.
const RUNS: usize = 15;

fn main() {
    let smoke = std::env::args_os().any(|arg| arg == OsStr::new("--test"));
    let runs = if smoke { 1 } else { RUNS };
    let bench = Bench::new();
    bench.compare("crossing/latency-histogram/16384-records", runs, false, |batches| {
        let mut histogram = LatencyHistogram::default();
        for batch in batches {
            let (Some(Column::U64(starts)), Some(Column::F64(latencies))) =
                (batch.column("request_start_ns"), batch.column("request_latency"))
            else {
                unreachable!("the batches have these columns");
            };
            histogram.add(starts.values(), latencies.values());
        }
        histogram.check()
    });
    bench.compare("crossing/collect-and-sort/16384-records", runs, true, |batches| {
        let mut samples = Samples::default();
        for batch in batches {
            if let Some(Column::F64(latencies)) = batch.column("request_latency") {
                samples.extend(latencies.values());
            }
        }
        let sorted = samples.into_sorted();
        sorted[sorted.len() / 2]
    });
}

struct Bench {
    runtime: Runtime,
    worker: Arc<Implementation>,
    loaded: perfbox::Loaded,
    batches: Vec<Batch>,
}

impl Bench {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let mut registry = Registry::with_builtins();
        registry.register_file(support::misbehaving()).expect("the component is there");
        let worker = registry.resolve(Category::PostProcessor, "worker").expect("it offers it");
        let mut loader = Loader::new(CompileMode::InProcess).expect("an engine");
        let loaded = loader.load(Arc::clone(&worker), &limits()).expect("it loads");
        let batches = (0..BATCHES).map(batch).collect();
        Self { runtime: runtime.expect("a runtime"), worker, loaded, batches }
    }

    /// Both in turns; each must come to the same.
    fn compare(&self, name: &str, runs: usize, sorts: bool, native: impl Fn(&[Batch]) -> f64) {
        let (mut natively, mut in_guest) = (Vec::new(), Vec::new());
        // The first of each warms up, and is not counted.
        for _ in 0..=runs {
            let begun = Instant::now();
            let expected = black_box(native(black_box(&self.batches)));
            natively.push(begun.elapsed());
            let (check, took) = self.in_guest(sorts);
            in_guest.push(took);
            assert_eq!(check, expected);
        }
        let records = (RECORDS * BATCHES) as f64;
        let speed = |times: &mut [Duration]| {
            times.sort();
            records / times[times.len() / 2].as_secs_f64() / 1e6
        };
        let (native, guest) = (speed(&mut natively[1..]), speed(&mut in_guest[1..]));
        println!("{name}/native {native:8.1} M records/s");
        println!("{name}/guest  {guest:8.1} M records/s");
        println!("{name}/ratio  {:8.2} of native", guest / native);
    }

    /// What it comes to in a guest, and the time in `process` and `finish`.
    fn in_guest(&self, sorts: bool) -> (f64, Duration) {
        let params = [("sorts".to_owned(), sorts.to_string().as_str().into())].into();
        let config = check_params("worker", self.worker.params.as_deref(), &params);
        let config = config.expect("its parameters");
        let settings = Settings { config, limits: limits(), ..Settings::default() };
        let plugin = self.runtime.block_on(Plugin::create(self.loaded.clone(), settings));
        let mut source = Items::new(self.batches.clone().into_iter().map(Item::Batch), Vec::new());
        let options = RunOptions { threads: 1, ..RunOptions::default() };
        let begun = Instant::now();
        let report = perfbox::run(&mut source, vec![plugin], options).report;
        let took = begun.elapsed();
        let result = report.results.get("worker").expect("it worked");
        match result.metrics[0].value {
            MetricValue::Number(check) => (check, took),
            ref other => unreachable!("its metric is {other:?}"),
        }
    }
}

fn limits() -> Limits {
    Limits::for_builtins()
}

fn batch(number: usize) -> Batch {
    let columns: Arc<[ColumnInfo]> = Arc::new([
        ColumnInfo::new("request_start_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_latency", ColumnType::F64, "ms"),
    ]);
    let of_all = |n: usize| (number * RECORDS + n) as u64;
    let start = |n| 1_700_000_000_000_000_000 + of_all(n) * 1000;
    // Scattered over some powers of two, as latencies are.
    let latency = |n| {
        let scattered = of_all(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        0.5 + (scattered as f64 / 4096.0).powf(1.3)
    };
    let values = vec![
        Column::U64(UInt64Array::from_iter_values((0..RECORDS).map(start))),
        Column::F64(Float64Array::from_iter_values((0..RECORDS).map(latency))),
    ];
    let phase = Phase { name: "profiling".to_owned(), kind: "profiling".to_owned(), index: 0 };
    Batch::new(Arc::new(phase), columns, values).expect("a batch")
}
