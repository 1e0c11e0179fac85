use std::time::Duration;

use futures::StreamExt;
use portrait_d_id::{Error, Refusal};
use portrait_d_id_fake::{FakeDid, Fault, Route, TALK_MP4};

use crate::support::{builder, client, fake, fetch, run_talk};

async fn link(fake: &FakeDid) -> String {
    run_talk(&client(fake)).await.unwrap().result_url.unwrap()
}

/// The `Range` each download asked for is in the lengths answered: the fake notes no headers.
#[tokio::test]
async fn a_cut_off_video_goes_on_where_it_broke_off() {
    for ranges in [true, false] {
        let fake = FakeDid::builder().video(TALK_MP4).ranges(ranges).start().await.unwrap();
        let link = link(&fake).await;
        fake.fault(Route::Result, Fault::truncate(1000));
        fake.fault(Route::Result, Fault::truncate(if ranges { 0 } else { 1500 }));
        fake.fault(Route::Result, Fault::hang_up());
        assert_eq!(fetch(&client(&fake), &link).await.unwrap(), TALK_MP4, "{ranges}");
        let answers = fake.requests(Route::Result);
        let answers: Vec<_> = answers.iter().map(|entry| entry.status).collect();
        let rest = if ranges { Some(206) } else { Some(200) };
        assert_eq!(answers, [Some(200), rest, None, rest]);
    }
}

#[tokio::test]
async fn a_video_cut_off_again_and_again_is_noticed() {
    let fake = fake().await;
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::truncate(100).times(4));
    let error = fetch(&client(&fake), &link).await.unwrap_err();
    let Error::Truncated { expected, received } = error else {
        panic!("{error}");
    };
    assert_eq!((expected, received), (TALK_MP4.len() as u64, 400));
    assert!(error.is_retryable());
    assert_eq!(fetch(&client(&fake), &link).await.unwrap(), TALK_MP4);
}

#[tokio::test]
async fn tries_are_counted_anew_while_a_long_video_gets_on() {
    let video: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let fake = FakeDid::builder().video(video.clone()).start().await.unwrap();
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::truncate(100_000).times(9));
    assert!(fetch(&client(&fake), &link).await.unwrap() == video);
    assert_eq!(fake.requests(Route::Result).len(), 10);
}

#[tokio::test]
async fn parts_of_another_file_are_not_joined() {
    let fake = fake().await;
    let client = client(&fake);
    let total = TALK_MP4.len();
    for wrong in [
        ("content-range", format!("bytes 999-{}/{total}", total - 1)),
        ("content-range", format!("bytes 1000-{total}/{}", total + 1)),
        ("content-range", "nonsense".to_owned()),
    ] {
        let link = link(&fake).await;
        fake.fault(Route::Result, Fault::truncate(1000));
        fake.fault(Route::Result, Fault::edit(|_| {}).header(wrong.0, &wrong.1));
        let error = fetch(&client, &link).await.unwrap_err();
        assert!(matches!(error, Error::Protocol { status: 206, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_slow_video_comes_in_pieces_and_a_stuck_one_times_out() {
    let fake = fake().await;
    let link = link(&fake).await;
    let client = builder(&fake).timeout(Duration::from_millis(500)).build().unwrap();
    // Longer than the time-out in all, but each piece comes in time.
    fake.fault(Route::Result, Fault::drip(TALK_MP4.len() / 8, Duration::from_millis(100)));
    assert_eq!(fetch(&client, &link).await.unwrap(), TALK_MP4);
    // Stuck once, it goes on by another connection.
    fake.fault(Route::Result, Fault::drip(1000, Duration::from_secs(3)));
    assert_eq!(fetch(&client, &link).await.unwrap(), TALK_MP4);
    fake.fault(Route::Result, Fault::drip(1000, Duration::from_secs(3)).times(4));
    let error = fetch(&client, &link).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
}

#[tokio::test]
async fn downloads_have_a_bound_of_their_own() {
    let fake = fake().await;
    let client = builder(&fake).max_downloads(2).build().unwrap();
    let link = link(&fake).await;
    fake.fault(Route::Result, Fault::drip(2000, Duration::from_millis(20)).times(6));
    let all = (0..6).map(|_| fetch(&client, &link));
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    // One that is dropped half-way frees its place.
    for _ in 0..3 {
        assert!(client.download(&link).next().await.unwrap().is_ok());
    }
    let mut starts: Vec<_> = fake.requests(Route::Result).iter().map(|entry| entry.at).collect();
    starts.truncate(6);
    // Two at a time: the third starts when one of the first two has ended, 60 ms later.
    assert!(starts[2] - starts[1] >= Duration::from_millis(55), "{starts:?}");
    assert!(starts[4] - starts[3] >= Duration::from_millis(55), "{starts:?}");
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
    fake.fault(Route::Result, Fault::truncate(10).times(4));
    let items: Vec<_> = client(&fake).download(&link).collect().await;
    let errors = items.iter().filter(|item| item.is_err()).count();
    assert!(items.last().unwrap().is_err() && errors == 1);
}
