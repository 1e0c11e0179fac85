//! The `f32` values behind a candle tensor.

use candle_core::{CpuStorage, Layout, Result, bail};

/// The contiguous `f32` values of an operand.
///
/// # Errors
/// If the operand is a strided view or has another type.
pub(crate) fn f32_values<'a>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [f32]> {
    let CpuStorage::F32(values) = storage else {
        bail!("{op} on a CPU takes f32 tensors, not {:?}", storage_dtype(storage));
    };
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{op} takes contiguous tensors"),
    }
}

fn storage_dtype(storage: &CpuStorage) -> candle_core::DType {
    use candle_core::backend::BackendStorage;
    storage.dtype()
}
