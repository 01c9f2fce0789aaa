//! Inputs that are parts of one run: `--one-run`.

use serde_json::json;

use crate::support::{Dir, record};

const MAPS: &str = "--map start=t:s --map latency=l:ms";

#[test]
fn inputs_that_are_one_run_share_their_phases_whatever_the_order() {
    let dir = Dir::new();
    let rows = |from: u32, step: usize| {
        let row = |n: u32| format!("{n},{},{}\n", n % 17, if n < 30 { "warmup" } else { "steady" });
        format!("t,l,p\n{}", (from..100).step_by(step).map(row).collect::<String>())
    };
    dir.write("all.csv", rows(0, 1));
    for worker in 0..3 {
        dir.write(&format!("worker-{worker}.csv"), rows(worker, 3));
    }
    let flags = format!("{MAPS} --map phase=p --format json --quiet");
    let alone = dir.expect(0, &format!("run all.csv {flags}")).json();
    for inputs in ["worker-*.csv", "worker-2.csv worker-0.csv worker-1.csv"] {
        let parts = dir.expect(0, &format!("run {inputs} --one-run {flags}")).json();
        assert_eq!(parts["results"], alone["results"]);
        assert_eq!(parts["phases"], alone["phases"]);
        assert_eq!(parts["inputs"].as_array().unwrap().len(), 3);
    }
    let apart = dir.expect(0, &format!("run worker-*.csv {flags}")).json();
    assert_eq!(apart["phases"].as_array().unwrap().len(), 6);
}

#[test]
fn parts_that_number_their_phases_differently_share_them_by_name() {
    let dir = Dir::new();
    let record = |phase: &str, index: u32, start_ns: u64| {
        let index = format!("\"metadata\":{{\"phase_index\":{index},");
        record(phase, start_ns).replacen("\"metadata\":{", &index, 1)
    };
    dir.write("a.jsonl", record("warmup", 0, 1_000) + &record("profiling", 1, 2_000));
    dir.write("b.jsonl", record("profiling", 0, 2_500));
    for inputs in ["a.jsonl b.jsonl", "b.jsonl a.jsonl"] {
        let summary =
            dir.expect(0, &format!("run {inputs} --one-run --format json --quiet")).json();
        let phases = summary["phases"].as_array().unwrap();
        let mut sent: Vec<_> = phases
            .iter()
            .map(|one| (one["name"].as_str(), one["stats"]["sent"].as_u64()))
            .collect();
        sent.sort();
        assert_eq!(sent, [(Some("profiling"), Some(2)), (Some("warmup"), Some(1))], "{inputs}");
    }
}

#[test]
fn a_phase_lasts_from_the_first_to_the_last_of_what_manifests_say_of_its_parts() {
    let dir = Dir::new();
    for (part, start_ns, end_ns) in [("a", 500, 9_000_000), ("b", 700, 12_000_000)] {
        dir.write(&format!("{part}/profile_export.jsonl"), record("profiling", 1_000));
        let phase = json!({
            "phase_name": "profiling", "phase_index": 0, "start_ns": start_ns, "end_ns": end_ns
        });
        dir.write(&format!("{part}/phase_manifest.json"), json!({"phases": [phase]}).to_string());
    }
    let summary = dir.expect(0, "run a b --one-run --format json --quiet").json();
    let stats = &summary["phases"][0]["stats"];
    assert_eq!((&stats["start_ns"], &stats["end_ns"]), (&json!(500), &json!(12_000_000)));
    assert_eq!(stats["sent"], 2);
}

#[test]
fn a_file_is_one_part_only() {
    let dir = Dir::new();
    dir.write("r.jsonl", record("load", 1_000));
    let ran = dir.expect(2, "run r.jsonl ./r.jsonl --one-run");
    assert_eq!(
        ran.stderr,
        "error: `r.jsonl` and `./r.jsonl` are the same file, whose records would count twice with \
         --one-run; name it once\n"
    );
    let apart = dir.expect(0, "run r.jsonl ./r.jsonl --format json --quiet").json();
    assert_eq!(apart["phases"].as_array().unwrap().len(), 2);
}

#[test]
fn parts_that_do_not_count_time_from_the_same_start_are_doubted() {
    let dir = Dir::new();
    dir.write("own.csv", "t,l\n0.5,5\n");
    dir.write("unix.csv", "t,l\n1795351200,5\n");
    let ran = dir.expect(0, &format!("run own.csv unix.csv --one-run {MAPS}"));
    assert_eq!(
        ran.stderr,
        " WARN phase `profiling` lasts 56 years; check that all inputs count time from the same \
         start\n"
    );
    assert_eq!(dir.expect(0, &format!("run own.csv unix.csv {MAPS}")).stderr, "");
}
