//! What the processors have in common: samples of every phase, exact or sketched, that
//! come out the same whichever instance had which records.
//!
//! Reading order: [`table`] takes batches in, [`series`] is one column of it,
//! [`samples`] all its samples, [`parts`] takes a table from one instance to another.

pub(crate) mod columns;
pub(crate) mod failed;
mod octave;
pub(crate) mod parts;
pub(crate) mod rates;
mod samples;
pub(crate) mod series;
pub(crate) mod shown;
pub(crate) mod sketch;
mod sort;
pub(crate) mod span;
pub(crate) mod table;
pub(crate) mod wide;
pub(crate) mod wire;

// These two are what the benchmark of batches does in its guest too, and have their tests
// beside them for that.
#[cfg(test)]
mod samples_tests;
#[cfg(test)]
mod sort_tests;
#[cfg(test)]
pub(crate) mod testing;
