//! The models that are part of the program: what runs where nothing is chosen and nothing fetched.

use crate::support::{write_small_birefnet, write_yolov8n};
use portrait_pipeline::lowlevel::{Device, load_detector};
use portrait_pipeline::weights::{Family, HubPlace, Origin, resolve};
use portrait_pipeline::{
    BoundingBox, CutOutOptions, DETECTION_MODELS, DetectOptions, Detection, LetterboxMode, Model,
    Photo, Pipeline, Places, Precision, SEGMENTATION_MODELS, STARTER_MODELS,
};
use tempfile::TempDir;

/// A photo that is in the repository: one person, head and shoulders, before a flag.
fn photo() -> Photo {
    let file = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    Photo::decode(std::fs::read(file).unwrap()).unwrap()
}

#[tokio::test]
async fn a_real_photo_is_cut_out_without_any_file() {
    let pipeline = Pipeline::builder().build().await.unwrap();
    assert!(pipeline.detection_model().is_starter() && pipeline.segmentation_model().is_starter());
    let photo = photo();
    let found = pipeline.detect(&photo, &DetectOptions::default()).await.unwrap();
    assert_eq!((found.persons.len(), found.model.as_str()), (1, "yolov8n-portrait"));
    let person = &found.persons[0];
    assert!(person.confidence >= 0.4, "{person:?}");
    // By hand: the cap begins near the upper border, the shoulders leave the photo at three of its borders.
    let (width, height) = photo.image().dimensions();
    let bbox = person.bbox;
    assert!(bbox.x1 < 60.0 && bbox.x2 > width as f32 - 60.0, "{bbox:?}");
    assert!((0.0..120.0).contains(&bbox.y1) && bbox.y2 > height as f32 - 40.0, "{bbox:?}");

    let options = CutOutOptions::default();
    let cut_outs = pipeline.cut_out(&photo, &found.select_all(), &options).await.unwrap();
    let cut_out = cut_outs[0].result.as_ref().unwrap();
    assert_eq!(cut_out.model, "birefnet-nano");
    let (matte, rect) = (&cut_out.cut_out.matte, cut_out.cut_out.rect);
    // The mean alpha of 41 x 41 pixels around a point of the photo.
    let alpha = |x: u32, y: u32| {
        let (x, y) = (x - rect.x, y - rect.y);
        let window = (x - 20..=x + 20).flat_map(|x| (y - 20..=y + 20).map(move |y| (x, y)));
        window.map(|(x, y)| matte.get_pixel(x, y).0[0]).sum::<f32>() / (41.0 * 41.0)
    };
    for (x, y) in [(260, 220), (260, 300), (150, 500), (350, 520)] {
        assert!(alpha(x, y) > 0.8, "the person at {x}, {y}: {}", alpha(x, y));
    }
    for (x, y) in [(450, 150), (450, 250)] {
        assert!(alpha(x, y) < 0.1, "the background at {x}, {y}: {}", alpha(x, y));
    }
}

/// The letterbox is drawn beside the device; that must not change what is found.
#[tokio::test]
async fn the_pipeline_finds_what_the_detector_alone_finds() {
    let pipeline = Pipeline::builder().build().await.unwrap();
    let places = Places { bundled: STARTER_MODELS, ..Places::default() };
    let model = pipeline.detection_model();
    let checkpoint = model.open(&places).await.unwrap();
    let detector =
        load_detector(&model.manifest, &checkpoint, &Device::Cpu, Precision::F32).unwrap();
    let photo = photo();
    for (letterbox, image_size) in [
        (LetterboxMode::Rect, None),
        (LetterboxMode::Square, None),
        (LetterboxMode::Rect, Some(300)),
    ] {
        let confidence = 0.01;
        let options =
            DetectOptions { letterbox, image_size, confidence, ..DetectOptions::default() };
        let alone = detector.detect(photo.image(), &options).unwrap();
        assert!(alone.len() > 1, "{alone:?}");
        let found = pipeline.detect(&photo, &options).await.unwrap().persons;
        assert_eq!(found.len(), alone.len());
        for (found, alone) in found.iter().zip(&alone) {
            assert_eq!(Detection { bbox: alone.bbox, ..*found }, *alone);
            // At the photo's border it is clipped twice, which costs a rounding.
            let edges = |b: BoundingBox| [b.x1, b.y1, b.x2, b.y2];
            let pairs = edges(found.bbox).into_iter().zip(edges(alone.bbox));
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} {alone:?}");
        }
    }
}

