//! Results against AIPerf's own summary of the same records, and against themselves.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::support::{Dir, FIXTURE, fixture};

/// Every way in which a summary's `results.metrics` differs from AIPerf's summary of
/// the profiling phase, and how many numbers were compared.
fn compare(summary: &Value, aiperf: &Value) -> (Vec<String>, usize) {
    let ours = summary["results"]["metrics"]["metrics"].as_array().unwrap();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (name, row) in aiperf.as_object().unwrap() {
        let Some(row) = row.as_object() else { continue };
        let is_row = |one: &&Value| one["name"] == **name && one["phase"] == "profiling";
        let Some(mine) = ours.iter().find(is_row) else {
            differences.push(format!("{name} is missing"));
            continue;
        };
        if mine["unit"] != row["unit"] {
            differences.push(format!("{name}: unit {} is not {}", mine["unit"], row["unit"]));
        }
        let is_distribution = row.contains_key("p50");
        for (statistic, expected) in row.iter().filter(|(key, _)| *key != "unit") {
            let (actual, tolerance) = match is_distribution {
                true => (&mine["stats"][statistic], 1e-9),
                // AIPerf gives a scalar as an average of one.
                false => (&mine["value"], 1e-6),
            };
            let expected = expected.as_f64().unwrap();
            let near = |actual: f64| (actual - expected).abs() <= tolerance * expected.abs();
            compared += 1;
            if !actual.as_f64().is_some_and(near) {
                differences.push(format!("{name}.{statistic}: {actual} is not {expected}"));
            }
        }
    }
    (differences, compared)
}

fn aiperf_summary() -> Value {
    serde_json::from_str(&fixture("profile_export_aiperf.json")).unwrap()
}

/// The bytes of `results` in a summary.
fn results_of(dir: &Dir, out: &str) -> String {
    let summary = dir.read(&format!("{out}/summary.json"));
    let from = summary.find("\n  \"results\": ").unwrap();
    let to = summary.rfind("\n  \"status\": ").unwrap();
    summary[from..to].to_owned()
}

#[test]
fn every_statistic_is_that_of_aiperfs_own_summary() {
    let dir = Dir::new();
    dir.perfbox(["run", FIXTURE, "--out", "out"]).expect(0);
    let (differences, compared) = compare(&dir.summary("out"), &aiperf_summary());
    assert_eq!(differences, [""; 0]);
    // 34 distributions of 15 statistics, 19 scalars.
    assert_eq!(compared, 34 * 15 + 19);
}

#[test]
fn the_comparison_notices_a_changed_number_a_changed_unit_and_a_missing_row() {
    let dir = Dir::new();
    dir.perfbox(["run", FIXTURE, "--out", "out"]).expect(0);
    let summary = dir.summary("out");
    let differences = |change: &dyn Fn(&mut Value)| {
        let mut aiperf = aiperf_summary();
        change(&mut aiperf);
        compare(&summary, &aiperf).0
    };
    let scaled = |number: &Value, by: f64| Value::from(number.as_f64().unwrap() * by);
    assert_eq!(differences(&|_| {}), [""; 0]);
    let p99 = |by: f64| {
        move |aiperf: &mut Value| {
            let p99 = &mut aiperf["request_latency"]["p99"];
            *p99 = scaled(p99, by);
        }
    };
    assert_eq!(differences(&p99(1.0 + 1e-8)).len(), 1);
    assert_eq!(differences(&p99(1.0 + 1e-10)), [""; 0]);
    let scalar = differences(&|aiperf| {
        let rate = &mut aiperf["request_throughput"]["avg"];
        *rate = scaled(rate, 1.0 + 1e-5);
    });
    assert_eq!(scalar.len(), 1);
    let unit = differences(&|aiperf| aiperf["request_latency"]["unit"] = "s".into());
    assert_eq!(unit, ["request_latency: unit \"ms\" is not \"s\""]);
    let missing = differences(&|aiperf| {
        let row = aiperf["request_latency"].clone();
        aiperf["request_patience"] = row;
    });
    assert_eq!(missing, ["request_patience is missing"]);
}

