//! Blocks and merging against the official implementation.

use super::block::Stage;
use super::tokens::Tokens;
use crate::config::BirefnetConfig;
use candle_core::{DType, Device};
use portrait_test_support::{golden, reproducible, test_data};

#[test]
fn stages_equal_the_official_ones() {
    let cases = [
        ("lite_layer0_14x14", BirefnetConfig::lite(), 0, [14, 14]),
        ("lite_layer1_10x12", BirefnetConfig::lite(), 1, [10, 12]),
        ("lite_layer1_9x11", BirefnetConfig::lite(), 1, [9, 11]),
        ("large_layer1_16x13", BirefnetConfig::large(), 1, [16, 13]),
        ("large_layer1_5x7", BirefnetConfig::large(), 1, [5, 7]),
    ];
    for (case, config, stage, [height, width]) in cases {
        let Some(path) = test_data(&format!("parity/goldens/unit_swin_{case}.npz")) else { return };
        let [x, block0, block1, merged] =
            golden::read_npz(&path, ["x", "block0", "block1", "downsample"]).unwrap();
        let vb = reproducible::var_builder(DType::F32, &Device::Cpu);
        let stage = Stage::new(&config.swin, stage, &vb.pp(format!("bb.layers.{stage}"))).unwrap();

        let tokens = Tokens { values: x, height, width };
        let first = stage.block(0, &tokens).unwrap();
        golden::assert_close(&format!("unit_swin_{case} block0"), &first.values, &block0, 4e-5);
        let second = stage.block(1, &first).unwrap();
        golden::assert_close(&format!("unit_swin_{case} block1"), &second.values, &block1, 4e-5);
        let (out, next) = stage.forward(tokens).unwrap();
        golden::assert_close(&format!("unit_swin_{case} stage"), &out.values, &block1, 4e-5);
        golden::assert_close(&format!("unit_swin_{case} merging"), &next.values, &merged, 2e-5);
    }
}
