//! Calls as a guest makes them.

use bytes::Bytes;
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor, HostDirectoryEntryStream, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsError, FsResult, StreamError};

use super::*;
use perfbox_model::permissions::Permissions;

/// A store's state with a directory, of which a descriptor is open.
struct Guest {
    state: HostState,
    out: u32,
    dir: tempfile::TempDir,
}

type Fd = Resource<Descriptor>;

impl Guest {
    fn new(output_bytes: usize, output_files: usize, deterministic: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { output_bytes, output_files, ..Limits::default() };
        let grants = Permissions::default();
        let mut state = HostState::new(&limits, &grants, Some(dir.path()), deterministic).unwrap();
        let out = state.filesystem().get_directories().unwrap()[0].0.rep();
        Self { state, out, dir }
    }

    fn out(&self) -> Fd {
        Resource::new_borrow(self.out)
    }

    async fn open(&mut self, path: &str, open_flags: OpenFlags) -> FsResult<Fd> {
        let (out, flags) = (self.out(), DescriptorFlags::READ | DescriptorFlags::WRITE);
        self.state.open_at(out, PathFlags::empty(), path.to_owned(), open_flags, flags).await
    }

    async fn create(&mut self, path: &str) -> Fd {
        self.open(path, OpenFlags::CREATE).await.unwrap()
    }

    async fn hash_at(&mut self, path: &str) -> u64 {
        let (out, flags) = (self.out(), PathFlags::empty());
        self.state.metadata_hash_at(out, flags, path.to_owned()).await.unwrap().lower
    }

    async fn names(&mut self) -> Vec<String> {
        let stream = self.state.read_directory(self.out()).await.unwrap();
        let mut names = Vec::new();
        let again = || Resource::new_borrow(stream.rep());
        while let Some(entry) = self.state.read_directory_entry(again()).await.unwrap() {
            names.push(entry.name);
        }
        HostDirectoryEntryStream::drop(&mut self.state, stream).unwrap();
        names
    }

    fn stream(&mut self, stream: &Resource<DynOutputStream>) -> &mut DynOutputStream {
        self.state.table.get_mut(stream).unwrap()
    }

    /// Bytes that the directory's files have.
    fn on_disk(&self) -> u64 {
        let sizes = self.dir.path().read_dir().unwrap();
        sizes.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    }
}

