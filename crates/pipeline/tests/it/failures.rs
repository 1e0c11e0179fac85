//! What goes wrong in the flow is told by its code, and only to whom it concerns.

use crate::support::assert_error;
use crate::world::{PERSONS, Setup, client, message, request, watched, world};
use futures::StreamExt;
use portrait_d_id_fake::{FakeDid, Fault, Route};
use portrait_pipeline::{
    Code, Context, Devices, Event, Pipeline, Precision, Progress, Request, Stage, Step, Tier,
    Timeouts,
};
use std::time::Duration;

#[tokio::test]
async fn unknown_persons_are_named_before_anything_is_paid() {
    let Some(world) = world().await else { return };
    let wanted = Request { persons: Some(vec![0, 7, 99]), ..request(&world.photo) };
    let error = world.pipeline.run(wanted).await.unwrap_err();
    assert_error(&error, Code::PersonNotFound, Tier::High);
    assert_eq!(error.details()["unknown_person_ids"], serde_json::json!([7, 99]));
    assert_eq!(error.details()["person_ids"], serde_json::json!([0, 1, 2, 3]));
    assert!(world.fake.journal().is_empty());
    // The photo, and nothing made of it.
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn one_failed_talk_leaves_the_others() {
    let Some(world) = world().await else { return };
    world.fake.fail_next_talk("FaceError", "No valid face detected");
    let (outcome, events) = watched(&world, request(&world.photo)).await;
    assert_eq!(outcome.videos.len(), PERSONS);
    let failed: Vec<_> = outcome.videos.iter().filter(|video| video.result.is_err()).collect();
    let [failed] = failed[..] else { panic!("{failed:?}") };
    let error = failed.result.as_ref().unwrap_err();
    assert_error(error, Code::DIdTalkFailed, Tier::High);
    assert!(error.to_string().contains("No valid face detected"), "{error}");
    let told: Vec<_> = events.iter().filter(|e| matches!(e.step, Step::Failed { .. })).collect();
    let want = Event::clone(told[0]);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((want.stage, want.person_id), (Stage::Video, Some(failed.person_id)));
    assert_eq!(want.step, Step::Failed { code: Code::DIdTalkFailed });
    assert_eq!(serde_json::to_value(&want).unwrap()["code"], "D_ID_TALK_FAILED");
    // It cost nothing, and its cut-out stays.
    assert_eq!(world.fake.credits(), 100.0 - (PERSONS - 1) as f64);
    assert_eq!(world.stored().await.len(), 1 + PERSONS + PERSONS - 1);
}

#[tokio::test]
async fn too_few_credits_are_each_persons_error() {
    let Some(setup) = Setup::new() else { return };
    let world = setup.start(FakeDid::builder().credits(2)).await;
    let outcome = world.run().await;
    let (paid, unpaid): (Vec<_>, Vec<_>) =
        outcome.videos.iter().partition(|video| video.result.is_ok());
    assert_eq!((paid.len(), unpaid.len()), (2, PERSONS - 2));
    for video in unpaid {
        let error = video.result.as_ref().unwrap_err();
        assert_error(error, Code::DIdInsufficientCredits, Tier::High);
    }
    assert_eq!((world.fake.credits(), world.fake.talks().len()), (0.0, 2));
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let Some(setup) = Setup::new() else { return };
    let fake = FakeDid::builder().start().await.unwrap();
    let builder = setup.builder.d_id(client(&fake, "somebody:else"));
    let pipeline = builder.build().await.unwrap();
    let outcome = pipeline.run(request(&setup.photo)).await.unwrap();
    assert!(outcome.cut_outs.iter().all(|cut_out| cut_out.result.is_ok()));
    assert_eq!(outcome.videos.len(), PERSONS);
    for video in &outcome.videos {
        let error = video.result.as_ref().unwrap_err();
        assert_error(error, Code::DIdUnauthorised, Tier::High);
        assert!(!error.to_string().contains("somebody"), "{error}");
    }
    assert!(fake.talks().is_empty());
}

#[tokio::test]
async fn moderation_and_limits_have_codes_of_their_own() {
    let Some(world) = world().await else { return };
    let only = |text| Request {
        persons: Some(vec![0]),
        ..Request::new(world.photo.clone()).say(message(text))
    };
    world.fake.reject_next();
    let fault = Fault::error(451, "TextModerationError", "inappropriate text");
    let cases = [
        (None, "Hello there.", Code::DIdModeration),
        (Some((Route::CreateTalk, fault)), "Hello there.", Code::DIdModeration),
        (
            Some((Route::CreateTalk, Fault::error(403, "PermissionError", "no permission"))),
            "Hello there.",
            Code::DIdRequestRefused,
        ),
        (
            Some((
                Route::UploadImage,
                Fault::error(429, "TooManyRequests", "slow").retry_after(90).times(5),
            )),
            "Hello there.",
            Code::DIdRateLimited,
        ),
    ];
    for (fault, text, code) in cases {
        if let Some((route, fault)) = fault {
            world.fake.fault(route, fault);
        }
        let outcome = world.pipeline.run(only(text)).await.unwrap();
        let error = outcome.videos[0].result.as_ref().unwrap_err();
        assert_error(error, code, Tier::High);
        let wait = (code == Code::DIdRateLimited).then_some(90.0);
        assert_eq!(error.to_json()["error"]["retry_after"].as_f64(), wait, "{error}");
    }
}

#[tokio::test]
async fn a_download_that_fails_is_d_ids_failure_not_the_storages() {
    let Some(world) = world().await else { return };
    world.fake.fault(Route::Result, Fault::truncate(100).times(20));
    let wanted = Request { persons: Some(vec![0]), ..request(&world.photo) };
    let (outcome, events) = watched(&world, wanted).await;
    let error = outcome.videos[0].result.as_ref().unwrap_err();
    assert_error(error, Code::DIdUnavailable, Tier::High);
    let [.., last, total] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (last.stage, last.step.clone()),
        (Stage::Download, Step::Failed { code: error.code() })
    );
    assert_eq!(
        (total.stage, total.step.clone()),
        (Stage::Video, Step::Persons { done: 1, total: 1 })
    );
    // Nothing half-written stays.
    assert_eq!(world.stored().await.len(), 2);
}

