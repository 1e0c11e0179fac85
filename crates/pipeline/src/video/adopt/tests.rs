//! What former versions ordered is found, and by one picture alone.

use super::OrderId;
use crate::picture::encode_png;
use crate::pipeline::Pipeline;
use crate::video::identity::identity;
use crate::video::{Message, Portrait, Video};
use image::{Rgba, RgbaImage};
use portrait_d_id::{Client, WaitOptions};
use portrait_d_id_fake::{FakeDid, TALK_MP4};
use portrait_storage::{Artifact, Format, Key, PhotoId, Storage};
use std::time::Duration;

/// A person of one colour.
fn portrait(red: u8) -> Portrait {
    Portrait::new(0, RgbaImage::from_pixel(160, 160, Rgba([red, 150, 120, 255])))
}

/// A stand-in, a storage that outlives its programs, and what a former version left in it.
struct Former {
    fake: FakeDid,
    storage: Storage,
    photo: PhotoId,
    message: Message,
}

impl Former {
    async fn new() -> Self {
        let fake = FakeDid::builder().video(TALK_MP4).start().await.unwrap();
        let (storage, photo) = (Storage::memory(), PhotoId::generate());
        let first_pause = Duration::from_millis(20);
        let wait = WaitOptions { first_pause, ..WaitOptions::default() };
        Self { fake, storage, photo, message: Message { wait, ..Message::text("Hello there.") } }
    }

    async fn program(&self) -> Pipeline {
        let builder = Pipeline::builder().storage(self.storage.clone());
        let client = Client::builder().base_url(self.fake.base_url()).key(self.fake.key());
        builder.d_id(client.build().unwrap()).build().await.unwrap()
    }

    /// Turns what a portrait ordered into what a version without recipes would have left: the id
    /// without the recipe, and a record that does not tell it.
    async fn order(&self, portrait: &Portrait) -> Video {
        let program = self.program().await;
        let videos = program.animate(self.photo, [portrait], &self.message).await.unwrap();
        let video = videos.into_iter().next().unwrap().result.unwrap();
        let Artifact::Video { photo, person, video: id } = video.key.artifact() else { panic!() };
        let message = identity(&self.message, false).unwrap();
        let former = OrderId::former(photo, person, &message).unwrap().video;
        let bytes = self.storage.get(video.key).await.unwrap();
        let moved = Artifact::Video { photo, person, video: former };
        self.storage.put(moved, bytes).await.unwrap();
        self.storage.delete(video.key).await.unwrap();
        let record = Key::new(Artifact::Order { photo, person, video: id }, Format::Json).unwrap();
        let bytes = self.storage.get(record).await.unwrap();
        let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for later in ["picture", "images", "audios"] {
            json.as_object_mut().unwrap().remove(later);
        }
        let moved = Artifact::Order { photo, person, video: former };
        self.storage.put(moved, json.to_string().into_bytes()).await.unwrap();
        self.storage.delete(record).await.unwrap();
        video
    }

    async fn animate(&self, portrait: &Portrait) -> Video {
        let program = self.program().await;
        let mut videos = program.animate(self.photo, [portrait], &self.message).await.unwrap();
        videos.remove(0).result.unwrap()
    }
}

#[tokio::test]
async fn an_order_of_a_former_version_is_found_by_one_picture_alone() {
    let former = Former::new().await;
    let first = portrait(200);
    former.order(&first).await;
    assert_eq!(former.fake.talks().len(), 1);
    let video = former.animate(&first).await;
    assert_eq!(former.fake.talks().len(), 1, "it was found, not paid again");
    assert_eq!(former.animate(&first).await, video, "and is found ever after");
    // Another picture of the same person's number is another human, perhaps.
    let other = portrait(9);
    let others = former.animate(&other).await;
    assert_ne!(others.key, video.key);
    assert_eq!(former.fake.talks().len(), 2);
    assert_eq!(former.animate(&first).await, video);
}

#[tokio::test]
async fn a_former_cut_out_says_whose_order_it_was() {
    let former = Former::new().await;
    let first = portrait(200);
    // As former versions did: the cut-out is kept before the order is sent.
    let kept = Artifact::CutOut { photo: former.photo, person: 0, recipe: None };
    former.storage.put(kept, encode_png(first.picture()).unwrap()).await.unwrap();
    former.order(&first).await;
    let other = portrait(9);
    former.animate(&other).await;
    assert_eq!(former.fake.talks().len(), 2, "the order is of another picture");
    former.animate(&first).await;
    assert_eq!(former.fake.talks().len(), 2, "and is found by its own");
}

#[tokio::test]
async fn a_take_of_a_former_version_is_found() {
    let former = Former::new().await;
    former.order(&portrait(200)).await;
    let program = former.program().await;
    let now = Message { take: "2".into(), ..former.message.clone() };
    let told = Message { former_take: Some(String::new()), ..now };
    program.animate(former.photo, [&portrait(200)], &told).await.unwrap();
    assert_eq!(former.fake.talks().len(), 1);
}
