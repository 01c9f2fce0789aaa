//! `perfbox.yaml`, and how it goes together with flags and the environment.

use serde_json::{Value, json};

use crate::support::{Dir, Perfbox, assert_golden, manifest, metric, misbehaving, plugin, records};

/// A directory with records, the plugins of `tests/misbehaving` in `team/m.wasm`, and
/// that config file.
fn dir(config: &str) -> Dir {
    let dir = Dir::new();
    dir.write("r.jsonl", records("profiling", 3));
    dir.write("team/m.wasm", std::fs::read(misbehaving()).unwrap());
    dir.write("perfbox.yaml", config);
    dir
}

/// Value and origin of a key that `perfbox config show --json` has.
fn shown(run: Perfbox, key: &str) -> Vec<(Value, String)> {
    let all = run.arg("--json").expect(0).json();
    let rows = all["values"].as_array().unwrap().iter().filter(|row| row["key"] == key);
    rows.map(|row| (row["value"].clone(), row["from"].as_str().unwrap().to_owned())).collect()
}

const WHOLE: &str = "\
schema_version: '1.0'
plugins_dirs: [team]
hooks: [witness_hook]
processors: [witness_processor, metrics]
auto_load: false
limits:
  memory: 100 MiB
  event_deadline: 250ms
plugins:
  witness_processor:
    limits: {memory: 40 MiB}
  phase_hook/rogue_hook:
    params: {does: panic}
";

#[test]
fn a_run_takes_all_that_the_file_says() {
    let dir = dir(WHOLE);
    dir.expect(0, "run r.jsonl --out out");
    let summary = dir.summary("out");
    let ran: Vec<_> = summary["plugins"].as_array().unwrap().iter().collect();
    let ran: Vec<_> = ran.iter().map(|one| one["identifier"].as_str().unwrap()).collect();
    assert_eq!(ran, ["witness_hook", "metrics", "witness_processor"]);
    let dry = dir.expect(0, "run r.jsonl --dry-run").stdout;
    let limits = |key: &str| {
        let section = dry.split_once(&format!("{key}\n")).expect(key).1;
        section.lines().find(|line| line.starts_with("  limits ")).unwrap().to_owned()
    };
    assert!(limits("phase_hook/witness_hook").contains("memory 100 MiB"), "{dry}");
    assert!(limits("post_processor/witness_processor").contains("memory 40 MiB"), "{dry}");
    assert!(dry.contains("event_deadline 250ms"), "{dry}");
    // It may name what this run does not have, without a word.
    assert_eq!(dir.expect(0, "run r.jsonl --quiet --out two").stderr, "");
}

#[test]
fn each_value_is_shown_with_where_it_came_from() {
    let dir = dir(WHOLE);
    let show = || dir.perfbox(["config", "show"]);
    assert_golden("config-show.txt", &show().expect(0).stdout);
    let from = |run, key| shown(run, key);
    assert_eq!(from(show(), "hooks"), [(json!("witness_hook"), "perfbox.yaml:3".to_owned())]);
    let with_variable = || show().env("PERFBOX_HOOKS", "phase_log");
    assert_eq!(from(with_variable(), "hooks"), [(json!("phase_log"), "PERFBOX_HOOKS".to_owned())]);
    assert_eq!(
        from(with_variable().arg("--hook=probe"), "hooks"),
        [(json!("probe"), "--hook".to_owned())]
    );
    assert_eq!(from(show().arg("--no-config"), "hooks"), []);
    assert_eq!(
        from(show().arg("--no-config"), "processors"),
        [(json!("metrics"), "default".to_owned())]
    );
    assert_eq!(
        from(show().arg("--no-auto-load"), "auto_load"),
        [(json!(false), "--no-auto-load".to_owned())]
    );
    // Directories are looked through all at once.
    let dirs = show().arg("--plugins-dir=mine").env("PERFBOX_PLUGIN_PATH", "ours");
    let sources: Vec<_> = from(dirs, "plugins_dirs").into_iter().map(|(_, from)| from).collect();
    assert_eq!(sources, ["--plugins-dir", "PERFBOX_PLUGIN_PATH", "perfbox.yaml:2"]);
}

