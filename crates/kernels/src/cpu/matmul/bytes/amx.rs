//! Products of bytes by the tiles of AMX.

use crate::cpu::matmul::square::SUMS;
use std::arch::asm;

/// See [`Product`](super::run::Product).
///
/// # Safety
/// As described there; the registers are in use, shaped by
/// [`Tiles`](crate::cpu::matmul::amx::Tiles).
pub(super) unsafe fn product(
    rows: *const u8,
    columns: *const i8,
    chunks: usize,
    sums: &mut [i32; SUMS],
) {
    debug_assert!(chunks > 0);
    // SAFETY: the processor has the registers, 16 rows of 64 bytes each. A tile is a kilobyte; two
    // of the rows and two of the columns are read for each chunk; the sums are written whole.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            ".p2align 6",
            "2:",
            "tileloadd tmm4, [{rows} + {row}]",
            "tileloadd tmm6, [{columns} + {row}]",
            "tdpbusd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{columns} + {row} + 1024]",
            "tdpbusd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{rows} + {row} + 1024]",
            "tdpbusd tmm2, tmm5, tmm6",
            "tdpbusd tmm3, tmm5, tmm7",
            "add {rows}, 2048",
            "add {columns}, 2048",
            "dec {chunks}",
            "jnz 2b",
            "tilestored [{sums} + {row}], tmm0",
            "tilestored [{sums} + {row} + 1024], tmm1",
            "tilestored [{sums} + {row} + 2048], tmm2",
            "tilestored [{sums} + {row} + 3072], tmm3",
            rows = inout(reg) rows => _,
            columns = inout(reg) columns => _,
            chunks = inout(reg) chunks => _,
            sums = in(reg) sums.as_mut_ptr(),
            row = in(reg) 64usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
