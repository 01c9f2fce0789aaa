//! A lock: what a run may load, kept in a file, and what becomes of a run in which
//! something else would be loaded.

use perfbox::Digest;
use serde_json::json;

use crate::support::{Dir, Ran, assert_golden, from_wat, manifest, misbehaving, plugin, records};

/// What the tests select of the package.
const AUDIT: &str = "--plugins-dir plugins --processor audit";

/// With records, and a package `acme` whose component works.
fn with_package() -> Dir {
    let dir = Dir::new();
    dir.write("r.jsonl", records("profiling", 2));
    dir.write("plugins/acme/registry.yaml", manifest("acme", "1.0.0", "audit"));
    dir.write("plugins/acme/component.wasm", working());
    dir
}

fn working() -> Vec<u8> {
    std::fs::read(misbehaving()).unwrap()
}

/// The same component with a section more, which changes nothing of what it does.
fn with_a_section(mut component: Vec<u8>) -> Vec<u8> {
    component.extend([0, 3, 1, b'x', b'y']);
    component
}

fn lock(dir: &Dir) -> Ran {
    dir.expect(0, &format!("plugins lock {AUDIT}"))
}

/// A run that is refused before anything is run.
#[track_caller]
fn refused(dir: &Dir, more: &str, words: &[&str]) {
    let ran = dir.expect(2, &format!("run r.jsonl {AUDIT} {more}"));
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` in {ran:#?}");
    }
    assert!(!dir.path("perfbox-out").exists());
}

#[test]
fn a_lock_has_what_a_run_would_load_and_is_the_same_each_time() {
    let dir = with_package();
    let more = "--hook phase_log --hook witness_hook --plugin bare.wasm";
    dir.write("bare.wasm", working());
    let command = format!("plugins lock {AUDIT} {more}");
    let first = dir.expect(0, &command);
    let text = dir.read("perfbox.lock");
    let digest = Digest::of(&working()).to_string();
    assert_eq!(text.matches(&digest).count(), 2);
    assert_golden("lock.txt", &text.replace(&digest, "sha256:WORKING"));
    assert_eq!(
        first.stdout,
        "perfbox.lock: 2 components locked\n  \
         acme 1.0.0                 component.wasm  new\n  \
         perfbox_misbehaving 0.2.0  bare.wasm       new\n"
    );
    let again = dir.expect(0, &command);
    assert_eq!(dir.read("perfbox.lock"), text);
    assert_eq!(again.stdout, first.stdout.replace("new", "unchanged"));
    dir.expect(0, &format!("run r.jsonl {AUDIT} {more} --locked"));
}

#[test]
fn builtins_need_no_lock() {
    let dir = with_package();
    dir.expect(0, "plugins lock");
    assert!(dir.read("perfbox.lock").ends_with("\npackages: []\n"));
    dir.expect(0, "run r.jsonl --locked --hook phase_log");
}

#[test]
fn a_component_that_has_changed_is_refused_until_it_is_locked_anew() {
    let dir = with_package();
    lock(&dir);
    dir.expect(0, &format!("run r.jsonl {AUDIT} --locked"));
    std::fs::remove_dir_all(dir.path("perfbox-out")).unwrap();
    let changed = with_a_section(working());
    dir.write("plugins/acme/component.wasm", &changed);
    let [new, old] = [Digest::of(&changed), Digest::of(&working())];
    let words = format!("digest changed from {old} to {new};");
    refused(&dir, "", &["post_processor/audit is refused: ", &words]);
    let ran = lock(&dir);
    assert!(ran.stdout.contains("component.wasm  digest changed from "), "{ran:?}");
    dir.expect(0, &format!("run r.jsonl {AUDIT} --locked"));
}

#[test]
fn a_changed_component_is_refused_for_whatever_else_it_is_selected() {
    let dir = with_package();
    lock(&dir);
    let both = manifest("acme", "1.0.0", "audit").replace(
        "post_processors:\n",
        "post_processors:\n  more: {component: component.wasm, class: witness_processor}\n",
    );
    dir.write("plugins/acme/registry.yaml", both);
    let more = "run r.jsonl --plugins-dir plugins --processor more";
    let ran = dir.expect(0, more);
    assert!(ran.stderr.contains("post_processor/more of package acme is not in the lock"));
    dir.write("plugins/acme/component.wasm", with_a_section(working()));
    let ran = dir.expect(2, more);
    assert!(ran.stderr.contains("package `acme` differs from `perfbox.lock`"), "{ran:?}");
}

#[test]
fn a_component_of_the_same_name_in_another_package_is_another() {
    let dir = with_package();
    lock(&dir);
    dir.write("plugins/other/registry.yaml", manifest("other", "2.0.0", "more"));
    dir.write("plugins/other/component.wasm", with_a_section(working()));
    dir.expect(0, "run r.jsonl --plugins-dir plugins --processor more");
    let locked = "run r.jsonl --plugins-dir plugins --processor more --locked";
    assert!(dir.expect(2, locked).stderr.contains("not in `perfbox.lock` with package `other`"));
}

#[test]
fn an_auto_loaded_plugin_that_breaks_the_lock_is_refused_alone() {
    let dir = with_package();
    dir.write("plugins/acme/registry.yaml", joining("1.0.0"));
    dir.expect(0, "plugins lock --plugins-dir plugins");
    assert!(dir.read("perfbox.lock").contains("post_processor/audit"));
    dir.expect(0, "run r.jsonl --plugins-dir plugins --locked");
    dir.write("plugins/acme/component.wasm", with_a_section(working()));
    let ran = dir.expect(3, "run r.jsonl --plugins-dir plugins");
    assert!(ran.stderr.contains("package `acme` differs from `perfbox.lock`"), "{ran:?}");
    let summary = dir.summary("perfbox-out");
    assert_eq!(plugin(&summary, "audit")["status"], "failed");
    assert_eq!(plugin(&summary, "metrics")["status"], "ok");
}

#[test]
fn a_builtin_in_the_place_of_a_locked_package_is_refused() {
    let dir = with_package();
    dir.write("plugins/acme/registry.yaml", manifest("acme", "1.0.0", "metrics"));
    dir.expect(0, "plugins lock --plugins-dir plugins");
    dir.expect(0, "run r.jsonl --plugins-dir plugins --locked");
    std::fs::remove_dir_all(dir.path("plugins/acme")).unwrap();
    let ran = dir.expect(2, "run r.jsonl --plugins-dir plugins");
    let words = "post_processor/metrics is refused: package is `builtin`, but `perfbox.lock` has \
                 `acme` 1.0.0";
    assert!(ran.stderr.contains(words), "{ran:?}");
}

#[test]
fn a_lock_lies_beside_the_config_file() {
    let dir = with_package();
    let config = "plugins_dirs: [../plugins]\nprocessors: [audit]\n";
    dir.write("team/perfbox.yaml", config);
    let told = dir.expect(0, "plugins lock --config team/perfbox.yaml").stdout;
    assert!(told.starts_with("team/perfbox.lock: 1 component locked\n"), "{told}");
    assert!(!dir.path("perfbox.lock").exists());
    dir.expect(0, "run r.jsonl --config team/perfbox.yaml --locked");
    let ran = dir.expect(2, &format!("run r.jsonl {AUDIT} --locked"));
    assert!(ran.stderr.contains("there is no lock `perfbox.lock`"), "{ran:?}");
    dir.expect(0, &format!("run r.jsonl {AUDIT} --locked --lock team/perfbox.lock"));
}

/// With a package that joins every run, locked.
fn with_joining() -> Dir {
    let dir = with_package();
    dir.write("plugins/acme/registry.yaml", joining("1.0.0"));
    dir.expect(0, "plugins lock --plugins-dir plugins");
    dir
}

fn joining(version: &str) -> String {
    manifest("acme", version, "audit").replace("class:", "auto_load: true, class:")
}

#[test]
fn a_locked_plugin_that_joined_by_itself_must_go_on_joining() {
    let dir = with_joining();
    let text = dir.read("perfbox.lock");
    assert!(text.ends_with("    auto_loaded:\n      - \"post_processor/audit\"\n"), "{text}");
    let run = "run r.jsonl --plugins-dir plugins --locked --out o --force";
    dir.expect(0, run);
    let words = |why: &str| {
        format!(
            "error: post_processor/audit no longer joins the run, but `perfbox.lock` has it as \
             auto-loaded from package `acme` 1.0.0: {why}; restore it, disable auto-loading with \
             --no-auto-load, or accept the change with `perfbox plugins lock` and the flags of \
             this run\n"
        )
    };
    let manifest_of = "plugins/acme/registry.yaml";
    dir.write(manifest_of, joining("1.0.0").replace("true", "false"));
    assert_eq!(dir.expect(2, run).stderr, words("its manifest no longer has `auto_load: true`"));
    // Named, it takes part all the same.
    dir.expect(0, &format!("{run} --processor audit"));
    std::fs::remove_dir_all(dir.path("plugins/acme")).unwrap();
    for run in [run, &run.replace(" --locked", "")] {
        assert_eq!(dir.expect(2, run).stderr, words("no enabled package offers it"));
    }
    dir.expect(0, &format!("{run} --no-auto-load"));
    dir.write("perfbox.yaml", "auto_load: false\n");
    dir.expect(0, run);
    std::fs::remove_file(dir.path("perfbox.yaml")).unwrap();
    dir.write(manifest_of, "plugin: {}\n");
    let ran = dir.expect(2, run);
    let invalid = "(invalid packages: plugins/acme/registry.yaml:1:";
    assert!(ran.stderr.contains(invalid), "{ran:?}");
    std::fs::remove_dir_all(dir.path("plugins/acme")).unwrap();
    let told = dir.expect(0, "plugins lock --plugins-dir plugins").stdout;
    assert!(told.contains("no longer in it"), "{told}");
    dir.expect(0, run);
}

#[test]
fn another_class_or_version_of_the_same_bytes_is_refused() {
    let dir = with_package();
    lock(&dir);
    let manifest_of = "plugins/acme/registry.yaml";
    let good = dir.read(manifest_of);
    let look =
        "the component is unchanged, so review registry.yaml and the lock, then accept it with";
    dir.write(manifest_of, good.replace("witness_processor", "slow"));
    let class = "class of post_processor/audit changed from `witness_processor` to `slow`";
    for more in ["", "--locked"] {
        refused(&dir, more, &["differs from `perfbox.lock`: class", class, look]);
    }
    assert!(lock(&dir).stdout.contains(class));
    dir.write(manifest_of, good.replace("witness_processor", "slow").replace("1.0.0", "1.0.1"));
    refused(&dir, "", &["`perfbox.lock`: version changed from `1.0.0` to `1.0.1`;", look]);
}

#[test]
fn a_named_plugin_whose_package_became_invalid_is_told_why() {
    let dir = with_package();
    lock(&dir);
    dir.write("plugins/acme/registry.yaml", "plugin: {}\n");
    let words = "and run `perfbox plugins lock` (invalid packages: \
                 plugins/acme/registry.yaml:1:";
    refused(&dir, "", &["post_processor/audit not found", words]);
}

#[test]
fn what_a_run_refuses_is_told_of_and_not_locked() {
    let dir = with_joining();
    let other = joining("2.0.0").replace("acme", "other");
    dir.write("plugins/other/registry.yaml", other);
    dir.write("plugins/other/component.wasm", working());
    let told = dir.expect(0, "plugins lock --plugins-dir plugins").stdout;
    assert!(told.starts_with("perfbox.lock: 0 components locked\n"), "{told}");
    let words = "not locked, as a run refuses it: `audit` is offered by 2 packages: ";
    assert!(told.contains(words), "{told}");
}

#[cfg(unix)]
#[test]
fn a_linked_config_file_has_the_lock_beside_its_target() {
    let dir = with_package();
    let config =
        format!("plugins_dirs: [{}]\nprocessors: [audit]\n", dir.path("plugins").display());
    dir.write("team/perfbox.yaml", config);
    std::os::unix::fs::symlink("team/perfbox.yaml", dir.path("perfbox.yaml")).unwrap();
    dir.expect(0, "plugins lock --config team/perfbox.yaml");
    dir.expect(0, "run r.jsonl --locked");
    dir.write("plugins/acme/component.wasm", with_a_section(working()));
    let ran = dir.expect(2, "run r.jsonl");
    assert!(ran.stderr.contains("/perfbox.lock`: digest changed"), "{ran:?}");
    dir.expect(0, "plugins lock");
    assert!(!dir.path("perfbox.lock").exists());
    // The one beside the link comes first.
    dir.write("perfbox.lock", "packages: []\n");
    assert!(dir.expect(2, "run r.jsonl --locked").stderr.contains("not in `perfbox.lock`"));
}

