use std::time::Duration;

use portrait_d_id::{Client, Error, ImageUpload, RetryPolicy};
use portrait_d_id_fake::{Fault, Route};

use crate::support::{builder, client, fake, png, run_talk};

#[tokio::test]
async fn reading_and_uploading_survive_passing_failures() {
    let fake = fake().await;
    let client = builder(&fake).timeout(Duration::from_millis(400)).build().unwrap();
    for fault in [
        Fault::error(408, "RequestTimeout", "slow"),
        Fault::error(429, "TooManyRequestsError", "slow down"),
        Fault::error(500, "InternalServerError", "oops"),
        Fault::html(502, "<html>Bad gateway</html>"),
        Fault::error(503, "ServiceUnavailable", "later"),
        Fault::html(504, ""),
        Fault::hang_up(),
        Fault::hang_up().while_receiving(),
        Fault::truncate(5),
        Fault::delay(Duration::from_secs(2)),
    ] {
        fake.fault(Route::Credits, fault.clone());
        assert_eq!(client.credits().await.unwrap().remaining, 100.0, "{fault:?}");
        fake.fault(Route::UploadImage, fault.clone());
        let uploaded = client.images().upload(ImageUpload::new(png(200, 200))).await;
        let bytes = fake.uploaded(&uploaded.unwrap().url).unwrap();
        assert_eq!(bytes, png(200, 200), "{fault:?}");
    }
    assert_eq!(fake.requests(Route::Credits).len(), 20);
    assert_eq!(fake.requests(Route::UploadImage).len(), 20);
}

#[tokio::test]
async fn refusals_are_final() {
    let fake = fake().await;
    let client = client(&fake);
    for status in [400, 401, 402, 403, 404, 409, 415, 422, 451] {
        fake.fault(Route::UploadImage, Fault::error(status, "SomeError", "no"));
        let error = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
    }
    assert_eq!(fake.requests(Route::UploadImage).len(), 9);
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let fake = fake().await;
    let client = client(&fake);
    let busy = Fault::error(429, "TooManyRequestsError", "slow down").retry_after(1);
    fake.fault(Route::Credits, busy);
    client.credits().await.unwrap();
    let tries = fake.requests(Route::Credits);
    assert_eq!(tries.len(), 2);
    let apart = tries[1].at - tries[0].at;
    assert!(apart >= Duration::from_secs(1), "{apart:?}");
}

#[tokio::test]
async fn too_long_a_retry_after_is_handed_to_the_caller() {
    let fake = fake().await;
    let client = client(&fake);
    let busy = Fault::error(429, "TooManyRequestsError", "slow down").retry_after(3600);
    fake.fault(Route::Credits, busy);
    let error = client.credits().await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
    assert!(error.is_retryable());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert_eq!(fake.requests(Route::Credits).len(), 1);
}

#[tokio::test]
async fn tries_end_with_the_last_error() {
    let fake = fake().await;
    let client = client(&fake);
    fake.fault(Route::Credits, Fault::html(502, "<h1>Bad gateway</h1>").times(100));
    let error = client.credits().await.unwrap_err();
    assert_eq!(fake.requests(Route::Credits).len(), 4);
    let Error::Server { status: 502, refusal, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(refusal.description, "<h1>Bad gateway</h1>");
}

#[tokio::test]
async fn pauses_grow() {
    let fake = fake().await;
    let client = builder(&fake)
        .retry(RetryPolicy { first_pause: Duration::from_millis(60), ..RetryPolicy::default() })
        .build()
        .unwrap();
    fake.fault(Route::Credits, Fault::html(503, "").times(3));
    client.credits().await.unwrap();
    let at: Vec<Duration> = fake.journal().iter().map(|entry| entry.at).collect();
    // Half of each pause is certain: 30, 60, 120 ms.
    for (pair, least) in at.windows(2).zip([30, 60, 120]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(least), "{at:?}");
    }
}

#[tokio::test]
async fn no_server_is_a_network_error() {
    let fake = fake().await;
    let client: Client = client(&fake);
    drop(fake);
    let error = client.credits().await.unwrap_err();
    assert!(matches!(error, Error::Network { .. }), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn what_an_earlier_try_removed_is_removed() {
    let fake = fake().await;
    let client = client(&fake);
    let uploaded = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap();
    fake.fault(Route::DeleteImage, Fault::hang_up().after_effect());
    client.images().delete(&uploaded.id.unwrap()).await.unwrap();
    assert_eq!(fake.requests(Route::DeleteImage).len(), 2);
    let talk = run_talk(&client).await.unwrap();
    fake.fault(Route::DeleteTalk, Fault::html(502, "").after_effect());
    assert_eq!(client.talks().delete(&talk.id).await.unwrap(), None);
    // What was never there, or only refused before, is still told.
    fake.fault(Route::DeleteTalk, Fault::error(429, "TooManyRequests", "slow down"));
    let error = client.talks().delete(&talk.id).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}
