//! Products of bytes: four at once where a vector multiplies one value, on a matrix unit 64.
//!
//! A weight is a whole number from -127 to 127 times the scale of its column; a value a whole
//! number from 0 to 255, less that which stands for zero, times the scale of its row. Sums are
//! whole numbers, so nothing is lost but by rounding the factors (Jacob et al., "Quantization and
//! Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018; with the
//! range of a row taken as it comes, nothing has to be calibrated).
//!
//! A row with a value that is not finite comes out as NaN.
//!
//! A chunk is 64 values of 32 rows, a row after the other, or of 32 columns: 16 lines of four
//! values each of 16 columns, then as many of the 16 others.

#[cfg(target_arch = "x86_64")]
mod amx;
mod layout;
#[cfg(target_arch = "aarch64")]
mod neon;
mod rows;
mod run;
#[cfg(target_arch = "x86_64")]
mod vnni;

pub(super) use run::run;
