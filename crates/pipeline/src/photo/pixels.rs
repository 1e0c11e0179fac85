//! Pixels as files have them.

/// Pixels of 8 bits a channel, row by row.
#[derive(Debug)]
pub(super) enum Pixels {
    /// One byte a pixel.
    Grey(Vec<u8>),
    /// Three bytes a pixel.
    Rgb(Vec<u8>),
    /// Four bytes a pixel: how much of cyan, magenta, yellow and black is *not* there.
    InvertedCmyk(Vec<u8>),
}
