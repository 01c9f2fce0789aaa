//! Packages checked without loading them.

use std::fs;

use serde_json::Value;

use crate::errors::Transcript;
use crate::support::{Dir, assert_golden, example_package, from_wat, manifest, misbehaving};

#[test]
fn a_good_package_passes_every_check() {
    let dir = Dir::new();
    let example = example_package().join("example-plugin");
    let ran = dir.perfbox(["plugins", "validate"]).arg(&example).expect(0);
    let shown = ran.stdout.replace(&*example.to_string_lossy(), "example-plugin");
    assert_golden("packages/valid.txt", &shown);
    assert_eq!(ran.stderr, "");
    // In a directory, and bare.
    dir.perfbox(["plugins", "validate"]).arg(example.parent().unwrap()).expect(0);
    dir.write("mine.wasm", fs::read(misbehaving()).unwrap());
    dir.expect(0, "plugins validate mine.wasm");
}

/// Packages of which each fails a check, and what is said of them.
fn faulty(dir: &Dir) {
    let good = manifest("acme", "1.0.0", "audit");
    let component = |path: &str, bytes: &[u8]| drop(dir.write(&format!("all/{path}"), bytes));
    let package = |name: &str, manifest: &str, bytes: &[u8]| {
        dir.write(&format!("all/{name}/registry.yaml"), manifest);
        component(&format!("{name}/component.wasm"), bytes);
    };
    let witness = fs::read(misbehaving()).unwrap();
    let named = |name: &str| manifest(name, "1.0.0", &format!("of_{name}"));
    package("01-manifest", &good.replace("class:", "clas:"), &witness);
    component("01-no-manifest/x.wasm", &witness);
    component("01-Bad Name.wasm", &from_wat("both-interfaces"));
    dir.write("all/02-missing/registry.yaml", named("missing"));
    package("03-garbage", &named("garbage"), b"garbage");
    component("03-garbage.wasm", &from_wat("core-module"));
    let invalid = "(component (core module (func (result i32))))";
    package("03-invalid", &named("invalid"), &wat::parse_str(invalid).unwrap());
    package("04-newer", &named("newer"), &from_wat("newer-contract"));
    package("04-none", &named("none"), &from_wat("no-interface"));
    package("05-hook-only", &named("hook-only"), &from_wat("hook-only"));
    component("05-empty.wasm", &from_wat("empty-interface"));
    package("06-http", &named("http"), &from_wat("http-import"));
    package("06-vault", &named("vault"), &from_wat("unknown-import"));
    let class = |class: &str| named("classes").replace("witness_processor", class);
    package("07-class", &class("witness_procesor"), &witness);
    component("07-section.wasm", &from_wat("broken-section"));
    let params = "class: rogue_processor, config_params: [{name: during, type: int}, durin]";
    let params = named("params").replace("class: witness_processor", params);
    package("08-params", &params, &witness);
    package("09-a", &named("twice").replace("of_twice", "same"), &witness);
    package("10-b", &named("twice").replace("of_twice", "same"), &witness);
    dir.write("all/.hidden/registry.yaml", "nonsense");
    dir.write("all/README.md", "no package");
}

#[test]
fn every_check_fails_on_what_it_is_for_and_says_where() {
    let dir = Dir::new();
    faulty(&dir);
    let ran = dir.expect(2, "plugins validate all");
    let shown: String = ran
        .stdout
        .lines()
        .filter(|line| !line.contains("  passed   "))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_golden("packages/faulty.txt", &format!("{shown}{}", ran.stderr));
}

#[test]
fn the_checks_are_there_as_data() {
    let dir = Dir::new();
    faulty(&dir);
    let ran = dir.expect(2, "plugins validate all --json");
    let report = ran.json();
    let packages = report["packages"].as_array().unwrap();
    assert!(packages.iter().all(|one| one["checks"].as_array().unwrap().len() == 8));
    assert_eq!(report["together"][1]["check"], "names");
    assert_eq!(report["together"][1]["number"], 10);
    let of = |path: &str| packages.iter().find(|one| one["path"] == path).unwrap();
    let manifest = of("all/01-manifest");
    assert_eq!(manifest["name"], Value::Null);
    let finding = &manifest["checks"][0]["findings"][0];
    assert_eq!(finding["path"], "all/01-manifest/registry.yaml");
    assert_eq!((&finding["line"], &finding["column"]), (&3.into(), &38.into()), "{finding}");
    assert_eq!(manifest["checks"][1]["outcome"], "skipped");
    assert_eq!(manifest["checks"][1]["reason"], "check 1 failed");
    let class = of("all/07-class");
    assert_eq!(class["checks"][6]["findings"][0]["line"], 3);
    let failed = |checks: &Value| {
        checks.as_array().unwrap().iter().filter(|one| one["outcome"] == "failed").count()
    };
    let all = packages.iter().map(|one| failed(&one["checks"])).sum::<usize>();
    assert_eq!(report["failed"], all + failed(&report["together"]));
}

#[cfg(unix)]
#[test]
fn validation_follows_no_link_inside_a_package() {
    use std::os::unix::fs::symlink;
    let dir = Dir::new();
    dir.write("elsewhere/component.wasm", fs::read(misbehaving()).unwrap());
    let below =
        manifest("acme", "1.0.0", "audit").replace(": component.wasm", ": sub/component.wasm");
    dir.write("p/registry.yaml", &below);
    symlink("../elsewhere", dir.path("p/sub")).unwrap();
    let ran = dir.expect(2, "plugins validate p");
    let words = "   2  FAILED   every component is a regular file inside the package\n      \
                 p/sub/component.wasm: is behind the symbolic link `sub`, which is not allowed in a \
                 package; replace the link with the directory\n";
    assert!(ran.stdout.contains(words), "{}", ran.stdout);
    fs::remove_file(dir.path("p/sub")).unwrap();
    fs::create_dir(dir.path("p/sub")).unwrap();
    symlink("../../elsewhere/component.wasm", dir.path("p/sub/component.wasm")).unwrap();
    let ran = dir.expect(2, "plugins validate p");
    let words =
        "p/sub/component.wasm: is a symbolic link, and links inside a package are not followed\n";
    assert!(ran.stdout.contains(words), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_validated_is_told() {
    let mut t = Transcript::default();
    t.fails("nothing there", 2, &["plugins", "validate", "p"], |_| {});
    t.fails("a file of another kind", 2, &["plugins", "validate", "r.jsonl"], |_| {});
    t.fails("an empty directory", 2, &["plugins", "validate", "p"], |dir| {
        dir.write("p/notes.txt", "");
    });
    t.fails("one check failed", 2, &["plugins", "validate", "p"], |dir| {
        dir.write("p/registry.yaml", "nonsense");
    });
    assert_golden("errors/validate.txt", &t.0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_shown_as_far_as_it_is() {
    use std::os::unix::ffi::OsStrExt as _;
    let dir = Dir::new();
    let name = std::ffi::OsStr::from_bytes(b"bd/z\xff");
    fs::create_dir_all(dir.path("").join(name)).unwrap();
    let ran = dir.expect(2, "plugins validate --json bd");
    let report = ran.json();
    let package = &report["packages"][0];
    assert_eq!(package["path"], "bd/z\u{fffd}");
    let finding = &package["checks"][0]["findings"][0];
    assert!(finding["path"].as_str().unwrap().starts_with("bd/z\u{fffd}"), "{finding}");
}
