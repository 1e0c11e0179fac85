//! A single tensor in a safetensors file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};

/// Reads the tensor `name` of a safetensors file, converted to `dtype`, onto `device`.
///
/// # Errors
/// Those of [`Checkpoint::open`]; [`Error::MissingTensor`] when there is none of this name.
pub fn read_tensor(
    path: impl AsRef<Path>,
    name: &str,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    let path = path.as_ref();
    let checkpoint = Checkpoint::open(path)?;
    let failed = |error: candle_core::Error| Error::Header {
        path: path.to_path_buf(),
        problem: error.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    let tensor = checkpoint.var_builder(dtype, device).get_unchecked(name);
    tensor.map_err(|error| Error::from_candle(error).unwrap_or_else(failed))
}

/// Writes a tensor under this name as the only one of a safetensors file.
///
/// # Errors
/// [`Error::Disk`].
pub fn write_tensor(path: impl AsRef<Path>, name: &str, tensor: &Tensor) -> Result<()> {
    let path = path.as_ref();
    let tensors = HashMap::from([(name.to_owned(), tensor.clone())]);
    candle_core::safetensors::save(&tensors, path).map_err(|error| Error::Disk {
        path: path.to_path_buf(),
        action: "write",
        source: std::io::Error::other(error),
    })
}
