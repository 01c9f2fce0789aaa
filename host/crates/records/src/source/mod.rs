//! RecordedSource results as a source of batches and phase events.

mod events;
mod open;
mod open_input;
pub(crate) mod options;
mod phases;
pub(crate) mod recorded;
mod run_state;
#[cfg(test)]
mod tests;
