//! Runs that are alike to the byte, and the command that tells whether they are.

use crate::support::{Dir, FIXTURE, Perfbox, fixture, misbehaving, plugin};

const ON_ALL: &str = "--set=chance.on=[time, chance, files]";

fn verify(dir: &Dir, on: &str) -> Perfbox {
    let verify = dir.perfbox(["plugins", "verify-deterministic", "chance", FIXTURE]);
    verify.arg(format!("--set=chance.on=[{on}]")).arg("--plugin").arg(misbehaving())
}

#[test]
fn deterministic_runs_return_and_write_the_same_bytes() {
    let dir = Dir::new();
    let left = |out: &str| {
        let run = dir.perfbox(["run", FIXTURE, "--deterministic", "--processor=chance"]);
        let run = run.arg("--processor=metrics").arg(ON_ALL).arg(format!("--out={out}"));
        run.arg("--plugin").arg(misbehaving()).expect(0);
        let file = dir.read(&format!("{out}/plugins/post_processor/chance/found.txt"));
        (dir.summary(out)["results"].to_string(), file)
    };
    assert_eq!(left("one"), left("two"));
}

#[test]
fn a_deterministic_call_is_ended_by_its_instructions() {
    let dir = Dir::new();
    let message = || {
        let run = dir.perfbox(["run", FIXTURE, "--deterministic", "--out=out", "--force"]);
        let run = run.arg("--processor=rogue_processor").arg("--plugin").arg(misbehaving());
        let run = run.arg("--set=rogue_processor.during=process");
        let run = run.arg("--set=rogue_processor.does=loop");
        run.arg("--limit=batch_deadline=20ms").expect(3);
        let failure = plugin(&dir.summary("out"), "rogue_processor")["failure"].clone();
        assert_eq!(failure["kind"], "deadline");
        failure["message"].as_str().unwrap().to_owned()
    };
    let words = "the call took longer than its limit of 20ms (`batch_deadline`), at a nanosecond \
                 an instruction";
    assert_eq!(message(), words);
}

#[test]
fn a_plugin_without_chance_is_alike_twice() {
    let dir = Dir::new();
    let ran = dir.perfbox(["plugins", "verify-deterministic", "metrics", FIXTURE]).expect(0);
    assert!(ran.stdout.starts_with("two runs of metrics are alike: "), "{}", ran.stdout);
    let ran = dir.perfbox(["plugins", "verify-deterministic", "phase_log", FIXTURE]).expect(0);
    assert_eq!(ran.stdout, "two runs of phase_log are alike: 0 metrics, no files\n");
}

#[test]
fn where_two_runs_part_is_told() {
    let dir = Dir::new();
    for (on, words) in [
        ("time", "error: two runs of chance differ: `results.metrics[time].value` is "),
        ("chance", "error: two runs of chance differ: `results.metrics[chance].value` is "),
        ("files", "error: two runs of chance differ: `results.metrics[changed].value` is "),
        ("writing", "error: two runs of chance differ: file `found.txt` at byte "),
    ] {
        let ran = verify(&dir, on).expect(3);
        assert!(ran.stderr.starts_with(words), "{}", ran.stderr);
        let next = "; `--deterministic` gives it no clock and no chance to differ by\n";
        assert!(ran.stderr.ends_with(next), "{}", ran.stderr);
        let ran = verify(&dir, on).arg("--deterministic").expect(0);
        assert!(ran.stdout.starts_with("two runs of chance are alike: "), "{}", ran.stdout);
    }
}

#[test]
fn what_cannot_be_verified_is_told() {
    let dir = Dir::new();
    for (args, status, words) in [
        (
            "plugins verify-deterministic metrcs r.jsonl",
            2,
            "unknown post_processor `metrcs`; did you mean `metrics`?",
        ),
        ("plugins verify-deterministic metrics gone.jsonl", 4, "cannot read input `gone.jsonl`"),
    ] {
        let ran = dir.expect(status, args);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let verify = dir.perfbox(["plugins", "verify-deterministic", "rogue_processor", FIXTURE]);
    let verify = verify.arg("--plugin").arg(misbehaving());
    let verify = verify.arg("--set=rogue_processor.during=process");
    let ran = verify.arg("--set=rogue_processor.does=lack input").expect(3);
    assert_eq!(
        ran.stderr,
        "error: post_processor/rogue_processor failed: error during process: the input does not \
         suit it: there is no tide table\n"
    );
}

/// The results of a run over `r`, as text.
fn results(dir: &Dir, flags: &[&str]) -> String {
    let run = dir.perfbox(["run", "r", "--quiet", "--format=json"]);
    let summary = flags.iter().fold(run, |run, flag| run.arg(flag)).expect(0).json();
    summary["results"].to_string()
}

#[test]
fn results_are_the_same_to_the_byte_whatever_the_threads_and_the_size_of_batches() {
    const ALL: [&str; 5] = [
        "--processor=metrics",
        "--processor=timeslices",
        "--processor=histogram",
        "--processor=slo",
        "--set=slo.bounds=[\"request_latency<=300\"]",
    ];
    let vegeta = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/vegeta/results.csv");
    let vegeta = std::fs::read_to_string(vegeta).unwrap();
    let configs: [&[&str]; 4] = [
        &[],
        &["--set=metrics.group_by=error_type", "--set=histogram.metric=time_to_first_token"],
        &["--set=metrics.only=[\"request_latency\",\"inter_chunk_latency\"]"],
        // So little that it sketches.
        &["--exact-memory=1MiB"],
    ];
    // Each of several blocks.
    let dir = Dir::new();
    for (text, configs) in [
        (fixture("profile_export.jsonl"), &configs[..]),
        (vegeta, &[&["--exact-memory=64KiB"][..], &["--set=metrics.group_by=name"]]),
    ] {
        dir.write("r", text.repeat((10 << 20) / text.len() + 1));
        for config in configs {
            let flags = |more: &[&'static str]| [&ALL[..], config, more].concat();
            let first = results(&dir, &flags(&["--threads=1", "--batch-size=65536"]));
            let method = if config[..].join("").contains("memory") { "ddsketch" } else { "exact" };
            assert!(first.contains(&format!("\"method\":\"{method}\"")), "{config:?}");
            for threads in ["--threads=1", "--threads=2"] {
                for size in ["--batch-size=1000", "--batch-size=65536"] {
                    let same = results(&dir, &flags(&[threads, size])) == first;
                    assert!(same, "{config:?} differ with {threads} {size}");
                }
            }
        }
    }
}
