//! Streams that write to files, counted.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::quota::{OverQuota, Quota};

/// A stream into a file that asks the quota before each write.
pub(super) struct CountedStream {
    pub(super) inner: DynOutputStream,
    pub(super) file: Arc<File>,
    /// Where the next byte goes; none: to the end of the file.
    pub(super) position: Option<u64>,
    pub(super) quota: Quota,
}

/// The size of a file, as far as it can be had.
pub(super) fn size(file: &File) -> u64 {
    file.metadata().map_or(0, |metadata| metadata.len())
}

impl CountedStream {
    fn count(&mut self, bytes: usize) -> StreamResult<()> {
        let bytes = bytes as u64;
        let counted = match &mut self.position {
            Some(position) => {
                let end = position.saturating_add(bytes);
                let counted = self.quota.grow(size(&self.file), end);
                *position = end;
                counted
            }
            // What other streams are about to append moves the end, and is counted too.
            None => self.quota.grow(0, bytes),
        };
        counted.map_err(|over: OverQuota| StreamError::Trap(over.into()))
    }
}

#[async_trait::async_trait]
impl Pollable for CountedStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait::async_trait]
impl OutputStream for CountedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.count(bytes.len())?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}
