//! Hands calls to the CUDA driver.

#![allow(unsafe_code)]

use super::{Arg, Call, Source, THREADS};
use candle_core::cuda_backend::cudarc::driver::{
    DevicePtr, DevicePtrMut, DeviceRepr, LaunchConfig, PushKernelArg,
};
use candle_core::cuda_backend::{CudaDType, CudaDevice, WrapErr};
use candle_core::op::BackpropOp;
use candle_core::{CudaStorage, DType, Device, Result, Storage, Tensor, bail};
use half::{bf16, f16};

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
            Self::Product => ("portrait_product", ptx!("product")),
            Self::WindowAttention => ("portrait_window_attention", ptx!("window_attention")),
        }
    }
}

/// Runs a call; see [`Call::run`].
pub(super) fn run(call: &Call<'_>) -> Result<Tensor> {
    let tensors = || call.args.iter().filter_map(Arg::tensor);
    let Some(first) = tensors().next() else { bail!("{}: no tensor", call.kernel) };
    let Device::Cuda(device) = first.device() else {
        bail!("{}: a tensor on {:?}", call.kernel, first.device().location());
    };
    for tensor in tensors() {
        if !tensor.device().same_device(first.device()) || tensor.dtype() != first.dtype() {
            bail!(
                "{}: tensors of {:?} on {:?} and {:?} on {:?} in one call",
                call.kernel,
                first.dtype(),
                first.device().location(),
                tensor.dtype(),
                tensor.device().location()
            );
        }
    }
    let storage = match first.dtype() {
        DType::F32 => launch::<f32>(call, device, "f32")?,
        DType::F16 => launch::<f16>(call, device, "f16")?,
        DType::BF16 => launch::<bf16>(call, device, "bf16")?,
        other => bail!("{}: no kernel for {other:?}", call.kernel),
    };
    Ok(Tensor::from_storage(Storage::Cuda(storage), call.output.clone(), BackpropOp::none(), false))
}

fn launch<T: CudaDType + DeviceRepr>(
    call: &Call<'_>,
    device: &CudaDevice,
    suffix: &str,
) -> Result<CudaStorage> {
    let stream = device.cuda_stream();
    let capability = stream.context().compute_capability().w()?;
    let newer = capability >= BF16_FROM;
    if suffix == "bf16" && !newer {
        bail!(
            "bfloat16 needs a card of compute capability 8.0, this one has {}.{}; use f16",
            capability.0,
            capability.1
        );
    }
    let (module, ptx) = call.source.ptx(newer);
    let kernel =
        device.get_or_load_custom_func(&format!("{}_{suffix}", call.kernel), module, ptx)?;
    // SAFETY: each kernel writes every value of its output before anything reads it.
    let mut output = unsafe { device.alloc::<T>(call.output.elem_count())? };
    if call.output.elem_count() == 0 {
        return Ok(CudaStorage::wrap_cuda_slice(output, device.clone()));
    }
    {
        let (out, _writing) = output.device_ptr_mut(&stream);
        let storages: Vec<_> =
            call.args.iter().map(|arg| arg.tensor().map(Tensor::storage_and_layout)).collect();
        let mut reading = Vec::new();
        let mut values = Vec::with_capacity(call.args.len());
        for (arg, held) in call.args.iter().zip(&storages) {
            values.push(match arg {
                Arg::In(_) | Arg::Rows(_) | Arg::Maybe(_) => match held {
                    None => Value::Wide(0),
                    Some((storage, layout)) => {
                        let Storage::Cuda(storage) = &**storage else {
                            bail!("{}: a tensor on the CPU", call.kernel);
                        };
                        let (from, guard) = storage.as_cuda_slice::<T>()?.device_ptr(&stream);
                        reading.push(guard);
                        Value::Wide(from + (layout.start_offset() * size_of::<T>()) as u64)
                    }
                },
                Arg::Out => Value::Wide(out),
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
    }
    Ok(CudaStorage::wrap_cuda_slice(output, device.clone()))
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
