//! Checkpoints that are missing or wrong, models that do not fit their step, options out of range.

use crate::support::{assert_error, small_birefnet, texture, write_small_birefnet, write_yolov8n};
use image::{DynamicImage, ImageFormat};
use portrait_pipeline::weights::HubPlace;
use portrait_pipeline::{
    BoundingBox, Code, CutOutOptions, DetectOptions, Detection, Error, Model, Photo, Pipeline,
    Places, Progress, RefineOptions, Selection, Stage, Step, Tier,
};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

fn photo() -> Photo {
    let picture = DynamicImage::ImageRgb8(texture(300, 200));
    Photo::decode(crate::support::encode(&picture, ImageFormat::Png)).unwrap()
}

fn person(person_id: usize, edges: [f32; 4]) -> Detection {
    let [x1, y1, x2, y2] = edges;
    Detection { person_id, bbox: BoundingBox { x1, y1, x2, y2 }, confidence: 0.9, class: 0 }
}

fn selection(edges: [f32; 4]) -> Selection {
    Selection::new(vec![person(0, edges)], &[0]).unwrap()
}

async fn detect_with(model: Model) -> Error {
    let pipeline = Pipeline::builder().detection_model(model).build().await.unwrap();
    pipeline.detect(&photo(), &DetectOptions::default()).await.unwrap_err()
}

async fn cut_out_with(model: Model) -> Error {
    let pipeline = Pipeline::builder().segmentation_model(model).build().await.unwrap();
    let selection = selection([50.0, 20.0, 150.0, 180.0]);
    let cut_outs = pipeline.cut_out(&photo(), &selection, &CutOutOptions::default()).await;
    cut_outs.unwrap_err()
}

fn yolov8n() -> Model {
    Model::find("yolov8n").unwrap()
}

