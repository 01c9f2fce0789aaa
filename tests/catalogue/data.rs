//! Rows 24 to 29: what a plugin hands over, and what it says.

use crate::harness::{
    Failing, Hostile, assert_plain, assert_untouched, cope, fail_alone, run_beside,
};
use crate::support::{Dir, metric, plugin};

/// A thousand strings that all are the same 48 KiB.
const SAME_MEMORY: &str = "
    (loop $next
      (i32.store (i32.add (i32.const 8192) (i32.mul (global.get $n) (i32.const 8)))
        (i32.const 16384))
      (i32.store (i32.add (i32.const 8196) (i32.mul (global.get $n) (i32.const 8)))
        (i32.const 49152))
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (br_if $next (i32.lt_u (global.get $n) (i32.const 1000))))";

fn store(at: u32, value: u32) -> String {
    format!("(i32.store (i32.const {at}) (i32.const {value}))")
}

#[test]
fn row_24_a_thousand_million_metrics_a_gigabyte_of_text_and_one_memory_a_thousand_times() {
    const TOO_MUCH: &[&str] =
        &["it handed over more in one value than its limit `returned_value` of"];
    const BOUNDS: &[&str] = &["out of bounds of memory"];
    let counter = ("more fields", "(global $n (mut i32) (i32.const 0))");
    let metrics = store(1032, 1_000_000_000);
    // A report's option, its place and its length.
    let text = |bytes| store(1036, 1) + &store(1040, 65_536) + &store(1044, bytes);
    let columns =
        format!("{SAME_MEMORY} {} {} {}", store(1024, 1), store(1028, 8192), store(1032, 1000));
    // As labels of the one metric, in pairs.
    let labels = format!("{SAME_MEMORY} {} {}", store(2132, 8192), store(2136, 500));
    // Within a memory that is as large as it may be.
    let grown = format!("(drop (memory.grow (i32.const 3200))) {}", text(200 << 20));
    let written = |name: &str, texts: &[(&str, &str)]| Hostile::written(name, texts);
    fail_alone(&[
        written("metrics", &[("in finish", &metrics)]).fails("trap", "finish", BOUNDS),
        written("text", &[("in finish", &text(1 << 30))]).fails("trap", "finish", BOUNDS),
        written("grown", &[("in finish", &grown)]).fails("invalid_output", "finish", TOO_MUCH),
        written("columns", &[counter, ("in requirements", &columns)]).fails(
            "invalid_output",
            "requirements",
            TOO_MUCH,
        ),
        written("labels", &[counter, ("in finish", &labels)]).fails(
            "invalid_output",
            "finish",
            TOO_MUCH,
        ),
        Hostile::rogue("report", "finish", "return a huge report").fails(
            "invalid_output",
            "finish",
            TOO_MUCH,
        ),
        Hostile::rogue("many", "finish", "return many metrics").fails(
            "invalid_output",
            "finish",
            TOO_MUCH,
        ),
    ]);
}

#[test]
fn row_25_values_and_names_that_break_the_contract() {
    let returns = |name: &str, does: &str, words: &'static [&'static str]| -> Failing {
        let does = format!("return {does}");
        Hostile::rogue(name, "finish", &does).fails("invalid_output", "finish", words)
    };
    fail_alone(&[
        returns("nan", "nan", &["metric `share` is NaN; leave out what does not exist"]),
        returns("infinity", "infinity", &["metric `share` is inf; leave out what does not exist"]),
        returns(
            "minus",
            "minus infinity",
            &["metric `share` is -inf; leave out what does not exist"],
        ),
        returns("twins", "twins", &["it returned metric `twin` twice for profiling"]),
        returns(
            "labels",
            "labelled twins",
            &["it returned metric `twin` twice for profiling and the same labels"],
        ),
        returns(
            "control",
            "a control name",
            &["a metric's name has characters that cannot be shown: `red\\u{1b}[31m\\nline`"],
        ),
        returns(
            "bidi",
            "a bidi unit",
            &["a unit has characters that cannot be shown: `m\\u{202e}s`"],
        ),
        returns("nameless", "a nameless metric", &["it returned a metric without a name"]),
        returns(
            "long",
            "a long name",
            &["a metric's name has 1048576 bytes, at most 256 are taken"],
        ),
    ]);
}

#[test]
fn row_26_floods_of_handles_and_descriptors() {
    let handles = "(loop (drop (call $new-processor (i32.const 1))) (br 0))";
    fail_alone(&[Hostile::written("handles", &[("in process", handles)]).fails(
        "trap",
        "process",
        &[],
    )]);
}

