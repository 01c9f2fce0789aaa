//! Reads an input as blocks of whole records: a file or standard input, plain, gzip or zstd.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use perfbox_model::cancel::CancelToken;

use crate::error::InputError;
use crate::limits::{DOCUMENT_MAX_BYTES, LINE_MAX_BYTES};
use crate::split::rule::SplitRule;

/// Size of one read, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// Names of AIPerf's record file, in order of preference.
const ARTIFACTS: [&str; 3] =
    ["profile_export.jsonl", "profile_export.jsonl.gz", "profile_export.jsonl.zst"];

/// An input that can be read more than once.
#[derive(Debug)]
pub(crate) struct Input {
    /// Name on the command line.
    pub(crate) name: String,
    /// Directory of the file; none for standard input and pipes.
    pub(crate) dir: Option<PathBuf>,
    file: File,
    compression: Compression,
    bytes_at_open: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Input {
    /// Opens a file, an AIPerf artifact directory, or standard input (`-`). Standard input and
    /// pipes are copied into a temporary file, since the start of an input is read twice.
    pub(crate) fn open(name: &str, cancel: &CancelToken) -> Result<Self, InputError> {
        let unreadable = |source| InputError::Io { path: name.to_owned(), bytes: 0, source };
        let (mut file, dir) = if name == "-" {
            (spool(io::stdin().lock(), cancel).map_err(unreadable)?, None)
        } else {
            let path = find_records(Path::new(name))?;
            let file = File::open(&path).map_err(unreadable)?;
            let kind = file.metadata().map_err(unreadable)?.file_type();
            if is_device(kind) {
                let message = "it is a device, not a file or a pipe";
                return Err(unreadable(io::Error::new(io::ErrorKind::Unsupported, message)));
            }
            if kind.is_file() {
                (file, Some(path.parent().map_or_else(PathBuf::new, Path::to_owned)))
            } else {
                (spool(file, cancel).map_err(unreadable)?, None)
            }
        };
        let compression = detect(&mut file).map_err(unreadable)?;
        let bytes_at_open = file.metadata().map_err(unreadable)?.len();
        Ok(Self { name: name.to_owned(), dir, file, compression, bytes_at_open })
    }

    /// Size of the file, in bytes.
    pub(crate) fn stored_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// The first bytes, decompressed.
    pub(crate) fn start(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let block = self.blocks(SplitRule::Lines)?.next_block(bytes, Vec::new())?;
        Ok(block.map(|block| block.text).unwrap_or_default())
    }

    /// Reads the input from its start.
    pub(crate) fn blocks(&self, split_rule: SplitRule) -> io::Result<Blocks> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        // Data appended meanwhile is not read.
        let stored = file.try_clone()?.take(self.bytes_at_open);
        let reader: Box<dyn Read + Send> = match self.compression {
            Compression::None => Box::new(stored),
            Compression::Gzip => {
                let stored = BufReader::with_capacity(READ_BYTES, stored);
                Box::new(flate2::bufread::MultiGzDecoder::new(stored))
            }
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(stored)?),
        };
        let carried = Vec::new();
        Ok(Blocks {
            reader,
            file,
            split_rule,
            carried,
            number: 0,
            skipping: false,
            end: End::NotYet,
        })
    }

    /// The file, if it is not compressed.
    pub(crate) fn file(&self) -> io::Result<File> {
        match self.compression {
            Compression::None => self.file.try_clone(),
            Compression::Gzip | Compression::Zstd => {
                let message = "compressed Parquet is not supported; decompress the file first";
                Err(io::Error::new(io::ErrorKind::Unsupported, message))
            }
        }
    }

    /// True if the file has grown since it was opened.
    pub(crate) fn has_grown(&self) -> bool {
        self.stored_bytes() > self.bytes_at_open
    }
}

/// True for a device, which may never end.
#[cfg(unix)]
fn is_device(kind: std::fs::FileType) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(not(unix))]
fn is_device(_kind: std::fs::FileType) -> bool {
    false
}

fn find_records(path: &Path) -> Result<PathBuf, InputError> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = ARTIFACTS.iter().map(|name| path.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| InputError::NotArtifacts { path: path.to_owned() })
}