#[tokio::test]
async fn missing_weights_without_a_network() {
    let error = detect_with(yolov8n()).await;
    assert_error(&error, Code::WeightsMissing, Tier::High);
    assert!(error.to_string().ends_with("fetch it with `portrait models fetch yolov8n`"));

    let folder = TempDir::new().unwrap();
    let hub = HubPlace { cache: folder.path().join("hub"), download: None };
    let places = Places { models: Some(folder.path().into()), hub: Some(hub), ..Places::default() };
    let pipeline = Pipeline::builder().detection_model(yolov8n()).places(places);
    let pipeline = pipeline.build().await.unwrap();
    let error = pipeline.warm_up().await.unwrap_err();
    assert_error(&error, Code::WeightsMissing, Tier::High);
    let looked_at = folder.path().join("yolov8n/yolov8n.safetensors");
    assert!(error.to_string().contains(&looked_at.display().to_string()), "{error}");

    let named = folder.path().join("not-there.safetensors");
    let error = detect_with(yolov8n().from_file(&named)).await;
    assert_error(&error, Code::WeightsMissing, Tier::High);
    assert!(error.to_string().contains(&named.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_of_another_model_is_told() {
    let folder = TempDir::new().unwrap();
    let small = write_small_birefnet(folder.path());
    let detector = write_yolov8n(folder.path());
    let lite = Model::find("birefnet-lite").unwrap();
    for error in [
        detect_with(yolov8n().from_file(&small)).await,
        detect_with(Model::find("yolov8s").unwrap().from_file(&detector)).await,
        cut_out_with(lite.clone().from_file(&small)).await,
        cut_out_with(lite.from_file(&detector)).await,
        cut_out_with(small_birefnet().from_file(&detector)).await,
    ] {
        assert_error(&error, Code::WeightsInvalid, Tier::High);
        assert!(error.to_string().contains("another model"), "{error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_checkpoint_is_told() {
    let folder = TempDir::new().unwrap();
    let whole = std::fs::read(write_small_birefnet(folder.path())).unwrap();
    let page = b"<!doctype html><title>Sign in</title>".to_vec();
    let half = whole[..whole.len() / 2].to_vec();
    let header = whole[..40].to_vec();
    for (name, content) in [("empty", vec![]), ("page", page), ("half", half), ("header", header)] {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let error = cut_out_with(small_birefnet().from_file(&file)).await;
        assert_error(&error, Code::WeightsInvalid, Tier::High);
        assert!(error.to_string().contains(&file.display().to_string()), "{error}");
    }
    let folder_itself = cut_out_with(small_birefnet().from_file(folder.path())).await;
    assert_error(&folder_itself, Code::WeightsInvalid, Tier::High);
}

#[tokio::test]
async fn models_of_another_kind_are_refused_at_once() {
    let error = Model::find("yolov8z").unwrap_err();
    assert_error(&error, Code::UnknownModel, Tier::High);
    assert!(error.to_string().contains("yolov8n"), "{error}");
    let lite = Model::find("birefnet-lite").unwrap();
    let error = Pipeline::builder().detection_model(lite).build().await.unwrap_err();
    assert_error(&error, Code::InvalidOption, Tier::High);
    let error = Pipeline::builder().segmentation_model(yolov8n()).build().await.unwrap_err();
    assert_error(&error, Code::InvalidOption, Tier::High);
    assert!(error.to_string().contains("birefnet"), "{error}");
}

/// A pipeline that reads the small network from a models folder, and what it tells.
async fn pipeline_of(folder: &Path) -> (Pipeline, Arc<Mutex<Vec<Step>>>) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let list = steps.clone();
    let progress = Progress::new(move |event| {
        assert_eq!((event.stage, event.person_id), (Stage::Model, None));
        list.lock().unwrap().push(event.step);
    });
    let places = Places { models: Some(folder.into()), ..Places::default() };
    let builder = Pipeline::builder().segmentation_model(small_birefnet()).places(places);
    (builder.progress(progress).build().await.unwrap(), steps)
}

#[tokio::test]
async fn a_model_that_comes_later_is_found_and_loaded_once() {
    let folder = TempDir::new().unwrap();
    let (pipeline, steps) = pipeline_of(folder.path()).await;
    let (photo, person) = (photo(), selection([50.0, 20.0, 150.0, 180.0]));
    let cut = || async { pipeline.cut_out(&photo, &person, &CutOutOptions::default()).await };
    assert_eq!(cut().await.unwrap_err().code(), Code::WeightsMissing);
    assert_eq!(steps.lock().unwrap()[1], Step::Failed { code: Code::WeightsMissing });

    let home = folder.path().join("birefnet-small");
    std::fs::create_dir(&home).unwrap();
    write_small_birefnet(&home);
    steps.lock().unwrap().clear();
    let (first, second) = tokio::join!(cut(), cut());
    let [first, second] = [first, second].map(|result| result.unwrap().swap_remove(0));
    assert_eq!(first.result.unwrap().png, second.result.unwrap().png);
    // Found once and loaded once, though two asked at the same time.
    let steps = steps.lock().unwrap();
    let finished = steps.iter().filter(|step| matches!(step, Step::Finished { .. })).count();
    assert_eq!((steps.len(), finished), (4, 2), "{steps:?}");
}

#[tokio::test]
async fn options_out_of_range_are_named() {
    let folder = TempDir::new().unwrap();
    let detector = yolov8n().from_file(write_yolov8n(folder.path()));
    let segmenter = small_birefnet().from_file(write_small_birefnet(folder.path()));
    let builder = Pipeline::builder().detection_model(detector).segmentation_model(segmenter);
    let pipeline = builder.build().await.unwrap();
    let photo = photo();
    let good = DetectOptions::default();
    for (options, name) in [
        (DetectOptions { confidence: 1.5, ..good.clone() }, "confidence"),
        (DetectOptions { iou: f32::NAN, ..good.clone() }, "iou"),
        (DetectOptions { image_size: Some(0), ..good.clone() }, "image_size"),
        (DetectOptions { max_detections: 0, ..good.clone() }, "max_detections"),
        (DetectOptions { classes: Some(vec![80]), ..good.clone() }, "classes"),
    ] {
        let error = pipeline.detect(&photo, &options).await.unwrap_err();
        assert_error(&error, Code::InvalidOption, Tier::High);
        assert!(error.to_string().contains(name), "{error}");
    }
    let person = selection([50.0, 20.0, 150.0, 180.0]);
    let good = CutOutOptions::default();
    for (options, name) in [
        (CutOutOptions { padding: 4097, ..good }, "padding"),
        (CutOutOptions { feather: 257, ..good }, "feather"),
        (CutOutOptions { refine: Some(RefineOptions { coarse: 0, fine: 6 }), ..good }, "refine"),
    ] {
        let error = pipeline.cut_out(&photo, &person, &options).await.unwrap_err();
        assert_error(&error, Code::InvalidOption, Tier::High);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_box_without_pixels_is_that_persons_error() {
    let folder = TempDir::new().unwrap();
    let segmenter = small_birefnet().from_file(write_small_birefnet(folder.path()));
    let pipeline = Pipeline::builder().segmentation_model(segmenter).build().await.unwrap();
    let boxes = [
        [50.0, 20.0, 150.0, 180.0],
        [300.0, 0.0, 400.0, 100.0],
        [-50.0, -50.0, -1.0, -1.0],
        [60.0, 60.0, 40.0, 90.0],
        [f32::NAN; 4],
        [f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::INFINITY],
    ];
    let persons: Vec<_> = boxes.iter().enumerate().map(|(id, &edges)| person(id, edges)).collect();
    let ids: Vec<_> = (0..boxes.len()).collect();
    let selection = Selection::new(persons, &ids).unwrap();
    let options = CutOutOptions { padding: 0, ..CutOutOptions::default() };
    let cut_outs = pipeline.cut_out(&photo(), &selection, &options).await.unwrap();
    assert_eq!(cut_outs.iter().map(|cut_out| cut_out.person_id).collect::<Vec<_>>(), ids);
    for cut_out in &cut_outs {
        match (cut_out.person_id, &cut_out.result) {
            (0, Ok(cut_out)) => assert_eq!(cut_out.cut_out.image.dimensions(), (100, 160)),
            (5, Ok(cut_out)) => assert_eq!(cut_out.cut_out.image.dimensions(), (300, 200)),
            (1..=4, Err(error)) => assert_error(error, Code::PersonNotFound, Tier::High),
            (id, result) => panic!("{id}: {result:?}"),
        }
    }
}
