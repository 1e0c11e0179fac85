//! Finding files without a network.

#![allow(clippy::unwrap_used)] // Helpers of tests, like the tests, may fail by a panic.

mod support;

use std::fs;
use std::path::PathBuf;

use portrait_weights::{
    Bundled, Checkpoint, Error, HubPlace, Manifest, Origin, Places, default_hub_cache, resolve,
};
use support::small;

const BESIDE: &str = r#"
id = "mine"
family = "yolov8"
summary = "A file beside its manifest"
file = "model.safetensors"
[licence]
spdx = "MIT"
notice = "None"
[input]
width = 64
height = 64
[architecture]
"#;

#[tokio::test]
async fn the_named_file_wins_and_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.safetensors");
    let places = Places {
        file: Some(file.clone()),
        models: Some(folder.path().into()),
        ..Places::default()
    };
    let manifest = Manifest::find("yolov8n").unwrap();
    let error = resolve(&manifest, &places).await.unwrap_err();
    assert!(matches!(&error, Error::MissingFile { path } if *path == file), "{error}");
    fs::write(&file, small()).unwrap();
    fs::create_dir(folder.path().join("yolov8n")).unwrap();
    fs::write(folder.path().join("yolov8n/yolov8n.safetensors"), small()).unwrap();
    let found = resolve(&manifest, &places).await.unwrap();
    assert_eq!((found.path, found.origin), (file, Origin::File));
}

#[tokio::test]
async fn the_models_folder_comes_before_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Manifest::find("yolov8n").unwrap();
    let models = folder.path().join("models");
    let cache = folder.path().join("cache");
    let hub = HubPlace { cache: cache.clone(), download: None };
    let places = Places { models: Some(models.clone()), hub: Some(hub), ..Places::default() };

    let repository = cache.join("models--lmz--candle-yolo-v8");
    let snapshot = repository.join("snapshots/abc/yolov8n.safetensors");
    fs::create_dir_all(snapshot.parent().unwrap()).unwrap();
    fs::create_dir_all(repository.join("refs")).unwrap();
    fs::write(repository.join("refs/main"), "abc\n").unwrap();
    fs::write(&snapshot, small()).unwrap();
    let found = resolve(&manifest, &places).await.unwrap();
    assert_eq!((found.path, found.origin), (snapshot, Origin::Cache));

    let file = models.join("yolov8n/yolov8n.safetensors");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, small()).unwrap();
    let found = resolve(&manifest, &places).await.unwrap();
    assert_eq!((found.path, found.origin), (file, Origin::Models));
}

#[tokio::test]
async fn not_found_names_the_model_every_place_and_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let (models, cache) = (folder.path().join("models"), folder.path().join("cache"));
    let hub = HubPlace { cache: cache.clone(), download: None };
    let places = Places { models: Some(models.clone()), hub: Some(hub), ..Places::default() };
    let error = resolve(&Manifest::find("birefnet").unwrap(), &places).await.unwrap_err();
    let Error::NotFound { id, looked_at, fetch } = &error else { panic!("{error}") };
    assert_eq!(id, "birefnet");
    let paths: Vec<_> = looked_at.iter().map(|place| place.path.clone()).collect();
    let snapshot = "models--ZhengPeng7--BiRefNet/snapshots/main/model.safetensors";
    assert_eq!(paths, [models.join("birefnet/model.safetensors"), cache.join(snapshot)]);
    assert!(looked_at.iter().all(|place| place.reason == "missing"));
    assert_eq!(fetch.as_deref(), Some("portrait models fetch birefnet"));
    assert_eq!(error.to_string().lines().count(), 1);
    // Looking must not write.
    assert!(!models.exists() && !cache.exists());
}

#[tokio::test]
async fn a_file_beside_its_manifest_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("mine");
    fs::create_dir(&own).unwrap();
    fs::write(own.join("manifest.toml"), BESIDE).unwrap();
    let manifest = Manifest::load(&own).unwrap();
    assert_eq!(manifest.folder(), Some(own.as_path()));

    let error = resolve(&manifest, &Places::default()).await.unwrap_err();
    assert!(matches!(&error, Error::NotFound { fetch: None, .. }), "{error}");
    assert!(error.to_string().contains("put the file there"), "{error}");

    fs::write(own.join("model.safetensors"), small()).unwrap();
    let found = resolve(&manifest, &Places::default()).await.unwrap();
    assert_eq!((found.path, found.origin), (own.join("model.safetensors"), Origin::Models));

    // As a built-in manifest without a folder of its own it is found in the models folder.
    let places = Places { models: Some(folder.path().into()), ..Places::default() };
    resolve(&Manifest::parse(BESIDE).unwrap(), &places).await.unwrap();
}

