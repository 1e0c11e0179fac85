//! The CUDA kernels on a CPU, for tests where there is no card: `cuda/host`, built when it is first
//! needed.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "only for tests")]
#![allow(unsafe_code)]

use super::{Arg, Call, THREADS};
use candle_core::{CpuStorage, DType, Device, Result, Storage, Tensor, WithDType, bail};
use half::{bf16, f16};
use std::cell::Cell;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

thread_local! {
    static HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread takes tensors on the CPU for such on a card.
pub(super) fn is_here() -> bool {
    HERE.get()
}

/// Does some work with the CUDA kernels on this CPU; `None` without a C++ compiler.
pub(super) fn with<T>(work: impl FnOnce() -> T) -> Option<T> {
    launcher()?;
    /// Puts it back, also when the work panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            HERE.set(self.0);
        }
    }
    let _before = Before(HERE.replace(true));
    Some(work())
}

type Launch = unsafe extern "C" fn(*const c_char, *const *const c_void, u32, u32, u32) -> bool;

fn launcher() -> Option<Launch> {
    static LAUNCHER: OnceLock<Option<Launch>> = OnceLock::new();
    *LAUNCHER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cuda/host");
        let library =
            std::env::temp_dir().join(format!("portrait-kernels-{}.so", std::process::id()));
        let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
        let status = Command::new(&compiler)
            .args(["-std=c++17", "-O2", "-shared", "-fPIC", "-mf16c", "-ffp-contract=off"])
            .arg("-DPORTRAIT_ON_HOST")
            .arg("-o")
            .arg(&library)
            .arg(folder.join("emulator.cpp"))
            .status();
        match status {
            Ok(status) => assert!(status.success(), "the kernels do not compile on the CPU"),
            Err(error) => {
                eprintln!("SKIPPED: cannot start {}: {error}", compiler.display());
                return None;
            }
        }
        let path = CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: a library that was just built, and runs nothing when it is opened.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "{} cannot be opened", library.display());
        std::fs::remove_file(&library).unwrap();
        // SAFETY: the handle is open, and stays so.
        let symbol = unsafe { libc::dlsym(handle, c"launch".as_ptr()) };
        assert!(!symbol.is_null());
        // SAFETY: `launch` in emulator.cpp has this type.
        Some(unsafe { std::mem::transmute::<*mut c_void, Launch>(symbol) })
    })
}

pub(super) fn run(call: &Call<'_>) -> Result<Tensor> {
    let tensor = call.args.iter().find_map(|arg| match arg {
        Arg::In(tensor) => Some(tensor),
        _ => None,
    });
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
    let storages: Vec<_> = call
        .args
        .iter()
        .map(|arg| match arg {
            Arg::In(tensor) | Arg::Maybe(Some(tensor)) => Some(tensor.storage_and_layout()),
            _ => None,
        })
        .collect();
    let mut output = vec![T::zero(); call.output.elem_count()];
    let mut values = Vec::new();
    for (arg, held) in call.args.iter().zip(&storages) {
        values.push(match arg {
            Arg::In(_) | Arg::Maybe(_) => match held {
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
    let Some(launch) = launcher() else { bail!("no launcher") };
    let [x, y] = call.blocks.map(|blocks| blocks as u32);
    // SAFETY: as on a card: see `driver::launch`.
    let found = unsafe { launch(name.as_ptr(), pointers.as_ptr(), x, y, THREADS as u32) };
    assert!(found, "no kernel {name:?}");
    Tensor::from_vec(output, call.output.clone(), &Device::Cpu)
}
