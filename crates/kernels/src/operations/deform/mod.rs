//! Deformable convolution v2 (Zhu et al., "Deformable ConvNets v2", 2018).

mod sampling;

use crate::activation::Activation;
use crate::cpu::isa::Isa;
use crate::cpu::matmul::{Chained, Computed, Epilogue, Packed, Residual, product};
use crate::cpu::view::{computed, hold, in_rows, row_stride};
use crate::cuda;
use crate::operations::conv::{Conv2dParams, Sizes, Weights};
use crate::operations::linear::Linear;
use crate::work;
use candle_core::{Result, Shape, Tensor, bail};
use sampling::{Sampling, TOO_LONG};

/// In a profile.
const PRODUCTS: &str = "deformable convolutions";

/// A convolution of channels-last images whose taps are moved by learnt offsets and scaled by a
/// learnt mask.
///
/// The same as `torchvision.ops.deform_conv2d` with one offset group, one weight group and
/// dilation 1: for tap `t = ky·width + kx` of the kernel, offset channel `2t` moves it down and
/// `2t + 1` moves it right; the value is interpolated bilinearly, neighbours outside the image
/// count as 0, and the result is multiplied with channel `t` of the mask.
///
/// What the taps read is computed for a few rows of the product at a time and never stands in
/// memory as a whole.
#[derive(Debug)]
pub struct DeformConv2d {
    parameters: Parameters,
    shape: [usize; 4],
    /// Stride and padding; the rest is as by default.
    params: Conv2dParams,
    activation: Activation,
    mask_activation: Activation,
    isa: Isa,
}

/// Where the weight lies.
#[derive(Debug)]
enum Parameters {
    /// On the CPU, for our product.
    Packed(Packed),
    OnCuda(Weights),
}

