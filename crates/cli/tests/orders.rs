//! `portrait video` pays for each video once, whatever ends it: with the real command, killed and
//! started again, and a stand-in for D-ID that outlives it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use portrait_d_id_fake::{FakeDid, Fault, Route};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{Portrait, Run, two_people};
use tempfile::TempDir;

struct Shop {
    fake: FakeDid,
    folder: TempDir,
}

impl Shop {
    async fn new() -> Self {
        let fake = FakeDid::builder().start().await.unwrap();
        Self { fake, folder: tempfile::tempdir().unwrap() }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn video(&self, options: &str) -> Portrait {
        self.video_of(&photo(), options)
    }

    fn video_of(&self, photo: &Path, options: &str) -> Portrait {
        Portrait::new(format!("video --json {options}").trim())
            .arg(photo)
            .option("-o", self.out())
            .option("--text", "Hello there.")
            .option("--data", self.folder.path().join("data"))
            .env("D_ID_URL", self.fake.base_url().as_str())
            .env("D_ID_API_KEY", self.fake.key())
    }

    fn creates(&self) -> usize {
        self.fake.requests(Route::CreateTalk).len()
    }
}

fn photo() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

async fn run(portrait: Portrait) -> Run {
    tokio::task::spawn_blocking(|| portrait.run()).await.unwrap()
}

#[track_caller]
fn persons(run: &Run) -> Vec<Value> {
    run.json()["persons"].as_array().unwrap().clone()
}

#[track_caller]
fn talk_of(person: &Value) -> String {
    let file = person["file"].as_str().unwrap_or_else(|| panic!("{person}"));
    assert_eq!(&std::fs::read(file).unwrap()[4..8], b"ftyp");
    person["video"]["talk_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_was_killed_goes_on_with_what_is_paid() {
    let shop = Shop::new().await;
    // The talk is made, and the command killed before it is told.
    let silence = Fault::delay(Duration::from_secs(600)).after_effect();
    shop.fake.fault(Route::CreateTalk, silence);
    let mut killed = shop.video("").start();
    while shop.fake.talks().is_empty() {
        assert_eq!(killed.try_wait().unwrap(), None, "it ended by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let paid = shop.fake.talks()[0].id.clone();

    let again = run(shop.video("")).await;
    assert_eq!(talk_of(&persons(&again)[0]), paid);
    assert_eq!((shop.fake.talks().len(), shop.creates()), (1, 1));

    // Once more, into another folder: nothing is asked of D-ID at all.
    std::fs::remove_dir_all(shop.out()).unwrap();
    let before = shop.fake.journal().len();
    assert_eq!(talk_of(&persons(&run(shop.video("")).await)[0]), paid);
    assert_eq!(shop.fake.journal().len(), before);

    // What makes another picture, or is asked for as another, is another video.
    for (count, options) in [(2, "--take second"), (3, "--padding 5")] {
        assert_ne!(talk_of(&persons(&run(shop.video(options)).await)[0]), paid);
        assert_eq!(shop.fake.talks().len(), count);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_commands_at_once_pay_once() {
    let shop = Shop::new().await;
    let (one, other) = tokio::join!(run(shop.video("")), run(shop.video("")));
    assert_eq!(talk_of(&persons(&one)[0]), talk_of(&persons(&other)[0]));
    assert_eq!(shop.fake.talks().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_one_persons_failure() {
    let shop = Shop::new().await;
    let two_people = two_people(shop.folder.path());
    // A folder stands where the first video belongs.
    std::fs::create_dir_all(shop.out().join("two_person_0.mp4")).unwrap();
    let failed = run(shop.video_of(&two_people, "--persons 0,1")).await;
    let stderr = failed.stderr();
    assert!(stderr.contains("error: person 0:") && stderr.contains("cannot write"), "{stderr}");
    assert_eq!(failed.code(), Some(12), "{stderr}");
    let document: Value = serde_json::from_str(&failed.stdout()).unwrap();
    let persons_then = document["persons"].as_array().unwrap().clone();
    assert_eq!(persons_then.len(), 2, "{document}");
    assert_eq!(persons_then[0]["error"]["code"], "FILE_ERROR");
    talk_of(&persons_then[1]);

    std::fs::remove_dir(shop.out().join("two_person_0.mp4")).unwrap();
    let again = persons(&run(shop.video_of(&two_people, "--persons 0,1")).await);
    again.iter().map(talk_of).for_each(drop);
    assert_eq!((again.len(), shop.fake.talks().len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_is_used_where_a_key_is_exported_too() {
    let shop = Shop::new().await;
    talk_of(&persons(&run(shop.video("--fake-d-id")).await)[0]);
    assert!(shop.fake.journal().is_empty());
    assert!(!shop.folder.path().join("data").exists(), "its orders go with it");
}

#[test]
fn the_help_says_where_orders_are_kept() {
    let help = Portrait::new("video --help").run().text();
    for word in ["--data", "PORTRAIT_DATA", "30 days", "--take"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
