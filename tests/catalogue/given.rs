//! Rows 34 to 36: what a plugin asks for and is not given.

use crate::harness::{Hostile, assert_coped, fail_alone, refuse, run_beside};
use crate::support::{Dir, from_wat, metric};

#[test]
fn row_34_environment_arguments_files_and_time_zone() {
    let dir = Dir::new();
    let prober = [Hostile::of_class("prober", "probe")];
    let run = run_beside(&dir, &prober).env("SECRET", "known").env("TZ", "Asia/Tokyo");
    let ran = run.stdin("words of the host's").run();
    let summary = assert_coped(&dir, &ran, &prober);
    for reached in ["variables", "arguments", "standard_input", "read_outside"] {
        assert_eq!(metric(&summary, "prober", reached), 0, "{reached}");
    }
    // There is no function that tells a time zone.
    let zone = [(
        "more outer imports",
        r#"(import "wasi:clocks/timezone@0.2.0" (instance $zone
                 (export "utc-offset" (func (result s32)))))"#,
    )];
    let words =
        ["asks for `wasi:clocks/timezone@0.2.0`, which no plugin is given", "plugins inspect"];
    refuse(&Hostile::written("zone", &zone), &words);
}

#[test]
fn row_35_tcp_udp_names_and_http() {
    let dir = Dir::new();
    let prober = [Hostile::of_class("prober", "probe")];
    let summary = assert_coped(&dir, &run_beside(&dir, &prober).run(), &prober);
    assert_eq!(metric(&summary, "prober", "sockets"), 0);
    let http = Hostile::processor("http", from_wat("http-import"));
    refuse(&http, &["asks for `http` (`wasi:http/types@0.2.0`), which no plugin is given"]);
}

/// Calls `function` of `wasi:random/random`, which takes a number of bytes, in `process`.
fn random(name: &str, interface: &str, function: &str, bytes: u64) -> Hostile {
    let exported = format!("(export \"{function}\" (func (param \"len\" u64) (result (list u8))))");
    Hostile::written(
        name,
        &[
            (
                "more outer imports",
                &format!(
                    "(import \"wasi:random/{interface}@0.2.0\" (instance $random {exported}))"
                ),
            ),
            ("more arguments", "(with \"random\" (instance $random))"),
            ("more imports", &format!("(import \"random\" (instance $random {exported}))")),
            (
                "more host functions",
                &format!(
                    "(core func $random (canon lower (func $random \"{function}\") \
                 (memory (core memory $heap \"memory\")) (realloc (core func $heap \"realloc\"))))"
                ),
            ),
            ("more of host", "(export \"random\" (func $random))"),
            ("more core imports", "(import \"host\" \"random\" (func $random (param i64 i32)))"),
            ("in process", &format!("(call $random (i64.const {bytes}) (i32.const 1024))")),
        ],
    )
}

#[test]
fn row_36_a_tebibyte_of_random_bytes() {
    let secure = ("random", "get-random-bytes");
    let insecure = ("insecure", "get-insecure-random-bytes");
    let failing =
        [("secure", secure), ("insecure", insecure)].map(|(name, (interface, function))| {
            random(name, interface, function, 1 << 40).fails("trap", "process", &[])
        });
    fail_alone(&failing);
}

#[test]
fn row_36_is_told_how_many_bytes_it_may_have() {
    let hostile = random("flood", "random", "get-random-bytes", 1 << 40);
    fail_alone(&[hostile.fails("trap", "process", &["random bytes", "1 MiB"])]);
}
