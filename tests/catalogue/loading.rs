//! Rows 1 to 9: what comes is refused before any of its code runs.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{
    Hostile, assert_nothing_ran, assert_untouched, healthy_run, make_fifo, refuse, refuse_after,
    run_beside,
};
use crate::support::{Dir, from_wat, metric, plugin, processor_with};

const MANIFEST: &str = "plugins/hostile/registry.yaml";
const COMPONENT: &str = "plugins/hostile/component.wasm";

/// Refused for these bytes in the place of a component.
#[track_caller]
fn refuse_bytes(bytes: impl Into<Vec<u8>>, words: &[&str]) {
    refuse(&Hostile::processor("hostile", bytes.into()), words);
}

/// A package with this manifest is no package: what is named in it is not there, and
/// everybody else is.
#[track_caller]
fn refuse_manifest(text: &str, words: &[&str]) {
    let dir = Dir::new();
    dir.write(MANIFEST, text);
    dir.write(COMPONENT, processor_with(&[]));
    let run = || healthy_run(&dir).arg("--plugins-dir=plugins");
    let ran = run().arg("--processor=hostile").run();
    assert_nothing_ran(&dir, &ran, "--processor: unknown post_processor `hostile`", words);
    assert!(ran.stderr.contains("; one package is invalid: plugins/hostile/"), "{}", ran.stderr);
    assert_untouched(&dir, &run().expect(0));
}

#[test]
fn row_01_empty_truncated_and_garbage() {
    let place = "component `plugins/hostile/component.wasm` cannot be compiled: ";
    let remedy = "; rebuild it for wasm32-wasip2";
    refuse_bytes("", &[place, "it is empty", remedy]);
    refuse_bytes("garbage", &[place, "it is not a WebAssembly component", remedy]);
    let whole = processor_with(&[]);
    for end in [9, whole.len() / 2, whole.len() - 1] {
        refuse_bytes(&whole[..end], &[place, remedy]);
    }
    let noise: Vec<u8> =
        (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    refuse_bytes([&whole[..8], &noise].concat(), &[place, remedy]);
}

#[test]
fn row_02_a_core_module_text_and_machine_code_under_another_name() {
    let remedy = "; rebuild it for wasm32-wasip2";
    let core = "it is a core WebAssembly module, not a component";
    refuse_bytes(from_wat("core-module"), &[core, remedy]);
    let none = "it is not a WebAssembly component";
    refuse_bytes("(component)", &[none, remedy]);
    let code = wasmtime::Engine::default().precompile_component(&processor_with(&[])).unwrap();
    refuse_bytes(code, &[none, remedy]);
}

#[cfg(unix)]
#[test]
fn row_03_fifos_devices_and_directories() {
    let hostile = Hostile::written("hostile", &[]);
    let words = ["cannot read component `plugins/hostile/component.wasm`: is not a regular file"];
    let in_place = |put: fn(&Path)| {
        move |dir: &Dir| {
            fs::remove_file(dir.path(COMPONENT)).unwrap();
            put(&dir.path(COMPONENT));
        }
    };
    refuse_after(&hostile, &words, in_place(|path| make_fifo(path)));
    refuse_after(&hostile, &words, in_place(|path| fs::create_dir(path).unwrap()));
    // Named by itself, too, where links are followed.
    let dir = Dir::new();
    make_fifo(&dir.path("fifo.wasm"));
    std::os::unix::fs::symlink("/dev/zero", dir.path("device.wasm")).unwrap();
    for name in ["fifo.wasm", "device.wasm"] {
        let ran = healthy_run(&dir).arg("--plugin").arg(name).run();
        let words = format!("plugin `{name}` ");
        assert_nothing_ran(&dir, &ran, "--plugin: ", &[&words, "is not a regular file"]);
    }
    // A manifest that is one hides nobody else.
    let dir = Dir::new();
    fs::create_dir_all(dir.path("plugins/hostile")).unwrap();
    make_fifo(&dir.path(MANIFEST));
    assert_untouched(&dir, &healthy_run(&dir).arg("--plugins-dir=plugins").expect(0));
}

#[cfg(unix)]
#[test]
fn row_04_ways_out_of_the_package_and_names_that_deceive() {
    use std::os::unix::fs::symlink;
    let hostile = Hostile::written("hostile", &[]);
    refuse_after(
        &hostile,
        &["is a symbolic link, and links inside a package are not followed"],
        |dir| {
            fs::rename(dir.path(COMPONENT), dir.path("outside.wasm")).unwrap();
            symlink("../../outside.wasm", dir.path(COMPONENT)).unwrap();
        },
    );
    let through =
        ["is outside its package, through a symbolic link; copy the file into the package"];
    refuse_after(&hostile, &through, |dir| {
        let text = dir.read(MANIFEST).replace("component.wasm", "sub/component.wasm");
        dir.write(MANIFEST, text);
        fs::create_dir(dir.path("outside")).unwrap();
        fs::rename(dir.path(COMPONENT), dir.path("outside/component.wasm")).unwrap();
        symlink("../../outside", dir.path("plugins/hostile/sub")).unwrap();
    });
    let with = |identifier: &str, component: &str| {
        format!(
            "plugin: {{name: hostile, version: 1.0.0}}\npost_processors:\n  \
             {identifier}: {{component: {component}}}\n"
        )
    };
    for path in ["../../outside.wasm", "a/../../b.wasm", "/etc/passwd", "\"a\\0b.wasm\""] {
        refuse_manifest(&with("hostile", path), &["registry.yaml:3:"]);
    }
    for path in ["\"a\\u202Eb.wasm\"", "\"a\\u200Bb.wasm\"", "\"a\\e[31mb.wasm\""] {
        refuse_manifest(&with("hostile", path), &["registry.yaml:3:"]);
    }
    for name in ["\"a\\0b\"", "\"host\\u202Eile\"", "\"host\\u200Bile\"", "../hostile", "\"a\\nb\""]
    {
        let words = "; use at most 64 of a-z, 0-9, _ and -";
        refuse_manifest(&with(name, "component.wasm"), &["registry.yaml:3:", words]);
    }
}

#[test]
fn row_05_a_file_of_ten_gibibytes() {
    let hostile = Hostile::written("hostile", &[]);
    let words = "file is larger than limit `component_file` of 64 MiB; raise the limit";
    refuse_after(&hostile, &[words], |dir| {
        File::create(dir.path(COMPONENT)).unwrap().set_len(10 << 30).unwrap();
    });
    let dir = Dir::new();
    fs::create_dir_all(dir.path("plugins/hostile")).unwrap();
    File::create(dir.path(MANIFEST)).unwrap().set_len(10 << 30).unwrap();
    assert_untouched(&dir, &healthy_run(&dir).arg("--plugins-dir=plugins").expect(0));
}

/// Whatever a run gets to see, what it reports of is what it ran.
#[cfg(unix)]
#[test]
fn row_06_a_file_that_is_swapped_all_the_time() {
    // They return 1 and 2.
    let versions = ["\\01", "\\02"].map(|value| {
        let data = format!("(data (i32.const 2168) \"{value}\")");
        Hostile::written("hostile", &[("more data", &data)])
    });
    let digests = versions.clone().map(|version| {
        let dir = Dir::new();
        run_beside(&dir, &[version]).expect(0);
        plugin(&dir.summary("out"), "hostile")["digest"].clone()
    });
    assert_ne!(digests[0], digests[1]);
    let dir = Dir::new();
    let [one, other] = versions;
    drop(run_beside(&dir, &[other]));
    fs::rename(dir.path(COMPONENT), dir.path("other.wasm")).unwrap();
    drop(run_beside(&dir, std::slice::from_ref(&one)));
    fs::rename(dir.path(COMPONENT), dir.path("one.wasm")).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for version in ["one.wasm", "other.wasm"] {
                    fs::hard_link(dir.path(version), dir.path("next.wasm")).unwrap();
                    fs::rename(dir.path("next.wasm"), dir.path(COMPONENT)).unwrap();
                }
            }
        });
        let runs = std::panic::catch_unwind(|| {
            for _ in 0..8 {
                let run = healthy_run(&dir).arg("--force").arg("--plugins-dir=plugins");
                let ran = run.arg("--processor=hostile").expect(0);
                assert_untouched(&dir, &ran);
                let summary = dir.summary("out");
                let version = metric(&summary, "hostile", "good").as_u64().unwrap();
                let digest = &digests[version as usize - 1];
                assert_eq!(&plugin(&summary, "hostile")["digest"], digest);
            }
        });
        stop.store(true, Ordering::Relaxed);
        runs.unwrap();
    });
}

