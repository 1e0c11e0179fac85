//! Many talks at once, on driven time.

use std::collections::HashMap;
use std::time::Duration;

use portrait_d_id::{ListTalks, WaitOptions};
use portrait_d_id_fake::{FakeDid, Pace, Route, TALK_MP4};

use crate::driven::driven;
use crate::support::{builder, fetch, order};

#[tokio::test(start_paused = true)]
async fn fifty_talks_keep_the_bound_and_the_pace() {
    let pace = Pace::Time(Duration::from_secs(45));
    let fake = FakeDid::builder().video(TALK_MP4).pace(pace).start().await.unwrap();
    let client = builder(&fake).max_in_flight(6).build().unwrap();
    let options = WaitOptions::default();
    let one = || async {
        let order = order(&client).await;
        let talk = client.talks().create(&order).await?;
        let done = client.talks().wait(&talk.id, &options).await?;
        fetch(&client, &done.result_url.unwrap()).await
    };
    let all = futures::future::join_all((0..50).map(|_| one()));
    let videos = driven(all, || fake.events()).await;
    assert!(videos.iter().all(|video| video.as_deref().unwrap() == TALK_MP4));

    assert!(fake.max_in_flight() <= 6, "{} at once", fake.max_in_flight());
    assert_eq!(fake.talks().len(), 50);
    assert_eq!(fake.requests(Route::CreateTalk).len(), 50);
    assert_eq!(fake.requests(Route::UploadImage).len(), 50);
    let mut polls: HashMap<String, Vec<Duration>> = HashMap::new();
    for entry in fake.requests(Route::GetTalk) {
        polls.entry(entry.path).or_default().push(entry.at);
    }
    assert_eq!(polls.len(), 50);
    for (talk, at) in &polls {
        // 0, 3, 7.5, 14.25, 24.25, 34.25, 44.25 and 54.25 s, each pause within a tenth.
        assert!((7..=9).contains(&at.len()), "{talk}: {} polls", at.len());
        for (poll, pair) in at.windows(2).enumerate() {
            let shortest = (3.0 * 1.5_f64.powi(poll as i32)).min(10.0) * 0.9;
            let pause = (pair[1] - pair[0]).as_secs_f64();
            assert!(pause >= shortest - 0.001, "{talk}: poll {poll} after only {pause} s");
        }
    }
    let page = driven(client.talks().list(&ListTalks::default()), || 0).await.unwrap();
    assert_eq!(page.talks.len(), 50);
}
