//! The instructions: eight registers of 16 rows of 64 bytes, and products of them.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::LazyLock;

/// Whether the processor multiplies tiles of bfloat16, and the system lets this process do so.
pub(crate) fn available() -> bool {
    // Leaf 7: tiles, and products of bfloat16 in them; its subleaf 1: conversion to bfloat16.
    const TILES: u32 = 1 << 24 | 1 << 22;
    const CONVERSION: u32 = 1 << 5;
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
        pulp::x86::V4::try_new().is_some()
            && __cpuid_count(7, 0).edx & TILES == TILES
            && __cpuid_count(7, 1).eax & CONVERSION == CONVERSION
            && permitted()
    });
    *AVAILABLE
}

/// Whether it also multiplies tiles of bytes.
pub(in crate::matmul) fn multiply_bytes() -> bool {
    const BYTES: u32 = 1 << 25;
    available() && __cpuid_count(7, 0).edx & BYTES == BYTES
}

/// Asks the system for the registers: a process has them only when it did. Linux refuses where a thread has
/// too small a stack for signals to keep the registers on, and from then on refuses such stacks.
///
/// <https://docs.kernel.org/arch/x86/xstate.html>
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: takes two numbers, and refuses what it does not know.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn permitted() -> bool {
    false
}

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
pub(in crate::matmul) struct Tiles(());

impl Tiles {
    /// # Panics
    /// If they are not [`available`].
    pub(in crate::matmul) fn new() -> Self {
        assert!(available(), "AMX");
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
