//! Why a component is not loaded.

use std::path::PathBuf;

use perfbox_model::escape;
use perfbox_model::limits::RAISE;
use perfbox_model::names::Category;
use perfbox_registry::lock::LockBreach;
use perfbox_registry::read::ComponentReadError;

/// Why a component was refused before any of its code ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine could not be made.
    #[error("the WebAssembly engine could not be started: {0:#}")]
    Engine(wasmtime::Error),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ComponentReadError),
    /// It is no component that can be compiled.
    #[error("component {place} cannot be compiled: {reason}")]
    Compile {
        /// The component.
        place: String,
        /// What is wrong with it, and what to do about that.
        reason: String,
    },
    /// The process that was to compile it could not be started.
    #[error(
        "component {place} cannot be compiled: the compiler `{}` could not be started: {reason}; \
         check that this perfbox is there and whole",
        escape(&program.to_string_lossy())
    )]
    Compiler {
        /// The component.
        place: String,
        /// What was to be started.
        program: PathBuf,
        /// Why it was not.
        reason: String,
    },
    /// It asks for more than its limits allow from the start.
    #[error("component {place} asks for too much: {reason}; {}", RAISE)]
    Demanding {
        /// The component.
        place: String,
        /// What it asks for, and which limit that is over.
        reason: String,
    },
    /// It asks for something that the host does not have.
    #[error(
        "component {place} cannot be linked: {reason}; see the imports that `wit/worlds.wit` allows"
    )]
    Link {
        /// The component.
        place: String,
        /// Which import.
        reason: String,
    },
    /// It asks for an ability that no plugin is given here.
    #[error(
        "component {place} asks for {asked}, which no plugin is given; see what it asks for with \
         `perfbox plugins inspect`"
    )]
    Refused {
        /// The component.
        place: String,
        /// The abilities.
        asked: String,
    },
    /// It asks for an ability that this plugin is not granted.
    #[error(
        "component {place} asks for {asked}, which it is not granted; say otherwise under its \
         `grants` in the config file, or leave it out"
    )]
    NotGranted {
        /// The component.
        place: String,
        /// The abilities.
        asked: String,
    },
    /// It does not export what its category needs.
    #[error("component {place} is no {category}: {reason}")]
    Contract {
        /// The component.
        place: String,
        /// What it was to be.
        category: Category,
        /// What is missing.
        reason: String,
    },
    /// It is not what the lock has.
    #[error(transparent)]
    Locked(#[from] LockBreach),
}
