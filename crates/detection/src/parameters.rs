//! Reading a network's parameters, with the batch normalisation folded in.

use crate::names::Naming;
use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, BatchNorm, Conv2d, Conv2dParams};

/// Ultralytics sets this after building the network; it is not the default of the layer.
const BATCH_NORM_EPSILON: f64 = 1e-3;

/// A place in the tree of parameters.
///
/// Values are read on the CPU in binary64, so that folding rounds once, to the type that the
/// network runs in.
#[derive(Clone)]
pub(crate) struct Parameters<'a> {
    values: VarBuilder<'a>,
    naming: Naming,
    path: String,
    dtype: DType,
    device: Device,
}

impl<'a> Parameters<'a> {
    /// The parameters of a network that runs on the device and in the type of `vb`.
    pub(crate) fn new(vb: VarBuilder<'a>) -> Self {
        let (dtype, device) = (vb.dtype(), vb.device().clone());
        let is_there = |naming: &Naming| vb.contains_tensor(&naming.first_parameter());
        // Where neither is there, reading fails with the name of the first missing tensor.
        let naming = [Naming::Ultralytics, Naming::Candle]
            .into_iter()
            .find(is_there)
            .unwrap_or(Naming::Ultralytics);
        let values = vb.set_device(Device::Cpu).to_dtype(DType::F64);
        Self { values, naming, path: String::new(), dtype, device }
    }

    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// The place `name` below this one.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { path: self.name(&name), ..self.clone() }
    }

    fn name(&self, name: &dyn std::fmt::Display) -> String {
        if self.path.is_empty() { name.to_string() } else { format!("{}.{name}", self.path) }
    }

    /// The parameter `name` on the CPU in binary64.
    ///
    /// # Errors
    /// If the tensor is missing, has another shape, or holds infinities or no numbers.
    pub(crate) fn read(&self, shape: &[usize], name: &str) -> Result<Tensor> {
        let name = self.naming.file_name(&self.name(&name));
        let tensor = self.values.get(shape, &name)?;
        let values = tensor.flatten_all()?.to_vec1::<f64>()?;
        if !values.iter().all(|value| value.is_finite()) {
            bail!("tensor {name} holds values that are not finite");
        }
        Ok(tensor)
    }

    /// A 1×1 convolution with a bias and an activation.
    pub(crate) fn convolution(
        &self,
        [input, out]: [usize; 2],
        activation: Activation,
    ) -> Result<Conv2d> {
        let weight = self.read(&[out, input, 1, 1], "weight")?;
        let bias = self.read(&[out], "bias")?;
        self.build(weight, bias, [1, 1], activation)
    }

    /// A convolution without bias, batch normalisation, SiLU.
    pub(crate) fn normalised_convolution(
        &self,
        [input, out]: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Conv2d> {
        let weight = self.at("conv").read(&[out, input, kernel, kernel], "weight")?;
        let at = self.at("bn");
        let running_var = at.read(&[out], "running_var")?;
        if let Some(variance) = running_var.to_vec1::<f64>()?.iter().find(|v| **v < 0.0) {
            bail!("{}: variance {variance} of a channel", at.path);
        }
        let norm = BatchNorm {
            weight: at.read(&[out], "weight")?,
            bias: at.read(&[out], "bias")?,
            running_mean: at.read(&[out], "running_mean")?,
            running_var,
            eps: BATCH_NORM_EPSILON,
        };
        let (weight, bias) = norm.fold(&weight, None)?;
        self.build(weight, bias, [kernel, stride], Activation::Silu)
    }

    fn build(
        &self,
        weight: Tensor,
        bias: Tensor,
        [kernel, stride]: [usize; 2],
        activation: Activation,
    ) -> Result<Conv2d> {
        let params = Conv2dParams { stride, padding: kernel / 2, ..Default::default() };
        Conv2d::new(&self.place(&weight)?, Some(&self.place(&bias)?), params, activation)
    }

    /// The tensor in the type and on the device of the network.
    fn place(&self, tensor: &Tensor) -> Result<Tensor> {
        tensor.to_dtype(self.dtype)?.to_device(&self.device)
    }
}
