//! Which tensors the kernels work on.

#[cfg(emulating)]
use super::emulation;
use candle_core::{DType, Device, Tensor};

/// Whether our kernels run on a tensor: it lies on a card, as `f32`, `f16` or `bf16`.
pub(crate) fn takes(x: &Tensor) -> bool {
    matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16) && on_card(x.device())
}

/// Whether the CUDA kernels work on the tensors of a device: it is an NVIDIA card, and the program
/// was built for one.
pub fn on_card(device: &Device) -> bool {
    cfg!(feature = "cuda") && device.is_cuda() || is_emulated()
}

/// Whether a test has the kernels run on this CPU.
pub(super) fn is_emulated() -> bool {
    #[cfg(emulating)]
    return emulation::is_here();
    #[cfg(not(emulating))]
    false
}
