//! The network by the CUDA kernels, which run on this CPU here.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use candle_core::{DType, Device, Tensor};
use portrait_kernels::emulating_cuda;
use portrait_segmentation::{Birefnet, BirefnetConfig};
use portrait_test_support::{golden, reproducible};

fn logits(config: &BirefnetConfig, dtype: DType) -> Tensor {
    let network = Birefnet::new(config, &reproducible::var_builder(dtype, &Device::Cpu)).unwrap();
    let input = reproducible::input((1, 3, 64, 64)).unwrap().to_dtype(dtype).unwrap();
    network.forward(&input).unwrap().to_dtype(DType::F32).unwrap()
}

#[test]
fn mattes_are_those_of_the_cpu_in_every_precision() {
    let config = BirefnetConfig::lite();
    let want = logits(&config, DType::F32);
    for (dtype, limit) in [(DType::F32, 1e-5), (DType::F16, 1e-3), (DType::BF16, 5e-3)] {
        let Some(got) = emulating_cuda(|| logits(&config, dtype)) else { return };
        if dtype == DType::F32 {
            golden::assert_close("logits by the CUDA kernels", &got, &want, 1e-4);
        }
        let matte = |logits: &Tensor| -> Vec<f32> {
            let matte = candle_nn::ops::sigmoid(logits).unwrap();
            matte.flatten_all().unwrap().to_vec1().unwrap()
        };
        let pairs: Vec<_> = matte(&got).into_iter().zip(matte(&want)).collect();
        let mean = pairs.iter().map(|(a, b)| (a - b).abs()).sum::<f32>() / pairs.len() as f32;
        println!("mattes by the CUDA kernels, {dtype:?}: mean difference {mean:.5}");
        assert!(mean < limit, "{dtype:?}: {mean}");
    }
}
