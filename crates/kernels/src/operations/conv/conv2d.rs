//! Two-dimensional convolution of channels-last images with fused bias, activation and residual.

use super::elsewhere::Elsewhere;
use super::input::Input;
use super::params::Conv2dParams;
use super::part::Part;
use super::winograd::Winograd;
use crate::activation::Activation;
use crate::cpu::isa::Isa;
use crate::cpu::matmul::{Chained, Epilogue, Output, Packed, Residual, multiply, product};
use crate::cpu::view::{computed, hold, in_rows, is_plain};
use crate::operations::linear::Linear;
use crate::work;
use candle_core::{Result, Tensor, bail};
use std::iter;
use tracing::span::EnteredSpan;

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

/// Where the weights lie: packed for our own product on a CPU, or not.
#[derive(Debug)]
enum Parameters {
    /// The matrices, and what lies outside an image.
    Packed {
        matrices: Matrices,
        zeros: Vec<f32>,
    },
    Elsewhere(Elsewhere),
}

#[derive(Debug)]
enum Matrices {
    /// One for each group.
    Groups(Vec<Packed>),
    Winograd(Winograd),
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
        let parameters = if is_plain(weight) {
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
            let matrices = if Winograd::suits(shape, params, isa) {
                Matrices::Winograd(Winograd::new(&values, bias.as_deref(), shape, isa))
            } else {
                Matrices::Groups((0..groups).map(pack).collect())
            };
            Parameters::Packed { matrices, zeros: vec![0.0; group_in] }
        } else {
            Parameters::Elsewhere(Elsewhere::new(weight, bias, params, activation)?)
        };
        Ok(Self { parameters, shape, params, activation })
    }

    /// Convolves `(batch, height, width, in)` to `(batch, out height, out width, out)`.
    ///
    /// # Errors
    /// If the channels do not fit the weight, the image with its padding is smaller than the
    /// kernel, or the image lies on another device or has another type than the weight.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward_parts(&[x.into()])
    }

    /// [`forward`](Self::forward) of several maps as if their channels stood in one, which is not
    /// made on a CPU.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the maps differ in batch, height or width.
    pub fn forward_parts(&self, parts: &[Part<'_>]) -> Result<Tensor> {
        self.finish(parts, None)
    }

    /// [`forward`](Self::forward) plus `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the residual has another shape than the output.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.forward_parts_add(&[x.into()], residual)
    }

    /// [`forward_parts`](Self::forward_parts) plus `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`forward_parts`](Self::forward_parts), and if the residual has another shape than the
    /// output.
    pub fn forward_parts_add(&self, parts: &[Part<'_>], residual: &Tensor) -> Result<Tensor> {
        self.finish(parts, Some(residual))
    }

    fn finish(&self, parts: &[Part<'_>], residual: Option<&Tensor>) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed { .. } => self.run(parts, residual),
            Parameters::Elsewhere(weights) => {
                weights.forward(parts, self.params, self.activation, residual)
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
        if let Parameters::Elsewhere(_) = self.parameters {
            return linear.join_by_candle(&self.forward(x)?, sum);
        }
        let (Matrices::Groups(groups), zeros) = self.packed()? else {
            return linear.add_before(&self.forward(x)?, sum);
        };
        let [matrix] = &groups[..] else {
            bail!("conv2d: groups of channels cannot go into a linear layer");
        };
        let epilogue = Epilogue { activation: self.activation, residual: Residual::None };
        Input::with(&[x.into()], self.shape, self.params, zeros, |input| {
            let _span = self.begin(&input, &[[self.shape[0], linear.outputs()]], [x, sum]);
            let operand = input.operand(0);
            linear.join(&Chained { operand: &*operand, matrix, epilogue }, &input.out, sum)
        })
    }

    fn run(&self, parts: &[Part<'_>], residual: Option<&Tensor>) -> Result<Tensor> {
        let (matrices, zeros) = self.packed()?;
        let added = residual;
        let residual = residual.map(in_rows).transpose()?;
        let residual = residual.as_ref().map(|residual| hold("conv2d", residual));
        Input::with(parts, self.shape, self.params, zeros, |input| {
            let residual = match &residual {
                None => Residual::None,
                Some(residual) => Residual::After(residual.residual(&input.out)?),
            };
            let epilogue = Epilogue { activation: self.activation, residual };
            let read = parts.iter().map(Part::map).chain(added);
            let _span = self.begin(&input, &[], read);
            let groups = match matrices {
                Matrices::Groups(groups) => groups,
                Matrices::Winograd(winograd) => {
                    let Input { sources, geometry, zeros, out, .. } = input;
                    return computed(winograd.run(&sources, &geometry, zeros, epilogue), out);
                }
            };
            if let [matrix] = &groups[..] {
                let y = product(&*input.operand(0), matrix, epilogue);
                return computed(y, input.out);
            }
            let mut y = vec![0f32; input.out.elem_count()];
            let [out, ..] = self.shape;
            for (group, matrix) in groups.iter().enumerate() {
                let output = Output::columns(&mut y, out, group * (out / groups.len()));
                multiply(&*input.operand(group), matrix, epilogue, output);
            }
            computed(y, input.out)
        })
    }

    /// Tells of a call that reads some tensors, with the products that follow.
    fn begin<'a>(
        &self,
        input: &Input<'_>,
        then: &[[usize; 2]],
        read: impl IntoIterator<Item = &'a Tensor>,
    ) -> EnteredSpan {
        let [out, group_in, height, width] = self.shape;
        let kind = match &self.parameters {
            Parameters::Packed { matrices: Matrices::Winograd(_), .. } => "Winograd convolutions",
            _ if height * width == 1 => "1×1 convolutions",
            _ => "convolutions",
        };
        let matrices: Vec<_> =
            iter::once([group_in * height * width, out]).chain(then.iter().copied()).collect();
        work::begin_product(kind, input.out.elem_count() / out, &matrices, read)
    }

    /// The matrices, and what lies outside an image.
    fn packed(&self) -> Result<(&Matrices, &[f32])> {
        match &self.parameters {
            Parameters::Packed { matrices, zeros } => Ok((matrices, zeros)),
            Parameters::Elsewhere(_) => {
                bail!("conv2d: the weight does not lie on the CPU as f32")
            }
        }
    }
}
