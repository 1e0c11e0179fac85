//! Hands calls to the CUDA driver.

#![allow(unsafe_code)]

use super::call::{Arg, Call, Source, THREADS};
use candle_core::backend::{BackendDevice, BackendStorage};
use candle_core::cuda_backend::cudarc::driver::sys::CUdeviceptr;
use candle_core::cuda_backend::cudarc::driver::{
    CudaSlice, CudaStream, DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg,
    SyncOnDrop,
};
use candle_core::cuda_backend::{CudaDType, CudaDevice, CudaStorageSlice, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, DType, Device, Layout, Result, Storage, Tensor, bail};
use half::{bf16, f16};
use std::sync::Arc;

/// The compute capability from which on cards have bfloat16.
const BF16_FROM: (i32, i32) = (8, 0);

impl Source {
    /// Its name as a module, and the PTX for a card.
    fn ptx(self, newer: bool) -> (&'static str, &'static str) {
        macro_rules! ptx {
            ($name:literal) => {
                if newer {
                    include_str!(concat!(env!("OUT_DIR"), "/", $name, "_80.ptx"))
                } else {
                    include_str!(concat!(env!("OUT_DIR"), "/", $name, "_75.ptx"))
                }
            };
        }
        match self {
            Self::Elementwise => ("portrait_elementwise", ptx!("elementwise")),
            Self::Fusion => ("portrait_fusion", ptx!("fusion")),
            Self::Matting => ("portrait_matting", ptx!("matting")),
            Self::Product => ("portrait_product", ptx!("product")),
            Self::WindowAttention => ("portrait_window_attention", ptx!("window_attention")),
        }
    }
}

/// Runs a call; see [`Call::run_into`].
pub(super) fn run(call: &Call<'_>, dtype: DType, made: DType) -> Result<Tensor> {
    let Some(first) = call.args.iter().find_map(Arg::tensor) else {
        bail!("{}: no tensor", call.kernel)
    };
    let Device::Cuda(device) = first.device() else {
        bail!("{}: a tensor on {:?}", call.kernel, first.device().location());
    };
    let storage = match made {
        DType::U8 => make::<u8>(call, device, dtype)?,
        DType::U32 => make::<u32>(call, device, dtype)?,
        DType::F32 => make::<f32>(call, device, dtype)?,
        DType::F16 => make::<f16>(call, device, dtype)?,
        DType::BF16 => make::<bf16>(call, device, dtype)?,
        other => bail!("{}: no kernel makes {other:?}", call.kernel),
    };
    Ok(Tensor::from_storage(Storage::Cuda(storage), call.output.clone(), BackpropOp::none(), false))
}

/// Runs a call on what is there; see [`Call::run_on`].
pub(super) fn run_on(
    call: &Call<'_>,
    dtype: DType,
    storage: &mut CudaStorage,
    layout: &Layout,
) -> Result<()> {
    let device = storage.device().clone();
    let offset = layout.start_offset();
    match &mut storage.slice {
        CudaStorageSlice::U32(slice) => launch(call, &device, dtype, slice, offset),
        _ => bail!("{}: no kernel changes {:?} in place", call.kernel, storage.dtype()),
    }
}

/// Runs a call with an output of this type.
fn make<T: CudaDType + DeviceRepr>(
    call: &Call<'_>,
    device: &CudaDevice,
    dtype: DType,
) -> Result<CudaStorage> {
    // SAFETY: each kernel writes every value of its output before anything reads it.
    let mut output = unsafe { device.alloc::<T>(call.output.elem_count())? };
    if call.output.elem_count() > 0 {
        launch(call, device, dtype, &mut output, 0)?;
    }
    Ok(CudaStorage::wrap_cuda_slice(output, device.clone()))
}

