//! The detector on real photos with trained weights, against Ultralytics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use image::RgbImage;
use portrait_detection::{
    DetectOptions, Detection, Detector, Error, LetterboxMode, Naming, PERSON, Variant, Yolov8,
    Yolov8Config, detect_naming,
};
use portrait_test_support::test_data;
use portrait_weights::Checkpoint;
use serde_json::Value;
use std::collections::HashMap;

const CPU: Device = Device::Cpu;
/// The COCO classes in these photos.
const CLASSES: [(&str, usize); 3] = [("person", PERSON), ("bus", 5), ("tie", 27)];

fn nano() -> Yolov8Config {
    Yolov8Config::new(Variant::N, 80)
}

fn trained() -> Option<HashMap<String, Tensor>> {
    let path = test_data("weights/yolov8n.safetensors")?;
    Some(candle_core::safetensors::load(path, &CPU).unwrap())
}

fn detector(tensors: HashMap<String, Tensor>) -> Detector {
    Detector::new(&nano(), VarBuilder::from_tensors(tensors, DType::F32, &CPU)).unwrap()
}

/// Weights, photo and what Ultralytics finds in it.
fn golden(photo: &str) -> Option<(HashMap<String, Tensor>, RgbImage, Value)> {
    let (weights, path) = (trained()?, test_data(&format!("photos/{photo}"))?);
    let found = std::fs::read_to_string(test_data("weights/golden_yolov8n.json")?).unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    Some((weights, image::open(path).unwrap().to_rgb8(), found["images"][photo].clone()))
}

fn numbers(values: &[Value]) -> Vec<f32> {
    values.iter().map(|value| value.as_f64().unwrap() as f32).collect()
}

