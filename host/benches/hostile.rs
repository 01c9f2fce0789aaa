//! What do ten hostile plugins cost the run that they are in, besides the time that their
//! deadlines give them?
//!
//! `cargo bench -p perfbox --bench hostile`

use std::ffi::OsStr;
use std::time::{Duration, Instant};

#[allow(dead_code, reason = "what the tests use beside it")]
#[path = "../../tests/catalogue/harness.rs"]
mod harness;
#[allow(dead_code, unused_imports, reason = "what the tests use beside it")]
#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../tests/catalogue/ten.rs"]
mod ten;

use harness::{Failing, Hostile, healthy_run, run_beside};
use support::{Dir, Perfbox};

/// Runs of each kind whose median is taken.
const RUNS: usize = 11;

fn main() {
    let smoke = std::env::args_os().any(|arg| arg == OsStr::new("--test"));
    let runs = if smoke { 1 } else { RUNS };
    let failing = ten::ten();
    let waits: Duration = failing.iter().map(Failing::waits).sum();
    let hostile: Vec<Hostile> = failing.into_iter().map(|one| one.hostile).collect();
    let mut alone = Vec::new();
    let mut beside = Vec::new();
    // The first of each compiles, and is not counted.
    for _ in 0..=runs {
        alone.push(timed(healthy_run, 0));
        beside.push(timed(|dir| run_beside(dir, &hostile), 3).saturating_sub(waits));
    }
    let (alone, beside) = (median_ms(&mut alone[1..]), median_ms(&mut beside[1..]));
    println!("hostile/none  {alone:8.2} ms a run of a healthy hook and a healthy processor");
    println!("hostile/ten   {beside:8.2} ms, less {waits:?} of deadlines");
    println!("hostile/ratio {:8.2}", beside / alone);
}

/// How long a run takes that ends with this status.
fn timed(prepare: impl FnOnce(&Dir) -> Perfbox, status: i32) -> Duration {
    let dir = Dir::new();
    let run = prepare(&dir);
    let begun = Instant::now();
    run.expect(status);
    begun.elapsed()
}

fn median_ms(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