#[test]
fn row_26_floods_are_told_with_their_limit() {
    let handles = "(loop (drop (call $new-processor (i32.const 1))) (br 0))";
    let rogue = Hostile::rogue("descriptors", "process", "open much");
    fail_alone(&[
        Hostile::written("handles", &[("in process", handles)]).fails(
            "trap",
            "process",
            &["`handles`", "10000"],
        ),
        rogue.fails("trap", "process", &["`resources`", "256"]),
    ]);
}

/// Descriptors are the host's too: those of one plugin are none that others lack.
#[test]
fn row_26_a_descriptor_flood_under_a_low_limit_of_the_systems() {
    let dir = Dir::new();
    let rogue = Hostile::rogue("descriptors", "process", "open much");
    let run = run_beside(&dir, std::slice::from_ref(&rogue));
    let ran = run.with_few_open_files().expect(3);
    assert_untouched(&dir, &ran);
    let summary = dir.summary("out");
    let failure = &plugin(&summary, "descriptors")["failure"];
    assert!(failure["message"].as_str().unwrap().contains("`resources`"), "{failure}");
}

#[test]
fn row_27_a_flood_of_log_lines() {
    let (_, ran, summary) = cope(&[Hostile::rogue("flood", "process", "log much")]);
    let dropped = plugin(&summary, "flood")["cost"]["logs_dropped"].as_u64().unwrap();
    let shown = ran.stderr.lines().filter(|line| line.contains(" flood: line ")).count();
    // Every line is shown or counted.
    assert_eq!(dropped + shown as u64, 1_000_000);
    assert!(shown > 100 && dropped > 100_000, "{shown} shown, {dropped} dropped");
    assert_eq!(metric(&summary, "flood", "good"), 1);
    assert!(ran.stderr.len() < 1 << 20, "{} bytes", ran.stderr.len());
}

#[test]
fn row_28_line_breaks_colours_and_directions_in_every_word() {
    let (_, ran, _) = cope(&[
        Hostile::rogue("logs", "create", "log"),
        Hostile::rogue("prints", "create", "print"),
        Hostile::rogue("reports", "finish", "return an ansi report"),
    ]);
    assert!(ran.stderr.contains(" WARN logs: first\\u{1b}[2J\\nsecond\n"), "{}", ran.stderr);
    for line in [" INFO prints: out\\u{1b}[2J\n", " WARN prints: err\\u{202e}or\n"] {
        assert!(ran.stderr.contains(line), "no {line} in {}", ran.stderr);
    }
    assert!(ran.stdout.contains("good\n\\u{1b}[2Jbad\\u{202e}\n\\tworse\n"), "{}", ran.stdout);
    fail_alone(&[
        Hostile::rogue("error", "process", "error").fails(
            "error",
            "process",
            &["\\u{1b}[31min\\nthe wrong \\u{202e}place"],
        ),
        Hostile::rogue("panic", "process", "panic").fails("trap", "process", &["\\u{1b}[31mcame"]),
        Hostile::rogue("name", "finish", "return a control name").fails(
            "invalid_output",
            "finish",
            &["`red\\u{1b}[31m\\nline`"],
        ),
    ]);
}

#[test]
fn row_28_function_names_in_a_backtrace() {
    let function = r#"(func $"evil\1b[31m\0aline\e2\80\ae" unreachable)"#;
    let call = r#"(call $"evil\1b[31m\0aline\e2\80\ae")"#;
    let named = Hostile::written("named", &[("more fields", function), ("in process", call)]);
    let (_, ran, summary) = fail_alone(&[named.fails("trap", "process", &["unreachable"])]);
    let shown = "evil\\u{1b}[31m\\nline\\u{202e}";
    let frame = &plugin(&summary, "named")["failure"]["backtrace"][0];
    assert!(frame.as_str().unwrap().contains(shown), "{frame}");
    assert!(ran.stderr.contains(&format!("\n    in {}\n", frame.as_str().unwrap())), "{ran:#?}");
    assert_plain(&ran.stderr);
}

#[test]
fn row_29_prints_without_end() {
    let (_, ran, summary) = cope(&[
        Hostile::rogue("prints", "process", "print much"),
        Hostile::rogue("complains", "process", "print errors much"),
    ]);
    for name in ["prints", "complains"] {
        let dropped = plugin(&summary, name)["cost"]["logs_dropped"].as_u64().unwrap();
        let head = format!(" {name}: line ");
        let shown = ran.stderr.lines().filter(|line| line.contains(&head)).count();
        assert!(shown > 100 && dropped > 900_000, "{name}: {shown} shown, {dropped} dropped");
        assert_eq!(metric(&summary, name, "good"), 1);
    }
    assert!(ran.stderr.len() < 1 << 20, "{} bytes", ran.stderr.len());
}
