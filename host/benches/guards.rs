//! What the guards of the sandbox cost: the same component, called by the host as it is,
//! and by one without epochs, limits, budgets and caps, in turns in one process.
//!
//! `cargo bench -p perfbox --bench guards`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{Float64Array, UInt64Array};
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::{
    Batch, Category, CompileMode, EventKind, Limits, Loaded, Loader, Phase, PhaseEvent, PhaseStats,
    Plugin, Registry, Settings,
};
use perfbox_sandbox::plugin::Instances;
use tokio::runtime::Runtime;

const RECORDS: u64 = 16_384;
/// The parameters of `metrics`, which a run takes from the manifest.
const METRICS: &str =
    r#"{"only": [], "group_by": "", "include_errors": false, "exact_memory": 1073741824}"#;
const FIRST_START_NS: u64 = 1_700_000_000_000_000_000;

/// A host as plain as can be.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
mod unguarded {
    use perfbox::batch::Column;
    use wasmtime::component::{Component, HasSelf, Linker, ResourceAny, ResourceTable};
    use wasmtime::{Config, Engine, Store};
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    mod processor {
        wasmtime::component::bindgen!({
            path: "crates/sandbox/wit",
            world: "processor",
            imports: { default: trappable },
            exports: { default: async },
            ownership: Borrowing { duplicate_if_necessary: true },
            require_store_data_send: true,
        });
    }

    mod hook {
        wasmtime::component::bindgen!({
            path: "crates/sandbox/wit",
            world: "hook",
            imports: { default: trappable },
            exports: { default: async },
            ownership: Borrowing { duplicate_if_necessary: true },
            with: {
                "perfbox:plugin/types": super::types,
                "perfbox:plugin/logging": super::logging,
            },
            require_store_data_send: true,
        });
    }

    pub use hook::exports::perfbox::plugin::phase_hook;
    use processor::perfbox::plugin::batches;
    pub use processor::perfbox::plugin::{logging, types};

    const BUILTINS: &[u8] = perfbox_builtins::COMPONENT;

    pub(super) struct State {
        wasi: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
        }
    }

    impl types::Host for State {}
    impl batches::Host for State {}

    impl logging::Host for State {
        fn log(&mut self, _level: logging::Level, _message: String) -> wasmtime::Result<()> {
            Ok(())
        }
    }

    /// The builtins, compiled and linked for an engine without guards.
    pub(super) struct Host {
        engine: Engine,
        component: Component,
        linker: Linker<State>,
    }

    impl Host {
        pub(super) fn new() -> wasmtime::Result<Self> {
            let mut config = Config::new();
            // Not a guard: what the guarded host has as well.
            config.concurrency_support(false);
            let engine = Engine::new(&config)?;
            let component = Component::from_binary(&engine, BUILTINS)?;
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            processor::Processor::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
            Ok(Self { engine, component, linker })
        }

        fn store(&self) -> Store<State> {
            let wasi = WasiCtx::builder().build();
            Store::new(&self.engine, State { wasi, table: ResourceTable::new() })
        }

        pub(super) async fn processor(&self) -> wasmtime::Result<Processor> {
            let mut store = self.store();
            let bindings =
                processor::Processor::instantiate_async(&mut store, &self.component, &self.linker)
                    .await?;
            let guest = bindings.perfbox_plugin_post_processor().processor();
            let processor = guest.call_create(&mut store, "metrics", super::METRICS).await?;
            let processor = processor.map_err(|error| wasmtime::format_err!("{error:?}"))?;
            Ok(Processor { store, bindings, processor })
        }

        pub(super) async fn hook(&self) -> wasmtime::Result<Hook> {
            let mut store = self.store();
            let bindings =
                hook::Hook::instantiate_async(&mut store, &self.component, &self.linker).await?;
            let guest = bindings.perfbox_plugin_phase_hook().hook();
            let hook = guest.call_create(&mut store, "phase_log", "{}").await?;
            let hook = hook.map_err(|error| wasmtime::format_err!("{error:?}"))?;
            Ok(Hook { store, bindings, hook })
        }
    }

    pub(super) struct Processor {
        store: Store<State>,
        bindings: processor::Processor,
        processor: ResourceAny,
    }

    impl Processor {
        pub(super) async fn process(&mut self, batch: &perfbox::Batch) -> wasmtime::Result<()> {
            let columns: Vec<_> = batch.columns().map(lowered).collect();
            let phase = batch.phase();
            let batch = batches::Batch {
                phase: types::Phase { name: &phase.name, kind: &phase.kind, index: phase.index },
                len: batch.len() as u32,
                columns: &columns,
                over_exact_memory: false,
            };
            let guest = self.bindings.perfbox_plugin_post_processor().processor();
            let returned = guest.call_process(&mut self.store, self.processor, batch).await?;
            returned.map_err(|error| wasmtime::format_err!("{error:?}"))
        }
    }

    fn lowered<'c>(
        (info, column): (&'c perfbox::batch::ColumnInfo, &'c Column),
    ) -> batches::Column<'c> {
        let values = match column {
            Column::U64(array) => batches::ColumnValues::U64s(array.values()),
            Column::F64(array) => batches::ColumnValues::F64s(array.values()),
            other => unreachable!("the batches have no column such as {other:?}"),
        };
        batches::Column { name: &info.name, unit: &info.unit, values, validity: None }
    }

    pub(super) struct Hook {
        store: Store<State>,
        bindings: hook::Hook,
        hook: ResourceAny,
    }

    impl Hook {
        pub(super) async fn phase_start(
            &mut self,
            event: phase_hook::PhaseEvent<'_>,
        ) -> wasmtime::Result<()> {
            let guest = self.bindings.perfbox_plugin_phase_hook().hook();
            let returned = guest.call_on_phase_start(&mut self.store, self.hook, event).await?;
            returned.map_err(|error| wasmtime::format_err!("{error:?}"))
        }
    }
}

