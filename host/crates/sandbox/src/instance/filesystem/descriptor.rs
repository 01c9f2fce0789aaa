//! Every function of `wasi:filesystem/types`: handed on to wasmtime-wasi, or charged for,
//! refused, or made the same everywhere.

use std::fs::File;
use std::sync::Arc;

use wasmtime::Result;
use wasmtime::component::Resource;
use wasmtime_wasi::OpenMode;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry,
    DirectoryEntryStream, ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::listing::Listing;
use super::stream::{ChargedStream, Place};
use super::{HostState, Key, key};

type Fd = Resource<Descriptor>;

/// The same descriptor, for another call.
fn again(fd: &Fd) -> Fd {
    Resource::new_borrow(fd.rep())
}

fn listing(stream: &Resource<DirectoryEntryStream>) -> Resource<Listing> {
    Resource::new_own(stream.rep())
}

impl HostState {
    /// The file, where it may be written; wasmtime-wasi or the system refuses others.
    fn writable_file(&self, fd: &Fd) -> FsResult<Option<Arc<File>>> {
        Ok(match self.table.get(fd)? {
            Descriptor::File(one) if one.open_mode.contains(OpenMode::WRITE) => {
                (!one.perms.write_not_permitted()).then(|| Arc::clone(&one.file))
            }
            _ => None,
        })
    }

    fn is_writable_dir(&self, fd: &Fd) -> FsResult<bool> {
        Ok(match self.table.get(fd)? {
            Descriptor::Dir(dir) => !dir.perms.write_not_permitted(),
            Descriptor::File(_) => false,
        })
    }

    fn charged(
        &mut self,
        file: Option<Arc<File>>,
        stream: Resource<DynOutputStream>,
        place: Place,
    ) -> FsResult<Resource<DynOutputStream>> {
        let Some(file) = file else { return Ok(stream) };
        // WASI's own, which writes in the background: what it has not written when the
        // store is dropped is lost.
        self.table.delete(stream)?;
        // Somebody else's pipe would be waited for.
        if !file.metadata().is_ok_and(|found| found.is_file()) {
            return Err(ErrorCode::NotPermitted.into());
        }
        let quota = Arc::clone(&self.files.quota);
        let charged: DynOutputStream = Box::new(ChargedStream { file, place, quota });
        Ok(self.table.push(charged)?)
    }

    /// What a path leads to that is about to be removed, where that matters.
    async fn leaving(&mut self, fd: &Fd, path: &str) -> Option<Key> {
        if !self.files.deterministic {
            return None;
        }
        let (fd, flags) = (again(fd), PathFlags::empty());
        let hash = self.filesystem().metadata_hash_at(fd, flags, path.to_owned()).await;
        hash.ok().map(key)
    }

    fn has_left(&mut self, left: Option<Key>) {
        if let Some(key) = left {
            self.files.numbers.forget(key);
        }
    }
}

impl types::Host for HostState {
    fn convert_error_code(&mut self, error: FsError) -> Result<ErrorCode> {
        self.filesystem().convert_error_code(error)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> Result<Option<ErrorCode>> {
        self.filesystem().filesystem_error_code(error)
    }
}

impl HostDescriptor for HostState {
    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        if let Some(file) = self.writable_file(&fd)?
            && !bytes.is_empty()
        {
            self.files.quota.reach(&file, offset.saturating_add(bytes.len() as u64))?;
        }
        self.filesystem().write(fd, bytes, offset).await
    }

    fn write_via_stream(
        &mut self,
        fd: Fd,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable_file(&fd)?;
        let stream = self.filesystem().write_via_stream(fd, offset)?;
        self.charged(file, stream, Place::At(offset))
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable_file(&fd)?;
        let stream = self.filesystem().append_via_stream(fd)?;
        self.charged(file, stream, Place::End)
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        if let Some(file) = self.writable_file(&fd)? {
            self.files.quota.reach(&file, size)?;
        }
        self.filesystem().set_size(fd, size).await
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let mut makes = open_flags.contains(OpenFlags::CREATE) && self.is_writable_dir(&fd)?;
        if makes {
            let found = self.filesystem().stat_at(again(&fd), path_flags, path.clone()).await;
            makes = found.is_err();
        }
        if makes {
            self.files.quota.make()?;
        }
        let opened = self.filesystem().open_at(fd, path_flags, path, open_flags, flags).await;
        if makes && opened.is_err() {
            self.files.quota.unmake();
        }
        opened
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let makes = self.is_writable_dir(&fd)?;
        if makes {
            self.files.quota.make()?;
        }
        let made = self.filesystem().create_directory_at(fd, path).await;
        if makes && made.is_err() {
            self.files.quota.unmake();
        }
        made
    }

    async fn link_at(
        &mut self,
        _fd: Fd,
        _old_path_flags: PathFlags,
        _old_path: String,
        _new_fd: Fd,
        _new_path: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn symlink_at(&mut self, _fd: Fd, _old_path: String, _new_path: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    async fn rename_at(
        &mut self,
        fd: Fd,
        old_path: String,
        new_fd: Fd,
        new_path: String,
    ) -> FsResult<()> {
        let moved = self.leaving(&fd, &old_path).await;
        let left = self.leaving(&new_fd, &new_path).await;
        self.filesystem().rename_at(fd, old_path, new_fd, new_path).await?;
        self.has_left(left.filter(|left| Some(*left) != moved));
        Ok(())
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let left = self.leaving(&fd, &path).await;
        self.filesystem().unlink_file_at(fd, path).await?;
        self.has_left(left);
        Ok(())
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let left = self.leaving(&fd, &path).await;
        self.filesystem().remove_directory_at(fd, path).await?;
        self.has_left(left);
        Ok(())
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        let stat = self.filesystem().stat(fd).await?;
        Ok(self.files.shown_stat(stat))
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let stat = self.filesystem().stat_at(fd, path_flags, path).await?;
        Ok(self.files.shown_stat(stat))
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        let hash = self.filesystem().metadata_hash(fd).await?;
        Ok(self.files.shown_hash(hash))
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let hash = self.filesystem().metadata_hash_at(fd, path_flags, path).await?;
        Ok(self.files.shown_hash(hash))
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let stream = self.filesystem().read_directory(fd).await?;
        let entries = self.table.delete(stream)?;
        let listing = Listing::new(entries, &mut self.files.listed).map_err(FsError::trap)?;
        Ok(Resource::new_own(self.table.push(listing)?.rep()))
    }

    async fn advise(
        &mut self,
        fd: Fd,
        offset: Filesize,
        len: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.filesystem().advise(fd, offset, len, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.filesystem().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.filesystem().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.filesystem().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        self.filesystem().get_type(fd).await
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.filesystem().set_times(fd, accessed, modified).await
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        self.filesystem().set_times_at(fd, path_flags, path, accessed, modified).await
    }

    async fn read(&mut self, fd: Fd, len: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.filesystem().read(fd, len, offset).await
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        self.filesystem().read_via_stream(fd, offset)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        self.filesystem().readlink_at(fd, path).await
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> Result<bool> {
        self.filesystem().is_same_object(a, b).await
    }

    fn drop(&mut self, fd: Fd) -> Result<()> {
        HostDescriptor::drop(&mut self.filesystem(), fd)
    }
}

impl HostDirectoryEntryStream for HostState {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.table.get_mut(&listing(&stream))?.next()
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> Result<()> {
        let listing = self.table.delete(listing(&stream))?;
        self.files.listed -= listing.len();
        Ok(())
    }
}
