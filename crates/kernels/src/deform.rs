//! Deformable convolution v2 (Zhu et al., "Deformable ConvNets v2", 2018).

use crate::isa::Isa;
use crate::lerp::{Corners, interpolate};
use crate::matmul::{Chained, Computed, Epilogue, Packed, Residual, product};
use crate::simd_math::activate_all;
use crate::view::{View, computed, hold, in_rows};
use crate::work;
use crate::{Activation, Linear};
use candle_core::{Result, Shape, Tensor, bail};
use std::ops::Range;

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
    matrix: Packed,
    shape: [usize; 4],
    stride: usize,
    padding: usize,
    activation: Activation,
    mask_activation: Activation,
    isa: Isa,
}

impl DeformConv2d {
    /// A deformable convolution with a weight of shape `(out, in, height, width)` and a bias of
    /// `out` values, followed by an activation.
    ///
    /// # Errors
    /// If the shapes do not fit each other, the stride is 0, or the weight is not `f32`.
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
        let values = weight.flatten_all()?.to_vec1::<f32>()?;
        let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?;
        let taps = height * width;
        let matrix = Packed::new([taps * input, out], bias.as_deref(), isa, |i, j| {
            values[(j * input + i % input) * taps + i / input]
        });
        let mask_activation = Activation::None;
        Ok(Self { matrix, shape, stride, padding, activation, mask_activation, isa })
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
        let tensors = [x, offset, mask];
        let (x, offset, mask) = (in_rows(x)?, in_rows(offset)?, in_rows(mask)?);
        let [x, offset, mask] = [&x, &offset, &mask].map(|tensor| hold("deform_conv2d", tensor));
        let (batch, height, width, channels) = x.shape().dims4()?;
        let [out, input, kernel_h, kernel_w] = self.shape;
        let (_, out_h, out_w, _) = offset.shape().dims4()?;
        let taps = kernel_h * kernel_w;
        let expected = |side: usize, kernel: usize| {
            (side + 2 * self.padding).checked_sub(kernel).map(|room| room / self.stride + 1)
        };
        if channels != input
            || expected(height, kernel_h) != Some(out_h)
            || expected(width, kernel_w) != Some(out_w)
            || offset.shape().dims() != [batch, out_h, out_w, 2 * taps]
            || mask.shape().dims() != [batch, out_h, out_w, taps]
        {
            bail!(
                "deform_conv2d: image {:?}, offset {:?} and mask {:?} do not fit weight {:?}, \
                 stride {} and padding {}",
                x.shape(),
                offset.shape(),
                mask.shape(),
                self.shape,
                self.stride,
                self.padding
            );
        }
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
            conv: self,
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
            None => computed(product(operand, &self.matrix, epilogue), shape),
            Some((linear, sum)) => {
                linear.join(&Chained { operand, matrix: &self.matrix, epilogue }, &shape, sum)
            }
        }
    }
}

/// A batch of images and where the taps read in them.
struct Sampling<'a> {
    conv: &'a DeformConv2d,
    x: View<'a>,
    offset: View<'a>,
    mask: View<'a>,
    size: [usize; 2],
    out: [usize; 2],
}

impl Sampling<'_> {
    /// Writes what the taps of these output positions read: a tap's channels after the other's.
    fn sample(&self, rows: Range<usize>, to: &mut [f32]) {
        let [_, channels, kernel_h, kernel_w] = self.conv.shape;
        let [out_h, out_w] = self.out;
        let taps = kernel_h * kernel_w;
        let mut masks = Vec::with_capacity(rows.len() * taps);
        rows.clone().for_each(|row| masks.extend_from_slice(self.mask.row(row)));
        activate_all(self.conv.isa, self.conv.mask_activation, &mut masks);
        let masks = masks.chunks_exact(taps);
        let corners = rows.zip(masks).flat_map(|(row, mask)| {
            let position = row % (out_h * out_w);
            let first = row / (out_h * out_w) * self.size[0] * self.size[1];
            let at = [position / out_w, position % out_w].map(|at| at * self.conv.stride);
            let offset = self.offset.row(row);
            (0..taps).map(move |tap| {
                let place =
                    |axis: usize, tap: usize| (at[axis] + tap) as f32 - self.conv.padding as f32;
                let y = place(0, tap / kernel_w) + offset[2 * tap];
                let x = place(1, tap % kernel_w) + offset[2 * tap + 1];
                self.corners(first, [y, x], mask[tap])
            })
        });
        interpolate(self.conv.isa, self.x.values(), channels, corners, to);
    }

    /// The four pixels around a point of the image that begins at pixel `first`, with weight 0
    /// outside the image.
    fn corners(&self, first: usize, [y, x]: [f32; 2], mask: f32) -> Corners {
        let [height, width] = self.size;
        // Written so that NaN counts as outside.
        if !(y > -1.0 && y < height as f32 && x > -1.0 && x < width as f32) {
            return Corners::default();
        }
        let (floor_y, floor_x) = (y.floor(), x.floor());
        let (dy, dx) = (y - floor_y, x - floor_x);
        let (top, left) = (floor_y as isize, floor_x as isize);
        let mut corners = Corners::default();
        let parts = [
            (0, 0, (1.0 - dy) * (1.0 - dx)),
            (0, 1, (1.0 - dy) * dx),
            (1, 0, dy * (1.0 - dx)),
            (1, 1, dy * dx),
        ];
        for (corner, (down, right, weight)) in parts.into_iter().enumerate() {
            let (row, column) = (top + down, left + right);
            if (0..height as isize).contains(&row) && (0..width as isize).contains(&column) {
                let pixel = first + row as usize * width + column as usize;
                corners.from[corner] = pixel * self.x.stride();
                corners.weights[corner] = weight * mask;
            }
        }
        corners
    }
}
