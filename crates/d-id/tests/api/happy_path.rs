use std::time::Duration;

use portrait_d_id::{AudioUpload, CreateTalk, ImageUpload, ListTalks, Script, TalkStatus};
use portrait_d_id_fake::{FakeDid, ListOrder, Pace, Route};

use crate::support::{client, fake, fetch, order, png, run_talk, wait_options, wav};

#[tokio::test]
async fn a_picture_becomes_a_video() {
    let fake = FakeDid::builder().credits(7).pace(Pace::Polls(1)).start().await.unwrap();
    let client = client(&fake);
    let picture = ImageUpload {
        file_name: Some("anna.png".into()),
        detect_faces: true,
        ..ImageUpload::new(png(300, 200))
    };
    let uploaded = client.images().upload(picture.clone()).await.unwrap();
    assert!(uploaded.url.ends_with("/anna.png"), "{}", uploaded.url);
    assert_eq!(uploaded.faces.unwrap()[0].size, 100.0);
    assert_eq!(fake.uploaded(&uploaded.url).unwrap(), picture.bytes);

    let mut order = CreateTalk::new(&uploaded.url, Script::text("Hello, I am Anna."));
    order.user_data = Some("job 17".into());
    let created = client.talks().create(&order).await.unwrap();
    assert_eq!(created.status, TalkStatus::Created);
    assert_eq!(created.source_url.as_deref(), Some(uploaded.url.as_str()));
    assert_eq!(client.credits().await.unwrap().remaining, 6.0);

    let mut seen = Vec::new();
    let done = client
        .talks()
        .wait_with(&created.id, &wait_options(), |talk| seen.push(talk.status.clone()))
        .await
        .unwrap();
    assert_eq!(seen, [TalkStatus::Created, TalkStatus::Started, TalkStatus::Done]);
    assert_eq!(done.user_data.as_deref(), Some("job 17"));

    let video = fetch(&client, &done.result_url.unwrap()).await.unwrap();
    assert_eq!(&video[4..8], b"ftyp");
    assert_eq!(fake.credits(), 6.0);
    assert_eq!(fake.requests(Route::CreateTalk).len(), 1);
}

#[tokio::test]
async fn recorded_sound_is_charged_by_its_length() {
    let fake = fake().await;
    let client = client(&fake);
    let sound = AudioUpload::wav(wav(31));
    let sound = client.audios().upload(sound).await.unwrap();
    assert_eq!(sound.duration, Some(31.0));
    assert!(sound.url.ends_with("/audio.wav"), "{}", sound.url);
    let mut order = order(&client).await;
    order.script = Script::audio(&sound.url);
    client.talks().create(&order).await.unwrap();
    // 31 s at 15 s a credit.
    assert_eq!(fake.credits(), 97.0);
    client.audios().delete(&sound.id.unwrap()).await.unwrap();
}

#[tokio::test]
async fn uploads_by_s3_address_work_as_well() {
    let fake = FakeDid::builder().s3_uploads(true).start().await.unwrap();
    let client = client(&fake);
    let order = order(&client).await;
    assert!(order.source_url.starts_with("s3://"), "{}", order.source_url);
    let talk = client.talks().create(&order).await.unwrap();
    let done = client.talks().wait(&talk.id, &wait_options()).await.unwrap();
    assert_eq!(done.status, TalkStatus::Done);
}

#[tokio::test]
async fn talks_are_listed_page_by_page_and_removed() {
    for order_of_list in [ListOrder::NewestFirst, ListOrder::OldestFirst] {
        let fake = FakeDid::builder()
            .list_order(order_of_list)
            .talk_duration(Duration::ZERO)
            .start()
            .await
            .unwrap();
        let client = client(&fake);
        let mut created = Vec::new();
        for _ in 0..5 {
            created.push(client.talks().create(&order(&client).await).await.unwrap().id);
        }
        let mut list = ListTalks { limit: Some(2), token: None };
        let mut listed = Vec::new();
        loop {
            let page = client.talks().list(&list).await.unwrap();
            assert!(page.talks.len() <= 2);
            // A removal between two pages must not shift the next one.
            let gone = client.talks().delete(&page.talks[0].id).await.unwrap().unwrap();
            assert_eq!(gone.id, page.talks[0].id);
            listed.extend(page.talks.into_iter().map(|talk| talk.id));
            match page.token {
                Some(token) => list.token = Some(token),
                None => break,
            }
        }
        if order_of_list == ListOrder::NewestFirst {
            listed.reverse();
        }
        assert_eq!(listed, created);
        let rest = client.talks().list(&ListTalks::default()).await.unwrap();
        assert_eq!(rest.talks.len(), 2);
    }
}

#[tokio::test]
async fn a_talk_is_found_by_its_picture() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    let talks = client.talks();
    assert!(talks.find_by_source(&order.source_url).await.unwrap().is_none());
    let created = talks.create(&order).await.unwrap();
    run_talk(&client).await.unwrap();
    let found = talks.find_by_source(&order.source_url).await.unwrap().unwrap();
    assert_eq!(found.id, created.id);
}
