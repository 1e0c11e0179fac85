//! Two-dimensional convolution of channels-last images with fused bias, activation and residual.

mod patches;

use crate::isa::Isa;
use crate::matmul::{
    Chained, Computed, Dense, Epilogue, Operand, Output, Packed, Residual, multiply,
};
use crate::slices::{f32_values, residual_values};
use crate::{Activation, Linear};
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use patches::{Geometry, Patches};

/// Channels below which the values around a pixel are copied side by side first: short pieces would
/// cost more than the copy.
const FEW_CHANNELS: usize = 12;

/// The geometry of a convolution, equal in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dParams {
    /// Step between output positions, at least 1.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Step between taps, at least 1.
    pub dilation: usize,
    /// Groups of channels that do not see each other, at least 1.
    pub groups: usize,
}

impl Default for Conv2dParams {
    fn default() -> Self {
        Self { stride: 1, padding: 0, dilation: 1, groups: 1 }
    }
}

/// `activation(conv2d(x, weight) + bias)` of channels-last images.
///
/// On a CPU in `f32` the weight is packed once, the values around a pixel are read where they lie,
/// and bias and activation happen while the sums are in registers.
#[derive(Debug)]
pub struct Conv2d {
    parameters: Parameters,
    shape: [usize; 4],
    params: Conv2dParams,
    activation: Activation,
}

/// Where the weights lie: packed for our own product, tensors for candle's.
#[derive(Debug)]
enum Parameters {
    /// One matrix for each group, and what lies outside an image.
    Packed {
        groups: Vec<Packed>,
        zeros: Vec<f32>,
    },
    Tensors {
        weight: Tensor,
        bias: Option<Tensor>,
    },
}

