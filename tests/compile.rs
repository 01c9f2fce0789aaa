//! What it may take to compile a component, and to begin with one: whoever asks for more
//! is refused in words, before any of its code runs.

#[cfg(target_os = "linux")]
use std::io::{Read as _, Write as _};
#[cfg(target_os = "linux")]
use std::process::Stdio;

use crate::errors::Transcript;
use crate::support::{Dir, assert_golden, manifest};

const AUDIT: [&str; 5] =
    ["run", "r.jsonl", "--plugins-dir=plugins", "--processor=audit", "--quiet"];

/// A package whose processor `audit` is this text, with these limits.
fn audit(dir: &Dir, limits: &str, text: &str) {
    dir.write("plugins/acme/registry.yaml", manifest("acme", "1.0.0", "audit"));
    dir.write("plugins/acme/component.wasm", wat::parse_str(text).unwrap());
    dir.write("perfbox.yaml", format!("plugins: {{audit: {{limits: {{{limits}}}}}}}\n"));
}

fn module(inside: &str) -> String {
    format!("(component (core module $m {inside}) (core instance (instantiate $m)))")
}

/// A module of some tenths of a megabyte of code, differing by `salt` from others.
fn code(salt: u32) -> String {
    let sum = "local.get 0 i32.load local.get 0 i32.mul local.set 0 ".repeat(50);
    let functions = format!("(func (param i32) {sum})").repeat(200);
    module(&format!("(memory 1) (func i32.const {salt} drop) {functions}"))
}

#[test]
fn a_component_that_takes_too_much_is_refused_in_words() {
    let mut t = Transcript::default();
    let mut refused = |title: &str, limits: &str, text: &str| {
        t.fails(title, 2, &AUDIT, |dir| audit(dir, limits, text));
    };
    refused("no time to compile", "compile_time: 1us", &code(1));
    refused("no memory to compile", "compile_memory: 1 MiB", &code(2));
    refused("a larger file", "component_file: 1 KiB", &code(3));
    refused("a large memory", "", &module("(memory 65536)"));
    refused("a larger memory", "memory: 1 MiB", &module("(memory 17)"));
    refused("a large table", "memory: 1 MiB", &module("(table 65537 funcref)"));
    let memories = "(memory 1)".repeat(65);
    refused("many memories", "", &module(&memories));
    refused("many tables", "core_instances: 2", &module(&"(table 1 funcref)".repeat(3)));
    let instances = "(core instance (instantiate $m))".repeat(64);
    let instances =
        format!("(component (core module $m) {instances} {})", "(core instance (instantiate $m))");
    refused("many core instances", "", &instances);
    let locals = format!("(func (local {}))", "i32 ".repeat(5001));
    refused("many locals", "", &module(&locals));
    let blocks = format!("(func {})", "block end ".repeat(50_001));
    refused("many blocks", "", &module(&blocks));
    refused("many functions", "", &module(&"(func)".repeat(100_001)));
    let mut levels = "(component $c0)".to_owned();
    for level in 1..=25 {
        let made = format!("(instance (instantiate $c{}))", level - 1).repeat(2);
        levels = format!("(component $c{level} {levels} {made})");
    }
    refused("many instances of instances", "", &levels);
    assert_golden("errors/compile.txt", &t.0);
}

#[test]
fn memory_that_runs_out_at_whatever_point_is_told_as_that() {
    for (salt, mib) in [2, 4, 8, 16, 24, 32, 48, 64, 96].into_iter().enumerate() {
        let dir = Dir::new();
        dir.write("r.jsonl", "");
        audit(&dir, &format!("compile_memory: {mib} MiB"), &code(100 + salt as u32));
        let ran = dir.perfbox([&AUDIT[..], &["--no-cache"]].concat()).expect(2);
        let too_much = format!("needed more memory than its limit `compile_memory` of {mib} MiB; ");
        // With enough it is compiled, and found to be no processor.
        let enough = ran.stderr.contains("component.wasm` is no post_processor");
        assert!(ran.stderr.contains(&too_much) || (enough && mib > 32), "{mib}: {}", ran.stderr);
    }
}

#[test]
fn limits_hold_for_code_out_of_the_cache_as_well() {
    let dir = Dir::new();
    dir.write("r.jsonl", "");
    let text = format!(
        "(component (core module $m (memory 2)) {})",
        "(core instance (instantiate $m))".repeat(2)
    );
    for (limits, words) in [
        ("", "is no post_processor"),
        ("core_instances: 1", "2 core instances, and its limit `core_instances` is 1"),
        ("memory: 64 KiB", "a memory that takes 128 KiB from the start, and its limit `memory`"),
    ] {
        audit(&dir, limits, &text);
        let ran = dir.perfbox(AUDIT).expect(2);
        assert!(ran.stderr.contains(words), "{limits}: {}", ran.stderr);
    }
}

