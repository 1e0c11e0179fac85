use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::FutureExt;
use portrait_d_id_fake::{Fault, Route};
use tokio::time::{sleep, timeout};

use crate::support::{builder, fake, order};

#[tokio::test]
async fn requests_under_way_are_bounded() {
    let fake = fake().await;
    let client = builder(&fake).max_in_flight(3).build().unwrap();
    fake.fault(Route::Credits, Fault::delay(Duration::from_millis(30)).times(12));
    let all = (0..12).map(|_| client.credits());
    let answers = futures::future::join_all(all).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(fake.journal().len(), 12);
    assert_eq!(fake.max_in_flight(), 3);
}

#[tokio::test]
async fn a_dropped_future_frees_its_place() {
    let fake = fake().await;
    let client = builder(&fake).max_in_flight(1).build().unwrap();
    let order = order(&client).await;
    fake.fault(Route::Credits, Fault::delay(Duration::from_secs(4)));
    fake.fault(Route::CreateTalk, Fault::delay(Duration::from_secs(4)).after_effect());
    assert!(timeout(Duration::from_millis(300), client.credits()).await.is_err());
    assert!(timeout(Duration::from_millis(300), client.talks().create(&order)).await.is_err());
    // A waiter that is dropped in the queue leaves it too.
    fake.fault(Route::GetTalk, Fault::delay(Duration::from_millis(150)));
    let id = "tlk_none".into();
    let talks = client.talks();
    let holder = talks.get(&id);
    let queued = async {
        sleep(Duration::from_millis(20)).await;
        assert!(timeout(Duration::from_millis(30), client.credits()).await.is_err());
    };
    let (_, ()) = tokio::join!(holder, queued);
    timeout(Duration::from_secs(2), client.credits()).await.unwrap().unwrap();

    // The create had been sent: the talk exists and can be found.
    let found = client.talks().find_by_source(&order.source_url).await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), fake.talks()[0].id);
    assert_eq!(fake.in_flight(), 0);
}

#[tokio::test]
async fn a_place_is_not_held_between_tries() {
    let fake = fake().await;
    let client = builder(&fake).max_in_flight(1).build().unwrap();
    fake.fault(Route::Credits, Fault::html(503, "").retry_after(1));
    let slow = client.credits();
    let quick = async {
        sleep(Duration::from_millis(100)).await;
        let list = portrait_d_id::ListTalks::default();
        timeout(Duration::from_millis(800), client.talks().list(&list)).await.unwrap()
    };
    let (slow, quick) = tokio::join!(slow, quick);
    assert!(slow.is_ok() && quick.is_ok());
}

#[tokio::test]
async fn a_create_is_recorded_when_it_is_sent_and_not_while_it_queues() {
    let fake = fake().await;
    let client = builder(&fake).max_in_flight(1).build().unwrap();
    let order = order(&client).await;
    fake.fault(Route::Credits, Fault::delay(Duration::from_millis(400)));
    // And again with the second try, after the first was refused.
    fake.fault(Route::CreateTalk, Fault::error(429, "TooManyRequests", "slow down"));
    let began = Instant::now();
    let recorded = Mutex::new(Vec::new());
    let record = || {
        recorded.lock().unwrap().push((began.elapsed(), fake.in_flight()));
        async { Ok::<_, std::io::Error>(()) }.boxed()
    };
    let talks = client.talks();
    let queued = async {
        sleep(Duration::from_millis(50)).await;
        talks.create_recorded(&order, record).await
    };
    let (busy, created) = tokio::join!(client.credits(), queued);
    assert!(busy.is_ok() && created.is_ok());
    let recorded = recorded.lock().unwrap();
    assert_eq!(recorded.len(), 2);
    assert!(recorded[0].0 >= Duration::from_millis(390), "{recorded:?}");
    assert!(recorded.iter().all(|(_, in_flight)| *in_flight == 0), "{recorded:?}");
}
