//! Ten hostile plugins in one run.

use crate::harness::{Failing, Hostile, SHORT};

/// Each ends for another cause, or in another way.
pub(crate) fn ten() -> Vec<Failing> {
    let rogue = |name: &str, during: &str, does: &str| Hostile::rogue(name, during, does);
    let handles = "(loop (drop (call $new-processor (i32.const 1))) (br 0))";
    vec![
        rogue("looper", "process", "loop").limits(SHORT).fails("deadline", "process", &[]),
        Hostile::rogue_hook("sleeper", "phase_start", "sleep").limits(SHORT).fails(
            "deadline",
            "on-phase-start",
            &[],
        ),
        Hostile::written("starter", &[("in start", "(loop (br 0))")]).limits(SHORT).fails(
            "deadline",
            "instantiate",
            &[],
        ),
        rogue("grower", "process", "grow").fails("memory", "process", &[]),
        rogue("recurser", "process", "recurse").fails("trap", "process", &[]),
        rogue("panicker", "create", "panic").fails("trap", "create", &[]),
        Hostile::written("hoarder", &[("in process", handles)]).fails("trap", "process", &[]),
        rogue("exiter", "process", "exit 0").fails("exit", "process", &[]),
        rogue("refuser", "create", "refuse").fails("error", "create", &[]),
        rogue("giant", "finish", "return a huge report").fails("invalid_output", "finish", &[]),
    ]
}

#[test]
fn ten_hostile_plugins_at_once_spoil_nothing() {
    let failing = ten();
    assert_eq!(failing.len(), 10);
    let (_, ran, _) = crate::harness::fail_alone(&failing);
    let errors = ran.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 10, "{}", ran.stderr);
}
