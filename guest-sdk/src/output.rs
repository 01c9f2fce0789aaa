use std::path::PathBuf;

/// The directory that this implementation may write to: empty at the start of the
/// run, and all of the file system that it can see.
///
/// # Panics
/// In a native test that did not call
/// [`testing::with_output_dir`](crate::testing::with_output_dir).
pub fn output_dir() -> PathBuf {
    #[cfg(target_arch = "wasm32")]
    return PathBuf::from("/out");
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::current_output_dir().expect(
        "a native test that writes files runs inside `perfbox_guest::testing::with_output_dir`",
    )
}