impl DeformConv2d {
    /// A deformable convolution with a weight of shape `(out, in, height, width)` and a bias of
    /// `out` values, followed by an activation.
    ///
    /// # Errors
    /// If the shapes do not fit each other, the stride is 0, or the weight is neither `f32` on a
    /// CPU nor on a card.
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: usize,
        padding: usize,
        activation: Activation,
    ) -> Result<Self> {
        Self::with_isa(weight, bias, [stride, padding], activation, Isa::detect())
    }

    /// As [`new`](Self::new), with these vector instructions; `[stride, padding]`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_isa(
        weight: &Tensor,
        bias: Option<&Tensor>,
        [stride, padding]: [usize; 2],
        activation: Activation,
        isa: Isa,
    ) -> Result<Self> {
        let shape: [usize; 4] = weight.dims4()?.into();
        let [out, input, height, width] = shape;
        if let Some(bias) = bias
            && bias.dims() != [out]
        {
            bail!("a bias of shape {:?} for {out} output channels", bias.dims());
        }
        if stride == 0 || input == 0 || height * width == 0 {
            bail!("a deformable convolution cannot have stride {stride} and a weight of {shape:?}");
        }
        let parameters = if cuda::takes(weight) {
            Parameters::OnCuda(Weights::new(weight, bias)?)
        } else {
            let values = weight.flatten_all()?.to_vec1::<f32>()?;
            let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?;
            let taps = height * width;
            Parameters::Packed(Packed::new([taps * input, out], bias.as_deref(), isa, |i, j| {
                values[(j * input + i % input) * taps + i / input]
            }))
        };
        let params = Conv2dParams { stride, padding, ..Conv2dParams::default() };
        let mask_activation = Activation::None;
        Ok(Self { parameters, shape, params, activation, mask_activation, isa })
    }

    /// The same with an activation that the mask goes through first.
    pub fn with_mask_activation(self, mask_activation: Activation) -> Self {
        Self { mask_activation, ..self }
    }

    /// Convolves `x` of shape `(batch, height, width, in)` with `offset` of shape
    /// `(batch, out height, out width, 2·taps)` in pixels and `mask` of shape
    /// `(batch, out height, out width, taps)`.
    ///
    /// # Errors
    /// If the shapes do not fit each other.
    pub fn forward(&self, x: &Tensor, offset: &Tensor, mask: &Tensor) -> Result<Tensor> {
        self.run(x, [offset, mask], None)
    }

    /// `activation(linear(conv(x)) + sum)` with the activation of `linear`, as
    /// [`Conv2d::forward_into`](crate::Conv2d::forward_into).
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the layer or the sum do not fit.
    pub fn forward_into(
        &self,
        x: &Tensor,
        offset: &Tensor,
        mask: &Tensor,
        linear: &Linear,
        sum: &Tensor,
    ) -> Result<Tensor> {
        self.run(x, [offset, mask], Some((linear, sum)))
    }

    fn run(
        &self,
        x: &Tensor,
        [offset, mask]: [&Tensor; 2],
        into: Option<(&Linear, &Tensor)>,
    ) -> Result<Tensor> {
        let sizes = self.sizes(x, offset, mask)?;
        let Sizes { input: [batch, height, width], out: [out_h, out_w] } = sizes;
        let tensors = [x, offset, mask];
        let (offset, mask) = (in_rows(offset)?, in_rows(mask)?);
        let matrix = match &self.parameters {
            Parameters::Packed(matrix) => matrix,
            Parameters::OnCuda(weights) => {
                let steering = [&offset, &mask].map(|map| (map, row_stride(map.layout())));
                let [(offset, Some(offset_stride)), (mask, Some(mask_stride))] = steering else {
                    bail!("deform_conv2d: offsets or a mask whose rows lie at irregular places");
                };
                let steering = [(offset, offset_stride), (mask, mask_stride)];
                let activations = [self.mask_activation, self.activation];
                let y = weights.deform_conv2d(x, steering, self.params, &sizes, activations)?;
                return match into {
                    None => Ok(y),
                    Some((linear, sum)) => linear.join_by_candle(&y, sum),
                };
            }
        };
        let x = in_rows(x)?;
        let [x, offset, mask] = [&x, &offset, &mask].map(|tensor| hold("deform_conv2d", tensor));
        let [out, channels, kernel_h, kernel_w] = self.shape;
        let taps = kernel_h * kernel_w;
        let taps_in = [taps * channels, out];
        let rows = batch * out_h * out_w;
        let _span = match into {
            None => work::begin_product(PRODUCTS, rows, &[taps_in], tensors),
            Some((linear, sum)) => {
                let matrices = [taps_in, [out, linear.outputs()]];
                work::begin_product(PRODUCTS, rows, &matrices, tensors.into_iter().chain([sum]))
            }
        };
        let sampling = Sampling {
            kernel: [kernel_h, kernel_w],
            channels,
            params: self.params,
            mask_activation: self.mask_activation,
            isa: self.isa,
            x: x.view()?,
            offset: offset.view()?,
            mask: mask.view()?,
            size: [height, width],
            out: [out_h, out_w],
        };
        let fill = |rows, to: &mut [f32]| sampling.sample(rows, to);
        let operand = &Computed::new(rows, taps * channels, fill);
        let epilogue = Epilogue { activation: self.activation, residual: Residual::None };
        let shape = Shape::from((batch, out_h, out_w, out));
        match into {
            None => computed(product(operand, matrix, epilogue), shape),
            Some((linear, sum)) => linear.join(&Chained { operand, matrix, epilogue }, &shape, sum),
        }
    }

    /// Whether the tensors fit the weight and each other.
    fn sizes(&self, x: &Tensor, offset: &Tensor, mask: &Tensor) -> Result<Sizes> {
        let (batch, height, width, channels) = x.dims4()?;
        if height.max(width) >= TOO_LONG {
            bail!("deform_conv2d: an image of {height}x{width}; sides are below {TOO_LONG}");
        }
        let Conv2dParams { stride, padding, .. } = self.params;
        let [_, input, kernel_h, kernel_w] = self.shape;
        let (_, out_h, out_w, _) = offset.dims4()?;
        let taps = kernel_h * kernel_w;
        let expected = |side: usize, kernel: usize| {
            (side + 2 * padding).checked_sub(kernel).map(|room| room / stride + 1)
        };
        if channels != input
            || expected(height, kernel_h) != Some(out_h)
            || expected(width, kernel_w) != Some(out_w)
            || offset.dims() != [batch, out_h, out_w, 2 * taps]
            || mask.dims() != [batch, out_h, out_w, taps]
        {
            bail!(
                "deform_conv2d: image {:?}, offset {:?} and mask {:?} do not fit weight {:?}, \
                 stride {stride} and padding {padding}",
                x.shape(),
                offset.shape(),
                mask.shape(),
                self.shape
            );
        }
        Ok(Sizes { input: [batch, height, width], out: [out_h, out_w] })
    }
}