#[test]
fn the_mapping_is_shown_field_by_field() {
    let dir = Dir::new();
    dir.write("perfbox.yaml", "mapping:\n  start: 'Sent At (s):s'\n  metric.size: bytes:B\n");
    let show = || dir.perfbox(["config", "show"]);
    for (key, value, line) in
        [("mapping.start", "Sent At (s):s", 2), ("mapping.metric.size", "bytes:B", 3)]
    {
        assert_eq!(shown(show(), key), [(json!(value), format!("perfbox.yaml:{line}"))]);
    }
    let shown = show().expect(0).stdout;
    assert!(shown.lines().any(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        words == ["mapping.start", "Sent", "At", "(s):s", "perfbox.yaml:2"]
    }));
    dir.write("perfbox.yaml", "mapping:\n  latnecy: took\n");
    assert_eq!(
        show().expect(2).stderr,
        "error: perfbox.yaml:2: unknown field `latnecy`; did you mean \
         `latency`? (fields: start, end, latency, status, error, error_message, success, name, \
         phase, session, worker, cancelled and metric.NAME)\n"
    );
}

#[test]
fn another_file_is_named_and_its_paths_are_relative_to_it() {
    let dir = dir("nonsense, which is not looked at");
    dir.write("ci/base.yaml", "plugin_files: [../team/m.wasm]\nprocessors: [witness_processor]\n");
    dir.expect(0, "run r.jsonl --config ci/base.yaml --out out");
    let summary = dir.summary("out");
    assert_eq!(plugin(&summary, "witness_processor")["status"], "ok");
    dir.expect(0, "run r.jsonl --no-config --out two");
}

#[cfg(unix)]
#[test]
fn the_config_file_may_be_a_link() {
    let dir = dir("");
    dir.write("mounted/real.yaml", "processors: [metrisc]\n");
    std::fs::remove_file(dir.path("perfbox.yaml")).unwrap();
    std::os::unix::fs::symlink("mounted/real.yaml", dir.path("perfbox.yaml")).unwrap();
    let ran = dir.expect(2, "run r.jsonl");
    assert!(
        ran.stderr.starts_with("error: perfbox.yaml:1: unknown post_processor `metrisc`"),
        "{ran:?}"
    );
}

#[test]
fn parameters_of_the_file_are_checked_and_yield_to_flags() {
    let config = "plugins_dirs: [team]\nprocessors: [asker]\nplugins:\n  asker:\n    params:\n";
    let dir =
        dir(&format!("{config}      column: request_latency\n      requires: [request_latency]\n"));
    let params = |flags: &str| {
        let dry = dir.expect(0, &format!("run r.jsonl --dry-run {flags}")).stdout;
        dry.lines().find_map(|line| line.strip_prefix("  parameters  ")).unwrap().to_owned()
    };
    let column = |params: &str| serde_json::from_str::<Value>(params).unwrap()["column"].clone();
    assert_eq!(column(&params("")), "request_latency");
    assert_eq!(column(&params("--set asker.column=error_type")), "error_type");
    dir.write("perfbox.yaml", format!("{config}      colum: request_latency\n"));
    assert_eq!(
        dir.expect(2, "run r.jsonl").stderr,
        "error: perfbox.yaml:6: `post_processor/asker` has no parameter `colum`; did you mean `column`?\n"
    );
    dir.write("perfbox.yaml", format!("{config}      column: 3\n"));
    assert_eq!(
        dir.expect(2, "run r.jsonl").stderr,
        "error: perfbox.yaml:6: invalid value `3` for parameter `column` of \
         `post_processor/asker`; expected type string, in quotes\n"
    );
}

#[test]
fn an_empty_list_of_processors_is_none_at_all() {
    let dir = dir("hooks: [phase_log]\nprocessors: []\n");
    dir.expect(0, "run r.jsonl --out out");
    assert_eq!(dir.summary("out")["plugins"].as_array().unwrap().len(), 1);
    assert_eq!(shown(dir.perfbox(["config", "show"]), "processors"), []);
}

#[test]
fn limits_of_all_plugins_are_not_those_of_the_builtins() {
    let dir = dir("limits: {memory: 20 MiB}\nplugins_dirs: [team]\n");
    let dry = dir.expect(0, "run r.jsonl --dry-run --processor metrics --hook witness_hook").stdout;
    assert!(dry.contains("  limits      memory 20 MiB"), "{dry}");
    assert!(dry.contains("  limits      memory 3 GiB"), "{dry}");
}

