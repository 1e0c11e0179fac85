//! A talk is paid for once, whatever happens to the answer.

use std::time::Duration;

use portrait_d_id::{CreateRecovery, Error, TalkStatus};
use portrait_d_id_fake::{FakeDid, Fault, ListOrder, Route};
use serde_json::json;

use crate::support::{builder, client, fake, order, wait_options};

fn gateway_timeout() -> Fault {
    Fault::json(504, json!({ "message": "Endpoint request timed out" }))
}

/// Runs a create under a fault and expects one talk, paid once, sent this many times.
async fn paid_once(fake: &FakeDid, fault: Fault, sent: usize) {
    let client = builder(fake).timeout(Duration::from_millis(400)).build().unwrap();
    let before = fake.talks().len();
    let posts = fake.requests(Route::CreateTalk).len();
    let credits = fake.credits();
    let order = order(&client).await;
    let what = format!("{fault:?}");
    fake.fault(Route::CreateTalk, fault);
    let talk = client.talks().create(&order).await.unwrap();
    assert_eq!(talk.source_url.as_deref(), Some(order.source_url.as_str()), "{what}");
    assert_eq!(fake.talks().len(), before + 1, "{what}");
    assert_eq!(fake.talks()[before].id, talk.id.as_str(), "{what}");
    assert_eq!(fake.credits(), credits - 1.0, "{what}");
    assert_eq!(fake.requests(Route::CreateTalk).len(), posts + sent, "{what}");
    let done = client.talks().wait(&talk.id, &wait_options()).await.unwrap();
    assert_eq!(done.status, TalkStatus::Done);
}

#[tokio::test]
async fn a_lost_answer_is_found_in_the_list() {
    for list_order in [ListOrder::NewestFirst, ListOrder::OldestFirst] {
        let fake = FakeDid::builder().list_order(list_order).start().await.unwrap();
        for fault in [
            gateway_timeout().after_effect(),
            Fault::error(500, "InternalServerError", "oops").after_effect(),
            Fault::html(502, "<html>Bad gateway</html>").after_effect(),
            Fault::error(409, "ConflictError", "same request in process").after_effect(),
            Fault::hang_up().after_effect(),
            Fault::truncate(10),
            Fault::html(201, "not json").after_effect(),
            Fault::edit(|body| {
                body.as_object_mut().unwrap().remove("id");
            }),
            Fault::delay(Duration::from_secs(2)).after_effect(),
        ] {
            paid_once(&fake, fault, 1).await;
        }
    }
}

#[tokio::test]
async fn what_never_took_effect_is_sent_again_after_a_look() {
    let fake = fake().await;
    for fault in [
        gateway_timeout(),
        Fault::error(500, "InternalServerError", "oops"),
        Fault::error(503, "ServiceUnavailable", "later").retry_after(0),
        Fault::hang_up(),
        Fault::hang_up().while_receiving(),
    ] {
        let looks = fake.requests(Route::ListTalks).len();
        paid_once(&fake, fault, 2).await;
        assert_eq!(fake.requests(Route::ListTalks).len(), looks + 2);
    }
}

#[tokio::test]
async fn a_talk_that_shows_late_is_not_paid_twice() {
    let fake = fake().await;
    // The client gives up after 400 ms; the server carries the request out a little later.
    let client = builder(&fake)
        .timeout(Duration::from_millis(400))
        .create_recovery(CreateRecovery {
            looks: [1, 150, 300].map(Duration::from_millis).to_vec(),
            ..CreateRecovery::default()
        })
        .build()
        .unwrap();
    let order = order(&client).await;
    fake.fault(Route::CreateTalk, Fault::delay(Duration::from_millis(500)));
    let talk = client.talks().create(&order).await.unwrap();
    assert_eq!(fake.talks().len(), 1);
    assert_eq!(fake.talks()[0].id, talk.id.as_str());
    assert_eq!(fake.credits(), 99.0);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_settled_is_said_so() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    fake.fault(Route::CreateTalk, gateway_timeout().after_effect());
    fake.fault(Route::ListTalks, Fault::error(500, "InternalServerError", "oops").times(100));
    let error = client.talks().create(&order).await.unwrap_err();
    let Error::CreateAmbiguous { source_url, cause, listing } = &error else {
        panic!("{error}");
    };
    assert_eq!(*source_url, order.source_url);
    assert!(matches!(**cause, Error::Server { status: 504, .. }), "{cause}");
    assert!(matches!(listing.as_deref(), Some(Error::Server { status: 500, .. })));
    assert!(!error.is_retryable());
    assert_eq!(fake.requests(Route::CreateTalk).len(), 1);
    assert_eq!(fake.talks().len(), 1);
}

