//! The instructions: eight registers of 16 rows of 64 bytes, and products of them.

use crate::cpu::units::multiplies_tiles;
use std::arch::asm;

/// The shapes of the registers, as `ldtilecfg` reads them.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static WHOLE: Shapes = Shapes {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// This thread's registers, in use until dropped.
pub(in crate::cpu::matmul) struct Tiles(());

impl Tiles {
    /// # Panics
    /// If the processor has none, or they are not this process's.
    pub(in crate::cpu::matmul) fn new() -> Self {
        assert!(multiplies_tiles(), "AMX");
        // SAFETY: the processor has the instruction and the process may use it (just checked); the
        // 64 bytes are a valid configuration.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const WHOLE, options(nostack, readonly)) };
        Self(())
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the registers are in use; nothing of them is needed any more. Without this the
        // system would save them whenever it switches threads.
        unsafe { asm!("tilerelease", options(nomem, nostack)) };
    }
}