/// True if AIPerf wrote the directory.
pub(crate) fn is_aiperf_directory(dir: &Path) -> bool {
    ARTIFACTS.iter().any(|name| dir.join(name).is_file())
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

/// Copies a stream into a temporary file, until its end or cancellation.
#[cfg(unix)]
fn spool(mut from: impl Read + std::os::fd::AsFd, cancel: &CancelToken) -> io::Result<File> {
    use rustix::event::{PollFd, PollFlags, poll};
    let tick = rustix::time::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    let mut spool = tempfile::tempfile()?;
    let mut buffer = vec![0; READ_BYTES];
    while !cancel.is_cancelled() {
        // A blocking read would ignore the signal.
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
fn spool(mut from: impl Read, _cancel: &CancelToken) -> io::Result<File> {
    let mut spool = tempfile::tempfile()?;
    io::copy(&mut from, &mut spool)?;
    spool.rewind()?;
    Ok(spool)
}

/// Maximum size of a record that cannot be split, in bytes.
fn max_bytes(split_rule: SplitRule) -> usize {
    match split_rule {
        SplitRule::Document => DOCUMENT_MAX_BYTES,
        _ => LINE_MAX_BYTES,
    }
}

/// Whole records of an input.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Index of the block, from 0.
    pub(crate) number: u64,
    pub(crate) text: Vec<u8>,
    /// The block is one line or document, cut off at its maximum size.
    pub(crate) is_truncated: bool,
    /// Bytes of the previous block's line that were skipped.
    pub(crate) skipped_bytes: u64,
    /// The input ends with this block.
    pub(crate) is_last: bool,
    /// Bytes of the file read so far.
    pub(crate) stored_bytes: u64,
}

/// The blocks of an input.
pub(crate) struct Blocks {
    reader: Box<dyn Read + Send>,
    file: File,
    split_rule: SplitRule,
    /// Start of a record whose end is not read yet.
    carried: Vec<u8>,
    number: u64,
    /// Inside a line that is too long.
    skipping: bool,
    end: End,
}

/// State of the end of the input.
enum End {
    NotYet,
    Reached,
    /// The input breaks off. The error follows the data before it.
    Broken(io::Error),
}

impl Blocks {
    /// The next block, of about `bytes`. Reuses the buffer `text`.
    pub(crate) fn next_block(
        &mut self,
        bytes: usize,
        mut text: Vec<u8>,
    ) -> io::Result<Option<Block>> {
        text.clear();
        if let SplitRule::RowGroups(count) = self.split_rule {
            return Ok(self.next_group(count, text));
        }
        text.append(&mut self.carried);
        let skipped_bytes = if self.skipping { self.skip_line(&mut text) } else { 0 };
        let mut wanted = bytes;
        let whole = loop {
            self.fill(&mut text, wanted);
            match (&self.end, self.split_rule.complete_len(&text)) {
                (End::Reached, _) => break text.len(),
                (End::Broken(_), _) => break self.split_rule.complete_len_at_end(&text),
                (End::NotYet, 0) if text.len() < max_bytes(self.split_rule) => {
                    wanted = text.len() + bytes;
                }
                (End::NotYet, 0) => {
                    self.skipping = true;
                    if self.split_rule == SplitRule::Document {
                        // The rest of the document is not read.
                        self.end = End::Reached;
                    }
                    break text.len();
                }
                (End::NotYet, whole) => break whole,
            }
        };
        if whole == 0 && skipped_bytes == 0 {
            return match std::mem::replace(&mut self.end, End::Reached) {
                End::Broken(error) => Err(error),
                _ => Ok(None),
            };
        }
        if matches!(self.end, End::NotYet) {
            self.carried.extend_from_slice(&text[whole..]);
        }
        text.truncate(whole);
        self.number += 1;
        Ok(Some(Block {
            number: self.number - 1,
            is_truncated: self.skipping,
            is_last: matches!(self.end, End::Reached),
            skipped_bytes,
            stored_bytes: self.file.stream_position().unwrap_or(0),
            text,
        }))
    }

    /// For row groups, the next block is just an index.
    fn next_group(&mut self, count: u64, text: Vec<u8>) -> Option<Block> {
        let number = self.number;
        let is_more = number < count;
        self.number += u64::from(is_more);
        is_more.then(|| Block { number, text, ..Block::default() })
    }

    /// Reads until the text has that many bytes, or the input ends.
    fn fill(&mut self, text: &mut Vec<u8>, bytes: usize) {
        while matches!(self.end, End::NotYet) && text.len() < bytes {
            let missing = (bytes - text.len()) as u64;
            match self.reader.by_ref().take(missing).read_to_end(text) {
                Ok(0) => self.end = End::Reached,
                Ok(_) => {}
                Err(error) => self.end = End::Broken(error),
            }
        }
    }

    /// Skips the rest of a line that is too long. Returns the bytes skipped.
    fn skip_line(&mut self, rest: &mut Vec<u8>) -> u64 {
        let mut skipped = 0;
        loop {
            self.fill(rest, READ_BYTES);
            let end = memchr::memchr(b'\n', rest).map(|at| at + 1);
            let of_line = end.unwrap_or(rest.len());
            rest.drain(..of_line);
            skipped += of_line as u64;
            if end.is_some() || !matches!(self.end, End::NotYet) {
                self.skipping = false;
                return skipped;
            }
        }
    }
}
