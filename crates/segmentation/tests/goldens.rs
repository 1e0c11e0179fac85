//! The network against the official implementation, at full size, with reproducible weights.
//!
//! `cargo test --release -p portrait-segmentation --test goldens -- --nocapture` prints the table of
//! errors.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use candle_core::{DType, Device, IndexOp, Tensor};
use portrait_kernels::{Isa, Precision};
use portrait_segmentation::{Birefnet, BirefnetConfig, preprocess};
use portrait_test_support::{golden, reproducible, test_data};
use std::time::Instant;

fn network(config: BirefnetConfig) -> Birefnet {
    Birefnet::new(&config, &reproducible::var_builder(DType::F32, &Device::Cpu)).unwrap()
}

/// Every third row and column, as the large goldens are stored.
fn every_third(logits: &Tensor) -> Tensor {
    let (.., height, width) = logits.dims4().unwrap();
    let pick = |side: usize| {
        let index: Vec<u32> = (0..side as u32).step_by(3).collect();
        Tensor::new(index, &Device::Cpu).unwrap()
    };
    logits.index_select(&pick(height), 2).unwrap().index_select(&pick(width), 3).unwrap()
}

fn check(name: &str, file: &str, config: BirefnetConfig, input: &Tensor, limit: f64) {
    let Some(path) = test_data(&format!("parity/goldens/{file}")) else { return };
    let network = network(config);
    let start = Instant::now();
    let logits = network.forward(input).unwrap();
    println!("{name}: {:.0} ms", start.elapsed().as_secs_f64() * 1e3);
    let logits = if file.ends_with(".s3.npy") { every_third(&logits) } else { logits };
    golden::assert_close(name, &logits, &golden::read(path).unwrap(), limit);
}

fn check_noise(name: &str, file: &str, config: BirefnetConfig, size: [usize; 2], limit: f64) {
    let input = reproducible::input((1, 3, size[0], size[1])).unwrap();
    check(name, file, config, &input, limit);
}

#[test]
fn lite_256_stages() {
    let Some(folder) = test_data("parity/goldens") else { return };
    let manifest = golden::read_manifest(folder.join("birefnet_manifest.json"));
    let network = network(BirefnetConfig::lite());
    let input = reproducible::input((1, 3, 256, 256)).unwrap();
    let mut checked = 0;
    let logits = network
        .forward_with(&input, &mut |name, tensor| {
            let name = format!("lite_256_{name}");
            let limit = if name.contains("_bb_") { 2e-5 } else { 4e-5 };
            golden::assert_samples(&name, tensor, &manifest[&name], limit);
            let file = folder.join(format!("{name}.npy"));
            if file.exists() {
                golden::assert_close(&name, tensor, &golden::read(file).unwrap(), limit);
            }
            checked += 1;
        })
        .unwrap();
    assert_eq!(checked, 16, "stages with golden values");
    let want = golden::read(folder.join("lite_256x256_logits.npy")).unwrap();
    golden::assert_close("lite_256x256_logits", &logits, &want, 2e-5);
}

/// The same values on all vector instructions that this processor has.
#[test]
fn lite_256_on_every_isa() {
    for isa in Isa::available() {
        let (name, file) = (format!("lite_256_{}", isa.name()), "lite_256x256_logits.npy");
        isa.with(|| check_noise(&name, file, BirefnetConfig::lite(), [256, 256], 2e-5));
    }
}

/// The same within what a matrix unit may round, a hundredth of a level of the matte; without one, exactly
/// the same.
#[test]
fn lite_512_rounded() {
    let (name, file) = ("lite_512_rounded", "lite_512x512_logits.npy");
    Precision::Tf32.build(&Device::Cpu, || {
        check_noise(name, file, BirefnetConfig::lite(), [512, 512], 2e-4);
    });
}

#[test]
fn lite_512() {
    check_noise("lite_512", "lite_512x512_logits.npy", BirefnetConfig::lite(), [512, 512], 5e-5);
}

#[test]
fn lite_1024() {
    let file = "lite_1024x1024_logits.s3.npy";
    check_noise("lite_1024", file, BirefnetConfig::lite(), [1024, 1024], 1e-4);
}

/// A photo instead of noise, resized by Pillow and normalised by us.
#[test]
fn lite_photo_1024() {
    let Some(path) = test_data("photos/bus_1024_pil_bilinear.png") else { return };
    let photo = image::open(path).unwrap().to_rgb8();
    let input = preprocess(&[photo], [1024, 1024], &Device::Cpu).unwrap();
    let file = "lite_photo_1024x1024_logits.s3.npy";
    check("lite_photo_1024", file, BirefnetConfig::lite(), &input, 1e-4);
}

#[test]
fn large_256() {
    check_noise("large_256", "large_256x256_logits.npy", BirefnetConfig::large(), [256, 256], 2e-5);
}

#[test]
fn large_1024() {
    let file = "large_1024x1024_logits.s3.npy";
    check_noise("large_1024", file, BirefnetConfig::large(), [1024, 1024], 1e-4);
}

#[test]
fn a_batch_is_its_images() {
    let network = network(BirefnetConfig::lite());
    let batch = reproducible::input((2, 3, 128, 96)).unwrap();
    let together = network.forward(&batch).unwrap();
    for index in 0..2 {
        let alone = network.forward(&batch.i(index..index + 1).unwrap()).unwrap();
        let name = format!("image {index} of a batch");
        golden::assert_close(&name, &together.i(index..index + 1).unwrap(), &alone, 2e-5);
    }
}
