//! Random modules as plugins: whatever they do, none is worse off than its own plugin.
//!
//! `PERFBOX_SMITH_MODULES` says how many [default: 300].

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::UInt64Array;
use perfbox::batch::{Column, ColumnInfo, ColumnType};
use perfbox::registry::Implementation;
use perfbox::report::{PluginReport, PluginStatus};
use perfbox::source::{Item, Items};
use perfbox::{
    Batch, Category, CompileMode, FailureKind, Limits, Loader, Phase, PhaseBounds, PhaseStats,
    PhaseSummary, Plugin, RunOptions, Settings,
};
use wasm_smith::{Config, Module};
use wasmparser::{Parser, Payload};

const MODULES: u64 = 300;

/// Components that one loader keeps.
const MODULES_A_LOADER: u64 = 100;

const COMPONENT: &str = include_str!("components/random.wat");

#[tokio::test]
async fn random_modules_spoil_nothing_but_themselves() {
    let count = std::env::var("PERFBOX_SMITH_MODULES").map_or(MODULES, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let template = Template::new();
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let (mut reached, mut finished) = (0, 0);
    let begun = Instant::now();
    let mut loader = Loader::new(CompileMode::InProcess).unwrap();
    for seed in 0..count {
        if seed % MODULES_A_LOADER == 0 {
            loader = Loader::new(CompileMode::InProcess).unwrap();
        }
        let path = dir.path().join("plugin.wasm");
        std::fs::write(&path, template.with_random_module(seed)).unwrap();
        let end = match run(&mut loader, path).await {
            Err(refused) => {
                assert!(refused.starts_with("component `"), "{seed}: {refused}");
                "refused".to_owned()
            }
            Ok(report) => {
                reached += u64::from(report.cost.calls > 0);
                finished += u64::from(report.status == PluginStatus::Ok);
                report.failure.map_or("ok".to_owned(), |failure| {
                    assert_ne!(failure.kind, FailureKind::Host, "{seed}: {failure}");
                    format!("{:?} during {}", failure.kind, failure.during)
                })
            }
        };
        *ends.entry(end).or_default() += 1;
    }
    println!("{count} modules in {:.1?}: {reached} reached a call, {ends:#?}", begun.elapsed());
    assert!(reached * 2 >= count, "{reached} of {count} reached a call: {ends:#?}");
    assert!(finished * 20 >= count, "{finished} of {count} did all their work: {ends:#?}");
}

/// A whole run of one plugin, or why it was refused.
async fn run(loader: &mut Loader, component: PathBuf) -> Result<PluginReport, String> {
    let (identifier, package) = ("random".parse().unwrap(), "smith".parse().unwrap());
    let one = Implementation::new(Category::PostProcessor, identifier, package, component);
    let loaded = loader.load(Arc::new(one), &limits()).map_err(|error| error.to_string())?;
    let settings = Settings { limits: limits(), ..Settings::default() };
    let plugin = Plugin::create(loaded, settings).await;
    let mut source = Items::new([Item::Batch(batch())], vec![phase_summary()]);
    let options = RunOptions { threads: 1, ..RunOptions::default() };
    Ok(perfbox::run(&mut source, vec![plugin], options).report.plugins.remove(0))
}

fn limits() -> Limits {
    let deadline = Duration::from_millis(50);
    Limits {
        memory_bytes: 16 << 20,
        start_deadline: deadline,
        batch_deadline: deadline,
        finish_deadline: deadline,
        ..Limits::default()
    }
}

fn phase() -> Phase {
    Phase { name: "steady".to_owned(), kind: "profiling".to_owned(), index: 0 }
}

fn batch() -> Batch {
    let columns = Arc::new([ColumnInfo::new("request_start_ns", ColumnType::U64, "ns")]);
    let values = vec![Column::U64(UInt64Array::from_iter_values(1..=100))];
    Batch::new(Arc::new(phase()), columns, values).unwrap()
}

fn phase_summary() -> PhaseSummary {
    PhaseSummary { phase: phase(), stats: PhaseStats::default(), bounds: PhaseBounds::FromRecords }
}

/// A component of two modules, one of which calls the other.
struct Template {
    component: Vec<u8>,
    /// The one that is called, and the one that calls.
    modules: [Range<usize>; 2],
}

impl Template {
    fn new() -> Self {
        let component = wat::parse_str(COMPONENT).unwrap();
        let modules: Vec<_> = Parser::new(0)
            .parse_all(&component)
            .filter_map(|payload| match payload.unwrap() {
                Payload::ModuleSection { unchecked_range, .. } => Some(unchecked_range),
                _ => None,
            })
            .collect();
        Self { component, modules: modules.try_into().unwrap() }
    }

    /// With a random module in the place of the one that is called or, for every fourth
    /// seed, of the one that calls.
    fn with_random_module(&self, seed: u64) -> Vec<u8> {
        let place = self.modules[usize::from(seed % 4 == 3)].clone();
        let config = Config {
            module_shape: Some(self.component[place.clone()].to_vec()),
            // With much in them few come far.
            disallow_traps: seed % 4 < 2,
            max_funcs: 10,
            max_instructions: [5, 20, 100][seed as usize / 4 % 3],
            max_memories: 2,
            max_memory32_bytes: 8 << 20,
            max_table_elements: 10_000,
            // What the engine has switched off.
            compact_imports_enabled: false,
            exceptions_enabled: false,
            gc_enabled: false,
            memory64_enabled: false,
            relaxed_simd_enabled: false,
            threads_enabled: false,
            wide_arithmetic_enabled: false,
            ..Config::default()
        };
        let bytes = random_bytes(seed, 4096);
        let module = Module::new(config, &mut arbitrary::Unstructured::new(&bytes)).unwrap();
        self.with_module(place, &module.to_bytes())
    }

    /// Before a core module stands its length.
    fn with_module(&self, place: Range<usize>, module: &[u8]) -> Vec<u8> {
        let before = &self.component[..place.start - leb128(place.len()).len()];
        [before, &leb128(module.len()), module, &self.component[place.end..]].concat()
    }
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// SplitMix64: the same bytes on every machine.
fn random_bytes(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    std::iter::repeat_with(|| next().to_le_bytes()).flatten().take(count).collect()
}
