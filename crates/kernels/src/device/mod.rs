//! Devices: opening them, and their memory.

mod card_memory;
mod freed;
mod memory;
mod open;

pub use card_memory::{device_memory, release_idle_memory};
pub use freed::keep_freed_memory;
pub use memory::DeviceMemory;
pub use open::{DeviceError, DeviceRequest, Precision, open_device};
