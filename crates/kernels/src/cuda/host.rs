//! The CUDA kernels on a CPU, for tests where there is no card: `cuda/host`.

#![allow(clippy::unwrap_used, reason = "only for tests")]
#![allow(unsafe_code)]

use super::{Arg, Call, THREADS};
use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor, WithDType, bail};
use half::{bf16, f16};
use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread takes tensors on the CPU for such on a card.
pub(super) fn is_here() -> bool {
    HERE.get()
}

/// See [`emulating_cuda`](crate::emulating_cuda).
pub(super) fn here<T>(work: impl FnOnce() -> T) -> T {
    /// Puts it back, also when the work panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let _before = Before(HERE.replace(true));
    work()
}

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

pub(super) fn run(call: &Call<'_>) -> Result<Tensor> {
    let tensor = call.args.iter().find_map(Arg::tensor);
    match tensor.map(|tensor| tensor.dtype()) {
        Some(DType::F32) => launch::<f32>(call, "f32"),
        Some(DType::F16) => launch::<f16>(call, "f16"),
        Some(DType::BF16) => launch::<bf16>(call, "bf16"),
        other => bail!("{}: no kernel for {other:?}", call.kernel),
    }
}

fn launch<T: WithDType>(call: &Call<'_>, suffix: &str) -> Result<Tensor> {
    // The emulator has one block at a time, in global memory.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock();
    let storages: Vec<_> =
        call.args.iter().map(|arg| arg.tensor().map(Tensor::storage_and_layout)).collect();
    let mut output = vec![T::zero(); call.output.elem_count()];
    let mut values = Vec::new();
    for (arg, held) in call.args.iter().zip(&storages) {
        values.push(match arg {
            Arg::In(_) | Arg::Rows(_) | Arg::Maybe(_) => match held {
                None => 0,
                Some((storage, layout)) => {
                    let Storage::Cpu(storage) = &**storage else { bail!("not on the CPU") };
                    let storage: &CpuStorage = storage;
                    let from = T::cpu_storage_as_slice(storage)?;
                    from[layout.start_offset()..].as_ptr() as u64
                }
            },
            Arg::Out => output.as_mut_ptr() as u64,
            Arg::Count(count) => *count as u64,
            // The lower half of the eight bytes.
            Arg::Number(number) => u64::from(u32::try_from(*number).unwrap()),
            Arg::Float(value) => u64::from(value.to_bits()),
        });
    }
    let pointers: Vec<_> = values.iter().map(|value| std::ptr::from_ref(value).cast()).collect();
    let name = CString::new(format!("{}_{suffix}", call.kernel)).unwrap();
    let [x, y] = call.blocks.map(|blocks| blocks as u32);
    // SAFETY: as on a card: see `driver::launch`.
    let found = unsafe { portrait_launch(name.as_ptr(), pointers.as_ptr(), x, y, THREADS as u32) };
    assert!(found, "no kernel {name:?}");
    Tensor::from_vec(output, call.output.clone(), &Device::Cpu)
}