#[tokio::test]
async fn silence_without_a_resend_stays_ambiguous() {
    let fake = fake().await;
    let recovery = CreateRecovery {
        looks: vec![Duration::from_millis(1)],
        resend: false,
        ..CreateRecovery::default()
    };
    let client = builder(&fake).create_recovery(recovery).build().unwrap();
    let order = order(&client).await;
    fake.fault(Route::CreateTalk, Fault::hang_up());
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::CreateAmbiguous { listing: None, .. }), "{error}");
    // A server that says it failed, and whose list agrees, is believed.
    fake.fault(Route::CreateTalk, Fault::error(500, "InternalServerError", "oops"));
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::Server { status: 500, .. }), "{error}");
    assert_eq!(fake.requests(Route::CreateTalk).len(), 2);
}

#[tokio::test]
async fn without_looks_nothing_is_sent_again() {
    let fake = fake().await;
    let recovery = CreateRecovery { looks: vec![], ..CreateRecovery::default() };
    let client = builder(&fake).create_recovery(recovery).build().unwrap();
    let order = order(&client).await;
    fake.fault(Route::CreateTalk, Fault::hang_up());
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::CreateAmbiguous { .. }), "{error}");
    assert_eq!(fake.requests(Route::CreateTalk).len(), 1);
}

#[tokio::test]
async fn an_older_talk_of_the_same_picture_is_not_mistaken() {
    for (fault, sent) in [(gateway_timeout().after_effect(), 1), (gateway_timeout(), 2)] {
        let fake = fake().await;
        let client = client(&fake);
        let order = order(&client).await;
        let old = client.talks().create(&order).await.unwrap();
        // Two minutes on the server's clock; this machine's stands still.
        fake.advance(Duration::from_secs(120));
        fake.fault(Route::ListTalks, time_shifted_list(120));
        fake.fault(Route::CreateTalk, fault);
        let new = client.talks().create(&order).await.unwrap();
        assert_ne!(new.id, old.id);
        assert_eq!(fake.talks().len(), 2);
        assert_eq!(new.id.as_str(), fake.talks()[1].id);
        assert_eq!(fake.requests(Route::CreateTalk).len(), 1 + sent);
    }
}

/// A list whose `Date` header is ahead of this machine's clock.
fn time_shifted_list(seconds: u64) -> Fault {
    let ahead = std::time::SystemTime::now() + Duration::from_secs(seconds);
    Fault::edit(|_| {}).header("date", &httpdate::fmt_http_date(ahead)).times(20)
}

#[tokio::test]
async fn two_orders_of_one_picture_are_told_apart_by_their_user_data() {
    for fault in [Fault::hang_up().after_effect(), Fault::hang_up()] {
        let fake = fake().await;
        let client = client(&fake);
        let mut order = order(&client).await;
        order.user_data = Some("first".into());
        let first = client.talks().create(&order).await.unwrap();
        order.user_data = Some("second".into());
        fake.fault(Route::CreateTalk, fault);
        let second = client.talks().create(&order).await.unwrap();
        assert_ne!(second.id, first.id);
        assert_eq!(fake.talks().len(), 2);
    }
}

#[tokio::test]
async fn an_unreadable_success_is_never_sent_again() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    fake.fault(Route::CreateTalk, Fault::html(201, "not json"));
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::CreateAmbiguous { listing: None, .. }), "{error}");
    let busy = Fault::error(409, "ConflictError", "same request in process");
    fake.fault(Route::CreateTalk, busy);
    let error = client.talks().create(&order).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error}");
    assert_eq!(fake.requests(Route::CreateTalk).len(), 2);
}

#[tokio::test]
async fn the_list_is_searched_beyond_its_first_page() {
    let fake =
        FakeDid::builder().list_order(ListOrder::OldestFirst).credits(1000).start().await.unwrap();
    let client = client(&fake);
    let mut order = order(&client).await;
    let own = order.source_url.clone();
    for n in 0..120 {
        order.source_url = format!("https://host/{n}.png");
        client.talks().create(&order).await.unwrap();
    }
    order.source_url = own;
    fake.fault(Route::CreateTalk, Fault::hang_up().after_effect());
    let talk = client.talks().create(&order).await.unwrap();
    assert_eq!(fake.talks().len(), 121);
    assert_eq!(fake.talks()[120].id, talk.id.as_str());
    assert_eq!(fake.requests(Route::ListTalks).len(), 2);
}

#[tokio::test]
async fn refusals_for_the_moment_are_tried_again_without_a_look() {
    let fake = fake().await;
    let client = client(&fake);
    let order = order(&client).await;
    let busy = Fault::error(429, "TooManyRequestsError", "slow down");
    fake.fault(Route::CreateTalk, busy.times(2));
    client.talks().create(&order).await.unwrap();
    assert_eq!(fake.requests(Route::CreateTalk).len(), 3);
    assert!(fake.requests(Route::ListTalks).is_empty());
    assert_eq!(fake.credits(), 99.0);
}
