//! How long from the start of the process to the first call into a plugin, with an empty
//! cache and with a full one?
//!
//! `cargo bench -p perfbox --bench start`

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const INPUT: &str = "tests/fixtures/aiperf/profile_export.jsonl";
const HOOK: &str = "example_logging_hook";

/// Begins the line that perfbox logs right before it calls `create` of a plugin.
const CREATE: &str = "DEBUG calling `create` of ";

/// Runs of each kind whose median is taken.
const RUNS: usize = 21;

fn main() {
    let smoke = std::env::args_os().any(|arg| arg == OsStr::new("--test"));
    let runs = if smoke { 1 } else { RUNS };
    let plugins = example_package();
    let mut first = Vec::new();
    let mut second = Vec::new();
    for _ in 0..runs {
        let home = tempfile::tempdir().expect("a directory");
        first.push(start(&plugins, &home));
        second.push(start(&plugins, &home));
    }
    let (first, second) = (median_ms(first), median_ms(second));
    println!("start/first-run    {first:8.2} ms from process start to the first create");
    println!("start/second-run   {second:8.2} ms");
    println!("start/ratio        {:8.1}", first / second);
}

/// Runs perfbox to its end, and returns how long it took to the first `create`.
fn start(plugins: &Path, home: &TempDir) -> Duration {
    let mut perfbox = Command::new(env!("CARGO_BIN_EXE_perfbox"));
    perfbox.env_clear().env("HOME", home.path()).env("RUST_LOG", "perfbox=debug");
    perfbox.current_dir(home.path()).arg("run").arg(Path::new(REPOSITORY).join(INPUT));
    perfbox.arg("--plugins-dir").arg(plugins).args(["--hook", HOOK]);
    perfbox.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = perfbox.spawn().expect("perfbox starts");
    let mut created = None;
    let mut log = String::new();
    for line in BufReader::new(child.stderr.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        if created.is_none() && line.starts_with(CREATE) {
            created = Some(begun.elapsed());
        }
        log.push_str(&line);
        log.push('\n');
    }
    assert!(child.wait().expect("an end").success(), "{log}");
    created.unwrap_or_else(|| panic!("no plugin was created:\n{log}"))
}

fn median_ms(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}

/// A plugins directory with the example plugin's package in it, built by its script.
fn example_package() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let plugins = scratch.join("example-plugins");
    let mut script = Command::new(Path::new(REPOSITORY).join("example-plugin/package.sh"));
    // Not the outer cargo's directory, whose lock it may hold, nor its settings.
    script.arg(&plugins).env("CARGO_TARGET_DIR", scratch.join("components"));
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
    {
        script.env_remove(name);
    }
    let output = script.output().expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    plugins
}
