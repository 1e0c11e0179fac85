//! Products on the matrix unit of a processor (Intel AMX): 16 times as many at once as by its
//! vectors.
//!
//! The unit multiplies values of bfloat16, of 8 bits, and sums up in `f32`. A value is split into
//! three of bfloat16, which together have all its 24 bits, and six of the nine products of parts
//! are summed up (Henry et al., "Leveraging the bfloat16 Artificial Intelligence Datatype For
//! Higher-Precision Computations", 2019): what is left out is as small as the rounding of a product
//! in `f32`. A matrix of values that were of half precision once has two parts only, and five
//! products are enough. Where rounding is allowed, values have two parts, 16 bits, and three
//! products are summed up: each is off by 2⁻¹⁶ of itself at most.
//!
//! Infinity becomes NaN; values below 2e-29 have 8 bits, and below 1e-38 they are zero.
//!
//! A chunk is 32 values of 32 rows, or of 32 columns: for each part a tile of 16 of them, a
//! kilobyte, then those of 16 more. The matrix lies in chunks from the beginning; the rows are
//! split a block at a time, as many values of each as leave room for the columns in a level-1
//! cache.

mod parts;
mod product;
mod rows;
mod run;
mod split;
mod tiles;

pub(super) use parts::Parts;
pub(super) use run::run;
pub(super) use tiles::Tiles;
