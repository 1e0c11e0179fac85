//! The CUDA kernels on a CPU, for tests where there is no card: `cuda/host`.

#![allow(clippy::unwrap_used, reason = "only for tests")]
#![allow(unsafe_code)]

use super::call::{Arg, Call, THREADS};
use candle_core::backend::BackendStorage;
use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, DType, Layout, Result, Storage, Tensor, bail};
use half::{bf16, f16};
use std::ffi::{CString, c_char, c_void};

unsafe extern "C" {
    /// `cuda/host/emulator.cpp`
    fn portrait_launch(
        name: *const c_char,
        args: *const *const c_void,
        blocks_x: u32,
        blocks_y: u32,
        threads: u32,
    ) -> bool;
}

/// See [`Call::run_into`].
pub(super) fn run(call: &Call<'_>, dtype: DType, made: DType) -> Result<Tensor> {
    let count = call.output.elem_count();
    let mut storage = match made {
        DType::U8 => CpuStorage::U8(vec![0; count]),
        DType::U32 => CpuStorage::U32(vec![0; count]),
        DType::F32 => CpuStorage::F32(vec![0.0; count]),
        DType::F16 => CpuStorage::F16(vec![f16::ZERO; count]),
        DType::BF16 => CpuStorage::BF16(vec![bf16::ZERO; count]),
        other => bail!("{}: no kernel makes {other:?}", call.kernel),
    };
    launch(call, dtype, address_mut(&mut storage, 0)?)?;
    let storage = Storage::Cpu(storage);
    Ok(Tensor::from_storage(storage, call.output.clone(), BackpropOp::none(), false))
}

/// See [`Call::run_on`].
pub(super) fn run_on(
    call: &Call<'_>,
    dtype: DType,
    storage: &mut CpuStorage,
    layout: &Layout,
) -> Result<()> {
    launch(call, dtype, address_mut(storage, layout.start_offset())?)
}

fn launch(call: &Call<'_>, dtype: DType, out: u64) -> Result<()> {
    // The emulator has one block at a time, in global memory.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock();
    let storages: Vec<_> =
        call.args.iter().map(|arg| arg.tensor().map(Tensor::storage_and_layout)).collect();
    let mut values = Vec::new();
    for (arg, held) in call.args.iter().zip(&storages) {
        values.push(match arg {
            Arg::In(_) | Arg::Rows(_) | Arg::Maybe(_) | Arg::Typed(..) => match held {
                None => 0,
                Some((storage, layout)) => {
                    let Storage::Cpu(storage) = &**storage else { bail!("not on the CPU") };
                    address(storage, layout.start_offset())?
                }
            },
            Arg::Out => out,
            Arg::Count(count) => *count as u64,
            // The lower half of the eight bytes.
            Arg::Number(number) => u64::from(u32::try_from(*number).unwrap()),
            Arg::Float(value) => u64::from(value.to_bits()),
        });
    }
    let pointers: Vec<_> = values.iter().map(|value| std::ptr::from_ref(value).cast()).collect();
    let name = CString::new(format!("{}_{}", call.kernel, dtype.as_str())).unwrap();
    let [x, y] = call.blocks.map(|blocks| blocks as u32);
    // SAFETY: as on a card: see `driver::launch`.
    let found = unsafe { portrait_launch(name.as_ptr(), pointers.as_ptr(), x, y, THREADS as u32) };
    assert!(found, "no kernel {name:?}");
    Ok(())
}

/// Does something with the slice of a storage, whatever its type.
macro_rules! with_slice {
    ($storage:expr, $slice:ident, $do:expr) => {
        match $storage {
            CpuStorage::U8($slice) => $do,
            CpuStorage::U32($slice) => $do,
            CpuStorage::F32($slice) => $do,
            CpuStorage::F16($slice) => $do,
            CpuStorage::BF16($slice) => $do,
            other => bail!("no kernel takes {:?}", other.dtype()),
        }
    };
}

fn address(storage: &CpuStorage, offset: usize) -> Result<u64> {
    Ok(with_slice!(storage, slice, slice[offset..].as_ptr() as u64))
}

fn address_mut(storage: &mut CpuStorage, offset: usize) -> Result<u64> {
    Ok(with_slice!(storage, slice, slice[offset..].as_mut_ptr() as u64))
}