#[tokio::test]
async fn a_published_model_on_this_machine_goes_first() {
    let folder = TempDir::new().unwrap();
    let hub = HubPlace { cache: folder.path().join("hub"), download: None };
    let places = Places { models: Some(folder.path().into()), hub: Some(hub), ..Places::default() };
    let ids = |pipeline: &Pipeline| {
        [pipeline.detection_model(), pipeline.segmentation_model()]
            .map(|model| model.manifest.id.clone())
    };
    let build = || async { Pipeline::builder().places(places.clone()).build().await.unwrap() };
    assert_eq!(ids(&build().await), ["yolov8n-portrait", "birefnet-nano"]);

    for (id, write) in [
        ("yolov8m", write_yolov8n as fn(&std::path::Path) -> _),
        ("yolov8n", write_yolov8n),
        ("birefnet-portrait", write_small_birefnet),
    ] {
        let home = folder.path().join(id);
        std::fs::create_dir(&home).unwrap();
        std::fs::rename(write(&home), home.join(Model::find(id).unwrap().manifest.file())).unwrap();
    }
    let pipeline = build().await;
    assert_eq!(ids(&pipeline), ["yolov8n", "birefnet-portrait"]);
    assert!(!pipeline.detection_model().is_starter());

    // What is chosen runs, whatever is there.
    let model = Model::find("birefnet-nano").unwrap();
    let builder = Pipeline::builder().places(places.clone()).segmentation_model(model);
    assert_eq!(ids(&builder.build().await.unwrap())[1], "birefnet-nano");
}

#[tokio::test]
async fn without_starters_the_absence_is_told() {
    // As with the feature off: other places, without anything bundled.
    for (family, first) in
        [(Family::Yolov8, DETECTION_MODELS[0]), (Family::Birefnet, SEGMENTATION_MODELS[0])]
    {
        let model = Model::preferred(family, &Places::default()).await.unwrap();
        assert_eq!(model.manifest.id, first);
        let error = model.open(&Places::default()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("portrait models fetch {first}")), "{error}");
    }
}

#[tokio::test]
async fn every_starter_is_the_file_of_its_manifest() {
    assert_eq!(STARTER_MODELS.len(), 2);
    let places = Places { bundled: STARTER_MODELS, ..Places::default() };
    for starter in STARTER_MODELS {
        let model = Model::find(starter.id).unwrap();
        let found = resolve(&model.manifest, &places).await.unwrap();
        assert_eq!(found.origin, Origin::Bundled);
        assert!(found.open().unwrap().verify(&model.manifest).unwrap().pinned);
        assert!(model.is_starter() && !model.from_file("another").is_starter());
    }
}

#[test]
fn what_was_asked_for() {
    let asked = |name, file: Option<&str>| {
        Model::asked_for(Family::Birefnet, name, file.map(Into::into)).unwrap()
    };
    assert_eq!(asked(None, None), None);
    assert_eq!(asked(Some("birefnet"), None), Some(Model::find("birefnet").unwrap()));
    let lite = Model::find(SEGMENTATION_MODELS[0]).unwrap();
    assert_eq!(asked(None, Some("x")), Some(lite.from_file("x")));
    let portrait = Model::find("birefnet-portrait").unwrap().from_file("x");
    assert_eq!(asked(Some("birefnet-portrait"), Some("x")), Some(portrait));
    assert!(Model::asked_for(Family::Yolov8, Some("no-such-model"), None).is_err());
}