#[test]
fn code_of_a_deterministic_run_is_made_for_its_engine() {
    let dir = Dir::with_records();
    dir.expect(0, "run results.jsonl --deterministic --no-cache --quiet");
}

#[test]
fn validating_says_of_a_component_that_it_takes_too_much() {
    let dir = Dir::new();
    audit(&dir, "", &module(&format!("(func (local {}))", "i32 ".repeat(5001))));
    let ran = dir.perfbox(["plugins", "validate", "plugins"]).expect(2);
    let words = "has 5001 locals in one function, more than the maximum of 5000";
    assert!(ran.stdout.contains(words), "{ran:#?}");
}

/// The process that compiles, once it has begun to read what it is to compile.
#[cfg(target_os = "linux")]
fn reading(dir: &Dir, mut command: std::process::Command) -> std::process::Child {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = pipes.current_dir(dir.path("")).spawn().unwrap();
    // More than a pipe holds: it is written once some of it was read.
    child.stdin.as_mut().unwrap().write_all(&vec![0; 1 << 20]).unwrap();
    child
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_that_compiles_gives_up_what_it_does_not_need() {
    let dir = Dir::new();
    // A descriptor that a careless parent leaves open.
    let mut shell = dir.command("sh");
    let line = "exec 9</etc/hostname; exec \"$P\" compile-component 7 1073741824 \"$PARENT\"";
    shell.args(["-c", line]).env("P", env!("CARGO_BIN_EXE_perfbox"));
    shell.env("PARENT", std::process::id().to_string());
    // It may write no file, and so none of coverage either.
    shell.env("LLVM_PROFILE_FILE", "/dev/null");
    let mut child = reading(&dir, shell);
    let of = |what: &str| std::path::PathBuf::from(format!("/proc/{}/{what}", child.id()));
    assert_eq!(std::fs::read_link(of("cwd")).unwrap().to_str(), Some("/"));
    let open: Vec<_> =
        std::fs::read_dir(of("fd")).unwrap().map(|fd| fd.unwrap().file_name()).collect();
    assert_eq!(open.len(), 3, "{open:?}");
    let limits = std::fs::read_to_string(of("limits")).unwrap();
    for (name, soft, hard) in [
        ("Max cpu time", "7", "8"),
        ("Max file size", "0", "0"),
        ("Max core file size", "0", "0"),
        ("Max address space", "1073741824", "1073741824"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let values: Vec<_> = line.split_whitespace().take(2).collect();
        assert_eq!(values, [soft, hard], "{name}");
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(10));
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_that_compiles_dies_with_its_parent() {
    let dir = Dir::new();
    let mut shell = dir.command("sh");
    // A shell gives what runs behind it no standard input, unless it is told to.
    let line =
        "exec 3<&0; \"$P\" compile-component 60 1073741824 $$ <&3 3<&- & exec 3<&- <&-; wait";
    shell.args(["-c", line]).env("P", env!("CARGO_BIN_EXE_perfbox"));
    let mut child = reading(&dir, shell);
    child.kill().unwrap();
    child.wait().unwrap();
    // It ends although there might be more to compile.
    let mut code = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut code).unwrap();
    assert_eq!(code, b"");
}

#[test]
fn only_the_run_that_needs_it_can_have_something_compiled() {
    let dir = Dir::new();
    let ran = dir.perfbox(["compile-component", "60", "1073741824", "1"]).expect(13);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "the process that needs it is gone\n");
}

#[cfg(target_os = "linux")]
#[test]
fn processor_time_that_runs_out_ends_the_process() {
    use std::os::unix::process::ExitStatusExt as _;

    let dir = Dir::new();
    // What the check before it would refuse: two blocks for each local, each a merge.
    let (count, mut merges) = (30_000, String::new());
    for n in 0..count {
        merges.push_str(&format!("loop local.get {n} br_if 0 end "));
    }
    let text = module(&format!("(func (local {}) {merges})", "i32 ".repeat(count)));
    let component = dir.write("c.wasm", wat::parse_str(text).unwrap());
    let mut command = dir.command(env!("CARGO_BIN_EXE_perfbox"));
    command.args(["compile-component", "1", "8589934592"]).arg(std::process::id().to_string());
    let output = command.stdin(std::fs::File::open(component).unwrap()).output().unwrap();
    assert_eq!(output.status.signal(), Some(signal_hook::consts::SIGXCPU), "{output:?}");
}
