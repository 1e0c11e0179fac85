//! Products of bytes: four at once where a vector multiplies one value, on a matrix unit 64.
//!
//! A weight is a whole number from -127 to 127 times the scale of its column; a value a whole number from 0
//! to 255, less that which stands for zero, times the scale of its row. Sums are whole numbers, so nothing
//! is lost but by rounding the factors (Jacob et al., "Quantization and Training of Neural Networks for
//! Efficient Integer-Arithmetic-Only Inference", 2018; with the range of a row taken as it comes, nothing
//! has to be calibrated).
//!
//! A row with a value that is not finite comes out as NaN.
//!
//! A chunk is 64 values of 32 rows, a row after the other, or of 32 columns: 16 lines of four values each
//! of 16 columns, then as many of the 16 others.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "aarch64")]
mod neon;
mod rows;
#[cfg(target_arch = "x86_64")]
mod vnni;

use super::job::Job;
use super::packed::Line;
use super::square::{Finish, ROWS, SIDE, SUMS, Sums, TILE, line_at};
use rows::{RowScale, Rows};
use std::cell::Cell;

/// Values of a row or column in a chunk.
const DEPTH: usize = 64;
/// Bytes of a chunk.
const CHUNK: usize = ROWS * DEPTH;
/// Values that stand side by side, which one instruction sums up.
const TOGETHER: usize = 4;
/// Bytes of a line of columns.
const LINE_BYTES: usize = SIDE * TOGETHER;

/// What multiplies bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByteUnit {
    /// The tiles of AMX.
    #[cfg(target_arch = "x86_64")]
    Amx,
    /// The vectors of AVX-512, by VNNI.
    #[cfg(target_arch = "x86_64")]
    Vnni,
    /// The vectors of ARMv8.2, by its dot products.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

/// The sums of the products of 32 rows with 32 columns, four tiles of them.
///
/// # Safety
/// At the first pointer lie as many chunks of rows as told, at least one, at the second of columns; both are
/// aligned to a line. The processor has the unit.
type Product = unsafe fn(*const u8, *const i8, usize, &mut [i32; SUMS]);

/// The unit of this processor, if it has one; a matrix unit if it may be that.
pub(crate) fn multiplies_bytes(tiles: bool) -> Option<ByteUnit> {
    #[cfg(target_arch = "x86_64")]
    {
        let vectors =
            pulp::x86::V4::try_new().is_some() && std::arch::is_x86_feature_detected!("avx512vnni");
        if tiles && super::amx::multiply_bytes() {
            return Some(ByteUnit::Amx);
        }
        vectors.then_some(ByteUnit::Vnni)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let _ = tiles;
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(ByteUnit::Neon)
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = tiles;
        None
    }
}

impl ByteUnit {
    /// Whether a product with a matrix of `k × n` gains by bytes: to round a value takes as long as vectors
    /// need for 10 columns.
    pub(super) fn pays([k, n]: [usize; 2]) -> bool {
        k >= DEPTH / 2 && n > SIDE
    }

    /// Room for a panel of `k` rows, in `f32`.
    pub(super) fn of_panel(k: usize) -> usize {
        k.div_ceil(DEPTH) * CHUNK / size_of::<f32>() + 2 * ROWS
    }

    /// Writes some columns of a matrix with `k` rows; then their scales, and the sums of their values.
    pub(super) fn pack(
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

    /// What is added to the bytes of rows to make them signed, where a unit wants that.
    fn flip(self) -> u8 {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx | Self::Vnni => 0,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 0x80,
        }
    }

    fn product(self) -> Product {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Amx => amx::product,
            #[cfg(target_arch = "x86_64")]
            Self::Vnni => vnni::product,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::product,
        }
    }
}

/// Memory of a thread for rows and their scales.
#[derive(Default)]
struct Memory {
    rows: Vec<Line>,
    scales: Vec<RowScale>,
    /// Of one row.
    bytes: Vec<u8>,
}

/// Multiplies what the job tells of.
///
/// # Safety
/// As `super::run`; the matrix is packed in bytes, and rows are located by [`ROWS`]. The processor has the
/// unit.
pub(super) unsafe fn run(job: &Job<'_>, unit: ByteUnit) {
    thread_local! {
        static MEMORY: Cell<Option<Memory>> = const { Cell::new(None) };
    }
    let mut memory = MEMORY.take().unwrap_or_default();
    let chunks = job.matrix.k.div_ceil(DEPTH);
    let groups = job.rows.len().div_ceil(ROWS);
    let lines = groups * chunks * CHUNK / size_of::<Line>();
    if memory.rows.len() < lines {
        memory.rows.resize(lines, Line::default());
    }
    memory.scales.resize(groups * ROWS, RowScale::default());
    memory.bytes.resize(chunks * DEPTH, 0);
    let rows = memory.rows.as_mut_ptr().cast::<u8>();
    for (group, scales) in memory.scales.chunks_exact_mut(ROWS).enumerate() {
        let to = rows.wrapping_add(group * chunks * CHUNK);
        let (bytes, flip) = (&mut memory.bytes[..], unit.flip());
        // `to` has room for `chunks` chunks, reserved above; the job's pieces are readable as it tells.
        job.matrix.isa.run(Rows { job, group, flip, to, scales, bytes });
    }
    #[cfg(target_arch = "x86_64")]
    let tiles = (unit == ByteUnit::Amx).then(super::amx::Tiles::new);
    let product = unit.product();
    let mut sums = [0; SUMS];
    for panel in job.panels.clone() {
        let (columns, about) = {
            let panel = job.matrix.panel(panel);
            panel.split_at(panel.len() - 2 * ROWS)
        };
        for group in 0..groups {
            let rows = rows.wrapping_add(group * chunks * CHUNK);
            // SAFETY: `chunks` chunks of the group were just written, and as many of the panel lie there;
            // lines are aligned; there are `Tiles` where the unit is one of tiles.
            unsafe { product(rows, columns.as_ptr().cast(), chunks, &mut sums) };
            let rows = &memory.scales[group * ROWS..][..ROWS];
            let whole = Whole { sums: &sums, rows, about };
            job.matrix.isa.run(Finish { job, group, panel, sums: whole });
        }
    }
    #[cfg(target_arch = "x86_64")]
    drop(tiles);
    MEMORY.set(Some(memory));
}

/// Whole sums, and what they mean.
struct Whole<'a> {
    sums: &'a [i32; SUMS],
    rows: &'a [RowScale],
    /// The scales of the columns and the sums of their values.
    about: &'a [f32],
}

impl Sums for Whole<'_> {
    #[inline(always)]
    fn line(&self, row: usize, half: usize) -> [f32; SIDE] {
        let (scales, totals) = self.about.split_at(ROWS);
        let scales = &scales[half * SIDE..][..SIDE];
        let totals = &totals[half * SIDE..][..SIDE];
        let sums = &self.sums[line_at(row, half)..][..SIDE];
        let RowScale { scale, zero } = self.rows[row];
        let mut line = [0.0; SIDE];
        for i in 0..SIDE {
            // Cannot overflow: so many bytes a row would not fit in memory.
            let zero = zero.wrapping_mul(totals[i].to_bits().cast_signed());
            line[i] = sums[i].wrapping_sub(zero) as f32 * (scale * scales[i]);
        }
        line
    }
}
