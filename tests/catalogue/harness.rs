//! Runs of hostile plugins beside healthy ones, and what must hold of each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Dir, FIXTURE, Perfbox, Ran, misbehaving, plugin, processor_with};

/// The healthy ones, by their category.
const KEEPERS: [(&str, &str); 2] =
    [("phase_hook", "keeper_hook"), ("post_processor", "keeper_processor")];

/// 40 records of the warmup are one batch, 352 of the profiling phase are eight.
pub(crate) const BATCHES: u64 = 9;

/// The limits of one that is to be ended for taking too long: long enough for an honest
/// call on a busy machine, short enough for a test.
pub(crate) const SHORT: &str = "start_deadline: 300ms, event_deadline: 300ms, \
                                batch_deadline: 300ms, finish_deadline: 300ms";

/// Each of these limits.
pub(crate) const SHORT_DEADLINE: Duration = Duration::from_millis(300);

/// A plugin that means harm, in a package of its own.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    pub(crate) name: String,
    category: &'static str,
    class: &'static str,
    component: Vec<u8>,
    params: Vec<String>,
    limits: String,
}

impl Hostile {
    /// A processor that is this component.
    pub(crate) fn processor(name: &str, component: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            category: "post_processor",
            class: "hostile",
            component,
            params: Vec::new(),
            limits: String::new(),
        }
    }

    /// The processor in `tests/components/processor.wat`, with texts in the places of
    /// marks.
    pub(crate) fn written(name: &str, texts: &[(&str, &str)]) -> Self {
        Self::processor(name, processor_with(texts))
    }

    /// A processor of `tests/misbehaving`.
    pub(crate) fn of_class(name: &str, class: &'static str) -> Self {
        Self { class, ..Self::processor(name, fs::read(misbehaving()).unwrap()) }
    }

    /// `rogue_processor`, with what it does in which call.
    pub(crate) fn rogue(name: &str, during: &str, does: &str) -> Self {
        Self::of_class(name, "rogue_processor").set("during", during).set("does", does)
    }

    /// `rogue_hook`, with what it does at which event.
    pub(crate) fn rogue_hook(name: &str, during: &str, does: &str) -> Self {
        let category = "phase_hook";
        let rogue = Self { category, ..Self::of_class(name, "rogue_hook") };
        rogue.set("during", during).set("does", does)
    }

    /// With a parameter.
    pub(crate) fn set(mut self, param: &str, value: &str) -> Self {
        self.params.push(format!("--set={}/{}.{param}={value}", self.category, self.name));
        self
    }

    /// With limits, as they stand in `perfbox.yaml`.
    pub(crate) fn limits(self, limits: &str) -> Self {
        Self { limits: limits.to_owned(), ..self }
    }

    /// What it is to be reported with.
    pub(crate) fn fails(
        self,
        kind: &'static str,
        during: &'static str,
        words: &'static [&'static str],
    ) -> Failing {
        Failing { hostile: self, kind, during, words }
    }

    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.category, self.name)
    }

    fn flag(&self) -> String {
        let flag = if self.category == "phase_hook" { "hook" } else { "processor" };
        format!("--{flag}={}", self.name)
    }

    fn write(&self, dir: &Dir, auto_load: bool) {
        let Self { name, category, class, .. } = self;
        let manifest = format!(
            "plugin: {{name: {name}, version: 1.0.0}}\n{category}s:\n  \
             {name}: {{component: component.wasm, class: {class}, auto_load: {auto_load}}}\n"
        );
        dir.write(&format!("plugins/{name}/registry.yaml"), manifest);
        dir.write(&format!("plugins/{name}/component.wasm"), &self.component);
    }
}

/// One that is to fail, and how it is to be reported.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    pub(crate) hostile: Hostile,
    kind: &'static str,
    during: &'static str,
    words: &'static [&'static str],
}

impl Failing {
    /// How long it keeps its run waiting, by the limits of [`SHORT`].
    pub(crate) fn waits(&self) -> Duration {
        if self.kind == "deadline" { SHORT_DEADLINE } else { Duration::ZERO }
    }
}

/// A run of the healthy ones alone.
pub(crate) fn healthy_run(dir: &Dir) -> Perfbox {
    let run = dir.perfbox(["run", FIXTURE, "--out=out", "--batch-size=50", "--hook=keeper_hook"]);
    // Two, on whatever machine: so many instances has one whose states can be merged.
    let run = run.arg("--threads=2");
    run.arg("--processor=keeper_processor").arg("--plugin").arg(misbehaving())
}

