//! Rows 15 to 23: what a plugin may do to the processor, the memory, and its own life.

use crate::harness::{BATCHES, Hostile, SHORT, assert_failed_alone, cope, fail_alone, run_beside};
use crate::support::{Dir, metric, plugin};

const TOO_LONG: &[&str] = &["the call took longer than its limit of 300ms"];
const FOR_EVER: &str = "(loop (br 0))";

#[test]
fn row_15_loops_in_start_in_a_call_in_realloc_and_in_post_return() {
    let loops = |mark: &'static str, during: &'static str| {
        let name = mark.replace(' ', "-");
        let hostile = Hostile::written(&name, &[(mark, FOR_EVER)]).limits(SHORT);
        hostile.fails("deadline", during, TOO_LONG)
    };
    fail_alone(&[
        loops("in start", "instantiate"),
        loops("in create", "create"),
        loops("in requirements", "requirements"),
        loops("in process", "process"),
        loops("in finish", "finish"),
        loops("in realloc", "create"),
        loops("in post-return", "finish"),
        Hostile::rogue_hook("in-a-hook", "phase_start", "loop").limits(SHORT).fails(
            "deadline",
            "on-phase-start",
            TOO_LONG,
        ),
    ]);
}

#[test]
fn row_16_sleeps_polls_for_ever_and_reads_standard_input() {
    let rogue = |name: &str, does: &str| Hostile::rogue(name, "process", does).limits(SHORT);
    let failing = [
        rogue("sleeper", "sleep").fails("deadline", "process", TOO_LONG),
        rogue("poller", "sleep for ever").fails("deadline", "process", TOO_LONG),
        Hostile::rogue_hook("sleeping-hook", "phase_complete", "sleep").limits(SHORT).fails(
            "deadline",
            "on-phase-complete",
            TOO_LONG,
        ),
        // It gets an end at once, and says so.
        rogue("listener", "read standard input").fails(
            "error",
            "process",
            &["it read 0 bytes, and then: Ok(0)"],
        ),
    ];
    let dir = Dir::new();
    let hostile: Vec<Hostile> = failing.iter().map(|one| one.hostile.clone()).collect();
    let ran = run_beside(&dir, &hostile).stdin("for the host\n").open_stdin().run();
    assert_failed_alone(&dir, &ran, &failing);
}

#[test]
fn row_17_always_just_under_the_deadline() {
    // Sixty milliseconds in every batch.
    let hostile = Hostile::rogue("dawdler", "every process", "dawdle")
        .limits("run_budget: 200ms, record_budget: 1us");
    let (_, _, summary) =
        fail_alone(&[hostile.fails("deadline", "process", &["run_budget", "200ms"])]);
    let calls = plugin(&summary, "dawdler")["cost"]["calls"].as_u64().unwrap();
    assert!((3..2 + BATCHES).contains(&calls), "{calls}");
}

#[test]
fn row_18_recursion() {
    let itself = "(func $deep (call $deep))";
    fail_alone(&[
        Hostile::written("deep", &[("more fields", itself), ("in process", "(call $deep)")]).fails(
            "trap",
            "process",
            &["call stack exhausted"],
        ),
        Hostile::written("deep-at-start", &[("more fields", itself), ("in start", "(call $deep)")])
            .fails("trap", "instantiate", &["call stack exhausted"]),
        // Its own stack, which lies in its memory, ends first.
        Hostile::rogue("rogue", "finish", "recurse").fails(
            "trap",
            "finish",
            &["out of bounds memory access, as by a recursion without end"],
        ),
    ]);
}

/// Grows by a mebibyte until it is denied.
fn grow(memory: &str) -> String {
    format!("(loop (br_if 0 (i32.ne (memory.grow {memory} (i32.const 16)) (i32.const -1))))")
}

#[test]
fn row_19_bombs_of_memory_memories_tables_and_core_instances() {
    let many =
        |count: u32, text: &dyn Fn(u32) -> String| -> String { (0..count).map(text).collect() };
    let memories = many(40, &|n| format!("(memory $m{n} 1)"));
    let all = many(40, &|n| grow(&format!("$m{n}")));
    let tables = many(40, &|n| format!("(table $t{n} 1 funcref)"));
    let filled = many(40, &|n| {
        format!(
            "(loop (br_if 0 (i32.ne (table.grow $t{n} (ref.null func) (i32.const 65536)) \
             (i32.const -1))))"
        )
    });
    let module =
        format!("(core module $more (memory 0) (func $start {}) (start $start))", grow(""));
    let instances = module + &"(core instance (instantiate $more))".repeat(40);
    let hostile = [
        Hostile::written("grower", &[("in process", &grow(""))]),
        Hostile::written("memories", &[("more fields", &memories), ("in create", &all)]),
        Hostile::written("tables", &[("more fields", &tables), ("in create", &filled)]),
        Hostile::written("instances", &[("more instances", &instances)]),
    ];
    let (_, _, summary) = cope(&hostile);
    for one in hostile {
        let peak = plugin(&summary, &one.name)["cost"]["peak_memory_bytes"].as_u64().unwrap();
        assert!((250 << 20..=256 << 20).contains(&peak), "{}: {peak}", one.name);
        assert_eq!(metric(&summary, &one.name, "good"), 1);
    }
    // One that does not cope is told which limit it was.
    let words = &["it needed ", " MiB of memory, and its limit `memory` is 256 MiB"];
    let rogue = Hostile::rogue("rogue", "process", "grow").fails("memory", "process", words);
    let (_, _, summary) = fail_alone(&[rogue]);
    let peak = plugin(&summary, "rogue")["cost"]["peak_memory_bytes"].as_u64().unwrap();
    assert!((200 << 20..=256 << 20).contains(&peak), "{peak}");
}

