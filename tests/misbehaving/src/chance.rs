//! A processor whose outcome hangs on the time, on chance and on what its directory is
//! like.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use perfbox_guest::{
    Batch, Error, Metric, PhaseSummary, ProcessingResult, Processor, Result, output_dir,
};
use serde::Deserialize;

/// What its outcome hangs on.
#[derive(Deserialize)]
pub(crate) struct Config {
    on: Vec<String>,
}

/// Returns what it finds, and writes it down.
pub(crate) struct Chance(HashSet<String>);

impl Processor for Chance {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config.on.into_iter().collect()))
    }

    fn process(&mut self, _batch: &Batch) -> Result<()> {
        Ok(())
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let mut found: Vec<(&str, u64)> = Vec::new();
        let hangs_on = |what: &str| self.0.contains(what);
        if hangs_on("time") {
            let begun = Instant::now();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(3));
            found.push(("time", now.as_nanos() as u64));
            found.push(("slept", begun.elapsed().as_nanos() as u64));
        }
        if hangs_on("chance") {
            let map: HashMap<u32, ()> = (0..1000).map(|n| (n, ())).collect();
            found.push(("chance", map.keys().take(4).fold(0, |all, n| all * 1000 + u64::from(*n))));
        }
        if hangs_on("files") {
            found.extend(Self::files().map_err(|error| Error::io("a file", &error))?);
        }
        let text: String = found.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        if hangs_on("writing") || hangs_on("files") {
            let text = if text.is_empty() { format!("{:?}\n", SystemTime::now()) } else { text };
            fs::write(output_dir().join("found.txt"), format!("found:\n{text}"))
                .map_err(|error| Error::io("found.txt", &error))?;
        }
        let metrics = found.into_iter().map(|(name, value)| Metric::new(name, value, ""));
        Ok(ProcessingResult::new().extend(metrics))
    }
}

impl Chance {
    /// The order of a directory, and the time of a file.
    fn files() -> std::io::Result<Vec<(&'static str, u64)>> {
        let dir = output_dir().join("many");
        fs::create_dir(&dir)?;
        for n in 0..20 {
            fs::write(dir.join(format!("{}", n * 7 % 20)), "")?;
        }
        let mut order = 0_u64;
        for entry in fs::read_dir(&dir)? {
            let name = entry?.file_name().to_string_lossy().parse().unwrap_or(0_u64);
            order = order.wrapping_mul(31).wrapping_add(name);
        }
        let changed = fs::metadata(dir.join("0"))?.modified()?;
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(vec![("order", order), ("changed", changed.as_nanos() as u64)])
    }
}
