//! The contract as Rust, generated from `wit/`.
//!
//! Two worlds, so that a component exports only what its author wrote. The types
//! are generated once, with the world `processor`.
// The ABI glue is made of raw pointers; wit-bindgen generates all of it.
#![allow(unsafe_code, missing_docs, unreachable_pub)]

/// World `processor`.
pub mod processor {
    wit_bindgen::generate!({
        world: "processor",
        path: "wit",
        additional_derives: [PartialEq],
        pub_export_macro: true,
        export_macro_name: "__export_processors",
        default_bindings_module: "perfbox_guest::__private::processor",
        runtime_path: "perfbox_guest::__private::wit_bindgen::rt",
    });
}

/// World `hook`.
pub mod hook {
    wit_bindgen::generate!({
        world: "hook",
        path: "wit",
        with: {
            "perfbox:plugin/types@0.2.0": crate::bindings::processor::perfbox::plugin::types,
            "perfbox:plugin/logging@0.2.0": crate::bindings::processor::perfbox::plugin::logging,
        },
        pub_export_macro: true,
        export_macro_name: "__export_hooks",
        default_bindings_module: "perfbox_guest::__private::hook",
        runtime_path: "perfbox_guest::__private::wit_bindgen::rt",
    });
}

pub use processor::perfbox::plugin::{batches, logging, types};
