//! Which plugins there are, and which one a name means.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Dir, Ran, manifest, metric, misbehaving, plugin, records};

/// A directory with some records in `r.jsonl`.
pub(crate) fn dir() -> Dir {
    let dir = Dir::new();
    dir.write("r.jsonl", records("profiling", 3));
    dir
}

/// Puts a package into a plugins directory: one processor, of the witness's kind.
pub(crate) fn add_package(dir: &Dir, path: &str, name: &str, version: &str, processor: &str) {
    dir.write(&format!("{path}/registry.yaml"), manifest(name, version, processor));
    add_component(dir, &format!("{path}/component.wasm"));
}

pub(crate) fn add_component(dir: &Dir, path: &str) {
    dir.write(path, fs::read(misbehaving()).unwrap());
}

/// `category/identifier package: reason` for each that is listed.
pub(crate) fn listing(ran: &Ran) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = |one: &Value| {
        let [category, identifier, package, reason] =
            ["category", "identifier", "package", "reason"].map(|key| text(&one[key]));
        format!("{category}/{identifier} {package}: {reason}")
    };
    ran.json()["implementations"].as_array().unwrap().iter().map(one).collect()
}

/// The listing of those called `audit`.
pub(crate) fn audits(dir: &Dir, flags: &str) -> Vec<String> {
    let all = listing(&dir.expect(0, &format!("plugins list --json {flags}")));
    all.into_iter().filter(|line| line.contains("/audit ")).collect()
}

/// The package that served `audit` in a run.
pub(crate) fn served_by(dir: &Dir, run: &str) -> Value {
    dir.expect(0, &format!("run r.jsonl --processor audit --force --out out {run}"));
    let summary = dir.summary("out");
    let served = plugin(&summary, "audit");
    json!([served["package"], served["version"]])
}

#[test]
fn builtins_are_listed_without_any_plugin() {
    let dir = dir();
    let ran = dir.expect(0, "plugins list");
    assert_eq!(
        ran.stdout,
        "CATEGORY        IDENTIFIER  PACKAGE  VERSION  SOURCE   STATUS\n\
         phase_hook      phase_log   builtin  0.2.0    builtin  selected: only implementation\n\
         post_processor  histogram   builtin  0.2.0    builtin  selected: only implementation\n\
         post_processor  metrics     builtin  0.2.0    builtin  selected: only implementation\n\
         post_processor  slo         builtin  0.2.0    builtin  selected: only implementation\n\
         post_processor  timeslices  builtin  0.2.0    builtin  selected: only implementation\n"
    );
    let one = dir.expect(0, "plugins list --json --category phase_hook").json();
    assert_eq!(
        one,
        json!({"implementations": [{
            "category": "phase_hook", "identifier": "phase_log", "package": "builtin",
            "version": "0.2.0", "source": "builtin", "component": "builtin:phase_log",
            "description": "One log line for each phase event, as key=value pairs",
            "status": "selected", "reason": "selected: only implementation"}],
            "invalid_packages": []})
    );
}

#[test]
fn a_plugin_wins_over_a_builtin_and_it_is_said() {
    let dir = dir();
    add_package(&dir, "plugins/mine", "mine", "1.0.0", "metrics");
    let list = dir.expect(0, "plugins list --json --plugins-dir plugins");
    assert_eq!(
        listing(&list)[2..4],
        [
            "post_processor/metrics builtin: shadowed by mine",
            "post_processor/metrics mine: selected: plugin over builtin"
        ]
    );
    let ran = dir.expect(0, "run r.jsonl --plugins-dir plugins --out out");
    assert_eq!(
        ran.stderr,
        " WARN post_processor/metrics is taken from package mine, which shadows the builtin\n"
    );
    assert_eq!(metric(&dir.summary("out"), "metrics", "records"), 3);
    let chosen = "run r.jsonl --plugins-dir plugins --use post_processor/metrics=builtin";
    let ran = dir.expect(0, &format!("{chosen} --out chosen"));
    assert_eq!(ran.stderr, "");
    assert_eq!(metric(&dir.summary("chosen"), "metrics", "request_count"), 3);
}

