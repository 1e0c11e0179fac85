//! What a processor has beside its vectors, or in them: a matrix unit, and products of bytes.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use std::{arch::x86_64::__cpuid_count, sync::LazyLock};

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

/// The unit of this processor, if it has one; a matrix unit if it may be that.
pub(crate) fn multiplies_bytes(tiles: bool) -> Option<ByteUnit> {
    #[cfg(target_arch = "x86_64")]
    {
        let vectors =
            pulp::x86::V4::try_new().is_some() && std::arch::is_x86_feature_detected!("avx512vnni");
        if tiles && multiplies_tiles_of_bytes() {
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

/// Whether the processor multiplies tiles of bfloat16, and the system lets this process do so.
#[cfg(target_arch = "x86_64")]
pub(crate) fn multiplies_tiles() -> bool {
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
#[cfg(target_arch = "x86_64")]
fn multiplies_tiles_of_bytes() -> bool {
    const BYTES: u32 = 1 << 25;
    multiplies_tiles() && __cpuid_count(7, 0).edx & BYTES == BYTES
}

/// Asks the system for the registers: a process has them only when it did. Linux refuses where a
/// thread has too small a stack for signals to keep the registers on, and from then on refuses such
/// stacks.
///
/// <https://docs.kernel.org/arch/x86/xstate.html>
#[cfg(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: takes two numbers, and refuses what it does not know.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(all(target_arch = "x86_64", not(all(target_os = "linux", target_env = "gnu"))))]
fn permitted() -> bool {
    false
}
