//! What becomes of memory that a network has freed.

#![allow(unsafe_code)]

use candle_core::{Device, Result};

/// Lets the process keep so much freed memory instead of giving it back to the system at once.
///
/// A network frees maps of many megabytes that the next layer asks for again. By default the C
/// library returns such blocks to the system, which then clears every page anew: 4 to 7 % of the time
/// of a forward pass. For programs that own their process, at the beginning of `main`, before there
/// are other threads. Does something with glibc on Linux alone, elsewhere nothing; a program with an
/// allocator of its own does not need it.
pub fn keep_freed_memory(bytes: usize) {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let bytes = bytes.try_into().unwrap_or(libc::c_int::MAX);
        // SAFETY: `mallopt` takes two numbers, and refuses those that it does not like. It is meant
        // to be called before other threads are started, but holds the lock of the arena it changes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, bytes);
            libc::mallopt(libc::M_TRIM_THRESHOLD, bytes);
        }
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = bytes;
}

/// The memory of a device in bytes, see [`device_memory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// In tensors now.
    pub used: u64,
    /// The most that was in tensors at once since the device was opened, or memory was
    /// [released](release_idle_memory).
    pub peak: u64,
    /// Taken from the driver: what is used, and what was freed and is kept for the next pass.
    pub reserved: u64,
}

/// What the tensors of a card take. `None` on a CPU, and where the driver cannot tell. Cards that are
/// opened twice are counted together.
///
/// # Errors
/// If the driver fails.
pub fn device_memory(device: &Device) -> Result<Option<DeviceMemory>> {
    #[cfg(feature = "cuda")]
    return crate::cuda::memory(device);
    #[cfg(not(feature = "cuda"))]
    {
        let _ = device;
        Ok(None)
    }
}

/// Gives what a card keeps for the next pass back to its driver, when the work that was asked for is done;
/// the next pass is a little slower. Nothing happens on a CPU.
///
/// # Errors
/// If the driver fails, or the work before.
pub fn release_idle_memory(device: &Device) -> Result<()> {
    #[cfg(feature = "cuda")]
    return crate::cuda::release(device);
    #[cfg(not(feature = "cuda"))]
    device.synchronize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_has_no_pool_and_nothing_to_release() {
        assert_eq!(device_memory(&Device::Cpu).unwrap(), None);
        release_idle_memory(&Device::Cpu).unwrap();
    }
}
