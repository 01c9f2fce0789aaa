//! A stream into a file, charged for.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{DynOutputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::quota::Quota;

/// Where a stream writes next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    At(u64),
    End,
}

/// Charges for bytes, then hands them on to wasmtime-wasi's stream. That one writes in
/// the background; what it has not written yet is charged for already.
pub(super) struct ChargedStream {
    pub(super) inner: DynOutputStream,
    pub(super) file: Arc<File>,
    pub(super) place: Place,
    pub(super) quota: Arc<Quota>,
}

impl ChargedStream {
    fn charge(&mut self, bytes: &Bytes) -> StreamResult<()> {
        let len = bytes.len() as u64;
        match &mut self.place {
            _ if len == 0 => {}
            Place::At(at) => {
                *at = at.saturating_add(len);
                self.quota.reach(&self.file, *at)?;
            }
            Place::End => self.quota.grow(len)?,
        }
        Ok(())
    }
}

/// The defaults of `write_zeroes` and `write_ready` go through `write`, `ready` and
/// `check_write`; splicing goes through `write` and `blocking_write_and_flush`.
#[async_trait::async_trait]
impl OutputStream for ChargedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // A guest that ignores this could have the host hold any number of bytes.
        if bytes.len() > self.inner.check_write()? {
            return Err(StreamError::trap("it wrote more to a stream than `check-write` allowed"));
        }
        self.charge(&bytes)?;
        self.inner.write(bytes)
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        // The size of the file counts once it has what was written before.
        self.inner.write_ready().await?;
        self.charge(&bytes)?;
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait::async_trait]
impl Pollable for ChargedStream {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}