impl Conv2d {
    /// A convolution with a weight of shape `(out, in / groups, height, width)`, as PyTorch keeps
    /// it, and a bias of `out` values. It runs on the device and in the type of its weight.
    ///
    /// # Errors
    /// If the shapes do not fit each other or a parameter is 0.
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        params: Conv2dParams,
        activation: Activation,
    ) -> Result<Self> {
        Self::with_isa(weight, bias, params, activation, Isa::detect())
    }

    /// As [`new`](Self::new), with these vector instructions on a CPU.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_isa(
        weight: &Tensor,
        bias: Option<&Tensor>,
        params: Conv2dParams,
        activation: Activation,
        isa: Isa,
    ) -> Result<Self> {
        let shape: [usize; 4] = weight.dims4()?.into();
        let [out, group_in, height, width] = shape;
        if let Some(bias) = bias
            && bias.dims() != [out]
        {
            bail!("a bias of shape {:?} for {out} output channels", bias.dims());
        }
        let Conv2dParams { stride, dilation, groups, .. } = params;
        let zero = [stride, dilation, groups, group_in, height, width].contains(&0);
        if zero || !out.is_multiple_of(groups) {
            bail!("a convolution with a weight of {shape:?} cannot have {params:?}");
        }
        let parameters = if weight.device().is_cpu() && weight.dtype() == DType::F32 {
            let values = weight.flatten_all()?.to_vec1::<f32>()?;
            let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?;
            let (taps, group_out) = (height * width, out / groups);
            let pack = |group: usize| {
                let first = group * group_out;
                let bias = bias.as_ref().map(|bias| &bias[first..][..group_out]);
                // The rows of the product hold one tap's channels after the other's.
                Packed::new([taps * group_in, group_out], bias, isa, |i, j| {
                    values[((first + j) * group_in + i % group_in) * taps + i / group_in]
                })
            };
            Parameters::Packed {
                groups: (0..groups).map(pack).collect(),
                zeros: vec![0.0; group_in],
            }
        } else {
            Parameters::Tensors { weight: weight.clone(), bias: bias.cloned() }
        };
        Ok(Self { parameters, shape, params, activation })
    }

    /// Convolves `(batch, height, width, in)` to `(batch, out height, out width, out)`.
    ///
    /// # Errors
    /// If the channels do not fit the weight, the image with its padding is smaller than the
    /// kernel, or the image lies on another device or has another type than the weight.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed { .. } => x.contiguous()?.apply_op1_no_bwd(self),
            Parameters::Tensors { weight, bias } => self.by_candle(x, weight, bias.as_ref()),
        }
    }

    /// [`forward`](Self::forward) plus `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the residual has another shape than the output.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed { .. } => {
                x.contiguous()?.apply_op2_no_bwd(&residual.contiguous()?, self)
            }
            Parameters::Tensors { weight, bias } => {
                self.by_candle(x, weight, bias.as_ref())? + residual
            }
        }
    }

    /// `activation(linear(conv(x)) + sum)` with the activation of `linear`: what several
    /// convolutions side by side and the 1×1 convolution behind them come to, one after the other.
    /// The convolution's own result is computed for a few pixels at a time and never stands in
    /// memory as a whole. `sum` is `(batch, out height, out width, out of linear)`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the layer or the sum do not fit.
    pub fn forward_into(&self, x: &Tensor, linear: &Linear, sum: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed { .. } => {
                let op = IntoLinear { conv: self, linear };
                x.contiguous()?.apply_op2_no_bwd(&sum.contiguous()?, &op)
            }
            Parameters::Tensors { .. } => linear.join_by_candle(&self.forward(x)?, sum),
        }
    }

    fn by_candle(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let Conv2dParams { stride, padding, dilation, groups } = self.params;
        let x = x.permute((0, 3, 1, 2))?.contiguous()?;
        let mut y = x.conv2d(weight, padding, stride, dilation, groups)?;
        if let Some(bias) = bias {
            y = y.broadcast_add(&bias.reshape((1, self.shape[0], 1, 1))?)?;
        }
        self.activation.of(&y)?.permute((0, 2, 3, 1))?.contiguous()
    }

    fn output(&self, input: &Shape) -> Result<(Geometry, Shape)> {
        let (batch, height, width, channels) = input.dims4()?;
        let [out, group_in, kernel_h, kernel_w] = self.shape;
        if channels != group_in * self.params.groups {
            bail!("conv2d: {channels} input channels for a weight of {:?}", self.shape);
        }
        let geometry = Geometry::new(batch, [height, width], [kernel_h, kernel_w], self.params)?;
        let [out_h, out_w] = geometry.out;
        Ok((geometry, Shape::from((batch, out_h, out_w, out))))
    }

    fn run(
        &self,
        x: &[f32],
        residual: Residual<'_>,
        (geometry, shape): (Geometry, Shape),
    ) -> Result<(CpuStorage, Shape)> {
        let (groups, _) = self.packed()?;
        let [out, ..] = self.shape;
        let mut y = vec![0f32; shape.elem_count()];
        let epilogue = Epilogue { activation: self.activation, residual };
        for (group, matrix) in groups.iter().enumerate() {
            let output = Output::columns(&mut y, out, group * (out / groups.len()));
            self.with_operand(x, &geometry, group, |operand| {
                multiply(operand, matrix, epilogue, output);
            })?;
        }
        Ok((CpuStorage::F32(y), shape))
    }

    /// A matrix for each group, and what lies outside an image.
    fn packed(&self) -> Result<(&[Packed], &[f32])> {
        match &self.parameters {
            Parameters::Packed { groups, zeros } => Ok((groups, zeros)),
            Parameters::Tensors { .. } => {
                bail!("conv2d: the weight does not lie on the CPU as f32")
            }
        }
    }

    /// Hands `work` the rows of the product that computes a group of channels.
    fn with_operand<T>(
        &self,
        x: &[f32],
        geometry: &Geometry,
        group: usize,
        work: impl FnOnce(&dyn Operand) -> T,
    ) -> Result<T> {
        let (groups, zeros) = self.packed()?;
        let [_, inner, ..] = self.shape;
        let channels = inner * groups.len();
        let patches = Patches { x, zeros, geometry, channels, first: group * inner, inner };
        Ok(if geometry.is_pointwise() && groups.len() == 1 {
            work(&Dense::new(x, channels))
        } else if inner < FEW_CHANNELS {
            let fill = |rows, to: &mut [f32]| patches.gather(rows, to);
            work(&Computed::new(geometry.rows(), geometry.taps() * inner, fill))
        } else {
            work(&patches)
        })
    }
}

/// A convolution that goes into a linear layer, see [`Conv2d::forward_into`].
struct IntoLinear<'a> {
    conv: &'a Conv2d,
    linear: &'a Linear,
}

impl CustomOp2 for IntoLinear<'_> {
    fn name(&self) -> &'static str {
        "conv2d_into_linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        sum: &CpuStorage,
        sum_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = f32_values("conv2d", x, layout)?;
        let (geometry, shape) = self.conv.output(layout.shape())?;
        let ([matrix], _) = self.conv.packed()? else {
            bail!("conv2d: groups of channels cannot go into a linear layer");
        };
        let epilogue = Epilogue { activation: self.conv.activation, residual: Residual::None };
        self.conv.with_operand(x, &geometry, 0, |operand| {
            self.linear.join(&Chained { operand, matrix, epilogue }, &shape, sum, sum_layout)
        })?
    }
}

impl CustomOp1 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = f32_values("conv2d", storage, layout)?;
        self.run(x, Residual::None, self.output(layout.shape())?)
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d_add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let output = self.output(layout.shape())?;
        let residual = residual_values("conv2d", residual, residual_layout, &output.1)?;
        self.run(f32_values("conv2d", x, layout)?, Residual::After(residual), output)
    }
}