#[test]
fn row_20_panics_unreachable_and_division_by_zero() {
    // Its own words, made safe.
    const WORDS: &[&str] = &["a wheel \\u{1b}[31mcame"];
    let panics = |name: &str, during: &'static str| {
        Hostile::rogue(name, during, "panic").fails("trap", during, WORDS)
    };
    fail_alone(&[
        panics("panic-create", "create"),
        panics("panic-requirements", "requirements"),
        panics("panic-process", "process"),
        panics("panic-finish", "finish"),
        Hostile::rogue_hook("panic-hook", "phase_start", "panic").fails(
            "trap",
            "on-phase-start",
            WORDS,
        ),
        Hostile::written("unreachable", &[("in finish", "unreachable")]).fails(
            "trap",
            "finish",
            &["`unreachable` instruction executed"],
        ),
        Hostile::written(
            "zero",
            &[("in process", "(drop (i32.div_u (i32.const 1) (i32.const 0)))")],
        )
        .fails("trap", "process", &["integer divide by zero"]),
        Hostile::written("out-of-bounds", &[("in start", "(drop (i32.load (i32.const -1)))")])
            .fails("trap", "instantiate", &["out of bounds memory access"]),
    ]);
}

#[test]
fn row_21_exits() {
    const ZERO: &[&str] = &["it called exit, with status 0; return an error instead"];
    const OTHER: &[&str] = &["it called exit, with status other than 0; return an error instead"];
    let exits = |name: &str, during: &'static str, does: &str, words| {
        Hostile::rogue(name, during, does).fails("exit", during, words)
    };
    fail_alone(&[
        exits("zero-create", "create", "exit 0", ZERO),
        exits("zero-process", "process", "exit 0", ZERO),
        exits("three-finish", "finish", "exit 3", OTHER),
        Hostile::rogue_hook("zero-hook", "phase_complete", "exit 0").fails(
            "exit",
            "on-phase-complete",
            ZERO,
        ),
    ]);
}

#[test]
fn row_22_refuses_its_config_and_returns_errors() {
    const WORDS: &[&str] = &["the moon is \\u{1b}[31min\\nthe wrong \\u{202e}place"];
    let errs = |name: &str, during: &'static str, does: &str, words| {
        Hostile::rogue(name, during, does).fails("error", during, words)
    };
    let hook = |name: &str, event: &str, during| {
        Hostile::rogue_hook(name, event, "error").fails("error", during, WORDS)
    };
    fail_alone(&[
        errs(
            "config",
            "create",
            "refuse",
            &["its configuration was refused: `during` must be later"],
        ),
        errs(
            "input",
            "process",
            "lack input",
            &["the input does not suit it: there is no tide table"],
        ),
        errs("error-process", "process", "error", WORDS),
        errs("error-finish", "finish", "error", WORDS),
        hook("error-at-create", "create", "create"),
        hook("error-at-start", "phase_start", "on-phase-start"),
        hook("error-at-sent", "phase_sending_complete", "on-phase-sending-complete"),
        hook("error-at-end", "phase_complete", "on-phase-complete"),
    ]);
}

#[test]
fn row_23_is_never_called_after_a_trap() {
    let hook = Hostile::rogue_hook("trapped-hook", "phase_sending_complete", "panic");
    let (_, ran, summary) = fail_alone(&[
        Hostile::rogue("trapped", "process", "panic").set("at_batch", "4").fails(
            "trap",
            "process",
            &[],
        ),
        hook.fails("trap", "on-phase-sending-complete", &[]),
    ]);
    let calls = |name| plugin(&summary, name)["cost"]["calls"].as_u64().unwrap();
    // create, requirements, five batches of nine.
    assert_eq!(calls("trapped"), 7);
    assert_eq!(calls("keeper_processor"), 3 + BATCHES);
    // create and two events of six.
    assert_eq!(calls("trapped-hook"), 3);
    assert_eq!(calls("keeper_hook"), 7);
    let heard = ran.stderr.lines().filter_map(|line| line.strip_prefix(" INFO trapped-hook: "));
    let heard: Vec<_> = heard.collect();
    assert_eq!(heard, ["hears phase_start", "hears phase_sending_complete"]);
}

#[test]
fn row_15_loops_and_fails_where_states_are_brought_together() {
    const WORDS: &[&str] = &["the moon is \\u{1b}[31min\\nthe wrong \\u{202e}place"];
    let rogue = |during: &str, does| Hostile::rogue(&format!("{during}-{does}"), during, does);
    let loops = |during: &'static str| {
        rogue(during, "loop").limits(SHORT).fails("deadline", during, TOO_LONG)
    };
    let endless = Hostile::rogue("endless", "save", "go on for ever").limits("memory: 8 MiB");
    fail_alone(&[
        loops("save"),
        loops("merge"),
        rogue("save", "error").fails("error", "save", WORDS),
        rogue("merge", "error").fails("error", "merge", WORDS),
        rogue("save", "panic").fails("trap", "save", &["a wheel"]),
        endless.fails("invalid_output", "save", &["the state that it saves is larger than 8 MiB"]),
    ]);
}
