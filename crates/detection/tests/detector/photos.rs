//! What is found in photos, against Ultralytics.

use crate::support::{
    CLASSES, CPU, as_golden, assert_found, built, detector, golden, nano, trained,
};
use candle_core::{DType, Tensor};
use portrait_detection::{
    DetectOptions, Detection, Error, LetterboxMode, Naming, PERSON, Yolov8, detect_naming,
};
use portrait_test_support::test_data;
use portrait_weights::Checkpoint;
use serde_json::Value;
use std::collections::HashMap;

fn numbers(values: &[Value]) -> Vec<f32> {
    values.iter().map(|value| value.as_f64().unwrap() as f32).collect()
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

#[test]
fn an_f16_file_and_one_with_candles_names_find_the_same() {
    let Some((weights, picture, _)) = golden("bus.jpg") else { return };
    let find = |vb| {
        let detector = built(&vb);
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
    let error = Yolov8::new(&nano(), &other.var_builder(DType::F32, &CPU)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("other.safetensors") && text.contains("`model.0.conv.weight`"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let Error::Weights(source) = error else { panic!("{error:?}") };
    let inner = portrait_weights::Error::from_candle(source);
    assert!(matches!(inner, Ok(portrait_weights::Error::MissingTensor { .. })), "{inner:?}");
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
