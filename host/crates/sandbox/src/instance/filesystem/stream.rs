//! A stream into a file, charged for.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::quota::Quota;

/// Most bytes of one write.
const WRITE_MAX_BYTES: usize = 64 * 1024;

/// Where a stream writes next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    At(u64),
    End,
}

/// Charges for bytes, then writes them. Nothing is left to be written when a call
/// returns, so that no file depends on when a store is dropped.
pub(super) struct ChargedStream {
    pub(super) file: Arc<File>,
    pub(super) place: Place,
    pub(super) quota: Arc<Quota>,
}

impl ChargedStream {
    fn put(&mut self, bytes: &[u8]) -> StreamResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let failed = |error: std::io::Error| StreamError::LastOperationFailed(error.into());
        let at = match self.place {
            Place::At(at) => at,
            Place::End => self.file.metadata().map_err(failed)?.len(),
        };
        let end = at.saturating_add(bytes.len() as u64);
        self.quota.reach(&self.file, end)?;
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes)).map_err(failed)?;
        if let Place::At(at) = &mut self.place {
            *at = end;
        }
        Ok(())
    }
}

/// The defaults of the other functions go through these.
#[async_trait::async_trait]
impl OutputStream for ChargedStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // A guest that ignores this could keep the host writing.
        if bytes.len() > WRITE_MAX_BYTES {
            return Err(StreamError::trap("it wrote more to a stream than `check-write` allowed"));
        }
        self.put(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_MAX_BYTES)
    }
}

#[async_trait::async_trait]
impl Pollable for ChargedStream {
    async fn ready(&mut self) {}
}
