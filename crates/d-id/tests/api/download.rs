use std::time::Duration;

use futures::StreamExt;
use portrait_d_id::{Error, Refusal};
use portrait_d_id_fake::{FakeDid, Fault, Route, TALK_MP4};

use crate::support::{builder, client, fake, fetch, run_talk};

async fn link(fake: &FakeDid) -> String {
    run_talk(&client(fake)).await.unwrap().result_url.unwrap()
}

#[tokio::test]
async fn a_cut_off_video_is_noticed() {
    let fake = fake().await;
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::truncate(1000));
    let error = fetch(&client(&fake), &link).await.unwrap_err();
    let Error::Truncated { expected, received } = error else {
        panic!("{error}");
    };
    assert_eq!((expected, received), (TALK_MP4.len() as u64, 1000));
    assert!(error.is_retryable());
    assert_eq!(fetch(&client(&fake), &link).await.unwrap(), TALK_MP4);
}

#[tokio::test]
async fn a_slow_video_comes_in_pieces_and_a_stuck_one_times_out() {
    let fake = fake().await;
    let link = link(&fake).await;
    let client = builder(&fake).timeout(Duration::from_millis(500)).build().unwrap();
    // Longer than the time-out in all, but each piece comes in time.
    fake.fault(Route::Result, Fault::drip(TALK_MP4.len() / 8, Duration::from_millis(100)));
    assert_eq!(fetch(&client, &link).await.unwrap(), TALK_MP4);
    fake.fault(Route::Result, Fault::drip(1000, Duration::from_secs(3)));
    let error = fetch(&client, &link).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn opening_is_tried_again() {
    let fake = fake().await;
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::html(503, "slow down").times(2));
    fake.fault(Route::Result, Fault::hang_up());
    assert_eq!(fetch(&client(&fake), &link).await.unwrap(), TALK_MP4);
    assert_eq!(fake.requests(Route::Result).len(), 4);
}

#[tokio::test]
async fn an_expired_link_is_typed_and_a_fresh_one_is_not_needed_before() {
    let fake = fake().await;
    let link = link(&fake).await;
    fake.advance(Duration::from_secs(23 * 3600));
    assert!(fetch(&client(&fake), &link).await.is_ok());
    fake.advance(Duration::from_secs(2 * 3600));
    let error = fetch(&client(&fake), &link).await.unwrap_err();
    let Error::LinkExpired { refusal: Refusal { status: 403, .. } } = &error else {
        panic!("{error}");
    };
    assert!(!error.to_string().contains("Signature"), "{error}");
}

#[tokio::test]
async fn an_s3_link_is_refused_before_anything_is_sent() {
    let fake = FakeDid::builder().s3_results(true).start().await.unwrap();
    let client = client(&fake);
    let link = link(&fake).await;
    let error = fetch(&client, &link).await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { field: "url", .. }), "{error}");
    for bad in ["", "ftp://host/a.mp4", "http://example.com/a.mp4", "file:///etc/passwd"] {
        assert!(matches!(fetch(&client, bad).await, Err(Error::InvalidRequest { .. })), "{bad}");
    }
    assert!(fake.requests(Route::Result).is_empty());
}

#[tokio::test]
async fn the_stream_ends_after_an_error() {
    let fake = fake().await;
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::truncate(10));
    let items: Vec<_> = client(&fake).download(&link).collect().await;
    let errors = items.iter().filter(|item| item.is_err()).count();
    assert!(items.last().unwrap().is_err() && errors == 1);
}
