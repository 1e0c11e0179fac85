//! Products with a matrix that is packed once: `out = activation(rows · matrix + bias) + residual`.
//!
//! The left operand is not packed. A tile of the output is held in registers while the innermost
//! loop reads one value of each of its rows and one row of the packed panel; the rows may lie
//! anywhere, in as many pieces as one likes. So a convolution on a channels-last image is a
//! product whose rows are pixels, without columns that are built first. Rows that do not lie in
//! memory, as those of a deformable convolution, are computed a block at a time.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod amx;
mod bytes;
mod chained;
mod epilogue;
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
mod finish;
mod job;
mod line;
mod multiply;
mod operand;
mod packed;
mod scratch;
mod small;
#[cfg_attr(not(any(target_arch = "x86_64", target_arch = "aarch64")), allow(dead_code))]
mod square;
#[cfg(test)]
mod tests;
mod tile;
mod tiling;

pub(crate) use chained::Chained;
pub(crate) use epilogue::{Epilogue, Residual};
pub(crate) use multiply::{Output, block, multiply, product};
pub(crate) use operand::{Computed, Dense, Operand};
pub(crate) use packed::Packed;
pub(crate) use scratch::Scratch;
pub(crate) use small::{AT_ONCE, SmallMatrix};
