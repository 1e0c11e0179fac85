//! The shape of a BiRefNet.

use crate::error::Error;
use serde::{Deserialize, Serialize};

/// Every width of a BiRefNet, as a checkpoint's manifest states them.
///
/// The fields that have a default take the value of every published checkpoint.
///
/// ```
/// use portrait_segmentation::BirefnetConfig;
///
/// let lite = BirefnetConfig::lite();
/// assert_eq!(lite.swin.channels(), [96, 192, 384, 768]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BirefnetConfig {
    /// The backbone.
    pub swin: SwinConfig,
    /// What stands between the two convolutions of a decoder block.
    #[serde(default)]
    pub decoder_attention: DecoderAttention,
    /// Channels between the two convolutions of a decoder block.
    #[serde(default = "width_64")]
    pub decoder_inter_channels: usize,
    /// Channels of each branch of the decoder attention.
    #[serde(default = "width_256")]
    pub aspp_channels: usize,
    /// Channels between the two convolutions of an image-patch block.
    #[serde(default = "width_64")]
    pub patch_inter_channels: usize,
    /// How the tiles of the image become channels.
    #[serde(default)]
    pub patch_order: PatchOrder,
}

fn width_64() -> usize {
    64
}

fn width_256() -> usize {
    256
}

/// A Swin transformer (Liu et al., "Swin Transformer", 2021).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwinConfig {
    /// Channels of the first stage; each later stage has twice as many.
    pub embed_dim: usize,
    /// Blocks of each stage.
    pub depths: [usize; 4],
    /// Attention heads of each stage.
    pub heads: [usize; 4],
    /// Side of an attention window in tokens.
    pub window: usize,
}

impl SwinConfig {
    /// Channels of the four stages.
    pub fn channels(&self) -> [usize; 4] {
        [1, 2, 4, 8].map(|factor| self.embed_dim * factor)
    }
}

/// The attention of a decoder block (the official option `dec_att`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum DecoderAttention {
    /// Atrous spatial pyramid pooling with deformable convolutions; every published checkpoint.
    #[default]
    AsppDeformable,
    /// Atrous spatial pyramid pooling with dilated convolutions.
    Aspp,
    /// Nothing.
    None,
}

/// The order of the image tiles that each decoder level sees as channels.
///
/// The image is cut into `rows × columns` tiles of the level's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PatchOrder {
    /// `colour·rows·columns + row·columns + column`: the current official code and the published
    /// checkpoints.
    #[default]
    ColourSlowest,
    /// `(column·rows + row)·3 + colour`: older code and checkpoints trained with it.
    ColourFastest,
}

impl BirefnetConfig {
    /// The general BiRefNet: Swin-L, 220 million parameters.
    pub fn large() -> Self {
        Self::with_swin(SwinConfig {
            embed_dim: 192,
            depths: [2, 2, 18, 2],
            heads: [6, 12, 24, 48],
            window: 12,
        })
    }

    /// BiRefNet lite: Swin-T, 44 million parameters.
    pub fn lite() -> Self {
        Self::with_swin(SwinConfig {
            embed_dim: 96,
            depths: [2, 2, 6, 2],
            heads: [3, 6, 12, 24],
            window: 7,
        })
    }

    /// The published decoder on another backbone.
    pub fn with_swin(swin: SwinConfig) -> Self {
        Self {
            swin,
            decoder_attention: DecoderAttention::default(),
            decoder_inter_channels: 64,
            aspp_channels: 256,
            patch_inter_channels: 64,
            patch_order: PatchOrder::default(),
        }
    }

    /// Checks that the numbers describe a network.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first field that does not fit.
    pub fn check(&self) -> Result<(), Error> {
        let fail = |reason: String| Err(Error::Config(reason));
        let SwinConfig { embed_dim, depths, heads, window } = &self.swin;
        for (stage, (&heads, channels)) in heads.iter().zip(self.swin.channels()).enumerate() {
            if heads == 0 || !channels.is_multiple_of(heads) {
                return fail(format!("stage {stage}: {channels} channels in {heads} heads"));
            }
        }
        if *embed_dim < 4 || !embed_dim.is_multiple_of(4) {
            return fail(format!("swin.embed_dim = {embed_dim}: a multiple of 4"));
        }
        if depths.contains(&0) || *window == 0 {
            return fail(format!("swin.depths = {depths:?}, swin.window = {window}: at least 1"));
        }
        for (name, width) in [
            ("decoder_inter_channels", self.decoder_inter_channels),
            ("aspp_channels", self.aspp_channels),
            ("patch_inter_channels", self.patch_inter_channels),
        ] {
            if width == 0 {
                return fail(format!("{name} = 0: at least 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let lite = BirefnetConfig::lite();
        let other = BirefnetConfig {
            decoder_attention: DecoderAttention::Aspp,
            patch_order: PatchOrder::ColourFastest,
            aspp_channels: 12,
            ..lite.clone()
        };
        for config in [lite, BirefnetConfig::large(), other] {
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<BirefnetConfig>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_configuration_that_cannot_be_is_refused() {
        assert!(BirefnetConfig::large().check().is_ok());
        assert!(BirefnetConfig::lite().check().is_ok());
        let broken: [fn(&mut BirefnetConfig); 5] = [
            |config| config.swin.embed_dim = 0,
            |config| config.swin.heads[2] = 7,
            |config| config.swin.depths[1] = 0,
            |config| config.swin.window = 0,
            |config| config.aspp_channels = 0,
        ];
        for change in broken {
            let mut config = BirefnetConfig::lite();
            change(&mut config);
            assert!(matches!(config.check(), Err(Error::Config(_))), "{config:?}");
        }
    }
}
