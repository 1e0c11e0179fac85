//! Products of bytes against those of single precision, with trained weights on photos that were held out.

#![allow(clippy::print_stdout, reason = "the documentation quotes the figures")]

use portrait_pipeline::lowlevel::{Device, load_detector, load_segmenter};
use portrait_pipeline::{DetectOptions, Model, Photo, Pipeline, Places, Precision, STARTER_MODELS};
use portrait_test_support::test_data;
use std::path::PathBuf;

/// Every tenth photo of a set by file name order is held out from training; these are some of them.
fn held_out(set: &str) -> Option<Vec<PathBuf>> {
    let folder = test_data(&format!("datasets/{set}/images"))?;
    let mut photos: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    photos.sort();
    Some(photos.into_iter().skip(9).step_by(30).collect())
}

async fn starters() -> [(Model, portrait_pipeline::weights::Checkpoint); 2] {
    let pipeline = Pipeline::builder().build().await.unwrap();
    let places = Places { bundled: STARTER_MODELS, ..Places::default() };
    let models = [pipeline.detection_model(), pipeline.segmentation_model()].map(Model::clone);
    let [detection, segmentation] = models;
    let opened =
        [detection.open(&places).await.unwrap(), segmentation.open(&places).await.unwrap()];
    let [first, second] = opened;
    [(detection, first), (segmentation, second)]
}

/// Intersection over union of where two mattes are more foreground than background.
fn overlap(a: &[f32], b: &[f32]) -> f64 {
    let pairs = || a.iter().zip(b).map(|(a, b)| (*a > 0.5, *b > 0.5));
    let both = pairs().filter(|(a, b)| *a && *b).count();
    let either = pairs().filter(|(a, b)| *a || *b).count();
    both as f64 / either.max(1) as f64
}

#[tokio::test]
async fn mattes_of_bytes_are_nearly_those_of_single_precision() {
    let [_, (model, checkpoint)] = starters().await;
    let load =
        |precision| load_segmenter(&model.manifest, &checkpoint, &Device::Cpu, precision).unwrap();
    let (exact, bytes) = (load(Precision::F32), load(Precision::Int8));
    for set in ["ccp", "eg1800"] {
        let Some(photos) = held_out(set) else { return };
        let count = photos.len();
        let (mut sum, mut error, mut worst) = (0.0, 0.0, 1f64);
        for path in photos {
            let photo = Photo::decode(std::fs::read(path).unwrap()).unwrap();
            let image = [photo.image().as_ref().clone()];
            let [exact, bytes] =
                [&exact, &bytes].map(|model| model.mattes(&image).unwrap().remove(0));
            let same = overlap(exact.as_raw(), bytes.as_raw());
            let off = exact.iter().zip(bytes.iter()).map(|(a, b)| f64::from((a - b).abs()));
            error += off.sum::<f64>() / exact.len() as f64;
            (sum, worst) = (sum + same, worst.min(same));
        }
        let (mean, error) = (sum / count as f64, error / count as f64);
        println!(
            "{set}: {count} photos, IoU {mean:.4}, worst {worst:.4}, mean difference {error:.4}"
        );
        assert!(mean >= 0.995, "{set}: {mean}");
        assert!(worst >= 0.97, "{set}: {worst}");
    }
}

#[tokio::test]
async fn persons_found_by_bytes_are_those_of_single_precision() {
    let [(model, checkpoint), _] = starters().await;
    let load =
        |precision| load_detector(&model.manifest, &checkpoint, &Device::Cpu, precision).unwrap();
    let (exact, bytes) = (load(Precision::F32), load(Precision::Int8));
    let options = DetectOptions { confidence: 0.4, ..DetectOptions::default() };
    for set in ["ccp", "eg1800"] {
        let Some(photos) = held_out(set) else { return };
        let (mut worst, mut sum, mut persons) = (1f32, 0.0, 0);
        for path in photos {
            let photo = Photo::decode(std::fs::read(&path).unwrap()).unwrap();
            let found = bytes.detect(photo.image(), &options).unwrap();
            // The surest: a second box on the same person falls by a hair to the first one, or does not.
            if let Some(person) = exact.detect(photo.image(), &options).unwrap().first() {
                let overlaps = found.iter().map(|other| other.bbox.iou(&person.bbox));
                let best = overlaps.fold(0.0, f32::max);
                assert!(best > 0.9, "{path:?}: {person:?} in {found:?}");
                (worst, sum, persons) = (worst.min(best), sum + best, persons + 1);
            }
        }
        let mean = sum / persons as f32;
        println!("{set}: {persons} persons, IoU of boxes {mean:.4}, worst {worst:.4}");
        assert!(mean > 0.98, "{set}: {mean}");
        assert!(persons > 20, "{set}: {persons}");
    }
}