#[test]
fn two_plugins_of_one_name_are_ambiguous_until_one_is_chosen() {
    let dir = dir();
    add_package(&dir, "plugins/a", "acme", "1.0.0", "audit");
    add_package(&dir, "plugins/b", "bolt", "1.0.0", "audit");
    assert_eq!(
        audits(&dir, "--plugins-dir plugins"),
        [
            "post_processor/audit acme: ambiguous: choose with --use",
            "post_processor/audit bolt: ambiguous: choose with --use"
        ]
    );
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit");
    assert_eq!(
        ran.stderr,
        "error: --processor: `audit` is offered by 2 packages: `acme` (`plugins/a/component.wasm`), `bolt` \
         (`plugins/b/component.wasm`); choose one with --use post_processor/audit=acme or \
         --use post_processor/audit=bolt\n"
    );
    assert!(!dir.path("perfbox-out").exists(), "nothing was run");
    // What the error says works.
    for package in ["acme", "bolt"] {
        let run = format!("--plugins-dir plugins --use post_processor/audit={package}");
        assert_eq!(served_by(&dir, &run), json!([package, "1.0.0"]));
    }
    assert_eq!(
        audits(&dir, "--plugins-dir plugins --use post_processor/audit=bolt"),
        [
            "post_processor/audit acme: shadowed by bolt",
            "post_processor/audit bolt: selected: chosen by --use"
        ]
    );
}

#[test]
fn packages_of_one_name_are_told_apart_by_version_and_by_path() {
    let dir = dir();
    add_package(&dir, "plugins/old", "acme", "1.0.0", "audit");
    add_package(&dir, "plugins/new", "acme", "2.0.0", "audit");
    let ran = dir.expect(
        2,
        "run r.jsonl --plugins-dir plugins --processor audit --use post_processor/audit=acme",
    );
    assert!(
        ran.stderr.ends_with(
            "choose one with --use post_processor/audit=acme@2.0.0 or \
             --use post_processor/audit=acme@1.0.0\n"
        ),
        "{}",
        ran.stderr
    );
    for (package, version) in [
        ("acme@1.0.0", "1.0.0"),
        ("acme@2.0.0", "2.0.0"),
        ("plugins/old", "1.0.0"),
        ("./plugins/new/", "2.0.0"),
        ("plugins/new/component.wasm", "2.0.0"),
    ] {
        let run = format!("--plugins-dir ./plugins --use post_processor/audit={package}");
        assert_eq!(served_by(&dir, &run), json!(["acme", version]), "{package}");
    }
}

#[test]
fn packages_that_only_their_path_tells_apart_are_chosen_by_path() {
    let dir = dir();
    add_package(&dir, "plugins/one", "acme", "1.0.0", "audit");
    add_package(&dir, "plugins/two", "acme", "1.0.0", "audit");
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit");
    let choice = "--use post_processor/audit=plugins/two/component.wasm";
    assert!(ran.stderr.trim_end().ends_with(choice), "{}", ran.stderr);
    served_by(&dir, &format!("--plugins-dir plugins {choice}"));
    let summary = dir.summary("out");
    assert_eq!(plugin(&summary, "audit")["component"], "plugins/two/component.wasm");
}

#[test]
fn a_choice_in_the_environment_holds_where_no_flag_says_otherwise() {
    let dir = dir();
    add_package(&dir, "plugins/a", "acme", "1.0.0", "audit");
    add_package(&dir, "plugins/b", "bolt", "1.0.0", "audit");
    let run = |flags: &[&str]| {
        let fixed = ["run", "r.jsonl", "--plugins-dir=plugins", "--processor=audit", "--out=out"];
        let run = dir.perfbox(fixed.iter().chain(flags)).arg("--force");
        run.env("PERFBOX_USE", "post_processor/audit=acme").expect(0);
        plugin(&dir.summary("out"), "audit")["package"].clone()
    };
    assert_eq!(run(&[]), "acme");
    assert_eq!(run(&["--use", "post_processor/audit=bolt"]), "bolt");
}

