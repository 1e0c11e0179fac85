//! The parameters the network asks for are those of the published checkpoints.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use candle_core::{DType, Device, Tensor};
use portrait_segmentation::{Birefnet, BirefnetConfig, DecoderAttention, PatchOrder, SwinConfig};
use portrait_test_support::{reproducible, test_data};
use std::collections::BTreeMap;

fn asked(config: &BirefnetConfig) -> BTreeMap<String, Vec<usize>> {
    let (vb, asked) = reproducible::recording_var_builder(&Device::Cpu);
    Birefnet::new(config, &vb).unwrap();
    asked.names()
}

/// Parameters only training uses, and buffers that a model computes itself.
fn is_unused(name: &str) -> bool {
    name.ends_with("num_batches_tracked")
        || name.ends_with("relative_position_index")
        || name.starts_with("decoder.conv_ms_spvn_")
        || name.starts_with("decoder.gdt_convs_pred_")
}

#[test]
fn names_and_shapes_are_the_published_ones() {
    for (list, config) in [("lite", BirefnetConfig::lite()), ("large", BirefnetConfig::large())] {
        let path = format!("parity/names/birefnet_{list}_state_dict.txt");
        let Some(path) = test_data(&path) else { return };
        let published = reproducible::read_names(path);
        let want: BTreeMap<_, _> =
            published.into_iter().filter(|(name, _)| !is_unused(name)).collect();
        assert_eq!(asked(&config), want);
    }
}

fn tiny() -> BirefnetConfig {
    let swin = SwinConfig { embed_dim: 8, depths: [1, 2, 2, 1], heads: [1, 2, 2, 4], window: 3 };
    BirefnetConfig {
        decoder_inter_channels: 12,
        aspp_channels: 10,
        patch_inter_channels: 6,
        ..BirefnetConfig::with_swin(swin)
    }
}

#[test]
fn every_width_and_attention_makes_a_network() {
    let input = reproducible::input((2, 3, 96, 64)).unwrap();
    let mut answers: Vec<Vec<f32>> = Vec::new();
    for attention in
        [DecoderAttention::AsppDeformable, DecoderAttention::Aspp, DecoderAttention::None]
    {
        for order in [PatchOrder::ColourSlowest, PatchOrder::ColourFastest] {
            let config =
                BirefnetConfig { decoder_attention: attention, patch_order: order, ..tiny() };
            let vb = reproducible::var_builder(DType::F32, &Device::Cpu);
            let logits = Birefnet::new(&config, &vb).unwrap().forward(&input).unwrap();
            assert_eq!(logits.dims(), [2, 1, 96, 64]);
            let logits = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert!(logits.iter().all(|value| value.is_finite()));
            assert!(!answers.contains(&logits), "{attention:?} and {order:?} change the answer");
            answers.push(logits);
        }
    }
}

#[test]
fn plain_aspp_has_the_official_names() {
    let config = BirefnetConfig { decoder_attention: DecoderAttention::Aspp, ..tiny() };
    let names = asked(&config);
    let attention = "decoder.decoder_block3.dec_att";
    assert_eq!(names[&format!("{attention}.aspp1.atrous_conv.weight")], [10, 12, 1, 1]);
    for branch in 2..=4 {
        assert_eq!(names[&format!("{attention}.aspp{branch}.atrous_conv.weight")], [10, 12, 3, 3]);
        assert_eq!(names[&format!("{attention}.aspp{branch}.bn.running_var")], [10]);
    }
    assert_eq!(names[&format!("{attention}.conv1.weight")], [12, 50, 1, 1]);
    let none = BirefnetConfig { decoder_attention: DecoderAttention::None, ..tiny() };
    assert!(asked(&none).keys().all(|name| !name.contains("dec_att")));
}

#[test]
fn an_input_that_does_not_fit_is_an_error() {
    let vb = reproducible::var_builder(DType::F32, &Device::Cpu);
    let network = Birefnet::new(&tiny(), &vb).unwrap();
    for shape in [(1, 3, 100, 64), (1, 3, 64, 0), (1, 4, 64, 64)] {
        let input = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        let error = network.forward(&input).unwrap_err();
        assert!(matches!(error, portrait_segmentation::Error::InputShape(_)), "{error}");
    }
}
