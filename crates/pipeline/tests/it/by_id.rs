//! A request that is taken up by another process, which knows nothing but ids.

use crate::recipes::restarted;
use crate::world::{PERSONS, message, world};
use portrait_pipeline::storage::{Artifact, Origin};
use portrait_pipeline::{
    Code, Context, CutOutOptions, DetectOptions, Detections, PhotoId, Selection,
};

#[tokio::test]
async fn every_step_is_taken_up_by_id_in_another_process() {
    let Some(world) = world().await else { return };
    let id = world.photo.id();
    let context = Context { owner: Some("user 7".into()), ..Context::default() };
    world.pipeline.with(context.clone()).keep(&world.photo).await.unwrap();

    let second = restarted(&world).await.with(context.clone());
    let photo = second.photo(id).await.unwrap();
    assert_eq!((photo.id(), photo.image()), (id, world.photo.image()));
    assert_eq!(second.detections(id).await.unwrap(), None);
    let found = second.detect(&photo, &DetectOptions::default()).await.unwrap();
    second.keep_detections(&photo, &found).await.unwrap();

    let third = restarted(&world).await.with(context.clone());
    let again = third.detections(id).await.unwrap().unwrap();
    assert_eq!((&again.persons, again.recipe), (&found.persons, found.recipe));
    assert_eq!((&again.options, &again.warnings), (&found.options, &found.warnings));
    let photo = third.photo(id).await.unwrap();
    let selection = again.select(&[1, 2]).unwrap();
    for person in third.cut_out(&photo, &selection, &CutOutOptions::default()).await.unwrap() {
        third.keep_cut_out(id, &mut person.result.unwrap()).await.unwrap();
    }

    let fourth = restarted(&world).await.with(context);
    let kept = fourth.cut_outs(id).await.unwrap();
    assert_eq!(kept.iter().map(|cut| cut.person_id).collect::<Vec<_>>(), [1, 2]);
    let mut portraits = Vec::new();
    for cut_out in &kept {
        portraits.push(fourth.portrait(cut_out.meta.key).await.unwrap());
    }
    let videos = fourth.animate(id, &portraits, &message("Hello there.")).await.unwrap();
    assert!(videos.iter().all(|video| video.result.is_ok()), "{videos:?}");
    assert_eq!(world.fake.talks().len(), 2);

    // A request that makes the same cut-outs itself gets the same videos.
    let photo = fourth.photo(id).await.unwrap();
    let cut = fourth.cut_out(&photo, &selection, &CutOutOptions::default()).await.unwrap();
    let cut: Vec<_> = cut.into_iter().map(|person| person.result.unwrap()).collect();
    let same = fourth.animate(id, &cut, &message("Hello there.")).await.unwrap();
    for (one, other) in videos.iter().zip(&same) {
        assert_eq!(one.result.as_ref().unwrap(), other.result.as_ref().unwrap());
    }
    assert_eq!(world.fake.talks().len(), 2);

    // All of it says whose it is and where it came from.
    let storage = fourth.storage();
    let mut origins = Vec::new();
    for meta in storage.list_photo(id).await.unwrap() {
        if matches!(meta.key.artifact(), Artifact::Order { .. }) {
            continue;
        }
        let about = storage.about(meta.key).await.unwrap().unwrap();
        assert_eq!(about.owner.as_deref(), Some("user 7"), "{}", meta.key);
        if matches!(meta.key.artifact(), Artifact::CutOut { .. } | Artifact::Detections { .. }) {
            assert!(about.recipe.is_some(), "{}", meta.key);
        }
        origins.push(about.origin);
    }
    let count = |origin| origins.iter().filter(|found| **found == origin).count();
    assert_eq!(count(Origin::Uploaded), 1);
    assert_eq!(count(Origin::Detected), 1 + PERSONS, "who was found, and a thumbnail of each");
    assert_eq!((count(Origin::CutOut), count(Origin::Downloaded)), (2, 2));
}

#[tokio::test]
async fn what_is_not_there_is_told() {
    let Some(world) = world().await else { return };
    let error = world.pipeline.photo(PhotoId::generate()).await.unwrap_err();
    assert_eq!(error.code(), Code::ImageNotFound);
    let key = world.pipeline.keep(&world.photo).await.unwrap();
    assert_eq!(world.pipeline.portrait(key).await.unwrap_err().code(), Code::InvalidOption);
    assert!(world.pipeline.cut_outs(world.photo.id()).await.unwrap().is_empty());
}

#[tokio::test]
async fn whole_pictures_and_plain_crops() {
    let Some(world) = world().await else { return };
    let options = CutOutOptions::default();
    let mut whole = world.pipeline.remove_background(&world.photo, &options).await.unwrap();
    assert_eq!(whole.cut_out.image.dimensions(), world.photo.image().dimensions());
    let key = world.pipeline.keep_whole(world.photo.id(), &mut whole).await.unwrap();
    assert_eq!(world.pipeline.storage().get(key).await.unwrap(), whole.png);

    let found = world.pipeline.detect(&world.photo, &DetectOptions::default()).await.unwrap();
    let crops = world.pipeline.crop(&world.photo, &found.select_all(), 10).await.unwrap();
    assert_eq!(crops.len(), PERSONS);
    for crop in &crops {
        assert!(crop.picture().pixels().all(|pixel| pixel.0[3] == 255), "opaque");
    }
    let wider = world.pipeline.crop(&world.photo, &found.select_all(), 30).await.unwrap();
    assert!(wider[0].picture().width() > crops[0].picture().width());
    assert_ne!(wider[0].recipe(), crops[0].recipe());
}

#[tokio::test]
async fn what_is_kept_is_read_back_as_json() {
    let Some(world) = world().await else { return };
    let found = world.pipeline.detect(&world.photo, &DetectOptions::default()).await.unwrap();
    let json = serde_json::to_string(&found).unwrap();
    let again: Detections = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), json);
    assert_eq!((again.recipe, &again.persons), (found.recipe, &found.persons));
    let selection = found.select(&[2, 0]).unwrap();
    let json = serde_json::to_string(&selection).unwrap();
    assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), selection);
    for code in Code::ALL {
        let json = serde_json::to_string(code).unwrap();
        assert_eq!(serde_json::from_str::<Code>(&json).unwrap(), *code);
    }
}
