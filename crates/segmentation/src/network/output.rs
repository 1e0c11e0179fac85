//! The end of the decoder: what it decoded and what it sees of the image, to one logit a pixel.

use super::layers::{place, same, wide};
use crate::config::BirefnetConfig;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Linear, resize_bilinear};

/// Taps of a 3×3 convolution.
const TAPS: usize = 9;

/// `conv_out1` over the finest decoder map, resized to the image, beside `ipt_blk1` of the image.
///
/// Nothing nonlinear lies between these layers, so they are computed in the order that is cheapest.
/// The 1×1 convolution comes before the resizing of the decoded map. For the image, the 1×1
/// convolution is multiplied into the second 3×3 convolution of `ipt_blk1`, which leaves one vector
/// over the channels between the two for each of its taps, and those into the first one: it then
/// yields the contributions of all taps, which the second has only to add up. Its padding is the
/// published one still, so that the border is exact.
#[derive(Debug)]
pub(super) struct OutputLayers {
    decoded: Linear,
    taps: Conv2d,
    sum: Conv2d,
}

impl OutputLayers {
    /// The layers for a decoded map of so many channels and so many of the image.
    pub(super) fn new(
        config: &BirefnetConfig,
        [decoded, image]: [usize; 2],
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let inter = config.patch_inter_channels;
        let exact = wide(vb);
        let (block, last) = (exact.pp("ipt_blk1"), exact.pp("conv_out1.0"));
        let weight = last.get((1, decoded + image, 1, 1), "weight")?.flatten(1, 3)?;
        let pixels = weight.narrow(1, decoded, image)?;

        let second = block.pp("conv_out");
        let by_tap = second.get((image, inter, 3, 3), "weight")?.flatten(1, 3)?;
        let by_tap = pixels.matmul(&by_tap)?.reshape((inter, TAPS))?.t()?;
        let first = block.pp("conv1");
        let taps = by_tap.matmul(&first.get((inter, 3, 3, 3), "weight")?.flatten(1, 3)?)?;
        let taps_bias = by_tap.matmul(&first.get(inter, "bias")?.unsqueeze(1)?)?.flatten_all()?;

        let bias = pixels.matmul(&second.get(image, "bias")?.unsqueeze(1)?)?.flatten_all()?;
        let bias = (bias + last.get(1, "bias")?)?;
        let each = Tensor::eye(TAPS, exact.dtype(), exact.device())?.reshape((1, TAPS, 3, 3))?;
        let conv = |weight: Tensor, bias: Tensor| {
            Conv2d::new(&place(weight, vb)?, Some(&place(bias, vb)?), same(3), Activation::None)
        };
        let decoded = place(weight.narrow(1, 0, decoded)?, vb)?;
        Ok(Self {
            decoded: Linear::new(&decoded, None, Activation::None)?,
            taps: conv(taps.reshape((TAPS, 3, 3, 3))?, taps_bias)?,
            sum: conv(each, bias)?,
        })
    }

    /// The logits, `(batch, height, width, 1)`, of images and decoded maps.
    pub(super) fn forward(&self, image: &Tensor, decoded: &Tensor) -> Result<Tensor> {
        let (_, height, width, _) = image.dims4()?;
        let decoded = resize_bilinear(&self.decoded.forward(decoded)?, height, width)?;
        self.sum.forward_add(&self.taps.forward(image)?, &decoded)
    }
}

#[cfg(test)]
mod tests {
    use super::super::layers::conv;
    use super::super::patches::PatchBlock;
    use super::*;
    use candle_core::{DType, Device};

    #[test]
    fn the_order_of_the_layers_does_not_matter() {
        let config = BirefnetConfig::lite();
        let inter = config.patch_inter_channels;
        let tensors = [
            ("ipt_blk1.conv1.weight", vec![inter, 3, 3, 3]),
            ("ipt_blk1.conv1.bias", vec![inter]),
            ("ipt_blk1.conv_out.weight", vec![5, inter, 3, 3]),
            ("ipt_blk1.conv_out.bias", vec![5]),
            ("conv_out1.0.weight", vec![1, 7 + 5, 1, 1]),
            ("conv_out1.0.bias", vec![1]),
        ];
        let tensors = tensors.map(|(name, shape)| {
            (name.to_owned(), Tensor::randn(0f32, 0.2, shape, &Device::Cpu).unwrap())
        });
        let vb = VarBuilder::from_tensors(tensors.into(), DType::F32, &Device::Cpu);
        let block = PatchBlock::new(&config, 1, 5, &vb.pp("ipt_blk1")).unwrap();
        let last = conv(&vb.pp("conv_out1.0"), [7 + 5, 1], 1).unwrap();
        let output = OutputLayers::new(&config, [7, 5], &vb).unwrap();
        for (height, width) in [(1, 1), (2, 3), (12, 20)] {
            let random = |h: usize, w: usize, channels: usize| {
                Tensor::randn(0f32, 1.0, (2, h, w, channels), &Device::Cpu).unwrap()
            };
            let image = random(height, width, 3);
            let decoded = random(height.div_ceil(4), width.div_ceil(4), 7);
            let found = output.forward(&image, &decoded).unwrap();
            let decoded = resize_bilinear(&decoded, height, width).unwrap();
            let pixels = block.forward(&image, [height, width]).unwrap();
            let both = Tensor::cat(&[decoded, pixels], 3).unwrap();
            let wanted = last.forward(&both).unwrap();
            assert_eq!(found.dims(), [2, height, width, 1]);
            let error = (found - &wanted).unwrap().abs().unwrap().max_all().unwrap();
            let size = wanted.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            let error = error.to_scalar::<f32>().unwrap();
            assert!(
                size > 0.0 && error < 1e-5 * size.max(1.0),
                "{height}x{width}: {error} of {size}"
            );
        }
    }
}