#[tokio::test]
async fn without_a_d_id_client_no_work_is_done() {
    let Some(setup) = Setup::new() else { return };
    let pipeline = setup.builder.build().await.unwrap();
    let (progress, events) = Progress::channel();
    let told = pipeline.with(Context { progress, ..Context::default() });
    let error = told.run(request(&setup.photo)).await.unwrap_err();
    drop(told);
    assert_error(&error, Code::NotConfigured, Tier::High);
    assert!(error.to_string().contains("D-ID"), "{error}");
    assert_eq!(events.collect::<Vec<_>>().await, []);
    assert!(pipeline.storage().list_photo(setup.photo.id()).await.unwrap().is_empty());
}

#[tokio::test]
async fn steps_that_take_too_long_are_given_up() {
    let Some(setup) = Setup::new() else { return };
    let timeouts = Timeouts { segmentation: Duration::from_millis(1), ..Timeouts::default() };
    let setup = Setup { builder: setup.builder.timeouts(timeouts), ..setup };
    let world = setup.start(FakeDid::builder()).await;
    let outcome = world.run().await;
    assert_eq!(outcome.cut_outs.len(), PERSONS);
    for cut_out in &outcome.cut_outs {
        let error = cut_out.result.as_ref().unwrap_err();
        assert_error(error, Code::BirefnetTimeout, Tier::High);
        assert_eq!(error.to_json()["error"]["code"], "BIREFNET_TIMEOUT");
        assert_eq!(error.details()["timeout_seconds"], 0.001);
    }
    assert!(outcome.videos.is_empty());
    assert!(world.fake.journal().is_empty());

    let setup = Setup::new().unwrap();
    let timeouts = Timeouts { detection: Duration::from_millis(1), ..Timeouts::default() };
    let pipeline = setup.builder.timeouts(timeouts).build().await.unwrap();
    let error = pipeline.run(Request::new(setup.photo)).await.unwrap_err();
    assert_error(&error, Code::StageTimeout, Tier::High);
    assert_eq!(error.details()["stage"], "detection");
}

#[tokio::test]
async fn a_storage_that_fails_is_critical() {
    let Some(world) = world().await else { return };
    // A file where a folder should be.
    let root = world.folder.path().join("storage");
    for folder in ["background_removed", "uploads"] {
        let folder = root.join(folder);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::write(&folder, "in the way").unwrap();
        let outcome = world.pipeline.run(request(&world.photo)).await;
        if folder.ends_with("uploads") {
            assert_error(&outcome.unwrap_err(), Code::StorageFailed, Tier::Critical);
        } else {
            // What cannot be kept is not paid for.
            for cut_out in &outcome.unwrap().cut_outs {
                let error = cut_out.result.as_ref().unwrap_err();
                assert_error(error, Code::StorageFailed, Tier::Critical);
            }
        }
        assert!(world.fake.journal().is_empty());
    }
}

#[tokio::test]
async fn a_device_this_build_has_not_is_refused() {
    for devices in [vec![0], vec![0, 1]] {
        let cards = Pipeline::builder().devices(Devices::Cuda(devices));
        assert_error(&cards.build().await.unwrap_err(), Code::DeviceUnavailable, Tier::Critical);
    }
    let twice = Pipeline::builder().devices(Devices::Cuda(vec![1, 1]));
    assert_error(&twice.build().await.unwrap_err(), Code::InvalidOption, Tier::High);
    let half = Pipeline::builder().devices(Devices::Cpu).precision(Precision::F16);
    assert_error(&half.build().await.unwrap_err(), Code::InvalidOption, Tier::High);
    let pipeline = Pipeline::builder().devices(Devices::Auto).build().await.unwrap();
    assert_eq!(pipeline.device(), "cpu");
}
