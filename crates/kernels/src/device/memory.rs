//! The memory of a device, in numbers.

/// The memory of a device in bytes, see [`device_memory`](crate::device_memory).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// In tensors now.
    pub used: u64,
    /// The most that was in tensors at once since the device was opened, or memory was
    /// [released](crate::release_idle_memory).
    pub peak: u64,
    /// Taken from the driver: what is used, and what was freed and is kept for the next pass.
    pub reserved: u64,
}
