//! An input as lines: plain, gzip or zstd, a file or standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::SourceError;
use super::aiperf::Problem;
use crate::stop::Stop;

/// Bytes asked of the system at a time.
const READ_BYTES: usize = 256 * 1024;

/// Longest line that is read, in bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024 * 1024;

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
    /// Opens a file, an AIPerf artifact directory, or standard input (`-`). What cannot
    /// be read twice, a pipe for example, is kept in a temporary file.
    pub(super) fn open(name: &str, stop: &Stop) -> Result<Self, SourceError> {
        let unreadable = |source| SourceError::Io { path: name.to_owned(), bytes: 0, source };
        let (mut file, dir) = if name == "-" {
            (spool(io::stdin().lock(), stop).map_err(unreadable)?, None)
        } else {
            let path = find_records(Path::new(name))?;
            let file = File::open(&path).map_err(unreadable)?;
            if file.metadata().map_err(unreadable)?.is_file() {
                (file, Some(path.parent().map_or_else(PathBuf::new, Path::to_owned)))
            } else {
                (spool(file, stop).map_err(unreadable)?, None)
            }
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

/// Reads what cannot be read twice into a temporary file, until its end or until it is
/// told to stop.
#[cfg(unix)]
fn spool(mut from: impl Read + std::os::fd::AsFd, stop: &Stop) -> io::Result<File> {
    use rustix::event::{PollFd, PollFlags, poll};
    let tick = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let mut spool = tempfile::tempfile()?;
    let mut buffer = vec![0; READ_BYTES];
    while !stop.is_requested() {
        // A read would wait for its writer, whatever the signal.
        let ready = poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&tick));
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => spool.write_all(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    spool.rewind()?;
    Ok(spool)
}

#[cfg(not(unix))]
fn spool(mut from: impl Read, _stop: &Stop) -> io::Result<File> {
    let mut spool = tempfile::tempfile()?;
    io::copy(&mut from, &mut spool)?;
    spool.rewind()?;
    Ok(spool)
}

/// The lines of an input, one at a time.
pub(super) struct Lines {
    reader: Box<dyn BufRead>,
    file: File,
    line: Vec<u8>,
    number: u64,
    bytes: u64,
}

/// One line.
pub(super) struct Line<'l> {
    /// Counted from 1.
    pub(super) number: u64,
    text: &'l [u8],
    whole: bool,
}

impl<'l> Line<'l> {
    /// Its text without its end.
    pub(super) fn text(&self) -> Result<&'l [u8], Problem> {
        match self.whole {
            true => Ok(self.text),
            false => Err(Problem {
                column: LINE_MAX_BYTES,
                words: format!("the line is longer than {} MiB", LINE_MAX_BYTES >> 20),
            }),
        }
    }
}

impl Lines {
    /// The next line that is not blank.
    pub(super) fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut whole;
        loop {
            self.line.clear();
            let read =
                self.reader.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut self.line)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.bytes += read as u64;
            whole = (read as u64) < LINE_MAX_BYTES || self.line.ends_with(b"\n");
            if !whole {
                self.bytes += self.reader.skip_until(b'\n')? as u64;
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let byte_order_mark = if self.number == 1 { "\u{feff}".as_bytes() } else { b"" };
        let text = self.line.strip_prefix(byte_order_mark).unwrap_or(&self.line);
        Ok(Some(Line { number: self.number, text: text.trim_ascii_end(), whole }))
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
