//! What kernels over vectors have in common.
//!
//! Inside such a kernel arrays are built by [`unrolled!`], not by `map` or `from_fn`: their
//! closures would be compiled as functions of their own, without the vector instructions.

#![allow(unsafe_code)]

use pulp::Simd;

/// Repeats a block for each index below a limit known when compiling, up to 24, 6 or 4. A loop may
/// or may not be unrolled; an array that is indexed by its counter would then stand in memory, not
/// in registers.
macro_rules! unrolled {
    ($index:ident < $limit:tt, $body:block) => {
        unrolled!(
            [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23], $index, $limit, $body
        )
    };
    ($index:ident < $limit:tt <= 4, $body:block) => {
        unrolled!([0 1 2 3], $index, $limit, $body)
    };
    ($index:ident < $limit:tt <= 6, $body:block) => {
        unrolled!([0 1 2 3 4 5], $index, $limit, $body)
    };
    ([$($number:literal)*], $index:ident, $limit:tt, $body:block) => {
        $(if $number < $limit {
            let $index: usize = $number;
            $body
        })*
    };
}
pub(crate) use unrolled;

/// Values in one cache line, which is as long as the longest vectors.
pub(crate) const LINE: usize = 16;

/// The values of a slice of at most a vector, zeros after them.
#[inline(always)]
pub(crate) fn read<S: Simd>(simd: S, values: &[f32]) -> S::f32s {
    if values.len() == S::F32_LANES {
        // SAFETY: the slice is a whole vector long.
        return unsafe { load::<S>(values.as_ptr()) };
    }
    simd.partial_load_f32s(values)
}

/// Writes as many values as the slice has, at most a vector.
#[inline(always)]
pub(crate) fn write<S: Simd>(simd: S, to: &mut [f32], vector: S::f32s) {
    if to.len() == S::F32_LANES {
        // SAFETY: the slice is a whole vector long.
        unsafe { to.as_mut_ptr().cast::<S::f32s>().write_unaligned(vector) };
    } else {
        simd.partial_store_f32s(to, vector);
    }
}

/// Asks for the cache lines of so many values, which will be read soon. Does nothing where there is
/// no such instruction.
#[inline(always)]
pub(crate) fn prefetch(from: *const f32, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..count).step_by(64 / size_of::<f32>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(line).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, count);
}

/// # Safety
/// A whole vector may be read from `from`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(from: *const f32) -> S::f32s {
    // SAFETY: the caller's promise; any bits are a valid vector.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}
