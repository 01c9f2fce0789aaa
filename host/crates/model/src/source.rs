//! Where phase events and batches come from: recorded results, the stream of a running
//! tool, a program's own records. Nothing behind [`Source`] shows which.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::batch::{Batch, WantedColumns};
use crate::phase::{PhaseEvent, PhaseSummary};
use crate::report::data::InputReport;

/// Why a source ended early.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// One item of the two streams of a run.
#[derive(Debug, Clone)]
pub enum Item {
    /// Records of one phase.
    Batch(Batch),
    /// A phase event.
    Event(PhaseEvent),
}

/// One read of a source: work for whichever thread is free.
pub type ReadTask<'s, R> = Box<dyn FnOnce() -> R + Send + 's>;

/// Both streams of a benchmark run, in one.
///
/// Reads are handed out one after the other, run in any order and by several threads at
/// once, and accepted in the order in which they were handed out.
pub trait Source: Sync {
    /// The outcome of one read.
    type Read: Send;

    /// Called once, before the first read, with the columns that plugins need; others may
    /// stay unread.
    fn want(&mut self, _columns: &WantedColumns) {}

    /// The next read; none at the end, whatever the reason for it.
    fn next_read(&self) -> Option<ReadTask<'_, Self::Read>>;

    /// The items of a read. Records keep the order of the input.
    fn accept(&self, read: Self::Read) -> Vec<Item>;

    /// Ends the reading. Items that were read already are still handed out.
    fn stop(&self);

    /// Bytes read so far, of those that [`total_bytes`](Self::total_bytes) counts.
    fn bytes_read(&self) -> u64 {
        0
    }

    /// Bytes to read in all, where that is known.
    fn total_bytes(&self) -> Option<u64> {
        None
    }

    /// What the source reports; called once, after the last read.
    fn end(&self) -> SourceEnd;

    /// All items that are left, read by the calling thread alone.
    fn items(&self) -> impl Iterator<Item = Item>
    where
        Self: Sized,
    {
        std::iter::from_fn(|| self.next_read()).flat_map(|read| self.accept(read()))
    }
}

/// What a source reports at its end.
#[derive(Debug, Default)]
pub struct SourceEnd {
    /// The phases, in the order of the run.
    pub phases: Vec<PhaseSummary>,
    /// The inputs, with counts of their records.
    pub inputs: Vec<InputReport>,
    /// True if a [`CancelToken`](crate::cancel::CancelToken) ended it.
    pub interrupted: bool,
    /// Why it ended early.
    pub error: Option<SourceError>,
}

/// A source of items that a program makes itself: one read for each item.
pub struct Items<I> {
    items: Mutex<I>,
    phases: Vec<PhaseSummary>,
    is_stopped: AtomicBool,
}

impl<I: Iterator<Item = Item> + Send> Items<I> {
    /// A source of `items`; `phases` are their phases with their last statistics.
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