#[test]
fn row_07_manifests_that_say_a_thing_twice_or_too_much() {
    let good = "plugin: {name: hostile, version: 1.0.0}\npost_processors:\n  \
                hostile: {component: component.wasm}\n";
    let param = |default: &str| {
        let params = format!("[{{name: x, type: list<int>, default: {default}}}]");
        good.replace("component.wasm}", &format!("component.wasm, config_params: {params}}}"))
    };
    refuse_manifest(
        &format!("{good}  hostile: {{component: component.wasm}}\n"),
        &["hostile", ":4:"],
    );
    refuse_manifest(&good.replace("version", "name: other, version"), &["name", ":1:"]);
    refuse_manifest(&good.replace("version", "colour: red, version"), &["`colour`", ":1:"]);
    refuse_manifest(&format!("{good}post_procesors: {{}}\n"), &["`post_procesors`", ":4:"]);
    let mut bomb = "&a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]".to_owned();
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!(", &a{level} [{below}]"));
    }
    refuse_manifest(&param(&format!("[{bomb}]")), &["registry.yaml:3:"]);
    refuse_manifest(
        &param(&format!("{}{}", "[".repeat(20_000), "]".repeat(20_000))),
        &["registry.yaml:3:"],
    );
    let large = format!("{good}# {}\n", "x".repeat(10 << 20));
    refuse_manifest(&large, &["registry.yaml", "maximum 65536"]);
}

#[test]
fn row_08_another_world_a_missing_export_a_newer_contract_an_unknown_import() {
    let is_none = "component `plugins/hostile/component.wasm` is no post_processor: ";
    let worlds = "see the worlds in `wit/worlds.wit`";
    let export = "it does not export perfbox:plugin/post-processor@0.2.0";
    refuse_bytes(from_wat("no-interface"), &[is_none, export, worlds]);
    refuse_bytes(from_wat("hook-only"), &[is_none, export, worlds]);
    refuse_bytes(from_wat("empty-interface"), &[is_none, "`[static]processor.create`"]);
    let newer =
        "built for version 0.3.0 of the contract, but this perfbox supports 0.2.0; rebuild it";
    refuse_bytes(from_wat("newer-contract"), &[is_none, newer]);
    let import = "asks for `acme:secrets/vault@1.0.0`, which no plugin is given";
    refuse_bytes(from_wat("unknown-import"), &[import, "plugins inspect"]);
}

#[test]
fn row_09_four_gibibytes_of_memory_or_twenty_million_table_slots() {
    for (fields, words) in [
        ("(memory 65536)", ["memory", "256 MiB"]),
        ("(table 20000000 funcref)", ["memory", "256 MiB"]),
    ] {
        let hostile = Hostile::written("hostile", &[("more fields", fields)]);
        refuse(&hostile, &words);
    }
}
