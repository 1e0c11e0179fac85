//! Answers of networks without training: their order, and those that are none.

use crate::support::{constant, network_of};
use image::RgbImage;
use portrait_detection::{DetectOptions, Error, PhotoInput};
use std::collections::HashMap;

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

#[test]
fn weights_without_numbers_are_refused_and_zeros_find_nobody() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = network_of(value, HashMap::new()).unwrap_err();
        assert!(matches!(error, Error::Weights(_)), "{value}: {error}");
        let one = network_of(0.0, [("model.9.cv2.bn.bias", value)].into()).unwrap_err();
        assert!(one.to_string().contains("model.9.cv2.bn.bias"), "{one}");
    }
    // Every place is a person by one half.
    let zeros = constant(HashMap::new());
    let photo = RgbImage::from_fn(90, 70, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let error = zeros.detect(&photo, &DetectOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Constant), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
    let input = PhotoInput::new(&photo, &DetectOptions::default(), 64).unwrap();
    assert!(matches!(zeros.run(&[input]), Err(Error::Constant)));
}
