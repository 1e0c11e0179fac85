//! A run that is dropped, a sweep and a deletion while it works.

use crate::support::assert_error;
use crate::world::{PERSONS, World, request, world};
use futures::StreamExt;
use portrait_d_id_fake::{Fault, Route};
use portrait_pipeline::storage::Artifact;
use portrait_pipeline::storage::{Folder, RetentionPolicy, Sweeper};
use portrait_pipeline::{Code, Progress, Stage, Tier};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// Runs the request until `stage` has begun, and drops it there. Tells how many talks there are.
async fn dropped_in(world: &World, stage: Stage) -> usize {
    let begun = Arc::new(Notify::new());
    let bell = begun.clone();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = seen.clone();
    let progress = Progress::new(move |event| {
        if event.stage == stage {
            bell.notify_one();
        }
        list.lock().unwrap().push(event);
    });
    let told = world.told(progress);
    let run = told.run(request(&world.photo));
    tokio::select! {
        biased;
        () = begun.notified() => {}
        outcome = run => panic!("{stage:?} was not seen: {outcome:?}"),
    }
    let told = seen.lock().unwrap().len();
    // What had been sent may still be carried out, but it comes to an end.
    let begun = Instant::now();
    while world.fake.in_flight() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{stage:?}: a request goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The server works on what it has received, also for callers that have left.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(seen.lock().unwrap().len(), told, "{stage:?}: told after the drop");
    world.fake.talks().len()
}

#[tokio::test]
async fn dropping_the_run_leaks_nothing() {
    let Some(world) = world().await else { return };
    // So slow that the drop comes first.
    let slow = Fault::delay(Duration::from_millis(150)).times(u32::MAX);
    world.fake.fault(Route::UploadImage, slow);
    for (stage, most) in
        [(Stage::Detection, 0), (Stage::Segmentation, 0), (Stage::Talk, 0), (Stage::Video, PERSONS)]
    {
        let before = world.fake.talks().len();
        let after = dropped_in(&world, stage).await;
        assert!(after - before <= most, "{stage:?}: {after} talks after {before}");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.fake.talks().len(), after, "{stage:?}: a talk was made after the drop");
    }
    // The photo is no longer held: what is stored of it can be swept.
    assert!(!world.stored().await.is_empty());
    let sweeper = Sweeper::new(world.pipeline.storage().clone(), RetentionPolicy::default());
    let report = sweeper.sweep_once(OffsetDateTime::now_utc() + time::Duration::days(40)).await;
    assert!(report.folders.iter().all(|folder| folder.held.is_empty()), "{report:?}");
    assert!(world.all_stored().await.is_empty());
    // Models, device and client are as good as before.
    let outcome = world.run().await;
    assert!(outcome.videos.iter().all(|video| video.result.is_ok()), "{:?}", outcome.videos);
}

#[tokio::test]
async fn the_photo_is_held_while_it_is_worked_on() {
    let Some(world) = world().await else { return };
    let sweeper = Sweeper::new(world.pipeline.storage().clone(), RetentionPolicy::default());
    let (progress, mut events) = Progress::channel();
    let told = world.told(progress);
    let run = told.run(request(&world.photo));
    let sweep = async {
        while let Some(event) = events.next().await {
            if event.stage == Stage::Video {
                let later = OffsetDateTime::now_utc() + time::Duration::days(40);
                return Some(sweeper.sweep_once(later).await);
            }
        }
        None
    };
    let (outcome, report) = tokio::join!(run, sweep);
    let report = report.unwrap();
    assert_eq!(report.removed().count(), 0);
    assert_eq!(report.folder(Folder::Uploads).held.len(), 1);
    assert!(outcome.unwrap().videos.iter().all(|video| video.result.is_ok()));
    assert_eq!(world.stored().await.len(), 1 + 2 * PERSONS);
}

#[tokio::test]
async fn a_photo_deleted_meanwhile_leaves_nothing() {
    let Some(world) = world().await else { return };
    let (progress, mut events) = Progress::channel();
    let told = world.told(progress);
    let run = told.run(request(&world.photo));
    let delete = async {
        while let Some(event) = events.next().await {
            if event.stage == Stage::Segmentation {
                let report = world.pipeline.storage().delete_photo(world.photo.id()).await;
                let removed = report.complete().unwrap().removed;
                let uploads = removed.iter().map(|removed| removed.key.artifact());
                return uploads.filter(|of| matches!(of, Artifact::Upload { .. })).count();
            }
        }
        0
    };
    let (outcome, removed) = tokio::join!(run, delete);
    assert_eq!(removed, 1);
    let outcome = outcome.unwrap();
    for cut_out in &outcome.cut_outs {
        assert_error(cut_out.result.as_ref().unwrap_err(), Code::ImageDeleted, Tier::High);
    }
    assert!(outcome.videos.is_empty() && world.fake.journal().is_empty());
    assert!(world.stored().await.is_empty());
}
