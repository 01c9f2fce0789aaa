//! What the tests of perfbox share. To depend on this crate installs the target
//! wasm32-wasip2, which tests build plugins for: see `build.rs`.
