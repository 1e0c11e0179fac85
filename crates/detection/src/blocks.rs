//! The blocks that YOLOv8 is made of: Conv, Bottleneck, C2f, SPPF. Images are channels-last.

use crate::parameters::Parameters;
use candle_core::{Result, Tensor};
use portrait_kernels::{Conv2d, Part, max_pool};

/// Convolution, batch normalisation (folded), SiLU; padded so that stride 1 keeps the size.
#[derive(Debug)]
pub(crate) struct Conv(Conv2d);

impl Conv {
    pub(crate) fn load(
        parameters: &Parameters<'_>,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> Result<Self> {
        Ok(Self(parameters.normalised_convolution(channels, kernel, stride)?))
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.0.forward(x)
    }

    fn forward_maps(&self, maps: &[Tensor]) -> Result<Tensor> {
        self.0.forward_parts(&maps.iter().map(Part::from).collect::<Vec<_>>())
    }

    fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        self.0.forward_add(x, residual)
    }
}

/// Two 3×3 convolutions, with the input added in the backbone.
#[derive(Debug)]
struct Bottleneck {
    cv1: Conv,
    cv2: Conv,
    residual: bool,
}

impl Bottleneck {
    fn load(parameters: &Parameters<'_>, channels: usize, residual: bool) -> Result<Self> {
        Ok(Self {
            cv1: Conv::load(&parameters.at("cv1"), [channels; 2], 3, 1)?,
            cv2: Conv::load(&parameters.at("cv2"), [channels; 2], 3, 1)?,
            residual,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.cv1.forward(x)?;
        if self.residual { self.cv2.forward_add(&y, x) } else { self.cv2.forward(&y) }
    }
}

/// Cross-stage partial block: half of the channels pass a chain of bottlenecks, and every link of
/// the chain is kept.
#[derive(Debug)]
pub(crate) struct C2f {
    cv1: Conv,
    cv2: Conv,
    bottlenecks: Vec<Bottleneck>,
    hidden: usize,
}

impl C2f {
    pub(crate) fn load(
        parameters: &Parameters<'_>,
        [input, out]: [usize; 2],
        repeats: usize,
        residual: bool,
    ) -> Result<Self> {
        let hidden = out / 2;
        let cv1 = Conv::load(&parameters.at("cv1"), [input, 2 * hidden], 1, 1)?;
        let cv2 = Conv::load(&parameters.at("cv2"), [(2 + repeats) * hidden, out], 1, 1)?;
        let bottlenecks = (0..repeats)
            .map(|index| Bottleneck::load(&parameters.at("m").at(index), hidden, residual))
            .collect::<Result<_>>()?;
        Ok(Self { cv1, cv2, bottlenecks, hidden })
    }

    /// The block on several maps as if their channels stood in one.
    pub(crate) fn forward(&self, parts: &[Part<'_>]) -> Result<Tensor> {
        let halves = self.cv1.0.forward_parts(parts)?;
        let mut last = halves.narrow(3, self.hidden, self.hidden)?;
        let mut parts = Vec::with_capacity(1 + self.bottlenecks.len());
        parts.push(halves);
        for bottleneck in &self.bottlenecks {
            last = bottleneck.forward(&last)?;
            parts.push(last.clone());
        }
        self.cv2.forward_maps(&parts)
    }
}

/// Of the windows of 5 pixels that are pooled.
const RADIUS: usize = 2;

/// Spatial pyramid pooling: the maximum over windows of 5, 9 and 13 pixels, by pooling thrice.
#[derive(Debug)]
pub(crate) struct Sppf {
    cv1: Conv,
    cv2: Conv,
}

impl Sppf {
    pub(crate) fn load(parameters: &Parameters<'_>, channels: usize) -> Result<Self> {
        let hidden = channels / 2;
        Ok(Self {
            cv1: Conv::load(&parameters.at("cv1"), [channels, hidden], 1, 1)?,
            cv2: Conv::load(&parameters.at("cv2"), [4 * hidden, channels], 1, 1)?,
        })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.cv1.forward(x)?;
        let by_5 = max_pool(&x, RADIUS)?;
        let by_9 = max_pool(&by_5, RADIUS)?;
        let by_13 = max_pool(&by_9, RADIUS)?;
        self.cv2.forward_maps(&[x, by_5, by_9, by_13])
    }
}
