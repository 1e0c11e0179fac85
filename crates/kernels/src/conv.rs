//! Two-dimensional convolution with fused bias and activation.

use crate::Activation;
use crate::slices::f32_values;
use crate::tiles::Product;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

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

/// `activation(conv2d(x, weight) + bias)`
#[derive(Debug)]
pub struct Conv2d {
    parameters: Parameters,
    shape: [usize; 4],
    params: Conv2dParams,
    activation: Activation,
}

/// Where the weights lie: plain values for our own product, tensors for candle's.
#[derive(Debug)]
enum Parameters {
    Values { weight: Vec<f32>, bias: Option<Vec<f32>> },
    Tensors { weight: Tensor, bias: Option<Tensor> },
}

impl Conv2d {
    /// A convolution with a weight of shape `(out, in / groups, height, width)` and a bias of
    /// `out` values. It runs on the device and in the type of its weight.
    ///
    /// # Errors
    /// If the shapes do not fit each other or a parameter is 0.
    pub fn new(
        weight: Tensor,
        bias: Option<Tensor>,
        params: Conv2dParams,
        activation: Activation,
    ) -> Result<Self> {
        let (out, input, height, width) = weight.dims4()?;
        if let Some(bias) = &bias
            && bias.dims() != [out]
        {
            bail!("a bias of shape {:?} for {out} output channels", bias.dims());
        }
        let Conv2dParams { stride, dilation, groups, .. } = params;
        if stride == 0 || dilation == 0 || groups == 0 || !out.is_multiple_of(groups) {
            bail!("a convolution to {out} channels cannot have {params:?}");
        }
        let parameters = if weight.device().is_cpu() && weight.dtype() == DType::F32 {
            Parameters::Values {
                weight: weight.flatten_all()?.to_vec1()?,
                bias: bias.map(|bias| bias.to_vec1()).transpose()?,
            }
        } else {
            Parameters::Tensors { weight, bias }
        };
        Ok(Self { parameters, shape: [out, input, height, width], params, activation })
    }

    /// Convolves `(batch, in, height, width)`.
    ///
    /// # Errors
    /// If the channels do not fit the weight, the image with its padding is smaller than the
    /// kernel, or the image lies on another device or has another type than the weight.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let Parameters::Tensors { weight, bias } = &self.parameters else {
            return x.contiguous()?.apply_op1_no_bwd(self);
        };
        let Conv2dParams { stride, padding, dilation, groups } = self.params;
        let mut y = x.conv2d(weight, padding, stride, dilation, groups)?;
        if let Some(bias) = bias {
            y = y.broadcast_add(&bias.reshape((1, self.shape[0], 1, 1))?)?;
        }
        self.activation.of(&y)
    }
}

impl CustomOp1 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Parameters::Values { weight, bias } = &self.parameters else {
            bail!("conv2d: the weight does not lie on the CPU as f32");
        };
        let x = f32_values(self.name(), storage, layout)?;
        let (batch, channels, height, width) = layout.shape().dims4()?;
        let [m, group_in, kernel_h, kernel_w] = self.shape;
        let groups = self.params.groups;
        if channels != group_in * groups {
            bail!("conv2d: {channels} input channels for a weight of {:?}", self.shape);
        }
        let taps = Taps::new([height, width], [kernel_h, kernel_w], self.params)?;
        let (group_out, [out_h, out_w]) = (m / groups, taps.out);
        let (k, n) = (group_in * kernel_h * kernel_w, out_h * out_w);
        let mut y = vec![0f32; batch * m * n];
        for index in 0..batch * groups {
            let group = index % groups;
            let x = &x[index * group_in * height * width..][..group_in * height * width];
            let y = &mut y[index * group_out * n..][..group_out * n];
            let product = Product {
                weight: &weight[group * group_out * k..][..group_out * k],
                bias: bias.as_ref().map(|bias| &bias[group * group_out..][..group_out]),
                activation: self.activation,
                m: group_out,
                k,
                n,
            };
            if taps.is_pointwise() {
                product.run_on(x, y);
            } else {
                product.run(y, |positions, columns| taps.gather(x, positions, columns));
            }
        }
        Ok((CpuStorage::F32(y), Shape::from((batch, m, out_h, out_w))))
    }
}

/// Which input value each tap of the kernel reads at each output position.
struct Taps {
    input: [usize; 2],
    kernel: [usize; 2],
    out: [usize; 2],
    params: Conv2dParams,
}

impl Taps {
    fn new(input: [usize; 2], kernel: [usize; 2], params: Conv2dParams) -> Result<Self> {
        let mut out = [0; 2];
        for axis in 0..2 {
            let reach = params.dilation * (kernel[axis] - 1) + 1;
            let padded = input[axis] + 2 * params.padding;
            if padded < reach {
                bail!("conv2d: an image of {input:?} is smaller than the kernel {kernel:?}");
            }
            out[axis] = (padded - reach) / params.stride + 1;
        }
        Ok(Self { input, kernel, out, params })
    }

    /// Whether the columns are the image itself.
    fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.params.stride == 1 && self.params.padding == 0
    }

    /// Writes the columns of these output positions: a row for each channel and tap.
    fn gather(&self, x: &[f32], positions: Range<usize>, columns: &mut [f32]) {
        let [height, width] = self.input;
        let mut rows = columns.chunks_exact_mut(positions.len());
        for channel in x.chunks_exact(height * width) {
            for tap_y in 0..self.kernel[0] {
                for (tap_x, row) in (0..self.kernel[1]).zip(&mut rows) {
                    self.gather_row(channel, [tap_y, tap_x], positions.start, row);
                }
            }
        }
    }

    fn gather_row(&self, channel: &[f32], tap: [usize; 2], start: usize, row: &mut [f32]) {
        let Conv2dParams { stride, padding, dilation, .. } = self.params;
        let [height, width] = self.input;
        let out_w = self.out[1];
        // Input coordinate of output 0, shifted by the padding so that it is not negative.
        let (shift_y, shift_x) = (tap[0] * dilation, tap[1] * dilation);
        // Output columns whose input lies inside the image.
        let inside = padding.saturating_sub(shift_x).div_ceil(stride)
            ..(width + padding).saturating_sub(shift_x).div_ceil(stride).min(out_w);
        let (mut y, mut x) = (start / out_w, start % out_w);
        let mut row = row;
        while !row.is_empty() {
            let line;
            (line, row) = row.split_at_mut((out_w - x).min(row.len()));
            let source_y = (y * stride + shift_y).wrapping_sub(padding);
            if source_y >= height || inside.is_empty() {
                line.fill(0.0);
            } else {
                let source = &channel[source_y * width..][..width];
                let first = inside.start.clamp(x, x + line.len()) - x;
                let last = inside.end.clamp(x, x + line.len()) - x;
                line[..first].fill(0.0);
                line[last.max(first)..].fill(0.0);
                if first < last {
                    let from = (x + first) * stride + shift_x - padding;
                    let line = &mut line[first..last];
                    if stride == 1 {
                        line.copy_from_slice(&source[from..][..line.len()]);
                    } else {
                        let taken = source[from..].iter().step_by(stride);
                        line.iter_mut().zip(taken).for_each(|(to, &value)| *to = value);
                    }
                }
            }
            (y, x) = (y + 1, 0);
        }
    }
}
