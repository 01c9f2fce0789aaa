//! The catalogue of hostile plugins: one test for each of its rows, through the binary.
//!
//! Every run has a healthy hook and a healthy processor as well. What they leave is
//! compared, byte for byte, with a run of them alone; `harness` does that.

#[allow(dead_code, unused_imports, reason = "what the black-box tests use beside it")]
#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "what the benchmark of hostile plugins uses beside it")]
mod harness;

mod cache;
mod compiling;
mod data;
mod files;
mod given;
mod host;
mod loading;
mod running;
mod ten;
