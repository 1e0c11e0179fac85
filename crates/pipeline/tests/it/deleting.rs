//! A photo that is deleted while it is worked on, and deletions that are cut off.

use crate::recipes::restarted;
use crate::support::assert_error;
use crate::world::{PERSONS, World, request, world};
use futures::StreamExt;
use portrait_d_id_fake::{Entry, Fault, Route};
use portrait_pipeline::{Code, Progress, Stage, Tier};
use std::time::Duration;

/// Whether nothing of the photo is left: here, at D-ID, and of the photo's work.
async fn assert_nothing_left(world: &World, when: &str) {
    let left = world.all_stored().await;
    assert!(left.is_empty(), "{when}: {left:?}");
    assert!(world.pipeline.unfinished_deletions().await.unwrap().is_empty(), "{when}");
    assert!(world.pipeline.unfinished().await.unwrap().is_empty(), "{when}");
    let done = |entry: &&Entry| entry.status.is_some_and(|status| (200..300).contains(&status));
    let ended = |route| world.fake.requests(route).iter().filter(done).count();
    assert_eq!(
        ended(Route::UploadImage),
        ended(Route::DeleteImage),
        "{when}: each picture at D-ID was deleted"
    );
    for talk in world.fake.talks() {
        assert!(world.fake.uploaded(&talk.source_url).is_none(), "{when}: {talk:?}");
        assert!(talk.deleted, "{when}: {talk:?}");
    }
}

#[tokio::test]
async fn a_deletion_in_any_stage_leaves_nothing() {
    for stage in [Stage::Detection, Stage::Segmentation, Stage::Talk, Stage::Video, Stage::Download]
    {
        let Some(world) = world().await else { return };
        let slow = Fault::delay(Duration::from_millis(100)).times(u32::MAX);
        world.fake.fault(Route::UploadImage, slow.clone());
        world.fake.fault(Route::CreateTalk, slow);
        let (progress, mut events) = Progress::channel();
        let told = world.told(progress);
        let run = told.run(request(&world.photo));
        let delete = async {
            while let Some(event) = events.next().await {
                if event.stage == stage {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    return Some(world.pipeline.delete(world.photo.id()).await.unwrap());
                }
            }
            None
        };
        let (outcome, removal) = tokio::join!(run, delete);
        let removal = removal.unwrap();
        // A run that ended before has nothing to tell of the deletion.
        if let Err(error) = outcome {
            assert_error(&error, Code::ImageDeleted, Tier::High);
        }
        assert_nothing_left(&world, stage.as_str()).await;
        assert!(removal.artifacts >= 1 && removal.talks <= PERSONS, "{stage}: {removal:?}");
    }
}

#[tokio::test]
async fn a_deletion_that_is_cut_off_is_on_record_and_finished_by_the_next_process() {
    let Some(world) = world().await else { return };
    world.run().await;
    let id = world.photo.id();
    world.fake.fault(Route::DeleteTalk, Fault::error(500, "InternalServerError", "no").times(99));
    let error = world.pipeline.delete(id).await.unwrap_err();
    assert_error(&error, Code::DIdUnavailable, Tier::High);
    assert_eq!(world.pipeline.unfinished_deletions().await.unwrap(), [id]);
    assert!(world.stored().await.is_empty(), "here nothing is left but records");
    // Nothing new begins on it, here and in another process.
    let second = restarted(&world).await;
    for error in [
        world.pipeline.run(request(&world.photo)).await.unwrap_err(),
        second.keep(&world.photo).await.unwrap_err(),
        second.resume(id, &Default::default()).await.unwrap_err(),
    ] {
        assert_error(&error, Code::ImageDeleted, Tier::High);
    }
    world.fake.clear_faults();
    assert_eq!(second.unfinished_deletions().await.unwrap(), [id]);
    let removal = second.delete(id).await.unwrap();
    assert_eq!(removal.talks, PERSONS);
    assert_nothing_left(&world, "after the second process").await;
    // Then the same file may come again.
    second.keep(&world.photo).await.unwrap();
}

#[tokio::test]
async fn a_deletion_that_is_dropped_anywhere_is_finished_by_the_next_call() {
    let Some(world) = world().await else { return };
    world.run().await;
    let slow = Fault::delay(Duration::from_millis(40)).times(u32::MAX);
    world.fake.fault(Route::DeleteTalk, slow.clone());
    world.fake.fault(Route::DeleteImage, slow);
    for pause in [1, 30, 90, 170] {
        let limit = Duration::from_millis(pause);
        let _ = tokio::time::timeout(limit, world.pipeline.delete(world.photo.id())).await;
    }
    while world.fake.in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    restarted(&world).await.delete(world.photo.id()).await.unwrap();
    assert_eq!(world.all_stored().await, []);
    assert!(world.fake.talks().iter().all(|talk| talk.deleted));
}
