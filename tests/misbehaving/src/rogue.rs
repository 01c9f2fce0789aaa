//! Each thing that a plugin must not do, in the call that is asked for.

use std::hint::black_box;
use std::io::Read as _;
use std::time::Duration;

use perfbox_guest::{
    Batch, Error, Hook, Metric, PhaseEvent, PhaseSummary, ProcessingResult, Processor,
    Requirements, Result,
};
use serde::Deserialize;

use crate::files;

/// What to do, and when.
#[derive(Deserialize)]
pub(crate) struct Config {
    during: String,
    does: String,
    #[serde(default)]
    at_batch: u64,
}

impl Config {
    fn misbehave_in(&self, call: &str) -> Result<()> {
        if self.during == call { misbehave(&self.does) } else { Ok(()) }
    }
}

fn misbehave(what: &str) -> Result<()> {
    match what {
        "panic" => panic!("a wheel \u{1b}[31mcame\noff"),
        "loop" => loop {
            black_box(());
        },
        "sleep" => std::thread::sleep(Duration::from_secs(3600)),
        "sleep for ever" => std::thread::sleep(Duration::MAX),
        "dawdle" => std::thread::sleep(Duration::from_millis(60)),
        "read standard input" => {
            let mut input = Vec::new();
            let read = std::io::stdin().read_to_end(&mut input);
            return Err(Error::other(format!("it read {} bytes, and then: {read:?}", input.len())));
        }
        "recurse" => {
            black_box(recurse(1));
        }
        "grow" => {
            let mut kept = Vec::new();
            loop {
                kept.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "exit 0" => std::process::exit(0),
        "exit 3" => std::process::exit(3),
        "error" => return Err(Error::other("the moon is \u{1b}[31min\nthe wrong \u{202e}place")),
        "refuse" => return Err(Error::invalid_config("`during` must be later")),
        "lack input" => return Err(Error::invalid_input("there is no tide table")),
        "log" => perfbox_guest::warn!("first\u{1b}[2J\nsecond"),
        "print" => {
            println!("out\u{1b}[2J");
            eprintln!("err\u{202e}or");
        }
        "log much" => {
            for n in 0..1_000_000_u64 {
                perfbox_guest::info!("line {n}");
            }
        }
        "print much" => {
            for n in 0..1_000_000_u64 {
                println!("line {n}");
            }
        }
        "print errors much" => {
            for n in 0..1_000_000_u64 {
                eprintln!("line {n}");
            }
        }
        file => return files::misbehave(file),
    }
    Ok(())
}

fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX { 0 } else { recurse(depth + 1) + frame[0] }
}

/// Misbehaves in one call, and logs all others.
pub(crate) struct RogueHook(Config);

impl RogueHook {
    fn hears(&mut self, event: &str) -> Result<()> {
        perfbox_guest::info!("hears {event}");
        self.0.misbehave_in(event)
    }
}

impl Hook for RogueHook {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.misbehave_in("create")?;
        Ok(Self(config))
    }

    fn on_phase_start(&mut self, _event: &PhaseEvent) -> Result<()> {
        self.hears("phase_start")
    }

    fn on_phase_sending_complete(&mut self, _event: &PhaseEvent) -> Result<()> {
        self.hears("phase_sending_complete")
    }

    fn on_phase_complete(&mut self, _event: &PhaseEvent) -> Result<()> {
        self.hears("phase_complete")
    }

    fn on_phase_timeout(&mut self, _event: &PhaseEvent) -> Result<()> {
        self.hears("phase_timeout")
    }
}

/// Misbehaves in one call; in `finish`, by what it returns as well.
pub(crate) struct RogueProcessor {
    config: Config,
    batches: u64,
}

impl Processor for RogueProcessor {
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.misbehave_in("create")?;
        Ok(Self { config, batches: 0 })
    }

    fn requirements(&self) -> Requirements {
        if let Err(error) = self.config.misbehave_in("requirements") {
            panic!("{error}");
        }
        let wanted = Requirements::default();
        if matches!(&*self.config.during, "save" | "merge") { wanted.mergeable() } else { wanted }
    }

    fn save(&mut self) -> Result<Option<Vec<u8>>> {
        if self.config.during == "save" && self.config.does == "go on for ever" {
            return Ok(Some(vec![1; 1 << 20]));
        }
        self.config.misbehave_in("save")?;
        Ok((self.batches > 0).then(|| std::mem::take(&mut self.batches).to_le_bytes().to_vec()))
    }

    fn merge(&mut self, _part: &[u8]) -> Result<()> {
        self.config.misbehave_in("merge")
    }

    fn process(&mut self, _batch: &Batch) -> Result<()> {
        self.batches += 1;
        if self.batches == self.config.at_batch + 1 {
            self.config.misbehave_in("process")?;
        }
        self.config.misbehave_in("every process")
    }

    fn finish(self, _phases: &[PhaseSummary]) -> Result<ProcessingResult> {
        let result = ProcessingResult::new().metric("good", 1_u64, "");
        if self.config.during != "finish" {
            return Ok(result);
        }
        let twin = |value: f64| Metric::new("twin", value, "ms").phase("profiling");
        Ok(match self.config.does.as_str() {
            "return nan" => result.metric("share", f64::NAN, "ratio"),
            "return minus infinity" => result.metric("share", f64::NEG_INFINITY, "ratio"),
            "return infinity" => result.metric("share", f64::INFINITY, "ratio"),
            "return twins" => result.push(twin(1.0)).push(twin(2.0)),
            "return labelled twins" => {
                result.push(twin(1.0).label("code", "503")).push(twin(2.0).label("code", "503"))
            }
            "return a control name" => result.metric("red\u{1b}[31m\nline", 1_u64, ""),
            "return a bidi unit" => result.metric("plain", 1_u64, "m\u{202e}s"),
            "return a nameless metric" => result.metric("", 1_u64, ""),
            "return a long name" => result.metric("x".repeat(1 << 20), 1_u64, ""),
            "return an ansi report" => result.report("good\n\u{1b}[2Jbad\u{202e}\n\tworse"),
            "return a huge report" => result.report("x".repeat(64 << 20)),
            "return many metrics" => {
                result.extend((0..100_001_u32).map(|n| Metric::new(n.to_string(), 1_u64, "")))
            }
            other => {
                misbehave(other)?;
                result
            }
        })
    }
}