/// A run of the healthy ones and of the hostile ones, which are named.
pub(crate) fn run_beside(dir: &Dir, hostile: &[Hostile]) -> Perfbox {
    prepare(dir, hostile, false);
    let mut run = healthy_run(dir).arg("--plugins-dir=plugins");
    for one in hostile {
        run = run.arg(one.flag());
        for param in &one.params {
            run = run.arg(param);
        }
    }
    run
}

/// Writes the packages, and what is set for them.
fn prepare(dir: &Dir, hostile: &[Hostile], auto_load: bool) {
    let mut config = String::new();
    for one in hostile {
        one.write(dir, auto_load);
        if !one.limits.is_empty() {
            config.push_str(&format!("  {}: {{limits: {{{}}}}}\n", one.key(), one.limits));
        }
    }
    if !config.is_empty() {
        dir.write("perfbox.yaml", format!("plugins:\n{config}"));
    }
}

/// What the healthy ones leave behind.
#[derive(Debug, PartialEq)]
struct Left {
    /// Their part of the summary, but for what it cost.
    summary: String,
    files: BTreeMap<String, Vec<u8>>,
    log: Vec<String>,
}

impl Left {
    fn of(dir: &Dir, ran: &Ran) -> Self {
        let summary = dir.summary("out");
        let reported = KEEPERS.map(|(_, keeper)| {
            let one = plugin(&summary, keeper);
            let cost = [&one["cost"]["calls"], &one["cost"]["output_bytes"]];
            json!([one["status"], one["failure"], one["files"], one["digest"], cost])
        });
        let results = &summary["results"]["keeper_processor"];
        let summary = json!([reported, results, summary["phases"], summary["inputs"]]);
        let mut files = BTreeMap::new();
        for (category, keeper) in KEEPERS {
            let own = dir.path(&format!("out/plugins/{category}/{keeper}"));
            for entry in fs::read_dir(own).unwrap() {
                let path = entry.unwrap().path();
                files.insert(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
        let files =
            files.into_iter().map(|(path, content)| (dir.without_path(&path), content)).collect();
        let of_keeper = |line: &&str| line.starts_with(" INFO keeper_");
        let log = ran.stderr.lines().filter(of_keeper).map(str::to_owned).collect();
        Self { summary: format!("{summary:#}"), files, log }
    }
}

fn left_alone() -> &'static Left {
    static LEFT: OnceLock<Left> = OnceLock::new();
    LEFT.get_or_init(|| {
        let dir = Dir::new();
        let ran = healthy_run(&dir).expect(0);
        let left = Left::of(&dir, &ran);
        // Two events that start, two that are sent, two that end; batches, and the end.
        assert_eq!(left.log.len() as u64, 6 + BATCHES + 1, "{ran:#?}");
        assert_eq!(left.files.len(), 2);
        left
    })
}

/// The healthy ones left what they leave when they are alone.
#[track_caller]
pub(crate) fn assert_untouched(dir: &Dir, ran: &Ran) {
    let (alone, left) = (left_alone(), Left::of(dir, ran));
    assert_eq!(alone.summary, left.summary);
    assert_eq!(alone.log, left.log, "{ran:#?}");
    assert!(alone.files == left.files, "other files: {:?}", left.files);
}

/// Nothing in it moves a cursor, changes a colour, hides, or turns the direction of
/// writing.
#[track_caller]
pub(crate) fn assert_plain(text: &str) {
    for line in text.lines() {
        assert_eq!(perfbox::escape(line), line);
    }
}

/// Runs all of them at once: each fails as it is to, alone, and is told of.
#[track_caller]
pub(crate) fn fail_alone(failing: &[Failing]) -> (Dir, Ran, Value) {
    let dir = Dir::new();
    let hostile: Vec<Hostile> = failing.iter().map(|one| one.hostile.clone()).collect();
    let ran = run_beside(&dir, &hostile).run();
    let summary = assert_failed_alone(&dir, &ran, failing);
    (dir, ran, summary)
}

/// The same of a run that has ended.
#[track_caller]
pub(crate) fn assert_failed_alone(dir: &Dir, ran: &Ran, failing: &[Failing]) -> Value {
    assert_eq!(ran.status, 3, "{ran:#?}");
    assert_plain(&ran.stdout);
    assert_plain(&ran.stderr);
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "plugin_failed");
    for Failing { hostile, kind, during, words } in failing {
        let reported = plugin(&summary, &hostile.name);
        assert_eq!(reported["status"], "failed", "{reported:#}");
        let failure = &reported["failure"];
        let told = (&failure["kind"], &failure["during"]);
        assert_eq!(told, (&json!(kind), &json!(during)), "{}: {failure:#}", hostile.name);
        let message = failure["message"].as_str().unwrap();
        assert_plain(message);
        for part in *words {
            assert!(message.contains(part), "{}: no {part:?} in {message:?}", hostile.name);
        }
        let head = format!("error: {} failed: ", hostile.key());
        let told = |line: &str| line.starts_with(&head) && line.ends_with(message);
        assert_eq!(ran.stderr.lines().filter(|line| told(line)).count(), 1, "{}", ran.stderr);
        let in_table = |line: &str| line.starts_with("failed: ") && line.contains(&hostile.key());
        assert!(ran.stdout.lines().any(in_table), "{}", ran.stdout);
        assert_eq!(summary["results"].get(&hostile.name), None);
    }
    let failed = summary["plugins"].as_array().unwrap().iter();
    let failed = failed.filter(|one| one["status"] == "failed").count();
    assert_eq!(failed, failing.len(), "{summary:#}");
    assert_untouched(dir, ran);
    summary
}

/// Runs all of them at once: they are denied what they want, and the run does not care.
#[track_caller]
pub(crate) fn cope(hostile: &[Hostile]) -> (Dir, Ran, Value) {
    let dir = Dir::new();
    let ran = run_beside(&dir, hostile).run();
    let summary = assert_coped(&dir, &ran, hostile);
    (dir, ran, summary)
}

/// The same of a run that has ended.
#[track_caller]
pub(crate) fn assert_coped(dir: &Dir, ran: &Ran, hostile: &[Hostile]) -> Value {
    assert_eq!(ran.status, 0, "{ran:#?}");
    assert_plain(&ran.stdout);
    assert_plain(&ran.stderr);
    let summary = dir.summary("out");
    for one in hostile {
        assert_eq!(plugin(&summary, &one.name)["status"], "ok", "{summary:#}");
    }
    assert_untouched(dir, ran);
    summary
}

/// One that is refused before any of its code runs, in all three ways that it can come.
#[track_caller]
pub(crate) fn refuse(hostile: &Hostile, words: &[&str]) {
    refuse_after(hostile, words, |_| {});
}

/// The same with something done to its package, `plugins/NAME`, once it is there.
#[track_caller]
pub(crate) fn refuse_after(hostile: &Hostile, words: &[&str], change: impl Fn(&Dir)) {
    // Named: nothing is run.
    let dir = Dir::new();
    let run = run_beside(&dir, std::slice::from_ref(hostile));
    change(&dir);
    let ran = run.run();
    assert_nothing_ran(&dir, &ran, &format!("{} is refused: ", hostile.key()), words);

    // Not named, and taking part by itself: it is refused, alone.
    let dir = Dir::new();
    prepare(&dir, std::slice::from_ref(hostile), true);
    change(&dir);
    let ran = healthy_run(&dir).arg("--plugins-dir=plugins").run();
    let refused = hostile.clone().fails("rejected", "load", &[]);
    let summary = assert_failed_alone(&dir, &ran, &[refused]);
    let message = plugin(&summary, &hostile.name)["failure"]["message"].as_str().unwrap();
    for part in words {
        assert!(message.contains(part), "no {part:?} in {message:?}");
    }
    assert_eq!(plugin(&summary, &hostile.name)["cost"]["calls"], 0);

    // Only there: it is never looked into.
    let dir = Dir::new();
    prepare(&dir, std::slice::from_ref(hostile), false);
    change(&dir);
    let ran = healthy_run(&dir).arg("--plugins-dir=plugins").expect(0);
    assert_untouched(&dir, &ran);
}

/// A run that was not begun, with one paragraph that says why.
#[track_caller]
pub(crate) fn assert_nothing_ran(dir: &Dir, ran: &Ran, head: &str, words: &[&str]) {
    assert_eq!(ran.status, 2, "{ran:#?}");
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_plain(&ran.stderr);
    assert!(ran.stderr.starts_with(&format!("error: {head}")), "{}", ran.stderr);
    for part in words {
        assert!(ran.stderr.contains(part), "no {part:?} in {}", ran.stderr);
    }
    assert!(!dir.path("out").exists());
}

/// Makes a FIFO.
#[track_caller]
pub(crate) fn make_fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}
