//! Why a file is no photo for the pipeline.

/// Why a file is no photo for the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The file has no bytes.
    #[error("the photo is empty: 0 bytes")]
    Empty,
    /// The file has too many bytes.
    #[error("the photo has {found} bytes, more than the {limit} allowed")]
    TooManyBytes {
        /// Bytes of the file.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The content is of no format that is read, whatever the file's name says.
    #[error("the photo is {found}: {advice}")]
    Format {
        /// What it seems to be.
        found: String,
        /// What is read, and what to do.
        advice: String,
    },
    /// The picture is too small.
    #[error("the photo measures {width} x {height} pixels, less than {limit} on a side")]
    TooSmall {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels needed on each side.
        limit: u32,
    },
    /// The picture is too large; it was not decoded.
    #[error("the photo measures {width} x {height} pixels, more than {limit} on a side")]
    TooLarge {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels allowed on each side.
        limit: u32,
    },
    /// The file asks for more memory than any picture of the allowed size takes; it was not decoded.
    #[error("the photo needs too much memory: {0}")]
    TooMuchMemory(String),
    /// The file is damaged or cut off.
    #[error("the photo cannot be decoded: {0}")]
    Damaged(String),
}
