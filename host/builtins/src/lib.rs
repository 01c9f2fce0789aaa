//! The implementations that come with perfbox, as data: one compiled component and its
//! manifest. Their sources are the crate `perfbox-builtin-plugins` in `plugins/`.
//!
//! After a change to these sources, to the guest SDK or to the contract, run
//! `host/builtins/rebuild.sh`: it builds the component anew and records what it was
//! built from in `prebuilt/SOURCES`. A test compares that record with the repository.

/// The component, built for wasm32-wasip2.
pub const COMPONENT: &[u8] = include_bytes!("../prebuilt/builtins.wasm");

/// The manifest, in the form of any package's `registry.yaml`.
pub const MANIFEST: &str = include_str!("../registry.yaml");
