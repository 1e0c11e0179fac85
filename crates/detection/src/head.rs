//! The detection head: box distributions and class scores at three scales, decoded.

use crate::blocks::Conv;
use crate::parameters::Parameters;
use candle_core::{DType, Result, Tensor};
use portrait_kernels::{Conv2d, sigmoid, softmax_mean, transpose};

/// Input pixels per cell of each scale.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Bins of the distribution of a distance.
const BINS: usize = 16;

/// Ultralytics' `Detect` with distribution focal loss (<https://arxiv.org/abs/2006.04388>).
#[derive(Debug)]
pub(crate) struct Head {
    boxes: [Branch; 3],
    scores: [Branch; 3],
    /// `BINS` values: the distance in cells that each bin stands for.
    ramp: Tensor,
}

/// Two 3×3 convolutions and a 1×1 convolution to the outputs.
#[derive(Debug)]
struct Branch {
    first: Conv,
    second: Conv,
    last: Conv2d,
}

impl Branch {
    fn load(parameters: &Parameters<'_>, [input, hidden, out]: [usize; 3]) -> Result<Self> {
        Ok(Self {
            first: Conv::load(&parameters.at(0), [input, hidden], 3, 1)?,
            second: Conv::load(&parameters.at(1), [hidden, hidden], 3, 1)?,
            last: parameters.at(2).convolution([hidden, out], 1)?,
        })
    }

    /// `(batch, cells, out)`
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.last.forward(&self.second.forward(&self.first.forward(x)?)?)?.flatten(1, 2)
    }
}

impl Head {
    /// A head on feature maps with these channels, finest first.
    pub(crate) fn load(
        parameters: &Parameters<'_>,
        channels: [usize; 3],
        classes: usize,
    ) -> Result<Self> {
        let box_hidden = 16.max(channels[0] / 4).max(4 * BINS);
        let score_hidden = channels[0].max(classes.min(100));
        let branches = |name, hidden, out| {
            let load = |scale: usize| {
                Branch::load(&parameters.at(name).at(scale), [channels[scale], hidden, out])
            };
            Ok::<_, candle_core::Error>([load(0)?, load(1)?, load(2)?])
        };
        let boxes = branches("cv2", box_hidden, 4 * BINS)?;
        let scores = branches("cv3", score_hidden, classes)?;
        let ramp = parameters.at("dfl").read(&[1, BINS, 1, 1], "conv.weight")?;
        let ramp = ramp.flatten_all()?.to_dtype(DType::F32)?.to_device(parameters.device())?;
        Ok(Self { boxes, scores, ramp })
    }

    /// `(batch, 4 + classes, anchors)` in f32: centre x, centre y, width and height in input
    /// pixels, then the probability of each class.
    pub(crate) fn forward(&self, features: &[Tensor; 3]) -> Result<Tensor> {
        // The last steps need more bits than f16 has: coordinates reach hundreds of pixels.
        let run = |branches: &[Branch; 3]| {
            let scales = branches.iter().zip(features).map(|(branch, x)| branch.forward(x));
            Tensor::cat(&scales.collect::<Result<Vec<_>>>()?, 1)?.to_dtype(DType::F32)
        };
        let distances = self.distances(&run(&self.boxes)?)?;
        let (anchors, strides) = anchors(features)?;
        let top_left = anchors.broadcast_sub(&distances.narrow(1, 0, 2)?)?;
        let bottom_right = anchors.broadcast_add(&distances.narrow(1, 2, 2)?)?;
        let centre = ((&top_left + &bottom_right)? / 2.0)?;
        let size = (bottom_right - top_left)?;
        let boxes = Tensor::cat(&[centre, size], 1)?.broadcast_mul(&strides)?;
        let scores = transpose(&sigmoid(&run(&self.scores)?)?)?;
        Tensor::cat(&[boxes, scores], 1)
    }

    /// From `(batch, anchors, 4 * BINS)` the expected distances of the four sides in cells,
    /// `(batch, 4, anchors)`: left, top, right, bottom.
    fn distances(&self, distributions: &Tensor) -> Result<Tensor> {
        let (batch, anchors, _) = distributions.dims3()?;
        transpose(&softmax_mean(&distributions.reshape((batch, anchors, 4, BINS))?, &self.ramp)?)
    }
}

/// `(1, 2, anchors)`: the centres of the cells in cells, and `(1, 1, anchors)`: their strides;
/// finest scale first, row by row.
fn anchors(features: &[Tensor; 3]) -> Result<(Tensor, Tensor)> {
    let (mut xs, mut ys, mut strides) = (vec![], vec![], vec![]);
    for (feature, stride) in features.iter().zip(STRIDES) {
        let (_, height, width, _) = feature.dims4()?;
        for row in 0..height {
            xs.extend((0..width).map(|column| column as f32 + 0.5));
            ys.extend(std::iter::repeat_n(row as f32 + 0.5, width));
        }
        strides.extend(std::iter::repeat_n(stride as f32, height * width));
    }
    let count = strides.len();
    let device = features[0].device();
    xs.append(&mut ys);
    Ok((
        Tensor::from_vec(xs, (1, 2, count), device)?,
        Tensor::from_vec(strides, (1, 1, count), device)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn anchors_go_by_scale_and_then_by_row() {
        let map = |h, w| Tensor::zeros((1, h, w, 1), DType::F32, &Device::Cpu).unwrap();
        let (anchors, strides) = anchors(&[map(4, 8), map(2, 4), map(1, 2)]).unwrap();
        assert_eq!((anchors.dims(), strides.dims()), (&[1, 2, 42][..], &[1, 1, 42][..]));
        let anchors = anchors.squeeze(0).unwrap().to_vec2::<f32>().unwrap();
        let strides = strides.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let anchor = |i: usize| (anchors[0][i], anchors[1][i], strides[i]);
        assert_eq!(anchor(0), (0.5, 0.5, 8.0));
        assert_eq!(anchor(9), (1.5, 1.5, 8.0));
        assert_eq!(anchor(32), (0.5, 0.5, 16.0));
        assert_eq!(anchor(39), (3.5, 1.5, 16.0));
        assert_eq!(anchor(41), (1.5, 0.5, 32.0));
    }
}
