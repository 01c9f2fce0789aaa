//! What the processors have in common: samples of every phase, exact or sketched, that
//! come out the same whichever instance had which records.
//!
//! Reading order: [`table`] takes batches in, [`series`] is one column of it, [`parts`]
//! takes a table from one instance to another.

pub(crate) mod columns;
pub(crate) mod failed;
pub(crate) mod labels;
mod octave;
pub(crate) mod parts;
pub(crate) mod rates;
pub(crate) mod series;
pub(crate) mod sketch;
pub(crate) mod span;
pub(crate) mod table;
pub(crate) mod wide;
pub(crate) mod wire;

#[cfg(test)]
pub(crate) mod testing;