#[test]
fn hooks_and_processors_in_the_environment_yield_to_flags() {
    let dir = dir();
    add_component(&dir, "plugins/bare.wasm");
    let ran = |flags: &[&str]| -> Vec<String> {
        let fixed = ["run", "r.jsonl", "--plugins-dir=plugins", "--out=out", "--force"];
        let run = dir.perfbox(fixed.iter().chain(flags));
        let run = run.env("PERFBOX_HOOKS", "phase_log, witness_hook");
        run.env("PERFBOX_PROCESSORS", "witness_processor").expect(0);
        let summary = dir.summary("out");
        let plugins = summary["plugins"].as_array().unwrap().iter();
        plugins.map(|one| one["identifier"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ran(&[]), ["phase_log", "witness_hook", "witness_processor"]);
    assert_eq!(ran(&["--hook=phase_log"]), ["phase_log", "witness_processor"]);
    assert_eq!(ran(&["--processor=metrics"]), ["phase_log", "witness_hook", "metrics"]);
}

#[test]
fn naming_an_implementation_twice_runs_it_once() {
    let dir = dir();
    dir.expect(0, "run r.jsonl --processor metrics --processor metrics --out out");
    assert_eq!(dir.summary("out")["plugins"].as_array().unwrap().len(), 1);
}

#[test]
fn an_auto_loaded_plugin_joins_and_is_left_out_on_request() {
    let dir = dir();
    add_component(&dir, "plugins/a/component.wasm");
    let text = manifest("acme", "1.0.0", "audit")
        .replace("class: witness", "auto_load: true, class: witness");
    dir.write("plugins/a/registry.yaml", text);
    let ran = dir.expect(0, "run r.jsonl --plugins-dir plugins --out joined");
    assert_eq!(
        ran.stderr,
        " WARN post_processor/audit of package acme joins the run, as its manifest says \
         auto_load; leave it out with --no-auto-load\n"
    );
    let identifiers = |out: &str| -> Vec<Value> {
        let summary = dir.summary(out);
        summary["plugins"].as_array().unwrap().iter().map(|one| one["identifier"].clone()).collect()
    };
    assert_eq!(identifiers("joined"), ["audit", "metrics"]);
    let ran = dir.expect(0, "run r.jsonl --plugins-dir plugins --no-auto-load --out alone");
    assert_eq!(ran.stderr, "");
    assert_eq!(identifiers("alone"), ["metrics"]);
}

#[test]
fn an_auto_loaded_plugin_that_is_refused_fails_alone() {
    let dir = dir();
    dir.write("plugins/a/component.wasm", "no component");
    let text = manifest("acme", "1.0.0", "audit")
        .replace("class: witness", "auto_load: true, class: witness");
    dir.write("plugins/a/registry.yaml", text);
    dir.expect(3, "run r.jsonl --plugins-dir plugins --out out");
    let summary = dir.summary("out");
    assert_eq!(summary["status"], "plugin_failed");
    let failure = &plugin(&summary, "audit")["failure"];
    assert_eq!((&failure["kind"], &failure["during"]), (&json!("rejected"), &json!("load")));
    assert_eq!(metric(&summary, "metrics", "request_count"), 3);
    // Named, it ends the run before it begins.
    dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit --out named");
    assert!(!dir.path("named").exists());
}

#[test]
fn an_auto_loaded_plugin_without_its_required_parameter_fails_alone() {
    let dir = dir();
    add_component(&dir, "plugins/a/component.wasm");
    let text = manifest("acme", "1.0.0", "audit").replace(
        "class: witness",
        "auto_load: true, config_params: [{name: limit, type: int}], class: witness",
    );
    dir.write("plugins/a/registry.yaml", text);
    let words = "`post_processor/audit` requires parameter `limit` (int); set it with --set \
                 post_processor/audit.limit=VALUE";
    let ran = dir.expect(3, "run r.jsonl --plugins-dir plugins --out out");
    assert!(
        ran.stderr.ends_with(&format!(
            "error: post_processor/audit failed: rejected during load: {words}\n"
        )),
        "{}",
        ran.stderr
    );
    let summary = dir.summary("out");
    assert_eq!(plugin(&summary, "audit")["failure"]["message"], words);
    assert_eq!(metric(&summary, "metrics", "request_count"), 3);
    let shown = dir.expect(0, "run r.jsonl --plugins-dir plugins --dry-run").stdout;
    assert!(shown.contains(&format!("post_processor/audit\n  refused     {words}\n")), "{shown}");
    // What the error says works, and what the user sets wrongly is the user's to mend.
    let set = "run r.jsonl --plugins-dir plugins --set post_processor/audit.limit=";
    dir.expect(0, &format!("{set}3 --out mended"));
    dir.expect(2, &format!("{set}many"));
    // Named, it ends the run before it begins.
    dir.expect(2, "run r.jsonl --plugins-dir plugins --processor audit");
}

#[test]
fn auto_loaded_plugins_of_one_name_join_nobody_and_it_is_said() {
    let dir = dir();
    for (path, name) in [("plugins/a", "acme"), ("plugins/b", "bolt")] {
        add_package(&dir, path, name, "1.0.0", "audit");
        let text = manifest(name, "1.0.0", "audit")
            .replace("class: witness", "auto_load: true, class: witness");
        dir.write(&format!("{path}/registry.yaml"), text);
    }
    let ran = dir.expect(3, "run r.jsonl --plugins-dir plugins --out out");
    assert_eq!(
        ran.stderr,
        "error: post_processor/audit failed: rejected during load: `audit` is offered by 2 \
         packages: `acme` (`plugins/a/component.wasm`), `bolt` (`plugins/b/component.wasm`); \
         choose one with --use post_processor/audit=acme or --use post_processor/audit=bolt\n"
    );
    assert_eq!(metric(&dir.summary("out"), "metrics", "request_count"), 3);
    let chosen = "run r.jsonl --plugins-dir plugins --use post_processor/audit=bolt";
    dir.expect(0, &format!("{chosen} --out chosen"));
    assert_eq!(plugin(&dir.summary("chosen"), "audit")["package"], "bolt");
    dir.expect(0, "run r.jsonl --plugins-dir plugins --no-auto-load --out alone");
}

#[test]
fn hooks_are_called_by_priority_then_by_identifier() {
    let dir = dir();
    add_component(&dir, "plugins/p/component.wasm");
    let hook = |identifier: &str, priority: i32| {
        format!(
            "  {identifier}: {{component: component.wasm, class: witness_hook, priority: {priority}}}\n"
        )
    };
    let hooks = [hook("z_early", -3), hook("b_same", 50), hook("a_late", 51), hook("a_same", 50)];
    dir.write(
        "plugins/p/registry.yaml",
        format!("plugin: {{name: p, version: 1.0.0}}\nphase_hooks:\n{}", hooks.concat()),
    );
    let ran = dir.expect(
        0,
        "run r.jsonl --plugins-dir plugins --hook a_late --hook b_same --hook a_same --hook z_early",
    );
    let starts: Vec<_> = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix(" INFO ")?.strip_suffix(": start of profiling"))
        .collect();
    assert_eq!(starts, ["z_early", "a_same", "b_same", "a_late"]);
}

#[test]
fn what_a_component_lacks_is_said_when_it_serves_another_category_already() {
    let dir = dir();
    dir.write("plugins/a/component.wasm", crate::support::from_wat("hook-only"));
    let entry = "{audit: {component: component.wasm, auto_load: true}}";
    dir.write(
        "plugins/a/registry.yaml",
        format!(
            "plugin: {{name: acme, version: 1.0.0}}\nphase_hooks: {entry}\npost_processors: {entry}\n"
        ),
    );
    // The hook is loaded first, so the processor's component is compiled already.
    dir.expect(3, "run r.jsonl --plugins-dir plugins --out out");
    let summary = dir.summary("out");
    let audits = summary["plugins"].as_array().unwrap().iter();
    let words: Vec<_> = audits
        .filter(|one| one["category"] == "post_processor" && one["identifier"] == "audit")
        .map(|one| &one["failure"]["message"])
        .collect();
    assert_eq!(
        words,
        ["component `plugins/a/component.wasm` is no post_processor: it does not export \
             perfbox:plugin/post-processor@0.2.0; see the worlds in `wit/worlds.wit`"]
    );
}

#[test]
fn at_most_ten_known_identifiers_are_listed() {
    let dir = dir();
    let entries: String =
        (0..10).map(|i| format!("  check_{i}: {{component: component.wasm}}\n")).collect();
    let text = format!("plugin: {{name: p, version: 1.0.0}}\nphase_hooks:\n{entries}");
    dir.write("plugins/p/registry.yaml", text);
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins --hook loudness");
    assert!(
        ran.stderr.starts_with(
            "error: --hook: unknown phase_hook `loudness`; use one of check_0, check_1, check_2, \
             check_3, check_4, check_5, check_6, check_7, check_8, check_9, … (see "
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_plugin_named_by_itself_of_which_nothing_is_selected_is_told() {
    let dir = Dir::with_records();
    std::fs::copy(misbehaving(), dir.path("mine.wasm")).unwrap();
    let ran = dir.expect(0, "run results.jsonl --plugin mine.wasm");
    assert!(
        ran.stderr.contains("`mine.wasm` takes no part in this run: select what it offers"),
        "{}",
        ran.stderr
    );
    let ran = dir.expect(0, "run results.jsonl --plugin mine.wasm --processor witness_processor");
    assert!(!ran.stderr.contains("takes no part"), "{}", ran.stderr);
}
