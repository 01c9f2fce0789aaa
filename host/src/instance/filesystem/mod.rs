//! `wasi:filesystem` for guests: WASI's own, below the directories that are granted,
//! with a quota that is asked before anything is written or made, and without links.
//!
//! Everything that is not about that is handed on.

mod alike;
mod quota;
mod stream;

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::WasiCtxView;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, ErrorCode, Filesize, Host, HostDescriptor, HostDirectoryEntryStream,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use self::alike::{Numbers, SortedEntries, without_times};
pub(crate) use self::quota::{OverQuota, Quota};
use self::stream::{CountedStream, size};
use super::HostState;

/// What is known of a guest's files beside WASI's own.
#[derive(Debug)]
pub(crate) struct Files {
    quota: Quota,
    /// Where two runs must be alike: files by the order in which they were looked at.
    numbers: Option<Numbers>,
}

impl Files {
    pub(crate) fn new(quota: Quota, deterministic: bool) -> Self {
        Self { quota, numbers: deterministic.then(Numbers::default) }
    }
}

/// The file system of one guest.
pub(crate) struct FilesystemView<'a> {
    wasi: WasiFilesystemCtxView<'a>,
    files: &'a mut Files,
}

struct HasFilesystem;

impl HasData for HasFilesystem {
    type Data<'a> = FilesystemView<'a>;
}

/// In place of WASI's own, which has no quota.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    types::add_to_linker::<HostState, HasFilesystem>(linker, HostState::files)
}

impl HostState {
    fn files(&mut self) -> FilesystemView<'_> {
        let (WasiCtxView { ctx, table }, files) = self.wasi_and_files();
        FilesystemView { wasi: WasiFilesystemCtxView { ctx: ctx.filesystem(), table }, files }
    }
}

fn file_of(descriptor: &Descriptor) -> &std::fs::File {
    match descriptor {
        Descriptor::File(file) => &file.file,
        Descriptor::Dir(dir) => &dir.dir,
    }
}

fn over(error: OverQuota) -> FsError {
    FsError::trap(error)
}

impl FilesystemView<'_> {
    /// True where this path below a directory leads to nothing that is known of.
    async fn is_free(&mut self, dir: &Resource<Descriptor>, path: &str) -> bool {
        let dir = Resource::new_borrow(dir.rep());
        self.wasi.stat_at(dir, PathFlags::empty(), path.to_owned()).await.is_err()
    }

    /// What a path leads to is about to go: who comes after it may get its place in the
    /// machine's file system, and is not to get its number.
    async fn forget(&mut self, dir: &Resource<Descriptor>, path: &str) {
        if self.files.numbers.is_none() {
            return;
        }
        let dir = Resource::new_borrow(dir.rep());
        let (no_flags, to_read) = (OpenFlags::empty(), DescriptorFlags::READ);
        let path_flags = PathFlags::empty();
        let opened = self.wasi.open_at(dir, path_flags, path.to_owned(), no_flags, to_read).await;
        let Ok(opened) = opened else { return };
        let borrowed = Resource::new_borrow(opened.rep());
        if let (Ok(known), Some(numbers)) =
            (self.wasi.table.get(&borrowed), self.files.numbers.as_mut())
        {
            numbers.forget(file_of(known));
        }
        // It was put there just now.
        let _ = HostDescriptor::drop(&mut self.wasi, opened);
    }

    /// The file behind a descriptor, where a stream is to write to it.
    fn counted(
        &mut self,
        descriptor: &Resource<Descriptor>,
        stream: Resource<DynOutputStream>,
        position: Option<u64>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let Descriptor::File(file) = self.wasi.table.get(descriptor)? else {
            return Err(ErrorCode::BadDescriptor.into());
        };
        let file = file.file.clone();
        let inner = self.wasi.table.delete(stream)?;
        let quota = self.files.quota.clone();
        let counted = CountedStream { inner, file, position, quota };
        let counted: DynOutputStream = Box::new(counted);
        Ok(self.wasi.table.push(counted)?)
    }

    fn grow(&mut self, descriptor: &Resource<Descriptor>, end: u64) -> FsResult<()> {
        match self.wasi.table.get(descriptor)? {
            Descriptor::File(file) if !file.perms.write_not_permitted() => {
                self.files.quota.grow(size(&file.file), end).map_err(over)
            }
            // It will be refused for what it is.
            _ => Ok(()),
        }
    }
}

impl Host for FilesystemView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.wasi.convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        self.wasi.filesystem_error_code(error)
    }
}

