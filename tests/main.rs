//! Black-box tests: through the binary, and through the library as an embedder uses it.
//!
//! One file a topic; `support` has what they share. Expected output lies in `cases/`;
//! `BLESS=1 cargo test --release -p perfbox --test blackbox` writes it anew.

#[allow(dead_code, unused_imports, reason = "what the catalogue uses beside them")]
mod support;

mod architecture;
mod cache;
mod compile;
mod completions;
mod config;
mod determinism;
mod discovery;
mod errors;
mod example_plugin;
mod failures;
mod formats;
mod grants;
mod inputs;
mod inspect;
mod inspect_input;
mod library;
mod limits;
mod lock;
mod mappings;
mod one_run;
mod oracle;
mod overrides;
mod packages;
mod parquet;
mod readme;
mod records;
mod registry;
mod run;
mod sandbox;
mod shown;
mod validate;
