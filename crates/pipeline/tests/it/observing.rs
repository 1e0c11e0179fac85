//! What whoever runs a service can count, and whether it is ready.

use crate::world::{PERSONS, Setup, request, watched};
use portrait_d_id_fake::{FakeDid, TALK_MP4};
use portrait_pipeline::{
    Code, CoresReport, DIdCallReport, Observer, Progress, Readiness, Stage, StageReport,
    StorageCallReport,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts by name.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, usize>>>);

impl Counts {
    fn add(&self, name: impl Into<String>) {
        *self.0.lock().unwrap().entry(name.into()).or_default() += 1;
    }

    fn of(&self, name: &str) -> usize {
        self.0.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

impl Observer for Counts {
    fn stage(&self, report: &StageReport<'_>) {
        let ended = report.outcome.map_or_else(|code| code.as_str(), |()| "ok");
        self.add(format!("stage {} {} {ended}", report.stage, report.device.unwrap_or("none")));
        assert!(
            report.took < Duration::from_secs(600) && report.waited <= Duration::from_secs(600)
        );
        let networks = [Stage::Detection, Stage::Segmentation];
        let has_model = report.model.is_some();
        assert!(!has_model || networks.contains(&report.stage), "{report:?}");
    }

    fn cores(&self, report: &CoresReport) {
        self.add(format!("cores {}", report.stage));
    }

    fn d_id_call(&self, report: &DIdCallReport<'_>) {
        self.add(format!("d-id {} {}", report.operation, report.outcome));
    }

    fn storage_call(&self, report: &StorageCallReport<'_>) {
        self.add(format!("storage {} {}", report.operation, report.ok));
    }
}

#[tokio::test]
async fn an_observer_is_told_of_every_part() {
    let Some(setup) = Setup::new() else { return };
    let counts = Counts::default();
    let setup = Setup { builder: setup.builder.observer(counts.clone()), ..setup };
    let world = setup.start(FakeDid::builder().video(TALK_MP4)).await;
    world.run().await;
    assert_eq!(counts.of("stage detection cpu ok"), 1);
    assert_eq!(counts.of("stage segmentation cpu ok"), PERSONS);
    for stage in ["talk", "video", "download"] {
        assert_eq!(counts.of(&format!("stage {stage} none ok")), PERSONS, "{stage}");
    }
    assert_eq!(counts.of("d-id POST /talks success"), PERSONS);
    assert_eq!(counts.of("d-id POST /images success"), PERSONS);
    assert!(counts.of("cores segmentation") >= 2 * PERSONS, "{counts:?}", counts = counts.0);
    assert!(counts.of("storage put true") > 0, "{counts:?}", counts = counts.0);
    world.fake.set_credits(0);
    let mut other = request(&world.photo);
    other.message.as_mut().unwrap().take = "2".into();
    world.pipeline.run(other).await.unwrap();
    let refused = format!("stage talk none {}", Code::DIdInsufficientCredits);
    assert_eq!(counts.of(&refused), PERSONS);
    world.pipeline.delete(world.photo.id()).await.unwrap();
    assert_eq!(counts.of("stage deletion none ok"), 1);
}

#[tokio::test]
async fn a_pipeline_is_ready_when_a_device_has_both_networks() {
    let Some(setup) = Setup::new() else { return };
    let pipeline = setup.builder.build().await.unwrap();
    let cold = pipeline.readiness();
    assert!(!cold.ready && cold.models.iter().all(|model| !model.opened), "{cold:?}");
    pipeline.warm_up().await.unwrap();
    let warm = pipeline.readiness();
    assert!(warm.ready && warm.models.iter().all(|model| model.loaded_on == ["cpu"]), "{warm:?}");
    let json = serde_json::to_string(&warm).unwrap();
    assert_eq!(serde_json::from_str::<Readiness>(&json).unwrap(), warm);
    pipeline.drain_device("cpu").await.unwrap();
    let drained = pipeline.readiness();
    assert!(!drained.ready && drained.devices_out == ["cpu"], "{drained:?}");
    pipeline.restore_device("cpu").await.unwrap();
    assert!(!pipeline.readiness().ready, "the networks are loaded when they are needed");
    assert_eq!(pipeline.usage().talks.in_use, 0);
    pipeline.close(Duration::MAX).await;
    assert!(pipeline.readiness().closing);
}

#[tokio::test]
async fn a_run_is_followed_by_readers_that_come_late() {
    let Some(setup) = Setup::new() else { return };
    let world = setup.start(FakeDid::builder().video(TALK_MP4)).await;
    let (progress, feed) = Progress::feed("job 7");
    let told = world.told(progress);
    let outcome = told.run(request(&world.photo)).await.unwrap();
    drop(told);
    assert!(outcome.videos.iter().all(|video| video.result.is_ok()));
    use futures::StreamExt;
    let all: Vec<_> = feed.updates().collect().await;
    assert!(all.windows(2).all(|two| two[1].number == two[0].number + 1));
    assert!(all.windows(2).all(|two| two[1].fraction >= two[0].fraction), "it never falls");
    assert_eq!(all.last().unwrap().fraction, 1.0);
    assert!(all.iter().all(|update| &*update.job == "job 7" && update.at_ms > 0));
    assert!(all.iter().any(|update| update.seconds_left.is_some_and(|left| left > 0.0)));
    for number in [0, 1, all.len() as u64 / 2, all.len() as u64] {
        let later: Vec<_> = feed.after(number).collect().await;
        assert_eq!(later, all[number as usize..]);
    }
    // The steps themselves are those that a plain listener is told.
    let (_, events) = watched(&world, request(&world.photo)).await;
    assert!(events.iter().any(|event| event.stage == Stage::Detection));
}

#[tokio::test]
async fn a_call_under_way_is_cut_off_after_the_grace() {
    let Some(setup) = Setup::new() else { return };
    let slow = FakeDid::builder().video(TALK_MP4).talk_duration(Duration::from_secs(60));
    let world = setup.start(slow).await;
    let run = world.pipeline.run(request(&world.photo));
    let close = async {
        while world.fake.talks().len() < PERSONS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        world.pipeline.close(Duration::from_millis(100)).await;
    };
    let (outcome, ()) = tokio::join!(run, close);
    assert_eq!(outcome.unwrap_err().code(), Code::ServiceClosing);
    // What was paid for is on record.
    let records = world.all_stored().await.len() - world.stored().await.len();
    assert!(records >= PERSONS, "{records}");
}
