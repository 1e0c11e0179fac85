//! Deformable convolution v2 (Zhu et al., "Deformable ConvNets v2", 2018).

use crate::Activation;
use crate::slices::f32_values;
use crate::tiles::Product;
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// A convolution whose taps are moved by learnt offsets and scaled by a learnt mask.
///
/// The same as `torchvision.ops.deform_conv2d` with one offset group, one weight group and
/// dilation 1: for tap `t = ky·width + kx` of the kernel, offset channel `2t` moves it down and
/// `2t + 1` moves it right; the value is interpolated bilinearly, neighbours outside the image
/// count as 0, and the result is multiplied with channel `t` of the mask.
#[derive(Debug)]
pub struct DeformConv2d {
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
    shape: [usize; 4],
    stride: usize,
    padding: usize,
    activation: Activation,
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
        let (out, input, height, width) = weight.dims4()?;
        if let Some(bias) = bias
            && bias.dims() != [out]
        {
            bail!("a bias of shape {:?} for {out} output channels", bias.dims());
        }
        if stride == 0 {
            bail!("a deformable convolution cannot have stride 0");
        }
        Ok(Self {
            weight: weight.flatten_all()?.to_vec1()?,
            bias: bias.map(|bias| bias.to_vec1()).transpose()?,
            shape: [out, input, height, width],
            stride,
            padding,
            activation,
        })
    }

    /// Convolves `x` of shape `(batch, in, height, width)` with `offset` of shape
    /// `(batch, 2·taps, out height, out width)` in pixels and `mask` of shape
    /// `(batch, taps, out height, out width)`.
    ///
    /// # Errors
    /// If the shapes do not fit each other.
    pub fn forward(&self, x: &Tensor, offset: &Tensor, mask: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op3_no_bwd(&offset.contiguous()?, &mask.contiguous()?, self)
    }
}

impl CustomOp3 for DeformConv2d {
    fn name(&self) -> &'static str {
        "deform_conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        offset: &CpuStorage,
        offset_layout: &Layout,
        mask: &CpuStorage,
        mask_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = f32_values(self.name(), x, x_layout)?;
        let offset = f32_values(self.name(), offset, offset_layout)?;
        let mask = f32_values(self.name(), mask, mask_layout)?;
        let (batch, channels, height, width) = x_layout.shape().dims4()?;
        let [m, input, kernel_h, kernel_w] = self.shape;
        let (_, _, out_h, out_w) = offset_layout.shape().dims4()?;
        let (taps, n) = (kernel_h * kernel_w, out_h * out_w);
        let expected = |side: usize, kernel: usize| {
            (side + 2 * self.padding).checked_sub(kernel).map(|room| room / self.stride + 1)
        };
        if channels != input
            || expected(height, kernel_h) != Some(out_h)
            || expected(width, kernel_w) != Some(out_w)
            || offset_layout.shape().dims() != [batch, 2 * taps, out_h, out_w]
            || mask_layout.shape().dims() != [batch, taps, out_h, out_w]
        {
            bail!(
                "deform_conv2d: image {:?}, offset {:?} and mask {:?} do not fit weight {:?}, \
                 stride {} and padding {}",
                x_layout.shape(),
                offset_layout.shape(),
                mask_layout.shape(),
                self.shape,
                self.stride,
                self.padding
            );
        }
        let product = Product {
            weight: &self.weight,
            bias: self.bias.as_deref(),
            activation: self.activation,
            m,
            k: channels * taps,
            n,
        };
        let mut y = vec![0f32; batch * m * n];
        for (index, y) in y.chunks_exact_mut((m * n).max(1)).enumerate() {
            let image = Image {
                x: &x[index * channels * height * width..][..channels * height * width],
                offset: &offset[index * 2 * taps * n..][..2 * taps * n],
                mask: &mask[index * taps * n..][..taps * n],
                size: [height, width],
                out: [out_h, out_w],
            };
            product.run(y, |positions, columns| self.sample(&image, positions, columns));
        }
        Ok((CpuStorage::F32(y), Shape::from((batch, m, out_h, out_w))))
    }
}

/// One image of a batch.
struct Image<'a> {
    x: &'a [f32],
    offset: &'a [f32],
    mask: &'a [f32],
    size: [usize; 2],
    out: [usize; 2],
}

/// Where a tap reads at one output position: four neighbours and their weights, 0 outside.
#[derive(Clone, Copy, Default)]
struct Sample {
    index: [u32; 4],
    weight: [f32; 4],
}

impl DeformConv2d {
    /// Writes the columns of these output positions: a row for each channel and tap.
    fn sample(&self, image: &Image<'_>, positions: Range<usize>, columns: &mut [f32]) {
        let [_, _, kernel_h, kernel_w] = self.shape;
        let [height, width] = image.size;
        let taps = kernel_h * kernel_w;
        let mut samples = vec![Sample::default(); positions.len()];
        for tap in 0..taps {
            let [tap_y, tap_x] = [tap / kernel_w, tap % kernel_w];
            for (sample, position) in samples.iter_mut().zip(positions.clone()) {
                *sample = self.place(image, tap, [tap_y, tap_x], position);
            }
            let rows = columns.chunks_exact_mut(positions.len()).skip(tap).step_by(taps);
            for (channel, row) in image.x.chunks_exact(height * width).zip(rows) {
                for (value, Sample { index, weight }) in row.iter_mut().zip(&samples) {
                    *value = weight[0] * channel[index[0] as usize]
                        + weight[1] * channel[index[1] as usize]
                        + weight[2] * channel[index[2] as usize]
                        + weight[3] * channel[index[3] as usize];
                }
            }
        }
    }

    fn place(&self, image: &Image<'_>, tap: usize, at: [usize; 2], position: usize) -> Sample {
        let [height, width] = image.size;
        let n = image.out[0] * image.out[1];
        let coordinate = |axis: usize, output: usize| {
            let base = (output * self.stride + at[axis]) as f32 - self.padding as f32;
            base + image.offset[(2 * tap + axis) * n + position]
        };
        let y = coordinate(0, position / image.out[1]);
        let x = coordinate(1, position % image.out[1]);
        // Written so that NaN counts as outside.
        if !(y > -1.0 && y < height as f32 && x > -1.0 && x < width as f32) {
            return Sample::default();
        }
        let mask = image.mask[tap * n + position];
        let (floor_y, floor_x) = (y.floor(), x.floor());
        let (dy, dx) = (y - floor_y, x - floor_x);
        let mut sample = Sample::default();
        let corners = [
            (0, 0, (1.0 - dy) * (1.0 - dx)),
            (0, 1, (1.0 - dy) * dx),
            (1, 0, dy * (1.0 - dx)),
            (1, 1, dy * dx),
        ];
        for (corner, (down, right, weight)) in corners.into_iter().enumerate() {
            let (row, column) = (floor_y as i64 + down, floor_x as i64 + right);
            if (0..height as i64).contains(&row) && (0..width as i64).contains(&column) {
                sample.index[corner] = (row * width as i64 + column) as u32;
                sample.weight[corner] = weight * mask;
            }
        }
        sample
    }
}