fn phase() -> Phase {
    Phase { name: "profiling".to_owned(), kind: "profiling".to_owned(), index: 0 }
}

fn batch() -> Batch {
    let starts = (0..RECORDS).map(|n| FIRST_START_NS + n * 1_000);
    let latencies = (0..RECORDS).map(|n| (n * 7919 % RECORDS) as f64 / 8.0);
    let columns: Arc<[ColumnInfo]> = Arc::new([
        ColumnInfo::new("request_start_ns", ColumnType::U64, "ns"),
        ColumnInfo::new("request_latency", ColumnType::F64, "ms"),
    ]);
    let values = vec![
        Column::U64(UInt64Array::from_iter_values(starts)),
        Column::F64(Float64Array::from_iter_values(latencies)),
    ];
    Batch::new(Arc::new(phase()), columns, values).expect("a batch")
}

/// The guarded host's one plugin, compiled.
fn load(loader: &mut Loader, category: Category, identifier: &str) -> Loaded {
    let one = Registry::with_builtins().resolve(category, identifier).expect("a builtin");
    loader.load(one, &Limits::for_builtins()).expect("a builtin loads")
}

/// Its instances.
fn guarded(runtime: &Runtime, loaded: &Loaded, config: &str) -> Instances {
    let config = serde_json::from_str(config).expect("parameters");
    let settings = Settings { config, limits: Limits::for_builtins(), ..Settings::default() };
    let mut plugin = runtime.block_on(Plugin::create(loaded.clone(), settings));
    assert!(plugin.failure().is_none(), "{:?}", plugin.failure());
    plugin.take_instances().expect("it has not failed")
}

/// The median over `rounds` of both, taken in turns, and its ratio.
fn compare(
    name: &str,
    rounds: usize,
    mut with: impl FnMut() -> Duration,
    mut without: impl FnMut() -> Duration,
) {
    let mut ratios = Vec::new();
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds {
        // Whoever goes second finds the caches warm.
        let (guarded, plain) = match round % 2 {
            0 => (with(), without()),
            _ => {
                let plain = without();
                (with(), plain)
            }
        };
        ratios.push(guarded.as_secs_f64() / plain.as_secs_f64());
        times[0].push(guarded);
        times[1].push(plain);
    }
    ratios.sort_by(f64::total_cmp);
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    let [guarded, plain] = &mut times;
    println!(
        "{name:<14} guarded {:>10.3?}   unguarded {:>10.3?}   ratio {:.3}",
        median(guarded),
        median(plain),
        ratios[ratios.len() / 2]
    );
}

fn timed(calls: u32, mut call: impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..calls {
        call();
    }
    begun.elapsed() / calls
}

fn main() {
    let is_test = std::env::args().any(|arg| arg == "--test");
    let rounds = if is_test { 1 } else { 41 };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().build().expect("a runtime");
    let plain = unguarded::Host::new().expect("a host");

    let mut loader = Loader::new(CompileMode::InProcess).expect("an engine");
    let phase_log = load(&mut loader, Category::PhaseHook, "phase_log");
    let metrics = load(&mut loader, Category::PostProcessor, "metrics");

    let Instances::Hook(mut guarded_hook) = guarded(&runtime, &phase_log, "{}") else {
        unreachable!("a hook was loaded")
    };
    let mut hook = runtime.block_on(plain.hook()).expect("a hook");
    let event = PhaseEvent {
        event: EventKind::PhaseStart,
        time_ns: FIRST_START_NS,
        phase: phase(),
        stats: PhaseStats::default(),
    };
    let plain_event = || unguarded::phase_hook::PhaseEvent {
        time_ns: event.time_ns,
        phase: unguarded::types::Phase {
            name: &event.phase.name,
            kind: &event.phase.kind,
            index: 0,
        },
        stats: unguarded::types::PhaseStats {
            sent: 0,
            completed: 0,
            errors: 0,
            cancelled: 0,
            in_flight: 0,
            sent_sessions: 0,
            completed_sessions: 0,
            start_ns: None,
            sending_complete_ns: None,
            end_ns: None,
            expected_requests: None,
            expected_duration_ns: None,
            timed_out: false,
        },
    };
    let calls = if is_test { 10 } else { 2_000 };
    compare(
        "call/event",
        rounds,
        || {
            timed(calls, || {
                runtime.block_on(guarded_hook.call(black_box(&event))).expect("a call");
            })
        },
        || {
            timed(calls, || {
                runtime.block_on(hook.phase_start(black_box(plain_event()))).expect("a call");
            })
        },
    );

    let batch = Arc::new(batch());
    // Each round starts afresh, since samples are kept.
    let batches = if is_test { 2 } else { 40 };
    compare(
        "batch/16384",
        rounds,
        || {
            let Instances::Processor(mut instances) = guarded(&runtime, &metrics, METRICS) else {
                unreachable!("a processor was loaded")
            };
            timed(batches, || {
                runtime.block_on(instances[0].process(&batch, false)).expect("a call")
            })
        },
        || {
            let mut processor = runtime.block_on(plain.processor()).expect("a processor");
            timed(batches, || runtime.block_on(processor.process(&batch)).expect("a batch"))
        },
    );
}