fn again(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

/// What a call was ended by, where it was ended by the quota.
fn over<T>(result: FsResult<T>) -> Option<String> {
    let error = result.err()?;
    assert!(error.downcast_ref().is_none_or(|code: &ErrorCode| panic!("{code}")));
    Some(error.to_string())
}

fn over_in_stream<T>(result: Result<T, StreamError>) -> bool {
    match result {
        Ok(_) => false,
        Err(StreamError::Trap(error)) => {
            assert!(error.is::<OverQuota>(), "{error}");
            true
        }
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn growth_is_charged_and_rewriting_is_free() {
    let mut guest = Guest::new(100, 10, false);
    let fd = guest.create("a").await;
    guest.state.write(again(&fd), vec![1; 60], 0).await.unwrap();
    for _ in 0..5 {
        guest.state.write(again(&fd), vec![2; 60], 0).await.unwrap();
    }
    // A hole is charged as well, and what was cut off is not given back.
    guest.state.write(again(&fd), vec![3; 10], 80).await.unwrap();
    guest.state.set_size(again(&fd), 0).await.unwrap();
    let refused = over(guest.state.write(again(&fd), vec![4; 11], 0).await).unwrap();
    assert_eq!(refused, "it wanted to write 101 B in all, and its limit `output` is 100 B");
    guest.state.set_size(again(&fd), 10).await.unwrap();
    assert_eq!(guest.on_disk(), 10);
}

#[tokio::test]
async fn no_way_of_writing_goes_past_the_quota() {
    let mut guest = Guest::new(100, 10, false);
    let fd = guest.create("a").await;
    let second = guest.open("a", OpenFlags::empty()).await.unwrap();
    let too_large = [8 << 40, 101, u64::MAX];
    for size in too_large {
        assert!(over(guest.state.set_size(again(&fd), size).await).is_some());
        assert!(over(guest.state.write(again(&fd), vec![1], size).await).is_some());
        let stream = guest.state.write_via_stream(again(&fd), size).unwrap();
        let written = guest.stream(&stream).blocking_write_and_flush(Bytes::from("a")).await;
        assert!(over_in_stream(written));
    }
    let at = guest.state.write_via_stream(again(&fd), 0).unwrap();
    let end = guest.state.append_via_stream(again(&second)).unwrap();
    guest.stream(&at).blocking_write_and_flush(Bytes::from(vec![1; 50])).await.unwrap();
    guest.stream(&end).blocking_write_and_flush(Bytes::from(vec![2; 30])).await.unwrap();
    // Over what the other one appended, then past it.
    guest.stream(&at).blocking_write_and_flush(Bytes::from(vec![3; 40])).await.unwrap();
    assert_eq!(guest.on_disk(), 90);
    assert!(over_in_stream(guest.stream(&at).write(Bytes::from(vec![4; 11]))));
    assert!(over_in_stream(guest.stream(&end).write(Bytes::from(vec![4; 11]))));
    assert!(over_in_stream(guest.stream(&end).write_zeroes(11)));
    let written = guest.stream(&end).blocking_write_and_flush(Bytes::from(vec![4; 11])).await;
    assert!(over_in_stream(written));
    guest.stream(&end).write_zeroes(10).unwrap();
    guest.stream(&end).write_ready().await.unwrap();
    assert_eq!(guest.on_disk(), 100);
}

#[tokio::test]
async fn a_stream_takes_no_more_at_once_than_it_said() {
    let mut guest = Guest::new(1 << 30, 10, false);
    let fd = guest.create("a").await;
    let stream = guest.state.write_via_stream(fd, 0).unwrap();
    let permit = guest.stream(&stream).check_write().unwrap();
    let written = guest.stream(&stream).write(Bytes::from(vec![1; permit + 1]));
    assert!(matches!(written, Err(StreamError::Trap(_))));
    guest.stream(&stream).write(Bytes::from(vec![1; permit])).unwrap();
    // It is there, whoever looks and whenever the stream goes.
    assert_eq!(guest.on_disk(), permit as u64);
    guest.stream(&stream).write(Bytes::from("a")).unwrap();
    assert_eq!(guest.on_disk(), permit as u64 + 1);
}

#[tokio::test]
async fn files_and_directories_are_counted_when_they_are_made() {
    let mut guest = Guest::new(1, 3, false);
    guest.create("a").await;
    guest.create("a").await;
    guest.open("missing", OpenFlags::empty()).await.unwrap_err();
    guest.open("a", OpenFlags::CREATE | OpenFlags::EXCLUSIVE).await.unwrap_err();
    guest.open("no/such/place", OpenFlags::CREATE).await.unwrap_err();
    guest.state.create_directory_at(guest.out(), "a".to_owned()).await.unwrap_err();
    guest.state.create_directory_at(guest.out(), "b".to_owned()).await.unwrap();
    guest.state.rename_at(guest.out(), "a".to_owned(), guest.out(), "c".to_owned()).await.unwrap();
    guest.state.unlink_file_at(guest.out(), "c".to_owned()).await.unwrap();
    guest.create("d").await;
    let words = "it made more files and directories than its limit `output_files` of 3";
    assert_eq!(over(guest.open("e", OpenFlags::CREATE).await).unwrap(), words);
    let made = guest.state.create_directory_at(guest.out(), "e".to_owned()).await;
    assert_eq!(over(made).unwrap(), words);
    assert_eq!(guest.names().await, ["b", "d"]);
}

#[tokio::test]
async fn links_are_not_made() {
    let mut guest = Guest::new(1, 10, false);
    guest.create("a").await;
    let denied = |result: FsResult<()>| {
        let error: FsError = result.unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&ErrorCode::NotPermitted));
    };
    let (out, flags) = (guest.out(), PathFlags::empty());
    denied(guest.state.link_at(guest.out(), flags, "a".to_owned(), out, "b".to_owned()).await);
    denied(guest.state.symlink_at(guest.out(), "a".to_owned(), "b".to_owned()).await);
    assert_eq!(guest.names().await, ["a"]);
}

#[tokio::test]
async fn a_deterministic_one_shows_no_times_and_no_inodes() {
    let mut guest = Guest::new(1, 100, true);
    for name in ["c", "a", "b"] {
        guest.create(name).await;
    }
    assert_eq!(guest.names().await, ["a", "b", "c"]);
    assert_eq!((guest.hash_at("b").await, guest.hash_at("a").await), (1, 2));
    let fd = guest.open("b", OpenFlags::empty()).await.unwrap();
    assert_eq!(guest.state.metadata_hash(again(&fd)).await.unwrap().lower, 1);
    guest.state.set_times(again(&fd), NewTimestamp::Now, NewTimestamp::Now).await.unwrap();
    let (out, flags) = (guest.out(), PathFlags::empty());
    let of_path = guest.state.stat_at(out, flags, "b".to_owned()).await.unwrap();
    let of_dir = guest.state.stat(guest.out()).await.unwrap();
    for stat in [guest.state.stat(fd).await.unwrap(), of_path, of_dir] {
        let times = [
            stat.data_access_timestamp,
            stat.data_modification_timestamp,
            stat.status_change_timestamp,
        ];
        assert!(times.iter().flatten().all(|time| (time.seconds, time.nanoseconds) == (0, 0)));
        assert_eq!((stat.size, stat.link_count), (0, 1));
    }
}

#[tokio::test]
async fn a_file_that_takes_anothers_place_has_a_number_of_its_own() {
    let mut guest = Guest::new(1, 100, true);
    for n in 1..=20 {
        guest.create("a").await;
        assert_eq!(guest.hash_at("a").await, n);
        guest.state.unlink_file_at(guest.out(), "a".to_owned()).await.unwrap();
    }
    guest.create("b").await;
    guest.create("c").await;
    assert_eq!((guest.hash_at("b").await, guest.hash_at("c").await), (21, 22));
    guest.state.rename_at(guest.out(), "b".to_owned(), guest.out(), "c".to_owned()).await.unwrap();
    assert_eq!(guest.hash_at("c").await, 21);
    guest.create("d").await;
    assert_eq!(guest.hash_at("d").await, 23);
}
