//! The contract as Rust, generated from `wit/`.
#![allow(missing_docs, unreachable_pub)]

/// World `processor`, and all types.
pub(crate) mod processor {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "processor",
        imports: { default: trappable },
        exports: { default: async },
        with: { "perfbox:plugin/batches.batch": crate::instance::LentBatch },
        require_store_data_send: true,
    });
}

/// World `hook`.
pub(crate) mod hook {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "hook",
        imports: { default: trappable },
        exports: { default: async },
        with: {
            "perfbox:plugin/types": crate::bindings::processor::perfbox::plugin::types,
            "perfbox:plugin/logging": crate::bindings::processor::perfbox::plugin::logging,
        },
        require_store_data_send: true,
    });
}

pub(crate) use processor::perfbox::plugin::{batches, logging, types};
