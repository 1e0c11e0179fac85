//! JPEG (ITU-T T.81): sequential and progressive Huffman frames of 8 bits, to the pixels that
//! libjpeg gives, bit for bit.
//!
//! Written here because no library of pure Rust gives these pixels for all frames, and those in C
//! need an assembler or CMake on the machine that builds.

mod bits;
mod blocks;
mod colour;
mod decoder;
mod error;
mod frame;
mod huffman;
mod idct;
mod scan;
mod segments;
mod upsample;

pub(super) use decoder::Decoder;
pub(super) use error::JpegError;
