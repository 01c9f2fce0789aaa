//! Brings the states of a processor's instances together and asks for its result.

use std::sync::mpsc::sync_channel;

use perfbox_model::cost::Cost;
use perfbox_model::failure::{Failure, FailureKind};
use perfbox_model::phase::PhaseSummary;
use perfbox_model::report::ProcessorResult;
use perfbox_sandbox::block_on;
use perfbox_sandbox::instance::ProcessorInstance;

/// Chunks of a saved state that may wait to be merged.
const WAITING_CHUNKS: usize = 2;

/// Merges the states of all instances into the first, in order, and calls its `finish`.
/// Returns the result with the cost of all of them.
pub(crate) fn merge_and_finish(
    mut instances: Vec<ProcessorInstance>,
    phases: &[PhaseSummary],
) -> (Result<ProcessorResult, Failure>, Cost) {
    let merged = merge_all(&mut instances);
    let [first, others @ ..] = instances.as_mut_slice() else {
        let failure = Failure::new(FailureKind::Host, "finish", "there is no instance of it");
        return (Err(failure), Cost::default());
    };
    others.iter().for_each(|other| first.add_counts(other));
    // Their memory is given back before the first one takes more for its result.
    instances.truncate(1);
    let first = &mut instances[0];
    let result = merged.and_then(|()| block_on(first.finish(phases)));
    (result, first.cost().clone())
}

/// Merges pairwise: neighbours first, all pairs at once, then the merged pairs, and so on.
fn merge_all(instances: &mut [ProcessorInstance]) -> Result<(), Failure> {
    let mut merged = 1;
    while merged < instances.len() {
        std::thread::scope(|threads| {
            let pairs = instances.chunks_mut(2 * merged).filter(|pair| pair.len() > merged);
            let merging = pairs.map(|pair| {
                let (left, right) = pair.split_at_mut(merged);
                threads.spawn(|| merge(&mut left[0], &mut right[0]))
            });
            let merging: Vec<_> = merging.collect();
            let outcomes = merging
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            outcomes.collect::<Result<(), _>>()
        })?;
        merged *= 2;
    }
    Ok(())
}

/// Merges the state of `from` into `into`. A second thread saves while this one merges.
fn merge(into: &mut ProcessorInstance, from: &mut ProcessorInstance) -> Result<(), Failure> {
    std::thread::scope(|threads| {
        let (chunks, saved) = sync_channel(WAITING_CHUNKS);
        threads.spawn(move || {
            block_on(async {
                loop {
                    let chunk = from.save().await;
                    let is_last = !matches!(chunk, Ok(Some(_)));
                    if chunks.send(chunk).is_err() || is_last {
                        break;
                    }
                }
            });
        });
        block_on(async {
            while let Some(chunk) = saved.recv().unwrap_or(Ok(None))? {
                into.merge(chunk).await?;
            }
            Ok(())
        })
    })
}
