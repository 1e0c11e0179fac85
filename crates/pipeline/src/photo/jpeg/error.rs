//! Why a JPEG file is not decoded.

/// Why a JPEG file is not decoded; the words complete "the photo cannot be decoded: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::photo) enum JpegError {
    /// The file ends, or its data, before the picture is whole.
    CutOff,
    /// The file contradicts itself.
    Damaged(&'static str),
    /// A kind of JPEG that is not read: its name.
    NotRead(&'static str),
}