#[cfg(unix)]
#[test]
fn a_lock_that_is_a_link_to_nothing_is_refused_as_that() {
    let dir = with_package();
    std::os::unix::fs::symlink("gone.lock", dir.path("perfbox.lock")).unwrap();
    let words = "error: lock `perfbox.lock` is a broken link to `gone.lock`; fix the link, or remove \
                 it and run `perfbox plugins lock`: No such";
    for more in ["", "--locked"] {
        refused(&dir, more, &[words]);
    }
    assert!(dir.expect(2, "plugins lock").stderr.contains(words));
}

#[cfg(unix)]
#[test]
fn a_lock_behind_a_link_is_read_and_written_there() {
    let dir = with_package();
    dir.write("shared/the.lock", "packages: []\n");
    std::os::unix::fs::symlink("shared/the.lock", dir.path("perfbox.lock")).unwrap();
    refused(&dir, "--locked", &["not in `perfbox.lock` with package `acme`"]);
    lock(&dir);
    assert!(dir.path("perfbox.lock").is_symlink());
    assert!(dir.read("shared/the.lock").contains("name: \"acme\""));
    dir.expect(0, &format!("run r.jsonl {AUDIT} --locked"));
}

#[test]
fn a_component_that_no_run_would_take_is_still_locked_by_its_bytes() {
    let dir = with_package();
    dir.write("plugins/acme/component.wasm", from_wat("asks-little"));
    lock(&dir);
    let text = dir.read("perfbox.lock");
    assert!(text.contains("      - \"clocks\"\n"), "{text}");
    let inspected = "plugins inspect plugins/acme/component.wasm --json";
    let abilities = dir.expect(0, inspected).json()["abilities"].clone();
    let names: Vec<_> = abilities.as_array().unwrap().iter().map(|one| &one["ability"]).collect();
    assert_eq!(json!(names), json!(["log", "batches", "clocks"]));
}
