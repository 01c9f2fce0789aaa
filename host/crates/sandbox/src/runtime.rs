//! Calls into guests, from a thread that does nothing else meanwhile.

/// Runs a future to its end on this thread.
///
/// What a guest has left running in the background does not hold it up.
///
/// # Panics
/// Inside another runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime with nothing but timers needs nothing of the system");
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    output
}
