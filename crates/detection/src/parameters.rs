//! Reading a network's parameters, with the batch normalisation folded in.

use crate::names::Naming;
use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Conv2dParams};

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

    /// The values of the parameter `name` in row-major order.
    ///
    /// # Errors
    /// If the tensor is missing, has another shape, or holds infinities or no numbers.
    pub(crate) fn read(&self, shape: &[usize], name: &str) -> Result<Vec<f64>> {
        let name = self.naming.file_name(&self.name(&name));
        let values = self.values.get(shape, &name)?.flatten_all()?.to_vec1::<f64>()?;
        if !values.iter().all(|value| value.is_finite()) {
            bail!("tensor {name} holds values that are not finite");
        }
        Ok(values)
    }

    /// A convolution with a bias and nothing after it.
    pub(crate) fn convolution(&self, [input, out]: [usize; 2], kernel: usize) -> Result<Conv2d> {
        let shape = [out, input, kernel, kernel];
        let weight = self.read(&shape, "weight")?;
        let bias = self.read(&[out], "bias")?;
        self.build(shape, weight, bias, 1, Activation::None)
    }

    /// A convolution without bias, batch normalisation, SiLU.
    pub(crate) fn normalised_convolution(
        &self,
        [input, out]: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Conv2d> {
        let shape = [out, input, kernel, kernel];
        let mut weight = self.at("conv").read(&shape, "weight")?;
        let norm = self.at("bn");
        let [gamma, mut bias, mean, variance] = [
            norm.read(&[out], "weight")?,
            norm.read(&[out], "bias")?,
            norm.read(&[out], "running_mean")?,
            norm.read(&[out], "running_var")?,
        ];
        let taps = input * kernel * kernel;
        for (channel, taps) in weight.chunks_exact_mut(taps).enumerate() {
            if variance[channel] < 0.0 {
                bail!("{}: variance {} of a channel", norm.path, variance[channel]);
            }
            let scale = gamma[channel] / (variance[channel] + BATCH_NORM_EPSILON).sqrt();
            taps.iter_mut().for_each(|tap| *tap *= scale);
            bias[channel] -= mean[channel] * scale;
        }
        self.build(shape, weight, bias, stride, Activation::Silu)
    }

    fn build(
        &self,
        shape: [usize; 4],
        weight: Vec<f64>,
        bias: Vec<f64>,
        stride: usize,
        activation: Activation,
    ) -> Result<Conv2d> {
        let params = Conv2dParams { stride, padding: shape[2] / 2, ..Default::default() };
        let weight = self.place(weight, &shape)?;
        let bias = self.place(bias, &[shape[0]])?;
        Conv2d::new(weight, Some(bias), params, activation)
    }

    /// A tensor of these values in the type and on the device of the network.
    pub(crate) fn place(&self, values: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(self.dtype)?.to_device(&self.device)
    }
}
