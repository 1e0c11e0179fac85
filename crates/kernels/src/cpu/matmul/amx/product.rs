//! The innermost loops: 32 rows times 32 columns, four tiles of sums.
//!
//! Four registers hold the sums, four what is multiplied: the order of the steps is the one that
//! was measured to be the fastest, with as few loads as there can be.

use super::tiles::Tiles;
use std::arch::asm;

/// Adds the product of 32 rows with 32 columns to their sums, or begins these. `sums` are four
/// tiles, two of the first 16 rows and two of the others.
///
/// # Safety
/// At `rows` and at `columns` lie `chunks` chunks, at least one, in as many parts as the product
/// has, as `super` lays them out; at `sums` lie four tiles, which nobody else touches.
pub(super) type Product = unsafe fn(
    tiles: &Tiles,
    rows: *const f32,
    columns: *const f32,
    chunks: usize,
    sums: *mut f32,
    begin: bool,
);

/// Loads a tile that lies so many bytes behind a pointer, its rows a line apart.
macro_rules! load {
    ($tile:literal, $from:literal, $offset:literal) => {
        concat!("tileloadd tmm", $tile, ", [{", $from, "} + {row} + ", $offset, "]")
    };
}

/// Adds the product of two tiles to a third.
macro_rules! add {
    ($sums:literal, $rows:literal, $columns:literal) => {
        concat!("tdpbf16ps tmm", $sums, ", tmm", $rows, ", tmm", $columns)
    };
}

/// Several instructions as one text.
macro_rules! lines {
    ($first:expr $(, $next:expr)* $(,)?) => { concat!($first $(, "\n", $next)*) };
}

/// Multiplies a part of the rows, 16 and 16 more, with a part of the columns, which stays.
macro_rules! first_part {
    ([$rows:literal, $more_rows:literal], [$columns:literal, $more_columns:literal]) => {
        lines!(
            load!(4, "rows", $rows),
            load!(6, "columns", $columns),
            add!(0, 4, 6),
            load!(7, "columns", $more_columns),
            add!(1, 4, 7),
            load!(5, "rows", $more_rows),
            add!(2, 5, 6),
            add!(3, 5, 7),
        )
    };
}

/// Multiplies another part of the rows with the part of the columns that is there.
macro_rules! next_part {
    ([$rows:literal, $more_rows:literal]) => {
        lines!(
            load!(4, "rows", $rows),
            add!(0, 4, 6),
            add!(1, 4, 7),
            load!(5, "rows", $more_rows),
            add!(2, 5, 6),
            add!(3, 5, 7),
        )
    };
}

/// A [`Product`] by these instructions for each chunk.
macro_rules! product {
    ($(#[$doc:meta])* $name:ident: $next_rows:literal, $next_columns:literal, $($step:expr,)*) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// As [`Product`].
        pub(super) unsafe fn $name(
            _: &Tiles,
            rows: *const f32,
            columns: *const f32,
            chunks: usize,
            sums: *mut f32,
            begin: bool,
        ) {
            debug_assert!(chunks > 0);
            // SAFETY: the processor has the registers, 16 rows of 64 bytes each (there is a
            // `Tiles`). A tile is a kilobyte; the steps read those of a chunk, of which there are
            // `chunks`; the sums are read and written whole.
            unsafe {
                asm!(
                    "test {begin:e}, {begin:e}",
                    "jnz 2f",
                    load!(0, "sums", 0),
                    load!(1, "sums", 1024),
                    load!(2, "sums", 2048),
                    load!(3, "sums", 3072),
                    "jmp 3f",
                    "2:",
                    "tilezero tmm0",
                    "tilezero tmm1",
                    "tilezero tmm2",
                    "tilezero tmm3",
                    ".p2align 6",
                    "3:",
                    $($step,)*
                    $next_rows,
                    $next_columns,
                    "dec {chunks}",
                    "jnz 3b",
                    "tilestored [{sums} + {row}], tmm0",
                    "tilestored [{sums} + {row} + 1024], tmm1",
                    "tilestored [{sums} + {row} + 2048], tmm2",
                    "tilestored [{sums} + {row} + 3072], tmm3",
                    rows = inout(reg) rows => _,
                    columns = inout(reg) columns => _,
                    chunks = inout(reg) chunks => _,
                    sums = in(reg) sums,
                    begin = in(reg) u32::from(begin),
                    row = in(reg) 64usize,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack),
                );
            }
        }
    };
}

product! {
    /// Of three parts each: all pairs but the three smallest.
    of_3_and_3: "add {rows}, 6144", "add {columns}, 6144",
        first_part!([0, 3072], [0, 3072]),
        next_part!([1024, 4096]),
        next_part!([2048, 5120]),
        first_part!([0, 3072], [1024, 4096]),
        next_part!([1024, 4096]),
        first_part!([0, 3072], [2048, 5120]),
}

product! {
    /// Of three parts and two: all pairs but the smallest.
    of_3_and_2: "add {rows}, 6144", "add {columns}, 4096",
        first_part!([0, 3072], [0, 2048]),
        next_part!([1024, 4096]),
        next_part!([2048, 5120]),
        first_part!([0, 3072], [1024, 3072]),
        next_part!([1024, 4096]),
}

product! {
    /// Of two parts each: all pairs but the smallest.
    of_2_and_2: "add {rows}, 4096", "add {columns}, 4096",
        load!(4, "rows", 0), load!(6, "columns", 0), add!(0, 4, 6),
        load!(5, "rows", 1024), add!(0, 5, 6),
        load!(7, "columns", 1024), add!(0, 4, 7),
        load!(6, "columns", 2048), add!(1, 4, 6),
        load!(7, "columns", 3072), add!(1, 5, 6), add!(1, 4, 7),
        load!(4, "rows", 2048), add!(3, 4, 6),
        load!(5, "rows", 3072), add!(3, 4, 7), add!(3, 5, 6),
        load!(6, "columns", 0), add!(2, 4, 6),
        load!(7, "columns", 1024), add!(2, 5, 6), add!(2, 4, 7),
}
