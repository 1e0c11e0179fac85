//! Detectors to test, and comparing what they find.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use image::RgbImage;
use portrait_detection::{Detection, Detector, Error, PERSON, Variant, Yolov8, Yolov8Config};
use portrait_test_support::test_data;
use serde_json::Value;
use std::collections::HashMap;

pub(crate) const CPU: Device = Device::Cpu;
/// The COCO classes in these photos.
pub(crate) const CLASSES: [(&str, usize); 3] = [("person", PERSON), ("bus", 5), ("tie", 27)];

pub(crate) fn nano() -> Yolov8Config {
    Yolov8Config::new(Variant::N, 80)
}

pub(crate) fn trained() -> Option<HashMap<String, Tensor>> {
    let path = test_data("weights/yolov8n.safetensors")?;
    Some(candle_core::safetensors::load(path, &CPU).unwrap())
}

pub(crate) fn detector(tensors: HashMap<String, Tensor>) -> Detector {
    built(&VarBuilder::from_tensors(tensors, DType::F32, &CPU))
}

pub(crate) fn built(vb: &VarBuilder<'_>) -> Detector {
    Detector::new(Yolov8::new(&nano(), vb).unwrap(), 640).unwrap()
}

/// Weights, photo and what Ultralytics finds in it.
pub(crate) fn golden(photo: &str) -> Option<(HashMap<String, Tensor>, RgbImage, Value)> {
    let (weights, path) = (trained()?, test_data(&format!("photos/{photo}"))?);
    let found = std::fs::read_to_string(test_data("weights/golden_yolov8n.json")?).unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    Some((weights, image::open(path).unwrap().to_rgb8(), found["images"][photo].clone()))
}

/// The same number, order, classes and places: `want` holds x1, y1, x2, y2 and the confidence.
#[allow(clippy::print_stderr, reason = "the table of golden errors is read from the test output")]
pub(crate) fn assert_found(
    name: &str,
    got: &[Detection],
    want: &[(usize, Vec<f32>)],
    pixels: f32,
    share: f32,
) {
    assert_eq!(got.len(), want.len(), "{name}: {got:?}");
    let (mut worst_edge, mut worst_confidence) = (0f32, 0f32);
    for (id, (got, (class, want))) in got.iter().zip(want).enumerate() {
        assert_eq!((got.person_id, got.class), (id, *class), "{name}");
        let edges = [got.bbox.x1, got.bbox.y1, got.bbox.x2, got.bbox.y2];
        for (got, want) in edges.iter().zip(want) {
            worst_edge = worst_edge.max((got - want).abs());
        }
        worst_confidence = worst_confidence.max((got.confidence - want[4]).abs());
    }
    eprintln!("golden {name:<40} boxes {worst_edge:.3} px, confidence {worst_confidence:.4}");
    assert!(worst_edge <= pixels, "{name}: {worst_edge} px");
    assert!(worst_confidence <= share, "{name}: {worst_confidence}");
}

pub(crate) fn as_golden(found: &[Detection]) -> Vec<(usize, Vec<f32>)> {
    let one =
        |d: &Detection| (d.class, vec![d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2, d.confidence]);
    found.iter().map(one).collect()
}

/// A network for one class whose parameters all hold one value, but for these, which hold another.
pub(crate) fn network_of(value: f32, names: HashMap<&'static str, f32>) -> Result<Yolov8, Error> {
    let backend = Box::new(Constant { value, names });
    let weights = VarBuilder::from_backend(backend, DType::F32, CPU);
    Yolov8::new(&Yolov8Config::new(Variant::N, 1), &weights)
}

/// A network for one class whose parameters are zero but for these, which hold one value each.
pub(crate) fn constant(names: HashMap<&'static str, f32>) -> Detector {
    Detector::new(network_of(0.0, names).unwrap(), 640).unwrap()
}

struct Constant {
    value: f32,
    names: HashMap<&'static str, f32>,
}

impl candle_nn::var_builder::SimpleBackend for Constant {
    fn get(
        &self,
        shape: candle_core::Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let value = self.names.get(name).copied().unwrap_or(self.value);
        Tensor::full(value, shape, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name} has no shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