#[test]
fn plain_compressed_and_piped_records_give_identical_results() {
    let dir = Dir::with_records();
    let plain = fixture("profile_export.jsonl");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    dir.write("results.jsonl.gz", gzip.finish().unwrap());
    dir.write("results.jsonl.zst", zstd::encode_all(plain.as_bytes(), 1).unwrap());
    dir.expect(0, "run results.jsonl --out plain");
    dir.expect(0, "run results.jsonl.gz --out gz");
    dir.expect(0, "run results.jsonl.zst --out zst");
    dir.perfbox(["run", "-", "--out", "piped"]).stdin(plain).expect(0);
    let expected = results_of(&dir, "plain");
    assert!(expected.contains("request_latency"));
    for out in ["gz", "zst", "piped"] {
        assert_eq!(results_of(&dir, out), expected, "{out}");
    }
}

#[test]
fn a_rate_says_whether_the_phase_was_measured_or_reported() {
    let dir = Dir::with_records();
    dir.expect(0, "run results.jsonl --out alone");
    dir.perfbox(["run", FIXTURE, "--out", "artifacts"]).expect(0);
    let throughput = |out: &str| {
        let summary = dir.summary(out);
        let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap();
        let is_it =
            |one: &&Value| one["name"] == "request_throughput" && one["phase"] == "profiling";
        metrics.iter().find(is_it).unwrap().clone()
    };
    assert_eq!(throughput("alone")["basis"], "first request start to last request end");
    assert_eq!(throughput("artifacts")["basis"], "phase duration");
    assert_ne!(throughput("alone")["value"], throughput("artifacts")["value"]);
}

#[test]
fn results_do_not_depend_on_the_size_of_batches() {
    let dir = Dir::with_records();
    for size in ["1", "7", "100", "1048576"] {
        dir.expect(0, &format!("run results.jsonl --out {size} --batch-size {size}"));
    }
    for size in ["1", "7", "100"] {
        assert_eq!(results_of(&dir, size), results_of(&dir, "1048576"), "{size}");
    }
}

#[test]
fn an_artifact_directory_is_read_as_the_file_in_it() {
    let dir = Dir::new();
    let file = Path::new(FIXTURE).join("profile_export.jsonl");
    dir.perfbox(["run", FIXTURE, "--out", "directory"]).expect(0);
    dir.perfbox(["run", "--out", "file"]).arg(file).expect(0);
    assert_eq!(results_of(&dir, "directory"), results_of(&dir, "file"));
    // Compressed records in it are found too, and the manifest beside them.
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut gzip = gzip;
    gzip.write_all(fixture("profile_export.jsonl").as_bytes()).unwrap();
    dir.write("artifacts/profile_export.jsonl.gz", gzip.finish().unwrap());
    dir.write("artifacts/phase_manifest.json", fixture("phase_manifest.json"));
    dir.expect(0, "run artifacts --out compressed");
    assert_eq!(results_of(&dir, "compressed"), results_of(&dir, "file"));
}

#[test]
fn phases_of_one_name_from_two_inputs_are_kept_apart() {
    let dir = Dir::with_records();
    fs::copy(dir.path("results.jsonl"), dir.path("again.jsonl")).unwrap();
    dir.expect(0, "run results.jsonl again.jsonl --out both");
    dir.expect(0, "run results.jsonl --out one");
    let (both, one) = (dir.summary("both"), dir.summary("one"));
    let names: Vec<_> = both["phases"].as_array().unwrap().iter().map(|p| &p["name"]).collect();
    assert_eq!(
        names,
        [
            "results.jsonl:warmup",
            "results.jsonl:profiling",
            "again.jsonl:warmup",
            "again.jsonl:profiling"
        ]
    );
    let stats = |summary: &Value, phase: &str| {
        let metrics = summary["results"]["metrics"]["metrics"].as_array().unwrap().clone();
        let is_it = |m: &Value| m["name"] == "request_latency" && m["phase"] == phase;
        metrics.into_iter().find(is_it).unwrap()["stats"].clone()
    };
    let expected = stats(&one, "profiling");
    assert_eq!(stats(&both, "results.jsonl:profiling"), expected);
    assert_eq!(stats(&both, "again.jsonl:profiling"), expected);
}
