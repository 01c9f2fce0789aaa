//! How a run is done.

/// How a run is done.
#[derive(Clone, Copy)]
pub struct RunOptions<'o> {
    /// Threads that read and call plugins; 0 means 1.
    pub threads: usize,
    /// Called after each read with the bytes of the source that have been read so far.
    pub progress: &'o (dyn Fn(u64) + Sync),
}

impl Default for RunOptions<'_> {
    /// One thread for each core, no progress.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { threads, progress: &|_| {} }
    }
}
