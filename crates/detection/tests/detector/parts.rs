//! Detection in its three parts, and several photos in one run.

use crate::support::{as_golden, assert_found, constant, detector, golden, network_of};
use image::RgbImage;
use portrait_detection::{DetectOptions, Detector, Error, PhotoInput};
use std::collections::HashMap;

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

/// Two wishes for two photos in one run, by the three calls of a program with several threads.
#[test]
fn the_three_parts_find_what_the_easy_call_does() {
    let Some((weights, picture, _)) = golden("bus.jpg") else { return };
    let detector = detector(weights);
    let mirrored = image::imageops::flip_horizontal(&picture);
    let strict = DetectOptions { confidence: 0.6, image_size: Some(320), ..Default::default() };
    let all = DetectOptions { classes: None, ..strict.clone() };
    let wishes = [(&picture, &strict), (&mirrored, &all)];
    let inputs = wishes.map(|(photo, options)| PhotoInput::new(photo, options, 640).unwrap());
    assert_eq!(inputs[0].size(), (256, 320));
    let detected = detector.run(&inputs).unwrap();
    for ((input, detected), (photo, options)) in inputs.iter().zip(&detected).zip(wishes) {
        let want = detector.detect(photo, options).unwrap();
        assert!(!want.is_empty());
        let got = detected.persons(input).unwrap();
        assert_found("in three parts", &got, &as_golden(&want), 0.05, 1e-4);
    }
    let alone = detector.run(&inputs[..1]).unwrap().swap_remove(0).persons(&inputs[0]).unwrap();
    assert_eq!(alone, detector.detect(&picture, &strict).unwrap());
    // The network's own size is taken where the options name none.
    let default = PhotoInput::new(&picture, &DetectOptions::default(), 640).unwrap();
    assert_eq!(default.size(), (480, 640));
}

#[test]
fn inputs_that_cannot_go_together_are_typed_errors() {
    let detector = constant([("model.22.cv3.2.2.bias", 2.0)].into());
    let options = DetectOptions { image_size: Some(64), ..Default::default() };
    let input = |width, height| PhotoInput::new(&RgbImage::new(width, height), &options, 640);
    let (wide, high) = (input(64, 32).unwrap(), input(32, 64).unwrap());
    let error = detector.run(&[&wide, &high]).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { .. }), "{error}");
    let error = detector.run(&[] as &[PhotoInput]).unwrap_err();
    assert!(matches!(error, Error::EmptyPhoto { .. }), "{error}");
    assert!(matches!(input(0, 9), Err(Error::EmptyPhoto { width: 0, height: 9 })));
    let bad = DetectOptions { iou: 2.0, ..options.clone() };
    let error = PhotoInput::new(&RgbImage::new(8, 8), &bad, 640).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "iou", .. }), "{error}");
    let size = PhotoInput::new(&RgbImage::new(8, 8), &DetectOptions::default(), 5000).unwrap_err();
    assert!(matches!(size, Error::InvalidOption { option: "image_size", .. }), "{size}");
    // A class that only the network knows not to have.
    let class = DetectOptions { classes: Some(vec![1]), ..options };
    let input = PhotoInput::new(&RgbImage::new(64, 32), &class, 640).unwrap();
    let error = detector.run(&[&input]).unwrap()[0].persons(&input).unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "classes", .. }), "{error}");
    let network = network_of(0.0, HashMap::new()).unwrap();
    assert!(matches!(Detector::new(network, 0), Err(Error::InvalidOption { .. })));
}
