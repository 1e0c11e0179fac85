//! Whatever makes another picture of a person makes another cut-out and another video.

use crate::support::{small_birefnet, write_small_birefnet};
use crate::world::{World, client, request, world};
use portrait_pipeline::{CutOutOptions, Outcome, Pipeline, Request, Storage, Video};

/// A new process over the same storage, which knows nothing but the ids.
pub(crate) async fn restarted(world: &World) -> Pipeline {
    let storage = Storage::local(world.folder.path().join("storage")).unwrap();
    let weights = world.folder.path().join("model.safetensors");
    Pipeline::builder()
        .detection_model(world.pipeline.detection_model().clone())
        .segmentation_model(small_birefnet().from_file(weights))
        .storage(storage)
        .d_id(client(&world.fake, world.fake.key()))
        .build()
        .await
        .unwrap()
}

fn videos(outcome: &Outcome) -> Vec<&Video> {
    outcome.videos.iter().map(|video| video.result.as_ref().unwrap()).collect()
}

#[tokio::test]
async fn another_recipe_never_gets_the_formers_video_or_cut_out() {
    let Some(world) = world().await else { return };
    let first_person = Request { persons: Some(vec![0]), ..request(&world.photo) };
    let first = world.pipeline.run(first_person.clone()).await.unwrap();
    let again = restarted(&world).await.run(first_person.clone()).await.unwrap();
    assert_eq!(videos(&first), videos(&again), "the same request after a restart");
    assert_eq!(world.fake.talks().len(), 1);

    let mut wider = first_person.clone();
    wider.cut_out.padding += 7;
    let mut soft = first_person.clone();
    soft.cut_out.feather = 3;
    // With a confidence that only one reaches the others no longer keep out of the picture.
    let mut strict = first_person.clone();
    strict.detect.max_detections = 1;
    let mut plain = first_person.clone();
    plain.remove_background = false;
    let mut seen = vec![videos(&first)[0].key];
    for other in [wider, soft, strict, plain] {
        let outcome = world.pipeline.run(other.clone()).await.unwrap();
        let again = restarted(&world).await.run(other).await.unwrap();
        assert_eq!(videos(&outcome), videos(&again));
        let key = videos(&outcome)[0].key;
        assert!(!seen.contains(&key), "{key}");
        seen.push(key);
    }
    assert_eq!(world.fake.talks().len(), 5, "one talk for each recipe");
    // Every cut-out is still there, each under its own key.
    let kept = world.pipeline.cut_outs(world.photo.id()).await.unwrap();
    assert_eq!(kept.len(), 4);
    let first_cut = first.cut_outs[0].result.as_ref().unwrap();
    let stored = world.pipeline.storage().get(first_cut.key.unwrap()).await.unwrap();
    assert_eq!(stored, first_cut.png);
}

#[tokio::test]
async fn another_model_is_another_recipe() {
    let Some(world) = world().await else { return };
    let options = CutOutOptions::default();
    let cut = async |pipeline: &Pipeline| {
        let found = pipeline.detect(&world.photo, &Default::default()).await.unwrap();
        let selection = found.select(&[0]).unwrap();
        let mut cut = pipeline.cut_out(&world.photo, &selection, &options).await.unwrap();
        cut.remove(0).result.unwrap()
    };
    let first = cut(&world.pipeline).await;
    assert_eq!(first.recipe, cut(&restarted(&world).await).await.recipe);
    // The same network with a byte of its weights changed.
    let folder = tempfile::TempDir::new().unwrap();
    let weights = write_small_birefnet(folder.path());
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let other = Pipeline::builder()
        .detection_model(world.pipeline.detection_model().clone())
        .segmentation_model(small_birefnet().from_file(weights))
        .build()
        .await
        .unwrap();
    assert_ne!(first.recipe, cut(&other).await.recipe);
}
