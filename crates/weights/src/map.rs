//! The bytes of a checkpoint. Memory-mapping a file is the crate's only `unsafe`.

use std::fs::File;
use std::io;
use std::ops::Deref;

/// A checkpoint's bytes: those of a file, mapped read-only, or part of the program.
#[derive(Debug)]
pub(crate) enum Map {
    File(memmap2::Mmap),
    Program(&'static [u8]),
}

impl Map {
    /// Maps a file of at least one byte.
    #[allow(unsafe_code)]
    pub(crate) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: a map is sound as long as nobody writes to the file or shortens it while it is mapped. Nothing in this
        // workspace does: a download is written under another name and renamed once complete, which gives the name to
        // a new file and leaves the mapped one as it is. That other programs do not write into a checkpoint in use is the
        // contract of `Checkpoint::open`, as for every reader of mapped files. The map itself is read-only, and its
        // bytes are only read as `u8` or copied out, so no value has a forbidden bit pattern.
        unsafe { memmap2::Mmap::map(file) }.map(Self::File)
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::File(map) => map,
            Self::Program(bytes) => bytes,
        }
    }
}
