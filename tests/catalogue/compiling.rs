//! Rows 10 to 14: what is meant to keep the compiler busy, or to bring it down.

use crate::harness::{Hostile, refuse};

/// One whose module has these fields as well.
fn with_fields(fields: &str) -> Hostile {
    Hostile::written("hostile", &[("more fields", fields)])
}

/// What every refusal of these says.
const PLACE: &str = "component `plugins/hostile/component.wasm` ";

#[test]
fn row_10_components_that_instantiate_each_other_twice() {
    let mut text = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..=25 {
        let below = level - 1;
        text = format!(
            "(component $c{level} {text} (instance (instantiate $c{below})) \
             (instance (instantiate $c{below})))"
        );
    }
    let bomb = format!("{text} (instance (instantiate $c25))");
    let hostile = Hostile::written("hostile", &[("more outer imports", &bomb)]);
    refuse(&hostile, &[PLACE, "33554434 core instances", "`core_instances` is 64"]);
}

#[test]
fn row_11_a_function_with_twenty_thousand_locals() {
    let mut body = String::new();
    for n in 1..20_000 {
        body.push_str(&format!("(local.set {n} (i32.add (local.get {}) (local.get 0)))", n - 1));
    }
    let locals = "i32 ".repeat(20_000);
    let function = format!("(func (export \"locals\") (local {locals}) {body})");
    refuse(&with_fields(&function), &[PLACE, "locals"]);
}

#[test]
fn row_12_a_hundred_thousand_blocks_in_a_row() {
    let blocks = "(block (br_if 0 (local.get 0)) (local.set 0 (i32.const 1)))".repeat(100_000);
    let function = format!("(func (export \"blocks\") (param i32) {blocks})");
    refuse(&with_fields(&function), &[PLACE, "blocks"]);
}

#[test]
fn row_13_three_hundred_thousand_functions() {
    refuse(&with_fields(&"(func)".repeat(300_000)), &[PLACE, "functions"]);
}

/// No input is known that the compiler does not survive; one that takes too long, or too
/// much memory, ends it just so.
#[test]
fn row_14_the_death_of_the_compiler_is_the_cause_named() {
    // What is refused is never in the cache.
    let heavy = |limits: &str| {
        let function = "(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))";
        Hostile::written("hostile", &[("more fields", &function.repeat(5_000))]).limits(limits)
    };
    refuse(&heavy("compile_memory: 24 MiB"), &[PLACE, "compil", "compile_memory", "24 MiB"]);
    refuse(&heavy("compile_time: 1ms"), &[PLACE, "compil", "compile_time", "1ms"]);
}
