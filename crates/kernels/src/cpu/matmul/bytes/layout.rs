//! How a matrix lies in bytes.

use crate::cpu::matmul::square::{ROWS, SIDE, TILE};
use crate::cpu::units::ByteUnit;

/// Values of a row or column in a chunk.
pub(super) const DEPTH: usize = 64;
/// Bytes of a chunk.
pub(super) const CHUNK: usize = ROWS * DEPTH;
/// Values that stand side by side, which one instruction sums up.
pub(super) const TOGETHER: usize = 4;
/// Bytes of a line of columns.
pub(super) const LINE_BYTES: usize = SIDE * TOGETHER;

impl ByteUnit {
    /// Whether a product with a matrix of `k × n` gains by bytes: to round a value takes as long as
    /// vectors need for 10 columns.
    pub(in crate::cpu::matmul) fn pays([k, n]: [usize; 2]) -> bool {
        k >= DEPTH / 2 && n > SIDE
    }

    /// Room for a panel of `k` rows, in `f32`.
    pub(in crate::cpu::matmul) fn of_panel(k: usize) -> usize {
        k.div_ceil(DEPTH) * CHUNK / size_of::<f32>() + 2 * ROWS
    }

    /// Writes some columns of a matrix with `k` rows; then their scales, and the sums of their
    /// values.
    pub(in crate::cpu::matmul) fn pack(
        [k, count]: [usize; 2],
        panel: &mut [f32],
        value: impl Fn(usize, usize) -> f32,
    ) {
        let (values, about) = panel.split_at_mut(panel.len() - 2 * ROWS);
        let (scales, sums) = about.split_at_mut(ROWS);
        for column in 0..ROWS {
            let exists = column < count;
            let largest = (0..if exists { k } else { 0 })
                .fold(0f32, |largest, i| largest.max(value(i, column).abs()));
            // What is smaller has no inverse.
            let inverse = if largest > f32::MIN_POSITIVE * 127.0 { 127.0 / largest } else { 0.0 };
            let byte = |i: usize| {
                if i < k && exists { (value(i, column) * inverse).round() as i8 } else { 0 }
            };
            scales[column] = largest / 127.0;
            let mut sum = 0;
            for (index, chunk) in values.chunks_exact_mut(CHUNK / size_of::<f32>()).enumerate() {
                for line in 0..SIDE {
                    let first = index * DEPTH + line * TOGETHER;
                    let bytes: [i8; TOGETHER] = std::array::from_fn(|i| byte(first + i));
                    sum += bytes.iter().map(|&byte| i32::from(byte)).sum::<i32>();
                    let bits = u32::from_le_bytes(bytes.map(i8::cast_unsigned));
                    chunk[column / SIDE * TILE + line * SIDE + column % SIDE] =
                        f32::from_bits(bits);
                }
            }
            sums[column] = f32::from_bits(sum.cast_unsigned());
        }
    }
}
