//! Multiplies a block of rows, rounded to bytes, with panels of bytes.

#[cfg(target_arch = "x86_64")]
use super::amx;
use super::layout::{CHUNK, DEPTH};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::rows::{RowScale, Rows};
#[cfg(target_arch = "x86_64")]
use super::vnni;
#[cfg(target_arch = "x86_64")]
use crate::cpu::matmul::amx::Tiles;
use crate::cpu::matmul::finish::{Finish, Sums};
use crate::cpu::matmul::job::Job;
use crate::cpu::matmul::line::Line;
use crate::cpu::matmul::square::{ROWS, SIDE, SUMS, line_at};
use crate::cpu::units::ByteUnit;
use std::cell::Cell;

/// The sums of the products of 32 rows with 32 columns, four tiles of them.
///
/// # Safety
/// At the first pointer lie that many chunks of rows, at least one, at the second of columns;
/// both are aligned to a line. The processor has the unit.
type Product = unsafe fn(*const u8, *const i8, usize, &mut [i32; SUMS]);

impl ByteUnit {
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

/// Computes the rows and panels of the job.
///
/// # Safety
/// As `multiply::run`; the matrix is packed in bytes, and rows are located by [`ROWS`]. The
/// processor has the unit.
pub(in crate::cpu::matmul) unsafe fn run(job: &Job<'_>, unit: ByteUnit) {
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
        // `to` has room for `chunks` chunks, reserved above; the job's pieces are readable as it
        // tells.
        job.matrix.isa.run(Rows { job, group, flip, to, scales, bytes });
    }
    #[cfg(target_arch = "x86_64")]
    let tiles = (unit == ByteUnit::Amx).then(Tiles::new);
    let product = unit.product();
    let mut sums = [0; SUMS];
    for panel in job.panels.clone() {
        let (columns, about) = {
            let panel = job.matrix.panel(panel);
            panel.split_at(panel.len() - 2 * ROWS)
        };
        for group in 0..groups {
            let rows = rows.wrapping_add(group * chunks * CHUNK);
            // SAFETY: `chunks` chunks of the group were just written, and as many of the panel lie
            // there; lines are aligned; there are `Tiles` where the unit is one of tiles.
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