impl HostDescriptor for FilesystemView<'_> {
    async fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.grow(&descriptor, offset.saturating_add(bytes.len() as u64))?;
        self.wasi.write(descriptor, bytes, offset).await
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let borrowed = Resource::new_borrow(descriptor.rep());
        let stream = self.wasi.write_via_stream(descriptor, offset)?;
        self.counted(&borrowed, stream, Some(offset))
    }

    fn append_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let borrowed = Resource::new_borrow(descriptor.rep());
        let stream = self.wasi.append_via_stream(descriptor)?;
        self.counted(&borrowed, stream, None)
    }

    async fn set_size(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.grow(&descriptor, size)?;
        self.wasi.set_size(descriptor, size).await
    }

    async fn open_at(
        &mut self,
        dir: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let makes = open_flags.contains(OpenFlags::CREATE) && self.is_free(&dir, &path).await;
        if makes {
            self.files.quota.make().map_err(over)?;
        }
        let opened = self.wasi.open_at(dir, path_flags, path, open_flags, flags).await;
        if makes && opened.is_err() {
            self.files.quota.unmake();
        }
        opened
    }

    async fn create_directory_at(
        &mut self,
        dir: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        self.files.quota.make().map_err(over)?;
        let made = self.wasi.create_directory_at(dir, path).await;
        if made.is_err() {
            self.files.quota.unmake();
        }
        made
    }

    /// No plugin needs links, and whoever reads its directory could be led astray by them.
    async fn link_at(
        &mut self,
        _dir: Resource<Descriptor>,
        _path_flags: PathFlags,
        _path: String,
        _new_dir: Resource<Descriptor>,
        _new_path: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn symlink_at(
        &mut self,
        _dir: Resource<Descriptor>,
        _from: String,
        _to: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn stat(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        let stat = self.wasi.stat(descriptor).await?;
        Ok(if self.files.numbers.is_some() { without_times(stat) } else { stat })
    }

    async fn stat_at(
        &mut self,
        dir: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let stat = self.wasi.stat_at(dir, path_flags, path).await?;
        Ok(if self.files.numbers.is_some() { without_times(stat) } else { stat })
    }

    async fn metadata_hash(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FsResult<MetadataHashValue> {
        let Some(numbers) = &mut self.files.numbers else {
            return self.wasi.metadata_hash(descriptor).await;
        };
        Ok(numbers.of(file_of(self.wasi.table.get(&descriptor)?)))
    }

    async fn metadata_hash_at(
        &mut self,
        dir: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        if self.files.numbers.is_none() {
            return self.wasi.metadata_hash_at(dir, path_flags, path).await;
        }
        let (no_flags, to_read) = (OpenFlags::empty(), DescriptorFlags::READ);
        let opened = self.wasi.open_at(dir, path_flags, path, no_flags, to_read).await?;
        let borrowed = Resource::new_borrow(opened.rep());
        let hash = self.metadata_hash(borrowed).await;
        HostDescriptor::drop(&mut self.wasi, opened).map_err(FsError::trap)?;
        hash
    }

    async fn read_directory(
        &mut self,
        dir: Resource<Descriptor>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        let stream = self.wasi.read_directory(dir).await?;
        if self.files.numbers.is_none() {
            return Ok(stream);
        }
        let entries: FsResult<Vec<_>> = self.wasi.table.delete(stream)?.into_iter().collect();
        let sorted = self.wasi.table.push(SortedEntries::new(entries?))?;
        Ok(Resource::new_own(sorted.rep()))
    }

    async fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.wasi.advise(descriptor, offset, length, advice).await
    }

    async fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync_data(descriptor).await
    }

    async fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.wasi.get_flags(descriptor).await
    }

    async fn get_type(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.wasi.get_type(descriptor).await
    }

    async fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi.set_times(descriptor, access, modification).await
    }

    async fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.wasi.read(descriptor, length, offset).await
    }

    async fn sync(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.wasi.sync(descriptor).await
    }

    async fn set_times_at(
        &mut self,
        dir: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.wasi.set_times_at(dir, path_flags, path, access, modification).await
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        HostDescriptor::drop(&mut self.wasi, descriptor)
    }

    async fn readlink_at(&mut self, dir: Resource<Descriptor>, path: String) -> FsResult<String> {
        self.wasi.readlink_at(dir, path).await
    }

    async fn remove_directory_at(
        &mut self,
        dir: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        self.forget(&dir, &path).await;
        self.wasi.remove_directory_at(dir, path).await
    }

    async fn rename_at(
        &mut self,
        dir: Resource<Descriptor>,
        path: String,
        new_dir: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        self.forget(&new_dir, &new_path).await;
        self.wasi.rename_at(dir, path, new_dir, new_path).await
    }

    async fn unlink_file_at(&mut self, dir: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.forget(&dir, &path).await;
        self.wasi.unlink_file_at(dir, path).await
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.wasi.read_via_stream(descriptor, offset)
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.wasi.is_same_object(one, other).await
    }
}

impl HostDirectoryEntryStream for FilesystemView<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        if self.files.numbers.is_none() {
            return self.wasi.read_directory_entry(stream).await;
        }
        Ok(self.wasi.table.get_mut(&sorted(&stream))?.next())
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        if self.files.numbers.is_none() {
            return HostDirectoryEntryStream::drop(&mut self.wasi, stream);
        }
        self.wasi.table.delete(Resource::<SortedEntries>::new_own(stream.rep()))?;
        Ok(())
    }
}

/// What a stream of entries is, where they are sorted.
fn sorted(stream: &Resource<DirectoryEntryStream>) -> Resource<SortedEntries> {
    Resource::new_borrow(stream.rep())
}