fn launch<T: DeviceRepr>(
    call: &Call<'_>,
    device: &CudaDevice,
    dtype: DType,
    output: &mut CudaSlice<T>,
    offset: usize,
) -> Result<()> {
    for tensor in call.args.iter().filter_map(Arg::tensor) {
        match tensor.device() {
            Device::Cuda(other) if other.same_device(device) => {}
            other => bail!(
                "{}: a tensor on {:?} for a call on {:?}",
                call.kernel,
                other.location(),
                device.location()
            ),
        }
    }
    let stream = device.cuda_stream();
    let capability = stream.context().compute_capability().w()?;
    let newer = capability >= BF16_FROM;
    if dtype == DType::BF16 && !newer {
        bail!(
            "bfloat16 needs a card of compute capability 8.0, this one has {}.{}; use f16",
            capability.0,
            capability.1
        );
    }
    let (module, ptx) = call.source.ptx(newer);
    let name = format!("{}_{}", call.kernel, dtype.as_str());
    let kernel = device.get_or_load_custom_func(&name, module, ptx)?;
    let (out, _writing) = output.device_ptr_mut(&stream);
    let storages: Vec<_> =
        call.args.iter().map(|arg| arg.tensor().map(Tensor::storage_and_layout)).collect();
    let mut reading = Vec::new();
    let mut values = Vec::with_capacity(call.args.len());
    for (arg, held) in call.args.iter().zip(&storages) {
        values.push(match arg {
            Arg::In(_) | Arg::Rows(_) | Arg::Maybe(_) | Arg::Typed(..) => match held {
                None => Value::Wide(0),
                Some((storage, layout)) => {
                    let Storage::Cuda(storage) = &**storage else {
                        bail!("{}: a tensor on the CPU", call.kernel);
                    };
                    let (from, guard) = address(storage, &stream)?;
                    reading.push(guard);
                    let size = storage.dtype().size_in_bytes();
                    Value::Wide(from + (layout.start_offset() * size) as u64)
                }
            },
            Arg::Out => Value::Wide(out + (offset * size_of::<T>()) as u64),
            Arg::Count(count) => Value::Wide(*count as u64),
            Arg::Number(number) => Value::Narrow(narrow(call, *number)?),
            Arg::Float(value) => Value::Float(*value),
        });
    }
    let mut builder = kernel.builder();
    for value in &values {
        match value {
            Value::Wide(value) => builder.arg(value),
            Value::Narrow(value) => builder.arg(value),
            Value::Float(value) => builder.arg(value),
        };
    }
    let config = LaunchConfig {
        grid_dim: (narrow(call, call.blocks[0])?, narrow(call, call.blocks[1])?, 1),
        block_dim: (THREADS as u32, 1, 1),
        shared_mem_bytes: 0,
    };
    // SAFETY: the arguments are those of the kernel in number, order and width (the tests run
    // each kernel); the tensors were checked against the sizes given by the operation that
    // made the call, and live until the kernel is in the stream, which frees in its own order.
    unsafe { builder.launch(config) }.w()?;
    Ok(())
}

/// Where the values of a storage begin, and what is held while they are read.
fn address<'a>(
    storage: &'a CudaStorage,
    stream: &'a Arc<CudaStream>,
) -> Result<(CUdeviceptr, SyncOnDrop<'a>)> {
    Ok(match &storage.slice {
        CudaStorageSlice::U8(slice) => slice.device_ptr(stream),
        CudaStorageSlice::U32(slice) => slice.device_ptr(stream),
        CudaStorageSlice::F32(slice) => slice.device_ptr(stream),
        CudaStorageSlice::F16(slice) => slice.device_ptr(stream),
        CudaStorageSlice::BF16(slice) => slice.device_ptr(stream),
        _ => bail!("no kernel takes {:?}", storage.dtype()),
    })
}

/// An argument as the kernel gets it.
enum Value {
    Wide(u64),
    Narrow(u32),
    Float(f32),
}

fn narrow(call: &Call<'_>, number: usize) -> Result<u32> {
    match u32::try_from(number) {
        Ok(number) => Ok(number),
        Err(_) => bail!("{}: {number} is too large for a kernel", call.kernel),
    }
}
