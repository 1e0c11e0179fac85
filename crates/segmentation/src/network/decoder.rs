//! The decoder: from the coarsest level to the full size, each level gated and joined with the
//! encoder's map and with patches of the image (`Decoder` of `models/birefnet.py`).

use super::decoder_block::DecoderBlock;
use super::layers::{conv, conv_norm};
use super::output::OutputLayers;
use super::patches::PatchBlock;
use crate::config::BirefnetConfig;
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Conv2d, Part, gate, resize_bilinear};

/// Channels of the gradient branch.
const GRADIENT_CHANNELS: usize = 16;

#[derive(Debug)]
pub(super) struct Decoder {
    /// Levels 4, 3, 2: block, gate, and the lateral convolution of the next finer map.
    levels: Vec<Level>,
    last: DecoderBlock,
    last_patches: PatchBlock,
    output: OutputLayers,
}

#[derive(Debug)]
struct Level {
    patches: PatchBlock,
    block: DecoderBlock,
    gate: Gate,
    lateral: Conv2d,
}

impl Decoder {
    /// A decoder of encoder maps with these channels, finest first.
    pub(super) fn new(
        config: &BirefnetConfig,
        channels: [usize; 4],
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let [c1, c2, c3, c4] = channels;
        // Level, grid of image tiles, channels of tiles and in and out of the block.
        let plan = [(4, 32, c4 / 8, c4, c3), (3, 16, c4 / 8, c3, c2), (2, 8, c3 / 8, c2, c1)];
        let levels = plan
            .into_iter()
            .map(|(level, grid, patches, input, output)| {
                let name = |prefix: &str, level: usize| vb.pp(format!("{prefix}{level}"));
                Ok(Level {
                    patches: PatchBlock::new(config, grid, patches, &name("ipt_blk", level + 1))?,
                    block: DecoderBlock::new(
                        config,
                        [input + patches, output],
                        &name("decoder_block", level),
                    )?,
                    gate: Gate::new(vb, level, output)?,
                    lateral: conv(&name("lateral_block", level).pp("conv"), [output, output], 1)?,
                })
            })
            .collect::<Result<_>>()?;
        let (patches, image) = (c2 / 8, c1 / 8);
        Ok(Self {
            levels,
            last: DecoderBlock::new(config, [c1 + patches, c1 / 2], &vb.pp("decoder_block1"))?,
            last_patches: PatchBlock::new(config, 4, patches, &vb.pp("ipt_blk2"))?,
            output: OutputLayers::new(config, [c1 / 2, image], vb)?,
        })
    }

    /// The logits, `(batch, height, width, 1)`, from the image, the encoder's maps of each level,
    /// finest first, and the coarsest map. `stage` is shown each named intermediate result.
    pub(super) fn forward(
        &self,
        image: &Tensor,
        maps: [[Tensor; 2]; 3],
        mut x: Tensor,
        stage: &mut dyn FnMut(&str, &Tensor) -> Result<()>,
    ) -> Result<Tensor> {
        let [x1, x2, x3] = maps;
        for (level, (index, finer)) in self.levels.iter().zip([(4, x3), (3, x2), (2, x1)]) {
            let patches = level.patches.forward(image, size(&x)?)?;
            let decoded = level.block.forward(&[&x, &patches])?;
            stage(&format!("decoder_block{index}"), &decoded)?;
            let logit = level.gate.logit(&decoded)?;
            stage(&format!("gdt_attn_logit_{index}"), &logit)?;
            let [height, width] = size(&finer[0])?;
            let resized = resize_bilinear(&gate(&decoded, &logit)?, height, width)?;
            x = level.lateral.forward_parts_add(&finer.each_ref().map(Part::from), &resized)?;
        }
        let patches = self.last_patches.forward(image, size(&x)?)?;
        let decoded = self.last.forward(&[&x, &patches])?;
        stage("decoder_block1", &decoded)?;
        self.output.forward(image, &decoded)
    }
}

fn size(map: &Tensor) -> Result<[usize; 2]> {
    let (_, height, width, _) = map.dims4()?;
    Ok([height, width])
}

/// A one-channel gate from the gradient branch (`out_ref`), a part of inference.
#[derive(Debug)]
struct Gate {
    gradient: Conv2d,
    attention: Conv2d,
}

impl Gate {
    fn new(vb: &VarBuilder<'_>, level: usize, input: usize) -> Result<Self> {
        let gradient = vb.pp(format!("gdt_convs_{level}"));
        let channels = [input, GRADIENT_CHANNELS];
        Ok(Self {
            gradient: conv_norm(
                &gradient.pp("0"),
                &gradient.pp("1"),
                channels,
                3,
                Activation::Relu,
            )?,
            attention: conv(
                &vb.pp(format!("gdt_convs_attn_{level}.0")),
                [GRADIENT_CHANNELS, 1],
                1,
            )?,
        })
    }

    fn logit(&self, x: &Tensor) -> Result<Tensor> {
        self.attention.forward(&self.gradient.forward(x)?)
    }
}
