//! Bytes of a Parquet file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that are read at a time for the head of a page.
const HEAD_BYTES: usize = 512;

/// A file that several threads read at once, each at places of its own.
#[derive(Clone)]
pub(super) struct Stored(Arc<File>);

impl Stored {
    pub(super) fn new(file: File) -> Self {
        Self(Arc::new(file))
    }
}

impl Length for Stored {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for Stored {
    type T = BufReader<StoredFrom>;

    fn get_read(&self, at: u64) -> ParquetResult<Self::T> {
        let from = StoredFrom { file: Arc::clone(&self.0), at };
        Ok(BufReader::with_capacity(HEAD_BYTES, from))
    }

    fn get_bytes(&self, at: u64, len: usize) -> ParquetResult<Bytes> {
        // In a damaged file, the length may be any number.
        let left = self.len().saturating_sub(at);
        let mut bytes = Vec::with_capacity(left.min(len as u64) as usize);
        let from = StoredFrom { file: Arc::clone(&self.0), at };
        if from.take(len as u64).read_to_end(&mut bytes)? < len {
            return Err(ParquetError::EOF("the file ends in the middle".to_owned()));
        }
        Ok(bytes.into())
    }
}

/// The bytes of a file from a place on.
pub(super) struct StoredFrom {
    file: Arc<File>,
    at: u64,
}

impl Read for StoredFrom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}
