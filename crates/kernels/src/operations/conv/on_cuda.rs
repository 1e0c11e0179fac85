//! Convolutions on a card as one product: `cuda/product.cu`.

use super::params::Conv2dParams;
use crate::activation::Activation;
use crate::cuda::{Arg, Call, Source};
use candle_core::{Result, Shape, Tensor, bail};

/// Pixels that a block computes.
const PIXELS: usize = 128;
/// Values that a thread reads at once.
const RUN: usize = 8;
/// Outputs up to which a block computes so many of them, and else twice as many.
const FEW_OUTPUTS: usize = 64;

/// A weight as the kernels read it: for each output, one tap's channels after the other's.
#[derive(Debug)]
pub(crate) struct Weights {
    rows: Tensor,
    bias: Option<Tensor>,
    shape: [usize; 4],
}

/// Batch, height and width of the input, then height and width of the output.
pub(crate) struct Sizes {
    pub(crate) input: [usize; 3],
    pub(crate) out: [usize; 2],
}

impl Weights {
    /// From a weight of shape `(out, in, height, width)`.
    pub(crate) fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        let shape: [usize; 4] = weight.dims4()?.into();
        let rows = weight.permute((0, 2, 3, 1))?.contiguous()?;
        let bias = bias.map(Tensor::contiguous).transpose()?;
        Ok(Self { rows, bias, shape })
    }

    /// `(out, in, height, width)`
    pub(crate) fn shape(&self) -> [usize; 4] {
        self.shape
    }

    /// `activation(conv2d(x) + bias) + residual`, without groups.
    pub(crate) fn conv2d(
        &self,
        x: &Tensor,
        params: Conv2dParams,
        sizes: &Sizes,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Result<Tensor> {
        let output = self.output(sizes);
        if let Some(residual) = residual
            && *residual.shape() != output
        {
            bail!("conv2d: a residual of {:?} for an output of {output:?}", residual.shape());
        }
        let (x, residual) = (aligned(x)?, residual.map(Tensor::contiguous).transpose()?);
        let args = [
            Arg::In(&x),
            Arg::In(&self.rows),
            Arg::Maybe(self.bias.as_ref()),
            Arg::Maybe(residual.as_ref()),
            Arg::Out,
            Arg::Number(activation.number()),
        ];
        self.call(["conv2d_64", "conv2d_128"], args, params, sizes).run()
    }

    /// `activation(deform_conv2d(x) + bias)`. Offset and mask may be some channels of a map: what
    /// follows each of them is the distance from pixel to pixel.
    pub(crate) fn deform_conv2d(
        &self,
        x: &Tensor,
        [(offset, offset_stride), (mask, mask_stride)]: [(&Tensor, usize); 2],
        params: Conv2dParams,
        sizes: &Sizes,
        [mask_activation, activation]: [Activation; 2],
    ) -> Result<Tensor> {
        let x = aligned(x)?;
        let args = [
            Arg::In(&x),
            Arg::Rows(offset),
            Arg::Rows(mask),
            Arg::In(&self.rows),
            Arg::Maybe(self.bias.as_ref()),
            Arg::Out,
            Arg::Number(offset_stride),
            Arg::Number(mask_stride),
            Arg::Number(mask_activation.number()),
            Arg::Number(activation.number()),
        ];
        self.call(["deform_conv2d_64", "deform_conv2d_128"], args, params, sizes).run()
    }

    fn output(&self, sizes: &Sizes) -> Shape {
        let [batch, ..] = sizes.input;
        Shape::from((batch, sizes.out[0], sizes.out[1], self.shape[0]))
    }

    fn call<'a>(
        &self,
        [narrow, wide]: [&'static str; 2],
        args: impl IntoIterator<Item = Arg<'a>>,
        params: Conv2dParams,
        sizes: &Sizes,
    ) -> Call<'a> {
        let [outputs, channels, kernel_h, kernel_w] = self.shape;
        let Sizes { input: [batch, height, width], out: [out_h, out_w] } = *sizes;
        let Conv2dParams { stride, padding, dilation, groups: _ } = params;
        let numbers = [
            [batch, height, width, channels],
            [out_h, out_w, outputs, kernel_h],
            [kernel_w, stride, padding, dilation],
        ];
        let args = args.into_iter().chain(numbers.into_iter().flatten().map(Arg::Number));
        let (kernel, at_once) = match outputs {
            ..=FEW_OUTPUTS => (narrow, FEW_OUTPUTS),
            _ => (wide, 2 * FEW_OUTPUTS),
        };
        let output = self.output(sizes);
        let pixels = batch * out_h * out_w;
        let blocks = [pixels.div_ceil(PIXELS), outputs.div_ceil(at_once)];
        Call { source: Source::Product, kernel, args: args.collect(), blocks, output }
    }
}

/// Dense, and beginning where the kernels can read eight values at once.
fn aligned(x: &Tensor) -> Result<Tensor> {
    let dense = x.contiguous()?;
    if dense.layout().start_offset().is_multiple_of(RUN) { Ok(dense) } else { dense.copy() }
}