/// The same number, order, classes and places: `want` holds x1, y1, x2, y2 and the confidence.
#[allow(clippy::print_stderr, reason = "the table of golden errors is read from the test output")]
fn assert_found(
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

fn check_photo(photo: &str) {
    let Some((weights, picture, golden)) = golden(photo) else { return };
    let detector = detector(weights);
    for (letterbox, mode) in [(LetterboxMode::Rect, "rect"), (LetterboxMode::Square, "square")] {
        let want: Vec<_> = golden[mode]["boxes_xyxy_conf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|values| (PERSON, numbers(values.as_array().unwrap())))
            .collect();
        let options = DetectOptions { letterbox, ..Default::default() };
        let got = detector.detect(&picture, &options).unwrap();
        assert_found(&format!("{photo} {mode}"), &got, &want, 1.0, 0.005);
    }
    let want: Vec<_> = golden["all_classes_rect"]
        .as_array()
        .unwrap()
        .iter()
        .map(|values| {
            let (name, values) = values.as_array().unwrap().split_first().unwrap();
            let class = CLASSES.iter().find(|(known, _)| *known == name.as_str().unwrap());
            (class.unwrap().1, numbers(values))
        })
        .collect();
    let options = DetectOptions { classes: None, ..Default::default() };
    let got = detector.detect(&picture, &options).unwrap();
    // What remains is the JPEG decoder: on the pixels that OpenCV decodes (up to 4 of 255 away from
    // ours) all differences are 0 to the digits given, on ours the tie moves by 0.0083.
    assert_found(&format!("{photo} all classes"), &got, &want, 1.0, 0.01);
}

#[test]
fn the_people_at_the_bus() {
    check_photo("bus.jpg");
}

#[test]
fn the_people_of_zidane() {
    check_photo("zidane.jpg");
}

#[test]
fn photos_without_people_have_none() {
    let Some(weights) = trained() else { return };
    let detector = detector(weights);
    for photo in ["coffee.png", "chelsea.png", "rocket.jpg", "logo.png"] {
        let Some(path) = test_data(&format!("photos/{photo}")) else { return };
        let picture = image::open(path).unwrap().to_rgb8();
        let found = detector.detect(&picture, &DetectOptions::default()).unwrap();
        assert!(found.is_empty(), "{photo}: {found:?}");
    }
}

fn as_golden(found: &[Detection]) -> Vec<(usize, Vec<f32>)> {
    let one =
        |d: &Detection| (d.class, vec![d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2, d.confidence]);
    found.iter().map(one).collect()
}

#[test]
fn an_f16_file_and_one_with_candles_names_find_the_same() {
    let Some((weights, picture, _)) = golden("bus.jpg") else { return };
    let find = |vb| {
        let detector = Detector::new(&nano(), vb).unwrap();
        detector.detect(&picture, &DetectOptions::default()).unwrap()
    };
    let want = detector(weights.clone()).detect(&picture, &DetectOptions::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();

    let half =
        |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.to_dtype(DType::F16).unwrap());
    let half = saved(&weights.iter().map(half).collect(), &folder.path().join("half"));
    let found = find(half.var_builder(DType::F32, &CPU));
    assert_found("bus.jpg from an F16 file", &found, &as_golden(&want), 1.0, 0.005);

    let renamed: HashMap<_, _> = weights
        .into_iter()
        .map(|(name, tensor)| (Naming::Candle.file_name(&name), tensor))
        .collect();
    assert!(renamed.contains_key("fpn.n6.bottleneck.0.cv1.conv.weight"));
    let renamed = saved(&renamed, &folder.path().join("renamed"));
    // The network finds out by itself; whoever renames in between may do so too.
    assert_eq!(find(renamed.var_builder(DType::F32, &CPU)), want);
    let naming = detect_naming(renamed.names()).unwrap();
    let names = move |name: &str| naming.file_name(name);
    assert_eq!(find(renamed.var_builder_renamed(DType::F32, &CPU, names)), want);
}

fn saved(tensors: &HashMap<String, Tensor>, path: &std::path::Path) -> Checkpoint {
    candle_core::safetensors::save(tensors, path).unwrap();
    Checkpoint::open(path).unwrap()
}

#[test]
fn the_file_of_another_model_is_an_error_that_names_file_and_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = Tensor::zeros((96, 3, 4, 4), DType::F32, &CPU).unwrap();
    let tensors = HashMap::from([("bb.patch_embed.proj.weight".to_owned(), tensor)]);
    let other = saved(&tensors, &folder.path().join("other.safetensors"));
    let error = Detector::new(&nano(), other.var_builder(DType::F32, &CPU)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("other.safetensors") && text.contains("`model.0.conv.weight`"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let Error::Weights(source) = error else { panic!("{error:?}") };
    let inner = portrait_weights::Error::from_candle(source);
    assert!(matches!(inner, Ok(portrait_weights::Error::MissingTensor { .. })), "{inner:?}");
}

#[test]
fn photos_of_several_sizes_together_find_what_each_does_alone() {
    let Some((weights, picture, _)) = golden("bus.jpg") else { return };
    let detector = detector(weights);
    let options = DetectOptions { image_size: Some(320), ..Default::default() };
    let mirrored = image::imageops::flip_horizontal(&picture);
    let turned = image::imageops::rotate90(&picture);
    let photos = [&picture, &turned, &mirrored];
    let alone: Vec<_> =
        photos.iter().map(|photo| detector.detect(photo, &options).unwrap()).collect();
    assert!(alone[0].len() >= 3 && !alone[2].is_empty());
    let together = detector.detect_batch(&photos, &options).unwrap();
    assert_eq!(together.len(), 3);
    for (together, alone) in together.iter().zip(&alone) {
        assert_found("in company", together, &as_golden(alone), 0.05, 1e-4);
    }
    assert!(detector.detect_batch(&[], &options).unwrap().is_empty());
}

#[test]
fn options_narrow_what_is_found() {
    let Some((weights, picture, _)) = golden("bus.jpg") else { return };
    let detector = detector(weights);
    let find = |options: &DetectOptions| detector.detect(&picture, options).unwrap();
    let all = find(&DetectOptions::default());
    let confident = find(&DetectOptions { confidence: 0.5, ..Default::default() });
    assert_eq!(confident, all[..3]);
    assert_eq!(find(&DetectOptions { max_detections: 2, ..Default::default() }), all[..2]);
    let bus = find(&DetectOptions { classes: Some(vec![5]), ..Default::default() });
    assert!(bus.len() == 1 && bus[0].class == 5 && bus[0].person_id == 0);
    let loose = find(&DetectOptions { confidence: 0.01, iou: 1.0, ..Default::default() });
    assert!(loose.len() > 50, "without suppression every anchor counts: {}", loose.len());
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    for Detection { bbox, .. } in loose {
        assert!(0.0 <= bbox.x1 && bbox.x1 <= bbox.x2 && bbox.x2 <= width);
        assert!(0.0 <= bbox.y1 && bbox.y1 <= bbox.y2 && bbox.y2 <= height);
    }
}

/// A network for one class whose parameters are zero but for these, which hold one value each.
fn constant(names: HashMap<&'static str, f32>) -> Detector {
    let backend = Box::new(Constant { names });
    let weights = VarBuilder::from_backend(backend, DType::F32, CPU);
    Yolov8::load(&Yolov8Config::new(Variant::N, 1), weights).unwrap().into()
}

struct Constant {
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
        let value = self.names.get(name).copied().unwrap_or(0.0);
        Tensor::full(value, shape, device)?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        candle_core::bail!("{name} has no shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn equally_confident_ones_come_in_the_order_of_the_anchors() {
    // Boxes without area at the centre of each cell of 32 pixels, all with one probability.
    let detector = constant([("model.22.cv3.2.2.bias", 2.0)].into());
    let options = DetectOptions { confidence: 0.6, image_size: Some(96), ..Default::default() };
    let found = detector.detect(&RgbImage::new(96, 64), &options).unwrap();
    let places: Vec<_> = found.iter().map(|d| (d.person_id, d.bbox.x1, d.bbox.y1)).collect();
    assert_eq!(
        places,
        [
            (0, 16.0, 16.0),
            (1, 48.0, 16.0),
            (2, 80.0, 16.0),
            (3, 16.0, 48.0),
            (4, 48.0, 48.0),
            (5, 80.0, 48.0)
        ]
    );
}

#[test]
fn bad_options_empty_photos_and_nonsense_are_typed_errors() {
    let detector = constant(HashMap::new());
    let photo = RgbImage::new(8, 8);
    let options = DetectOptions { confidence: 2.0, ..Default::default() };
    let error = detector.detect(&photo, &options).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "confidence", .. }), "{error}");
    let options = DetectOptions { classes: Some(vec![1]), ..Default::default() };
    let error = detector.detect(&photo, &options).unwrap_err();
    assert!(error.to_string().contains("give classes from 0 to 0"), "{error}");
    let options = DetectOptions { image_size: Some(32), ..Default::default() };
    let error = detector.detect(&RgbImage::new(0, 4), &options).unwrap_err();
    assert!(matches!(error, Error::EmptyPhoto { width: 0, height: 4 }), "{error}");

    // Folding takes these beyond the range of f32.
    let huge = [("model.0.conv.weight", 1e30), ("model.0.bn.weight", 1e30)];
    let error = constant(huge.into()).detect(&photo, &options).unwrap_err();
    assert!(matches!(error, Error::NotFinite), "{error}");
}
