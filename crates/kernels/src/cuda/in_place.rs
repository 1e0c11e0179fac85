//! Calls that change a tensor.

use super::call::Call;
#[cfg(emulating)]
use super::card::is_emulated;
#[cfg(feature = "cuda")]
use super::driver;
#[cfg(emulating)]
use super::host;
#[cfg(feature = "cuda")]
use candle_core::CudaStorage;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, InplaceOp1, Layout, Result, bail};

/// A call whose output is there already.
pub(super) struct InPlace<'a> {
    pub(super) call: Call<'a>,
    #[cfg_attr(
        not(any(feature = "cuda", emulating)),
        allow(dead_code, reason = "only a call reads it")
    )]
    pub(super) dtype: DType,
}

impl InplaceOp1 for InPlace<'_> {
    fn name(&self) -> &'static str {
        self.call.kernel
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        #[cfg(emulating)]
        if is_emulated() {
            return host::run_on(&self.call, self.dtype, storage, layout);
        }
        bail!("{}: {:?} on the CPU, as {:?}", self.name(), storage.dtype(), layout.shape())
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(&self, storage: &mut CudaStorage, layout: &Layout) -> Result<()> {
        driver::run_on(&self.call, self.dtype, storage, layout)
    }
}
