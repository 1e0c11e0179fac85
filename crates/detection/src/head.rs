//! The detection head: box distributions and class scores at three scales, decoded.

use crate::blocks::Conv;
use crate::parameters::Parameters;
use candle_core::{DType, Result, Tensor};
use portrait_kernels::{Activation, Conv2d, sigmoid, softmax_mean, transpose_maps};

/// Input pixels per cell of each scale.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Bins of the distribution of a distance.
const BINS: usize = 16;

/// Ultralytics' `Detect` with distribution focal loss (<https://arxiv.org/abs/2006.04388>).
#[derive(Debug)]
pub(crate) struct Head {
    boxes: [Branch; 3],
    scores: [Branch; 3],
    /// Whether the scores are probabilities already.
    sigmoid_inside: bool,
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
    fn load(
        parameters: &Parameters<'_>,
        [input, hidden, out]: [usize; 3],
        activation: Activation,
    ) -> Result<Self> {
        Ok(Self {
            first: Conv::load(&parameters.at(0), [input, hidden], 3, 1)?,
            second: Conv::load(&parameters.at(1), [hidden, hidden], 3, 1)?,
            last: parameters.at(2).convolution([hidden, out], activation)?,
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
        let branches = |name, hidden, out, activation| {
            let load = |scale: usize| {
                let parameters = parameters.at(name).at(scale);
                Branch::load(&parameters, [channels[scale], hidden, out], activation)
            };
            Ok::<_, candle_core::Error>([load(0)?, load(1)?, load(2)?])
        };
        // The last steps need more bits than f16 has.
        let sigmoid_inside = parameters.dtype() == DType::F32;
        let probability = if sigmoid_inside { Activation::Sigmoid } else { Activation::None };
        let boxes = branches("cv2", box_hidden, 4 * BINS, Activation::None)?;
        let scores = branches("cv3", score_hidden, classes, probability)?;
        let ramp = parameters.at("dfl").read(&[1, BINS, 1, 1], "conv.weight")?;
        let ramp = ramp.flatten_all()?.to_dtype(DType::F32)?.to_device(parameters.device())?;
        Ok(Self { boxes, scores, sigmoid_inside, ramp })
    }

    /// `(batch, 4 + classes, anchors)` in f32: centre x, centre y, width and height in input
    /// pixels, then the probability of each class.
    pub(crate) fn forward(&self, features: &[Tensor; 3]) -> Result<Tensor> {
        // Here too: coordinates reach hundreds of pixels.
        let distances = |(branch, x): (&Branch, _)| {
            let distributions = branch.forward(x)?.to_dtype(DType::F32)?;
            let (batch, cells, _) = distributions.dims3()?;
            softmax_mean(&distributions.reshape((batch, cells, 4, BINS))?, &self.ramp)
        };
        let distances = self.boxes.iter().zip(features).map(distances);
        // Left, top, right, bottom of each anchor, in cells.
        let distances = Tensor::cat(&distances.collect::<Result<Vec<_>>>()?, 1)?;
        let (anchors, strides) = anchors(features)?;
        let top_left = anchors.broadcast_sub(&distances.narrow(2, 0, 2)?)?;
        let bottom_right = anchors.broadcast_add(&distances.narrow(2, 2, 2)?)?;
        let centre = ((&top_left + &bottom_right)? / 2.0)?;
        let size = (bottom_right - top_left)?;
        let boxes = Tensor::cat(&[centre, size], 2)?.broadcast_mul(&strides)?;
        let scores = |(branch, x): (&Branch, _)| {
            let scores = branch.forward(x)?.to_dtype(DType::F32)?;
            if self.sigmoid_inside { Ok(scores) } else { sigmoid(&scores) }
        };
        let scores = self.scores.iter().zip(features).map(scores).collect::<Result<Vec<_>>>()?;
        transpose_maps(&[&[&boxes], &[&scores[0], &scores[1], &scores[2]]])
    }
}

/// `(1, anchors, 2)`: the centres of the cells in cells, x and y, and `(1, anchors, 1)`: their strides;
/// finest scale first, row by row.
fn anchors(features: &[Tensor; 3]) -> Result<(Tensor, Tensor)> {
    let (mut centres, mut strides) = (vec![], vec![]);
    for (feature, stride) in features.iter().zip(STRIDES) {
        let (_, height, width, _) = feature.dims4()?;
        for row in 0..height {
            centres.extend((0..width).flat_map(|x| [x as f32 + 0.5, row as f32 + 0.5]));
        }
        strides.extend(std::iter::repeat_n(stride as f32, height * width));
    }
    let count = strides.len();
    let device = features[0].device();
    Ok((
        Tensor::from_vec(centres, (1, count, 2), device)?,
        Tensor::from_vec(strides, (1, count, 1), device)?,
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
        assert_eq!((anchors.dims(), strides.dims()), (&[1, 42, 2][..], &[1, 42, 1][..]));
        let anchors = anchors.squeeze(0).unwrap().to_vec2::<f32>().unwrap();
        let strides = strides.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let anchor = |i: usize| (anchors[i][0], anchors[i][1], strides[i]);
        assert_eq!(anchor(0), (0.5, 0.5, 8.0));
        assert_eq!(anchor(9), (1.5, 1.5, 8.0));
        assert_eq!(anchor(32), (0.5, 0.5, 16.0));
        assert_eq!(anchor(39), (3.5, 1.5, 16.0));
        assert_eq!(anchor(41), (1.5, 0.5, 32.0));
    }
}
