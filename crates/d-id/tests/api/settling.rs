//! What became of a create whose program was stopped before the answer.

use std::time::{Duration, SystemTime};

use portrait_d_id::{CreateRecovery, Error};
use portrait_d_id_fake::{Fault, Route};
use tokio::time::Instant;

use crate::driven::driven;
use crate::support::{builder, client, fake, order};

#[tokio::test]
async fn a_talk_that_was_made_is_found_at_once() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    let sent = SystemTime::now();
    let made = client.talks().create(&order).await.unwrap();
    let found = client.talks().settle(&order.source_url, sent).await.unwrap().unwrap();
    assert_eq!(found.id, made.id);
    assert_eq!(fake.requests(Route::ListTalks).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_talk_that_was_not_made_is_looked_for_until_it_cannot_come_any_more() {
    let fake = fake().await;
    let recovery = CreateRecovery::default();
    assert!(recovery.settled_after() >= Duration::from_secs(58), "twice the gateway's 29 s");
    let client = builder(&fake).create_recovery(recovery.clone()).build().unwrap();
    let events = || fake.events();
    for (age, looks) in [(0, 8), (5, 5), (62, 2), (3600, 1)] {
        let sent = client.now() - Duration::from_secs(age);
        let (began, before) = (Instant::now(), fake.journal().len());
        let talks = client.talks();
        let settling = talks.settle("s3://bucket/none.png", sent);
        assert!(driven(settling, events).await.unwrap().is_none());
        // The client's time-out is 5 s.
        let settled = recovery.settled_after() + Duration::from_secs(5);
        let left = settled.saturating_sub(Duration::from_secs(age));
        assert!(began.elapsed() >= left.saturating_sub(Duration::from_millis(100)), "{age}");
        assert!(began.elapsed() <= left + Duration::from_secs(2), "{age}");
        assert_eq!(fake.journal().len() - before, looks, "{age}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_talk_that_shows_late_is_found() {
    let fake = fake().await;
    let client = builder(&fake).create_recovery(CreateRecovery::default()).build().unwrap();
    let events = || fake.events();
    let order = driven(order(&client), events).await;
    let sent = SystemTime::now();
    // The caller leaves at once, the server needs 40 s.
    fake.fault(Route::CreateTalk, Fault::delay(Duration::from_secs(40)));
    let talks = client.talks();
    let left = tokio::time::timeout(Duration::from_secs(1), talks.create(&order));
    assert!(driven(left, events).await.is_err());
    let settling = talks.settle(&order.source_url, sent);
    let found = driven(settling, events).await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), fake.talks()[0].id);
}

#[tokio::test]
async fn without_an_answer_the_question_stays_open() {
    let fake = fake().await;
    let client = client(&fake);
    fake.fault(Route::ListTalks, Fault::html(502, "").times(100));
    let error = client.talks().settle("s3://bucket/none.png", SystemTime::now()).await;
    assert!(matches!(error, Err(Error::Server { status: 502, .. })), "{error:?}");
    fake.clear_faults();
    for _ in 0..102 {
        let order = order(&client).await;
        client.talks().create(&order).await.unwrap_or_else(|error| panic!("{error}"));
        fake.set_credits(100);
    }
    let recovery = CreateRecovery { max_pages: 1, ..CreateRecovery::default() };
    let short = builder(&fake).create_recovery(recovery).build().unwrap();
    let found = short.talks().find_by_source("s3://bucket/none.png").await;
    assert!(matches!(found, Err(Error::ListTooLong { pages: 1 })), "{found:?}");
    let found = client.talks().find_by_source("s3://bucket/none.png").await;
    assert!(matches!(found, Ok(None)), "{found:?}");
}

/// Lists every talk as if it had been made years ago.
fn long_ago() -> Fault {
    Fault::edit(|page| {
        for talk in page["talks"].as_array_mut().unwrap() {
            talk["created_at"] = "2020-01-01T00:00:00.000Z".into();
        }
    })
}

#[tokio::test]
async fn the_talk_of_the_picture_is_found_however_old_a_wrong_clock_makes_it() {
    let fake = fake().await;
    let client = client(&fake);
    let wanted = order(&client).await;
    let made = client.talks().create(&wanted).await.unwrap();
    let days = Duration::from_secs(3 * 24 * 60 * 60);
    for sent in [SystemTime::now(), SystemTime::now() - days, SystemTime::now() + days] {
        fake.fault(Route::ListTalks, long_ago());
        let found = client.talks().settle(&wanted.source_url, sent).await.unwrap();
        assert_eq!(found.unwrap().id, made.id, "{sent:?}");
    }
    // Behind a page of younger talks it is looked for unless the record says that it cannot be there.
    fake.set_credits(1000);
    for _ in 0..100 {
        client.talks().create(&order(&client).await).await.unwrap();
    }
    for (sent, pages) in [(SystemTime::now() + days, 2), (SystemTime::now(), 1)] {
        let before = fake.requests(Route::ListTalks).len();
        fake.fault(Route::ListTalks, long_ago().times(pages));
        let sent = sent - Duration::from_secs(3600);
        let found = client.talks().settle(&wanted.source_url, sent).await.unwrap();
        let found = found.map(|talk| talk.id);
        assert_eq!(found, (pages == 2).then(|| made.id.clone()));
        assert_eq!(fake.requests(Route::ListTalks).len() - before, pages as usize);
    }
}

#[tokio::test]
async fn an_empty_page_is_not_the_end_of_the_list() {
    let fake = fake().await;
    let client = client(&fake);
    let wanted = order(&client).await;
    let made = client.talks().create(&wanted).await.unwrap();
    fake.set_credits(1000);
    for _ in 0..100 {
        client.talks().create(&order(&client).await).await.unwrap();
    }
    let emptied = Fault::edit(|page| page["talks"] = serde_json::json!([]));
    fake.fault(Route::ListTalks, emptied);
    let found = client.talks().settle(&wanted.source_url, SystemTime::now()).await.unwrap();
    assert_eq!(found.unwrap().id, made.id);
    assert_eq!(fake.requests(Route::ListTalks).len(), 2);
}

/// As late as a create that was not interrupted would find it: the server may still be at work when
/// the request is given up.
#[tokio::test(start_paused = true)]
async fn a_talk_that_shows_after_the_time_out_is_found() {
    let fake = fake().await;
    let minute = Duration::from_secs(60);
    let client = builder(&fake).create_recovery(CreateRecovery::default()).timeout(minute);
    let client = client.build().unwrap();
    let events = || fake.events();
    let order = driven(order(&client), events).await;
    fake.fault(Route::CreateTalk, Fault::delay(Duration::from_secs(75)));
    let (talks, sent) = (client.talks(), client.now());
    let left = tokio::time::timeout(Duration::from_secs(1), talks.create(&order));
    assert!(driven(left, events).await.is_err());
    let settling = talks.settle(&order.source_url, sent);
    assert_eq!(driven(settling, events).await.unwrap().unwrap().id.as_str(), fake.talks()[0].id);
}
