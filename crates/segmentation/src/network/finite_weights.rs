//! Weights that are checked as they are read.

use crate::finite::is_finite;
use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

/// The same weights; one that is infinite or no number is an error that names its tensor. Behind a
/// `max(x, 0)` it would not show in what the network computes.
pub(super) fn finite_weights<'a>(vb: &VarBuilder<'a>) -> VarBuilder<'a> {
    let backend = Box::new(FiniteWeights(vb.clone()));
    VarBuilder::from_backend(backend, vb.dtype(), vb.device().clone())
}

struct FiniteWeights<'a>(VarBuilder<'a>);

fn checked(tensor: Tensor, name: &str) -> Result<Tensor> {
    if !is_finite(&tensor)? {
        bail!("tensor {name} holds values that are not finite");
    }
    Ok(tensor)
}

impl SimpleBackend for FiniteWeights<'_> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        hints: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let weights = self.0.clone().set_device(device.clone());
        checked(weights.get_with_hints_dtype(shape, name, hints, dtype)?, name)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let weights = self.0.clone().set_device(device.clone());
        checked(weights.get_unchecked_dtype(name, dtype)?, name)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.0.contains_tensor(name)
    }
}
