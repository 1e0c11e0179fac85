//! Models, pictures and checks that the tests share.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use portrait_kernels::Device;
use portrait_pipeline::detection::{Yolov8, Yolov8Config};
use portrait_pipeline::segmentation::{Birefnet, BirefnetConfig};
use portrait_pipeline::{Code, Error, Manifest, Model, Pipeline, Precision, Tier};
use portrait_test_support::{reproducible, reproducible::Asked, test_data};
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// The detector with trained weights; `None` where they are missing.
pub(crate) fn trained_detector() -> Option<Model> {
    let weights = test_data("weights/yolov8n.safetensors")?;
    Some(Model::find("yolov8n").unwrap().from_file(weights))
}

/// A pipeline that can only detect, with trained weights.
pub(crate) async fn detecting_pipeline() -> Option<Pipeline> {
    let detector = trained_detector()?;
    Some(Pipeline::builder().detection_model(detector).build().await.unwrap())
}

/// A photo of the test data; `None` where it is missing.
pub(crate) fn photo_file(name: &str) -> Option<Vec<u8>> {
    Some(std::fs::read(test_data(&format!("photos/{name}"))?).unwrap())
}

/// BiRefNet with few and narrow layers, as a model that reads its weights from `file`.
pub(crate) fn small_birefnet() -> Model {
    let manifest = Manifest::parse(
        r#"
        id = "birefnet-small"
        family = "birefnet"
        summary = "BiRefNet of a few channels with reproducible weights"
        file = "model.safetensors"
        licence = { spdx = "MIT", notice = "Made by this test." }
        input = { width = 64, height = 96 }
        [architecture]
        decoder_inter_channels = 12
        aspp_channels = 10
        patch_inter_channels = 6
        swin = { embed_dim = 8, depths = [1, 1, 1, 1], heads = [1, 2, 2, 4], window = 3 }
        "#,
    );
    Model { manifest: manifest.unwrap(), file: None }
}

/// Writes reproducible weights of [`small_birefnet`] into `folder`.
pub(crate) fn write_small_birefnet(folder: &Path) -> PathBuf {
    let config: BirefnetConfig = small_birefnet().manifest.architecture().unwrap();
    let (weights, asked) = reproducible::recording_var_builder(&Device::Cpu);
    Birefnet::new(&config, &weights).unwrap();
    write(asked, folder.join("model.safetensors"))
}

/// Writes reproducible weights of YOLOv8 nano, which find nothing of use, into `folder`.
pub(crate) fn write_yolov8n(folder: &Path) -> PathBuf {
    let config: Yolov8Config = Model::find("yolov8n").unwrap().manifest.architecture().unwrap();
    let (weights, asked) = reproducible::recording_var_builder(&Device::Cpu);
    Yolov8::new(&config, &weights).unwrap();
    write(asked, folder.join("yolov8n.safetensors"))
}

fn write(asked: Asked, file: PathBuf) -> PathBuf {
    let names: Vec<_> = asked.names().into_iter().collect();
    reproducible::write_checkpoint(&names, Precision::F32.dtype(), &file).unwrap();
    file
}

/// A picture without any structure that repeats.
pub(crate) fn texture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (fx, fy) = (x as f32 / 37.0, y as f32 / 23.0);
        let wave = |phase: f32| (127.5 + 127.0 * (fx * fx / 9.0 + fy + phase).sin()) as u8;
        Rgb([wave(0.0), wave(1.3), (x * 255 / width) as u8 ^ (y as u8 & 31)])
    })
}

/// The formats that photos come in.
pub(crate) const FORMATS: [ImageFormat; 3] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

/// A file of [`texture`].
pub(crate) fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    encode(&texture(width, height).into(), format)
}

/// A file of any picture.
pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Checks the code, the tier, and that message and envelope are what the documentation promises.
#[track_caller]
pub(crate) fn assert_error(error: &Error, code: Code, tier: Tier) {
    assert_eq!((error.code(), error.tier()), (code, tier), "{error}");
    let message = error.to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(!message.trim().is_empty());
    let json = error.to_json();
    assert_eq!(json["success"], false);
    let body = json["error"].as_object().unwrap();
    let mut keys: Vec<&str> = body.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["code", "details", "message", "retry_after", "tier", "user_action"]);
    assert_eq!(body["code"], code.as_str());
    assert_eq!(body["message"], message.as_str());
    assert_eq!(body["tier"], tier as u8);
    assert_eq!(body["user_action"], code.user_action());
    assert!(body["retry_after"].is_null() || body["retry_after"].is_number());
    assert!(body["details"].is_object(), "{json}");
}
