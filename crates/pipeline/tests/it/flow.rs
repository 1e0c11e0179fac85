//! The whole flow: a photo with several people, trained detection, a small BiRefNet, the local
//! D-ID server, and a folder on disk.

use crate::world::{PERSONS, request, watched, world};
use portrait_d_id_fake::TALK_MP4;
use portrait_pipeline::storage::{Artifact, Format, Key};
use portrait_pipeline::{
    Background, Code, Event, Outcome, Photo, Request, Stage, Step, talk_picture,
};

#[tokio::test]
async fn everybody_in_the_photo_talks() {
    let Some(world) = world().await else { return };
    let Outcome { detections, cut_outs, videos, .. } = world.run().await;
    assert_eq!((detections.image.width, detections.image.height), world.photo.image().dimensions());
    let ids: Vec<_> = detections.persons.iter().map(|person| person.person_id).collect();
    assert_eq!(ids, (0..PERSONS).collect::<Vec<_>>());
    assert_eq!(cut_outs.iter().map(|cut_out| cut_out.person_id).collect::<Vec<_>>(), ids);
    assert_eq!(videos.iter().map(|video| video.person_id).collect::<Vec<_>>(), ids);

    let storage = world.pipeline.storage();
    let photo = world.photo.id();
    let mut keys = vec![Key::new(Artifact::Upload { photo }, Format::Jpeg).unwrap()];
    assert_eq!(storage.get(keys[0]).await.unwrap(), world.photo.bytes());
    let talks = world.fake.talks();
    let pictures: Vec<_> =
        talks.iter().map(|talk| world.fake.uploaded(&talk.source_url).unwrap()).collect();
    for (cut_out, video) in cut_outs.iter().zip(&videos) {
        let person = cut_out.person_id as u32;
        let cut_out = cut_out.result.as_ref().unwrap();
        assert_eq!((cut_out.model.as_str(), cut_out.device.as_str()), ("birefnet-small", "cpu"));
        let recipe = Some(cut_out.recipe);
        let key = Key::new(Artifact::CutOut { photo, person, recipe }, Format::Png).unwrap();
        assert_eq!(storage.get(key).await.unwrap(), cut_out.png);
        let decoded = image::load_from_memory(&cut_out.png).unwrap();
        assert_eq!(decoded.as_rgba8(), Some(&cut_out.cut_out.image));

        let video = video.result.as_ref().unwrap();
        assert_eq!(storage.get(video.key).await.unwrap(), TALK_MP4);
        assert_eq!(video.bytes, TALK_MP4.len() as u64);
        assert!(matches!(video.key.artifact(), Artifact::Video { photo: of, person: who, .. }
            if (of, who) == (photo, person)));
        // The picture of this person's talk is this person, on white.
        let talk = talks.iter().position(|talk| Some(&talk.id) == video.talk_id.as_ref()).unwrap();
        let flat = talk_picture(&cut_out.cut_out.image, &Background::default()).unwrap();
        assert_eq!(pictures[talk], flat.bytes);
        keys.extend([key, video.key]);
    }
    keys.sort_unstable();
    assert_eq!(world.stored().await, keys);
    assert_eq!(talks.len(), PERSONS);
    assert_eq!(world.fake.credits(), 100.0 - PERSONS as f64);

    // The man at the left border is found with little confidence.
    let doubtful: Vec<_> = detections.warnings.iter().map(|w| (w.code, w.person_id)).collect();
    assert_eq!(doubtful, [(Code::LowConfidence, Some(PERSONS - 1))]);
    let json = serde_json::to_value(&detections).unwrap();
    assert_eq!(json["warnings"][0]["code"], "LOW_CONFIDENCE");
    assert_eq!(json["persons"][0]["person_id"], 0);
    assert!(json["persons"][0]["bbox"]["x1"].is_number());
}

