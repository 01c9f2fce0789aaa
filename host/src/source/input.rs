//! An input as lines: plain, gzip or zstd, a file or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};

use super::SourceError;

/// Bytes asked of the system at a time.
const READ_BYTES: usize = 256 * 1024;

/// Names under which AIPerf leaves its records, first found first taken.
const ARTIFACTS: [&str; 3] =
    ["profile_export.jsonl", "profile_export.jsonl.gz", "profile_export.jsonl.zst"];

/// An input that can be read more than once.
#[derive(Debug)]
pub(super) struct Input {
    /// As it was named.
    pub(super) name: String,
    /// The directory it lies in; none for standard input.
    pub(super) dir: Option<PathBuf>,
    file: File,
    compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Input {
    /// Opens a file, an AIPerf artifact directory, or standard input (`-`), which is
    /// kept in a temporary file, since it has to be read twice.
    pub(super) fn open(name: &str) -> Result<Self, SourceError> {
        let unreadable = |source| SourceError::Io { path: name.to_owned(), bytes: 0, source };
        let (mut file, dir) = if name == "-" {
            let mut spool = tempfile::tempfile().map_err(unreadable)?;
            io::copy(&mut io::stdin().lock(), &mut spool).map_err(unreadable)?;
            spool.rewind().map_err(unreadable)?;
            (spool, None)
        } else {
            let path = find_records(Path::new(name))?;
            let file = File::open(&path).map_err(unreadable)?;
            let dir = path.parent().map_or_else(PathBuf::new, Path::to_owned);
            (file, Some(dir))
        };
        let compression = detect(&mut file).map_err(unreadable)?;
        Ok(Self { name: name.to_owned(), dir, file, compression })
    }

    /// Its size as it is stored.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Reads it from the start.
    pub(super) fn lines(&self) -> io::Result<Lines> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let reader: Box<dyn BufRead> = match self.compression {
            Compression::None => Box::new(BufReader::with_capacity(READ_BYTES, file)),
            Compression::Gzip => {
                let decoder = flate2::bufread::MultiGzDecoder::new(BufReader::new(file));
                Box::new(BufReader::with_capacity(READ_BYTES, decoder))
            }
            Compression::Zstd => {
                let decoder = zstd::stream::read::Decoder::new(file)?;
                Box::new(BufReader::with_capacity(READ_BYTES, decoder))
            }
        };
        Ok(Lines { reader, file: self.file.try_clone()?, line: Vec::new(), number: 0, bytes: 0 })
    }
}

fn find_records(path: &Path) -> Result<PathBuf, SourceError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = ARTIFACTS.iter().map(|name| path.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| SourceError::NotArtifacts { path: path.to_owned() })
}

fn detect(file: &mut File) -> io::Result<Compression> {
    let mut magic = Vec::new();
    file.take(4).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(match magic.as_slice() {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => Compression::None,
    })
}

/// The lines of an input, one at a time.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    file: File,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
}

impl Lines {
    /// The next line that is not blank, with its number from 1, without its end.
    pub(super) fn next_line(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        loop {
            self.line.clear();
            let read = self.reader.read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let byte_order_mark = if self.number == 1 { "\u{feff}".as_bytes() } else { b"" };
        let line = self.line.strip_prefix(byte_order_mark).unwrap_or(&self.line);
        Ok(Some((self.number, line.trim_ascii_end())))
    }

    /// Bytes read so far, decompressed.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the stored file read so far.
    pub(super) fn stored_bytes(&mut self) -> u64 {
        self.file.stream_position().unwrap_or(0)
    }
}
