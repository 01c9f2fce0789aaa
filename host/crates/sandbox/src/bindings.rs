//! The contract as Rust, generated from `wit/`. Parameters are borrowed, so that a batch is
//! lowered straight from its Arrow buffers.
#![allow(missing_docs, unreachable_pub)]

/// World `processor`, and all shared types.
pub(crate) mod processor {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "processor",
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
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
        ownership: Borrowing { duplicate_if_necessary: true },
        with: {
            "perfbox:plugin/types": crate::bindings::processor::perfbox::plugin::types,
            "perfbox:plugin/logging": crate::bindings::processor::perfbox::plugin::logging,
        },
        require_store_data_send: true,
    });
}

pub(crate) use processor::perfbox::plugin::{batches, logging, types};
