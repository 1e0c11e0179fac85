//! What the operations are made of on processor cores: views of tensors, vectors, products.

pub(crate) mod isa;
pub(crate) mod lerp;
pub(crate) mod matmul;
pub(crate) mod simd_math;
mod units;
pub(crate) mod vectors;
pub(crate) mod view;
