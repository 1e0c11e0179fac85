//! What a card's pool of memory holds.

use super::memory::DeviceMemory;
use candle_core::{Device, Result};

/// What the tensors of a card take. `None` on a CPU, and where the driver cannot tell. Cards that
/// are opened twice are counted together.
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

/// Gives what a card keeps for the next pass back to its driver, when the work that was asked for
/// is done; the next pass is a little slower. Nothing happens on a CPU.
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
