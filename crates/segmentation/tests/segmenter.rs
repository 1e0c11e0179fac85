//! The segmenter as a whole: its three parts, whole pictures, and answers that are none.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};
use image::math::Rect;
use image::{Rgb, RgbImage};
use portrait_segmentation::{
    Birefnet, BirefnetConfig, CutOut, CutOutOptions, Error, PersonCrop, Segmented, Segmenter,
    SwinConfig,
};
use portrait_test_support::reproducible;
use std::sync::Arc;

const CPU: Device = Device::Cpu;
const INPUT: [u32; 2] = [64, 64];

fn config() -> BirefnetConfig {
    BirefnetConfig::with_swin(SwinConfig { embed_dim: 8, depths: [1; 4], heads: [1; 4], window: 4 })
}

fn segmenter(weights: &VarBuilder<'_>) -> Segmenter {
    Segmenter::new(Birefnet::new(&config(), weights).unwrap(), INPUT).unwrap()
}

fn noise() -> Segmenter {
    segmenter(&reproducible::var_builder(DType::F32, &CPU))
}

fn photo(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([x * 7 + y * 3, x * x + 5 * y, x * y].map(|value| (value % 256) as u8))
    })
}

/// Logits of a disc with a soft edge, far from it nothing.
fn disc() -> Tensor {
    let logit = |index: usize| {
        let (x, y) = ((index % 64) as f32 / 64.0, (index / 64) as f32 / 64.0);
        12.0 * (0.3 - (x - 0.5).hypot(y - 0.5)) / 0.06
    };
    let values: Vec<f32> = (0..64 * 64).map(logit).collect();
    Tensor::from_vec(values, (1, 1, 64, 64), &CPU).unwrap()
}

fn assert_same(a: &CutOut, b: &CutOut) {
    assert_eq!((a.rect, &a.image, &a.matte), (b.rect, &b.image, &b.matte));
}

#[test]
fn a_whole_picture_is_a_crop_whose_box_is_all_of_it() {
    let segmenter = noise();
    let photo = Arc::new(photo(150, 110));
    let all = Rect { x: 0, y: 0, width: 150, height: 110 };
    for options in [
        CutOutOptions::default(),
        CutOutOptions { feather: 5, ..Default::default() },
        CutOutOptions { padding: 0, refine: None, ..Default::default() },
    ] {
        let whole = PersonCrop::whole(photo.clone(), &options, INPUT).unwrap();
        let boxed = PersonCrop::new(&photo, all, &[], &options, INPUT).unwrap();
        let cut = |crop: &PersonCrop| {
            let made = segmenter.run(std::slice::from_ref(crop)).unwrap().swap_remove(0);
            made.cut_out(crop).unwrap()
        };
        let (whole, boxed) = (cut(&whole), cut(&boxed));
        assert_eq!((whole.rect, whole.image.dimensions()), (all, (150, 110)));
        assert_same(&whole, &boxed);
        assert_same(&whole, &segmenter.remove_background(photo.clone(), &options).unwrap());
        // By the matte that the network gives for the picture stretched to its input.
        if options.feather == 0 {
            let matte = segmenter.mattes(std::slice::from_ref(&*photo)).unwrap().swap_remove(0);
            assert_eq!(whole.matte, matte);
        }
    }
}

#[test]
fn what_is_removed_of_a_whole_picture_carries_no_colour() {
    let photo = photo(200, 130);
    let crop = PersonCrop::whole(photo, &CutOutOptions::default(), INPUT).unwrap();
    let cut_out = Segmented::new(&disc(), &crop).unwrap().cut_out(&crop).unwrap();
    let clear = cut_out.image.pixels().filter(|pixel| pixel[3] == 0);
    assert!(clear.clone().count() > 200 * 130 / 3, "{}", clear.count());
    for pixel in cut_out.image.pixels().filter(|pixel| pixel[3] == 0) {
        assert_eq!(pixel.0, [0; 4]);
    }
    assert_eq!(cut_out.image.get_pixel(100, 65)[3], 255);
}

