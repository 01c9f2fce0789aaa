//! Sources of phase events and batches: recorded results, the stream of a running tool, an
//! embedder's own records. Consumers of [`Source`] do not know which.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::batch::{Batch, WantedColumns};
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::report::data::InputReport;

/// Error that ended a source early.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// One item of the two streams of a run.
#[derive(Debug, Clone)]
pub enum Item {
    /// Records of one phase.
    Batch(Batch),
    /// A phase event.
    Event(PhaseEvent),
}

/// One read of a source, for any thread.
pub type ReadTask<'s, R> = Box<dyn FnOnce() -> R + Send + 's>;

/// Both streams of a benchmark run, merged.
///
/// [`next_read`](Self::next_read) returns reads in order. Several threads may run them, in any
/// order; [`accept`](Self::accept) takes their outcomes in the order of `next_read`.
pub trait Source: Sync {
    /// Outcome of one read.
    type Read: Send;

    /// Sets the columns that plugins need; the source may skip others. Called once, before the
    /// first read.
    fn want(&mut self, _columns: &WantedColumns) {}

    /// Returns the next read; `None` at the end or after an error.
    fn next_read(&self) -> Option<ReadTask<'_, Self::Read>>;

    /// Returns the items of a read. Records keep the order of the input.
    fn accept(&self, read: Self::Read) -> Vec<Item>;

    /// Stops reading. Items already read are still returned.
    fn stop(&self);

    /// Bytes read so far, out of [`total_bytes`](Self::total_bytes).
    fn bytes_read(&self) -> u64 {
        0
    }

    /// Total bytes to read, if known.
    fn total_bytes(&self) -> Option<u64> {
        None
    }

    /// Returns the summary of the source. Called once, after the last read.
    fn end(&self) -> SourceEnd;

    /// Reads all remaining items on the calling thread.
    fn items(&self) -> impl Iterator<Item = Item>
    where
        Self: Sized,
    {
        std::iter::from_fn(|| self.next_read()).flat_map(|read| self.accept(read()))
    }
}

/// Summary of a source at its end.
#[derive(Debug, Default)]
pub struct SourceEnd {
    /// The phases, in the order of the run.
    pub phases: Vec<PhaseSummary>,
    /// The inputs, with record counts.
    pub inputs: Vec<InputReport>,
    /// True if a [`CancelToken`](crate::cancel::CancelToken) ended the source.
    pub interrupted: bool,
    /// Error that ended the source early.
    pub error: Option<SourceError>,
}

/// A source of items supplied by an embedder: one read per item.
pub struct Items<I> {
    items: Mutex<I>,
    phases: Vec<PhaseSummary>,
    is_stopped: AtomicBool,
}

impl<I: Iterator<Item = Item> + Send> Items<I> {
    /// Creates a source of `items`; `phases` are their phases with final statistics.
    pub fn new(
        items: impl IntoIterator<Item = Item, IntoIter = I>,
        phases: Vec<PhaseSummary>,
    ) -> Self {
        Self { items: Mutex::new(items.into_iter()), phases, is_stopped: AtomicBool::new(false) }
    }
}

impl<I: Iterator<Item = Item> + Send> Source for Items<I> {
    type Read = Item;

    fn next_read(&self) -> Option<ReadTask<'_, Item>> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return None;
        }
        let item = self.items.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        Some(Box::new(move || item))
    }

    fn accept(&self, read: Item) -> Vec<Item> {
        vec![read]
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    fn end(&self) -> SourceEnd {
        SourceEnd { phases: self.phases.clone(), ..SourceEnd::default() }
    }
}
