//! Memory-mapping a file: the crate's only `unsafe`.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A file's bytes, mapped read-only.
#[derive(Debug)]
pub(crate) struct Map(memmap2::Mmap);

impl Map {
    /// Maps a file of at least one byte.
    #[allow(unsafe_code)]
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: a map is sound as long as nobody writes to the file or shortens it while it is mapped. Nothing in this
        // workspace does: a download is written under another name and renamed once complete, which gives the name to
        // a new file and leaves the mapped one as it is. That other programs do not write into a checkpoint in use is the
        // contract of `Checkpoint::open`, as for every reader of mapped files. The map itself is read-only, and its
        // bytes are only read as `u8` or copied out, so no value has a forbidden bit pattern.
        unsafe { memmap2::Mmap::map(file) }.map(Self)
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