#[test]
fn a_whole_picture_is_shared_and_bad_ones_are_typed_errors() {
    let options = CutOutOptions::default();
    let photo = Arc::new(photo(90, 70));
    let crop = PersonCrop::whole(photo.clone(), &options, INPUT).unwrap();
    assert_eq!(Arc::strong_count(&photo), 2, "the crop holds the picture itself");
    drop(crop);
    for (width, height) in [(0, 0), (0, 5), (5, 0)] {
        let error = PersonCrop::whole(RgbImage::new(width, height), &options, INPUT).unwrap_err();
        assert!(matches!(error, Error::EmptyImage), "{error}");
    }
    let error = PersonCrop::whole(photo.clone(), &options, [0, 64]).unwrap_err();
    assert!(matches!(error, Error::EmptyImage), "{error}");
    let bad = CutOutOptions { feather: 1000, ..options };
    let error = PersonCrop::whole(photo.clone(), &bad, INPUT).unwrap_err();
    assert!(matches!(error, Error::Option { option: "feather", .. }), "{error}");
    let other = PersonCrop::whole(photo, &options, [96, 64]).unwrap();
    let error = noise().run(&[&other]).unwrap_err();
    assert!(matches!(error, Error::InputShape(_)), "{error}");
}

#[test]
fn several_crops_in_one_run_are_cut_out_as_alone() {
    let (segmenter, photo, options) = (noise(), photo(150, 110), CutOutOptions::default());
    let crop = |x, width| {
        let person = Rect { x, y: 10, width, height: 90 };
        PersonCrop::new(&photo, person, &[], &options, INPUT).unwrap()
    };
    let crops = [crop(5, 60), crop(70, 50)];
    let together = segmenter.run(&crops.each_ref()).unwrap();
    for (crop, made) in crops.iter().zip(together) {
        let alone = segmenter.run(&[crop]).unwrap().swap_remove(0).cut_out(crop).unwrap();
        let together = made.cut_out(crop).unwrap();
        assert_eq!(together.rect, alone.rect);
        let pairs = together.matte.iter().zip(alone.matte.iter());
        let most = pairs.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(most < 1e-5, "{most}");
    }
}

/// Reproducible weights, but for the last value of the tensors whose names hold `name`.
struct Spoilt {
    name: &'static str,
    value: f32,
}

impl SimpleBackend for Spoilt {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let mut values = reproducible::tensor(name, shape.dims()).unwrap();
        if name.contains(self.name) {
            let last = values.len() - 1;
            values[last] = self.value;
        }
        Tensor::from_vec(values, shape, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name} has no shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn one_weight_that_is_not_finite_is_an_error_that_names_its_tensor() {
    for name in [
        "bb.patch_embed.proj.weight",
        "bb.layers.0.blocks.0.attn.relative_position_bias_table",
        "squeeze_module.0.conv_in.bias",
        "decoder.decoder_block4.bn_in.running_var",
        "decoder.conv_out1.0.weight",
    ] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let backend = Box::new(Spoilt { name, value });
            let weights = VarBuilder::from_backend(backend, DType::F32, CPU);
            let error = Birefnet::new(&config(), &weights).unwrap_err();
            assert!(matches!(error, Error::Weights(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains(name) && text.contains("not finite"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
}

#[test]
fn an_answer_that_is_not_finite_or_the_same_everywhere_is_an_error() {
    // Finite weights whose products are beyond f32.
    let huge = Spoilt { name: "decoder.conv_out1.0", value: f32::MAX };
    let huge = segmenter(&VarBuilder::from_backend(Box::new(huge), DType::F32, CPU));
    let zeros = segmenter(&VarBuilder::zeros(DType::F32, &CPU));
    let (photo, options) = (photo(150, 110), CutOutOptions::default());
    let person = Rect { x: 5, y: 10, width: 60, height: 90 };
    let error = huge.cut_out(&photo, person, &[], &options).unwrap_err();
    assert!(matches!(error, Error::NotFinite), "{error}");
    let error = huge.mattes(std::slice::from_ref(&photo)).unwrap_err();
    assert!(matches!(error, Error::NotFinite), "{error}");
    let error = zeros.cut_out(&photo, person, &[], &options).unwrap_err();
    assert!(matches!(error, Error::Constant), "{error}");
    let error = zeros.mattes(std::slice::from_ref(&photo)).unwrap_err();
    assert!(matches!(error, Error::Constant), "{error}");
    let error = zeros.remove_background(photo.clone(), &options).unwrap_err();
    assert!(matches!(error, Error::Constant), "{error}");

    let crop = PersonCrop::whole(photo, &options, INPUT).unwrap();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in [0, 4095] {
            let mut logits = disc().flatten_all().unwrap().to_vec1::<f32>().unwrap();
            logits[index] = value;
            let logits = Tensor::from_vec(logits, (1, 1, 64, 64), &CPU).unwrap();
            let error = Segmented::new(&logits, &crop).unwrap_err();
            assert!(matches!(error, Error::NotFinite), "{error}");
            assert_eq!(error.to_string().lines().count(), 1);
        }
    }
}