#[tokio::test]
async fn a_file_of_another_size_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/model.safetensors"), small()).unwrap();
    let text = BESIDE.replace("file =", "size = 12\nfile =");
    let places = Places { models: Some(folder.path().into()), ..Places::default() };
    let error = resolve(&Manifest::parse(&text).unwrap(), &places).await.unwrap_err();
    let expected = format!("({} bytes instead of 12)", small().len());
    assert!(error.to_string().contains(&expected), "{error}");
}

#[test]
fn the_default_cache_follows_the_given_variables() {
    let cache = |set: &[(&str, &str)]| {
        default_hub_cache(|name| {
            set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    };
    let home = ("HOME", "/h");
    let xdg = ("XDG_CACHE_HOME", "/x");
    let hf = ("HF_HOME", "/hf");
    assert_eq!(cache(&[]), None);
    assert_eq!(cache(&[home]), Some(PathBuf::from("/h/.cache/huggingface/hub")));
    assert_eq!(cache(&[home, xdg]), Some(PathBuf::from("/x/huggingface/hub")));
    assert_eq!(cache(&[home, xdg, hf]), Some(PathBuf::from("/hf/hub")));
    assert_eq!(cache(&[home, xdg, hf, ("HF_HUB_CACHE", "/c")]), Some(PathBuf::from("/c")));
    assert_eq!(
        cache(&[home, ("HF_HUB_CACHE", "")]),
        Some(PathBuf::from("/h/.cache/huggingface/hub"))
    );
}

#[test]
fn the_places_of_this_machine_are_the_hub_cache_in_the_home_folder_and_never_download() {
    let places = Places::of_this_machine();
    assert!(places.file.is_none() && places.models.is_none() && places.bundled.is_empty());
    let hub = places.hub.unwrap();
    assert!(hub.download.is_none());
    assert!(hub.cache.ends_with(".cache/huggingface/hub") && hub.cache.is_absolute());
    assert_eq!(&hub.cache, hf_hub::Cache::default().path());
}

#[tokio::test]
async fn a_bundled_checkpoint_is_the_last_resort() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: &'static [u8] = small().leak();
    let bundled: &'static [Bundled] = vec![Bundled { id: "mine", bytes }].leak();
    let places = Places { models: Some(folder.path().into()), bundled, ..Places::default() };
    let manifest = Manifest::parse(BESIDE).unwrap();
    let found = resolve(&manifest, &places).await.unwrap();
    assert_eq!(found.origin, Origin::Bundled);
    let checkpoint = found.open().unwrap();
    assert_eq!(checkpoint.path().to_str(), Some("<bundled mine>"));
    let file = folder.path().join("same.safetensors");
    fs::write(&file, small()).unwrap();
    let same = Checkpoint::open(&file).unwrap();
    assert!(checkpoint.names().eq(same.names()) && !checkpoint.is_empty());
    assert_eq!(checkpoint.verify(&manifest).unwrap(), same.verify(&manifest).unwrap());

    // Others by other ids only, and a file goes before it.
    let error = resolve(&Manifest::find("yolov8n").unwrap(), &places).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    fs::create_dir(folder.path().join("mine")).unwrap();
    fs::write(folder.path().join("mine/model.safetensors"), small()).unwrap();
    assert_eq!(resolve(&manifest, &places).await.unwrap().origin, Origin::Models);

    // Bytes that are no checkpoint are told by name.
    let damaged = Bundled { id: "mine", bytes: &bytes[..bytes.len() - 1] };
    let error = Checkpoint::bundled(&damaged).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    assert!(error.to_string().contains("<bundled mine>"), "{error}");
    assert!(format!("{damaged:?}").len() < 60, "{damaged:?}");
}