#[test]
fn what_is_said_of_a_category_and_identifier_weighs_more_than_of_the_identifier() {
    for id in ["a_first", "z_last"] {
        let config = format!(
            "plugins_dirs: [plugins]\nprocessors: [{id}]\nplugins:\n  {id}: {{limits: {{memory: \
             20 MiB}}, params: {{x: any}}}}\n  post_processor/{id}: {{limits: {{memory: 30 MiB}}, \
             params: {{x: this}}}}\n"
        );
        let dir = dir(&config);
        dir.write("plugins/p/registry.yaml", manifest("p", "1.0.0", id));
        dir.write("plugins/p/component.wasm", std::fs::read(misbehaving()).unwrap());
        let dry = dir.expect(0, "run r.jsonl --dry-run").stdout;
        assert!(dry.contains("memory 30 MiB") && dry.contains(r#"{"x":"this"}"#), "{dry}");
    }
}

#[test]
fn a_choice_that_nothing_serves_is_an_error_only_where_it_is_needed() {
    let dir = dir("plugins_dirs: [plugins]\nuse: {phase_hook/zz: gone}\n");
    let text = "plugin: {name: p, version: '1'}\nphase_hooks: {zz: {component: c.wasm}}\n";
    dir.write("plugins/p/registry.yaml", text);
    dir.expect(0, "run r.jsonl --out out");
    let listed = dir.expect(0, "plugins list").stdout;
    assert!(
        listed.contains("unresolved: perfbox.yaml:2 chose gone, which does not offer it"),
        "{listed}"
    );
    assert_eq!(
        dir.expect(2, "run r.jsonl --hook zz").stderr,
        "error: --hook: perfbox.yaml:2: `phase_hook/zz=gone`: no such package offers `zz`; these do: \
         `p` (`plugins/p/c.wasm`)\n"
    );
    let listed = dir.expect(0, "plugins list --use phase_hook/zz=p").stdout;
    assert!(listed.contains("selected: chosen by --use"), "{listed}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = dir("");
    for variable in ["PERFBOX_HOOKS", "PERFBOX_PROCESSORS", "PERFBOX_USE", "PERFBOX_PLUGINS"] {
        let value = std::ffi::OsStr::from_bytes(b"phase_log,\xff");
        let ran = dir.perfbox(["run", "r.jsonl"]).env(variable, value).expect(2);
        let words = format!("error: {variable}: `phase_log,\u{fffd}` is not UTF-8; set it anew\n");
        assert_eq!(ran.stderr, words);
    }
}

#[test]
fn limits_of_the_file_hold() {
    let dir = dir("\
plugins_dirs: [team]
processors: [witness_processor, rogue_processor]
plugins:
  rogue_processor:
    limits: {batch_deadline: 50ms}
    params: {during: process, does: loop}
");
    let ran = dir.expect(3, "run r.jsonl --out out");
    assert!(ran.stderr.contains("rogue_processor failed: deadline"), "{}", ran.stderr);
    let summary = dir.summary("out");
    assert_eq!(metric(&summary, "witness_processor", "records"), 3);
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place() {
    let words = |config: &str| {
        let dir = dir(config);
        let ran = dir.expect(2, "run r.jsonl");
        assert!(!dir.path("perfbox-out").exists(), "nothing was run");
        let words = ran.stderr.strip_prefix("error: ").unwrap().trim_end().to_owned();
        words.strip_prefix("the config file cannot be used: ").map(str::to_owned).unwrap_or(words)
    };
    let mut shown = String::new();
    for (title, config) in [
        ("a misspelt key", "plugin_dirs: [team]\n"),
        ("a text where a list belongs", "plugins_dirs: team\n"),
        ("a later form", "schema_version: '2.0'\nthresholds: {}\n"),
        ("a plugins directory that is missing", "plugins_dirs:\n  - plugins\n"),
        ("a plugin that is missing", "plugin_files: [mine.wasm]\n"),
        ("a choice of nothing", "use:\n  post_processor/metrics: acme\n"),
        ("a choice without a category", "use: {metrics: acme}\n"),
        ("an unknown hook", "hooks: [phase_lgo]\n"),
        ("an unknown processor", "processors:\n  - metrics\n  - metrisc\n"),
        ("a misspelt limit", "limits: {memroy: 1 GiB}\n"),
        ("a size that is none", "limits:\n  memory: lots\n"),
        ("a duration without a unit", "limits:\n  event_deadline: 3\n"),
        ("a misspelt limit of one", "plugins: {metrics: {limits: {memroy: 1 GiB}}}\n"),
        ("a parameter of one that takes none", "plugins: {metrics: {params: {depth: 3}}}\n"),
        ("a misspelt section", "plugins: {metrics: {parms: {depth: 3}}}\n"),
    ] {
        shown.push_str(&format!("# {title}\n{}\n\n", words(config)));
    }
    assert_golden("errors/config.txt", &shown);
    let dir = Dir::new();
    dir.write("r.jsonl", records("profiling", 3));
    let ran = dir.expect(2, "run r.jsonl --config ci.yaml");
    assert_eq!(
        ran.stderr,
        "error: the config file cannot be used: ci.yaml: No such file or directory (os error 2)\n"
    );
}

#[test]
fn settings_of_a_name_that_nothing_has_are_told() {
    let dir = dir("plugins: {metrisc: {params: {depth: 3}}}\n");
    let ran = dir.expect(0, "run r.jsonl --out out");
    assert!(
        ran.stderr.contains(
            "perfbox.yaml:1: `metrisc` is no known plugin, and what is set for it is not used"
        ),
        "{}",
        ran.stderr
    );
}

#[test]
fn settings_of_a_name_that_is_a_hook_and_a_processor_need_the_category() {
    let both =
        manifest("p", "1.0.0", "both") + "phase_hooks: {both: {component: component.wasm}}\n";
    let config = "plugins_dirs: [plugins]\nhooks: [both]\nprocessors: [both]\nplugins: {both: {params: {x: 1}}}\n";
    let dir = dir(config);
    dir.write("plugins/p/registry.yaml", both);
    assert_eq!(
        dir.expect(2, "run r.jsonl").stderr,
        "error: perfbox.yaml:4: `both` is both a hook and a processor here; write \
         phase_hook/both.x or post_processor/both.x\n"
    );
}

#[test]
fn a_plugin_is_shown_with_all_that_is_known_of_it() {
    let dir = dir("limits: {memory: 64 MiB}\nplugins_dirs: [plugins]\n");
    let text = "
plugin: {name: acme, version: 1.2.0, author: Acme, license: MIT, description: Their tools}
post_processors:
  audit:
    component: component.wasm
    class: probe
    description: Looks twice
    priority: 7
    tags: [slow, loud]
    auto_load: true
    config_params:
      - plain
      - {name: depth, type: int, default: 3, min: 1, max: 9, description: How deep}
      - {name: mode, type: string, choices: [fast, exact]}
      - {name: names, type: list<string>, default: [a]}
";
    dir.write("plugins/acme/registry.yaml", text);
    assert_golden("plugins-show.txt", &dir.expect(0, "plugins show audit").stdout);
    let all = dir.expect(0, "plugins show post_processor/audit --json").json();
    let one = &all.as_array().unwrap()[0];
    assert_eq!(one["package"]["author"], "Acme");
    assert_eq!(one["limits"]["memory"], "64 MiB");
    assert_eq!(
        one["config_params"][1],
        json!({"name": "depth", "type": "int", "default": 3, "required": false, "choices": [],
               "min": 1, "max": 9, "description": "How deep"})
    );
    for (id, words) in [
        ("audti", "error: unknown post_processor `audti`; did you mean `audit`?"),
        ("phase_hook/audit", "error: unknown phase_hook `audit`; it is a post_processor"),
        (
            "loudness",
            "error: `loudness` is not a known phase_hook or post_processor (see `perfbox plugins list --all`)",
        ),
        ("hook/audit", "error: invalid category `hook`; use one of"),
    ] {
        let ran = dir.expect(2, &format!("plugins show {id}"));
        assert!(ran.stderr.starts_with(words), "{}", ran.stderr);
    }
}

#[test]
fn the_schema_of_manifests_is_printed_as_it_is_published() {
    let published = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/registry.schema.json");
    let schema = Dir::new().expect(0, "plugins schema").stdout;
    assert_eq!(schema, std::fs::read_to_string(published).unwrap());
}