#[tokio::test]
async fn events_come_in_order() {
    let Some(world) = world().await else { return };
    let (_, events) = watched(&world, request(&world.photo)).await;
    let place = |stage, person_id, finished: bool| {
        let is = |event: &Event| {
            let step = matches!(event.step, Step::Finished { .. }) == finished;
            (event.stage, event.person_id) == (stage, person_id) && step
        };
        let places: Vec<_> = events.iter().enumerate().filter(|(_, event)| is(event)).collect();
        let [(place, _)] = places[..] else {
            panic!("{stage:?} of {person_id:?}, finished {finished}: {places:?}");
        };
        place
    };
    let stages = [Stage::Segmentation, Stage::Talk, Stage::Video, Stage::Download];
    for person in (0..PERSONS).map(Some) {
        let mut order = vec![place(Stage::Detection, None, false)];
        order.push(place(Stage::Detection, None, true));
        for stage in stages {
            order.extend([place(stage, person, false), place(stage, person, true)]);
        }
        assert!(order.is_sorted(), "person {person:?}: {order:?} of {events:?}");
    }
    let totals: Vec<_> = events
        .iter()
        .filter_map(|event| match event.step {
            Step::Persons { done, total } => Some((event.person_id, done, total)),
            _ => None,
        })
        .collect();
    assert_eq!(totals, (1..=PERSONS).map(|done| (None, done, PERSONS)).collect::<Vec<_>>());
    assert_eq!(events.len(), 2 + PERSONS * (stages.len() * 2 + 1), "{events:?}");

    let json: Vec<_> = events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    assert_eq!(json[0], serde_json::json!({ "stage": "detection", "state": "started" }));
    assert_eq!((&json[1]["stage"], &json[1]["state"]), (&"detection".into(), &"finished".into()));
    assert!(json[1]["ms"].is_u64() && json[1].get("person_id").is_none());
    assert_eq!(
        json[2],
        serde_json::json!({ "stage": "segmentation", "person_id": 0, "state": "started" })
    );
}

#[tokio::test]
async fn only_the_selected_persons_are_worked_on() {
    let Some(world) = world().await else { return };
    let wanted = Request { persons: Some(vec![2, 0, 2]), ..request(&world.photo) };
    let (outcome, events) = watched(&world, wanted).await;
    assert_eq!(outcome.detections.persons.len(), PERSONS);
    assert_eq!(outcome.cut_outs.iter().map(|c| c.person_id).collect::<Vec<_>>(), [2, 0]);
    assert_eq!(outcome.videos.iter().map(|v| v.person_id).collect::<Vec<_>>(), [2, 0]);
    assert!(outcome.videos.iter().all(|video| video.result.is_ok()));
    assert!(events.iter().all(|event| !matches!(event.person_id, Some(1 | 3))), "{events:?}");
    assert_eq!(world.fake.talks().len(), 2);
    assert_eq!(world.stored().await.len(), 1 + 2 + 2);
}

#[tokio::test]
async fn without_a_message_nothing_is_sent() {
    let Some(world) = world().await else { return };
    let outcome = world.pipeline.run(Request::new(world.photo.clone())).await.unwrap();
    assert!(outcome.cut_outs.iter().all(|cut_out| cut_out.result.is_ok()));
    assert!(outcome.videos.is_empty());
    assert!(world.fake.journal().is_empty());
    assert_eq!(world.stored().await.len(), 1 + PERSONS);
}

#[tokio::test]
async fn requests_side_by_side_do_not_mix() {
    let Some(world) = world().await else { return };
    let other = Photo::decode(world.photo.bytes().clone()).unwrap();
    let (first, second) =
        tokio::join!(world.run(), world.pipeline.run(Request::new(other.clone())));
    assert!(first.videos.iter().all(|video| video.result.is_ok()));
    let second = second.unwrap();
    assert_eq!(first.detections.persons, second.detections.persons);
    for (a, b) in first.cut_outs.iter().zip(&second.cut_outs) {
        assert_eq!(a.result.as_ref().unwrap().png, b.result.as_ref().unwrap().png);
    }
    assert_eq!(world.stored().await.len(), 1 + 2 * PERSONS);
    let others = world.stored_of(other.id()).await;
    assert_eq!(others.len(), 1 + PERSONS, "nothing was ordered of the other photo");
}
