//! A card's memory: the driver's pool, which all tensors of a device come from.

#![allow(unsafe_code)]

use crate::device::DeviceMemory;
use candle_core::cuda_backend::cudarc::driver::sys::{self, CUmemPool_attribute as Attribute};
use candle_core::cuda_backend::{CudaDevice, WrapErr};
use candle_core::{Device, Result};
use std::ptr::{from_mut, null_mut};

/// Sets up a device that was just opened: one stream, and a pool that keeps freed memory.
///
/// # Errors
/// If the driver fails.
pub(crate) fn prepare(device: &Device) -> Result<()> {
    let Device::Cuda(device) = device else { return Ok(()) };
    // SAFETY: every tensor of this device is made, used and freed on its one stream, which keeps
    // the order; values are copied out by waiting for the stream. So no event needs to tell when a
    // tensor is free, and none is recorded: two for each operand of each kernel.
    unsafe { device.disable_event_tracking() };
    match Pool::of(device)? {
        Some(pool) => pool.set(Attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, u64::MAX),
        None => Ok(()),
    }
}

/// See [`device_memory`](crate::device_memory).
pub(crate) fn memory(device: &Device) -> Result<Option<DeviceMemory>> {
    let Device::Cuda(device) = device else { return Ok(None) };
    let Some(pool) = Pool::of(device)? else { return Ok(None) };
    Ok(Some(DeviceMemory {
        used: pool.get(Attribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)?,
        peak: pool.get(Attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH)?,
        reserved: pool.get(Attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?,
    }))
}

/// See [`release_idle_memory`](crate::release_idle_memory).
pub(crate) fn release(device: &Device) -> Result<()> {
    device.synchronize()?;
    let Device::Cuda(device) = device else { return Ok(()) };
    let Some(pool) = Pool::of(device)? else { return Ok(()) };
    // Only 0 may be written: the peak from now on.
    pool.set(Attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH, 0)?;
    // SAFETY: the pool belongs to the device, which is open.
    unsafe { sys::cuMemPoolTrimTo(pool.0, 0).result().w() }
}

/// The default pool of a device.
struct Pool(sys::CUmemoryPool);

impl Pool {
    /// `None` where the driver has none.
    fn of(device: &CudaDevice) -> Result<Option<Self>> {
        let stream = device.cuda_stream();
        let context = stream.context();
        if !context.has_async_alloc() {
            return Ok(None);
        }
        context.bind_to_thread().w()?;
        let mut pool = null_mut();
        // SAFETY: the context is bound to this thread, so its device exists; the driver writes the
        // pool's handle.
        unsafe { sys::cuDeviceGetDefaultMemPool(&raw mut pool, context.cu_device()).result().w()? };
        Ok(Some(Self(pool)))
    }

    fn get(&self, attribute: Attribute) -> Result<u64> {
        let mut value = 0u64;
        // SAFETY: the pool belongs to a device that is open; these attributes are 64 bits wide.
        unsafe { sys::cuMemPoolGetAttribute(self.0, attribute, from_mut(&mut value).cast()) }
            .result()
            .w()?;
        Ok(value)
    }

    fn set(&self, attribute: Attribute, mut value: u64) -> Result<()> {
        // SAFETY: as above; the driver reads the value during the call.
        unsafe { sys::cuMemPoolSetAttribute(self.0, attribute, from_mut(&mut value).cast()) }
            .result()
            .w()
    }
}
