//! Memory that begins at a cache line.

use crate::cpu::vectors::LINE;

/// A cache line of values, so that no vector load crosses two.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Line([f32; LINE]);

#[allow(unsafe_code)]
pub(super) fn flat(lines: &[Line]) -> &[f32] {
    // SAFETY: a `Line` is `LINE` values and nothing else (its size equals its alignment, 64).
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
}

#[allow(unsafe_code)]
pub(super) fn flat_mut(lines: &mut [Line]) -> &mut [f32] {
    // SAFETY: as above; the borrow is handed on.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
}
