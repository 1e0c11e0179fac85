use std::time::Duration;

use portrait_d_id::{Error, TalkStatus, WaitOptions};
use portrait_d_id_fake::{Ending, FakeDid, Fault, Outcome, Pace, Route};

use crate::support::{builder, client, fake, order, run_talk, wait_options};

#[tokio::test]
async fn an_unknown_status_is_waited_through() {
    let fake = FakeDid::builder().pace(Pace::Polls(1)).start().await.unwrap();
    let client = client(&fake);
    fake.next_talk(Outcome { through: vec!["being-reviewed".into()], ending: Ending::Done });
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let mut seen = Vec::new();
    client
        .talks()
        .wait_with(&talk.id, &wait_options(), |talk| seen.push(talk.status.to_string()))
        .await
        .unwrap();
    assert_eq!(seen, ["created", "started", "being-reviewed", "done"]);
}

#[tokio::test]
async fn the_deadline_ends_the_wait_with_the_last_status() {
    let fake = FakeDid::builder().talk_duration(Duration::from_secs(3600)).start().await.unwrap();
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let options = WaitOptions { deadline: Duration::from_millis(120), ..wait_options() };
    let error = client.talks().wait(&talk.id, &options).await.unwrap_err();
    let Error::Timeout { last_status, after, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*last_status, Some(TalkStatus::Created));
    assert_eq!(*after, options.deadline);
    assert!(error.is_retryable());
    // The wait can be taken up again.
    fake.advance(Duration::from_secs(3600));
    client.talks().wait(&talk.id, &wait_options()).await.unwrap();
}

#[tokio::test]
async fn a_poll_without_an_answer_does_not_outlast_the_deadline() {
    let fake = fake().await;
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    fake.fault(Route::GetTalk, Fault::delay(Duration::from_secs(4)));
    let options = WaitOptions { deadline: Duration::from_millis(100), ..wait_options() };
    let began = std::time::Instant::now();
    let error = client.talks().wait(&talk.id, &options).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { last_status: None, .. }), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn failing_polls_do_not_lose_a_paid_talk() {
    let fake = fake().await;
    let client = client(&fake);
    // More failures than one request's tries.
    fake.fault(Route::GetTalk, Fault::html(503, "").times(9));
    let talk = run_talk(&client).await.unwrap();
    assert_eq!(talk.status, TalkStatus::Done);
}

#[tokio::test]
async fn polls_are_paced() {
    let fake = FakeDid::builder().talk_duration(Duration::from_millis(400)).start().await.unwrap();
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let options = WaitOptions {
        first_pause: Duration::from_millis(50),
        max_pause: Duration::from_millis(100),
        factor: 2.0,
        jitter: 0.0,
        ..wait_options()
    };
    client.talks().wait(&talk.id, &options).await.unwrap();
    let at: Vec<Duration> = fake.requests(Route::GetTalk).iter().map(|e| e.at).collect();
    for (pair, least) in at.windows(2).zip([50, 100, 100, 100, 100]) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(least), "{at:?}");
    }
    assert!((2..=6).contains(&at.len()), "{at:?}");
}

#[tokio::test]
async fn a_link_that_comes_late_is_waited_for() {
    let fake = fake().await;
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    fake.advance(Duration::from_secs(1));
    let without = |times| {
        Fault::edit(|talk| {
            talk.as_object_mut().unwrap().remove("result_url");
        })
        .times(times)
    };
    fake.fault(Route::GetTalk, without(2));
    let done = client.talks().wait(&talk.id, &wait_options()).await.unwrap();
    assert!(done.result_url.is_some());
    fake.fault(Route::GetTalk, without(1000));
    let options = WaitOptions { deadline: Duration::from_millis(100), ..wait_options() };
    let error = client.talks().wait(&talk.id, &options).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn a_bare_answer_is_enough() {
    let fake = fake().await;
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    fake.fault(
        Route::GetTalk,
        Fault::json(200, serde_json::json!({ "id": talk.id.as_str(), "status": "started" })),
    );
    let got = client.talks().get(&talk.id).await.unwrap();
    assert_eq!(got.status, TalkStatus::Started);
    assert_eq!(got.source_url, None);
}

#[tokio::test]
async fn an_unreadable_answer_is_quoted_up_to_256_characters() {
    let fake = fake().await;
    let client = builder(&fake).build().unwrap();
    let page = format!("<html>{}</html>", "wrong address ".repeat(100));
    fake.fault(Route::Credits, Fault::html(200, &page));
    let error = client.credits().await.unwrap_err();
    let Error::Protocol { body, status: 200, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(body.chars().count(), 256);
    assert!(!error.to_string().contains('\n'));
}

#[tokio::test]
async fn a_wait_without_end_is_allowed() {
    let fake = fake().await;
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let options = WaitOptions { deadline: Duration::MAX, ..wait_options() };
    client.talks().wait(&talk.id, &options).await.unwrap();
}

#[tokio::test]
async fn a_talk_that_does_not_show_at_once_is_not_given_up() {
    let fake = fake().await;
    let client = client(&fake);
    for (kind, times) in [("NotFoundError", 1), ("NotFound", 3)] {
        fake.fault(Route::GetTalk, Fault::error(404, kind, "not found").times(times));
        assert_eq!(run_talk(&client).await.unwrap().status, TalkStatus::Done);
    }
    // Nor by a gateway's page in place of the answer.
    fake.fault(Route::GetTalk, Fault::html(200, "<html>come back later</html>").times(3));
    assert_eq!(run_talk(&client).await.unwrap().status, TalkStatus::Done);
    let options = WaitOptions { missing: Duration::from_millis(100), ..wait_options() };
    let error = client.talks().wait(&"tlk_none".into(), &options).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn polls_that_fail_are_paced_too() {
    let fake = FakeDid::builder().talk_duration(Duration::from_millis(1)).start().await.unwrap();
    let client = client(&fake);
    let talk = client.talks().create(&order(&client).await).await.unwrap();
    let pause = Duration::from_millis(60);
    let options = WaitOptions { first_pause: pause, factor: 1.0, jitter: 0.0, ..wait_options() };
    fake.fault(Route::GetTalk, Fault::html(503, "").times(4));
    let options = WaitOptions { max_pause: pause, ..options };
    client.talks().wait(&talk.id, &options).await.unwrap();
    let at: Vec<Duration> = fake.requests(Route::GetTalk).iter().map(|e| e.at).collect();
    assert_eq!(at.len(), 5);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= pause), "{at:?}");
}

#[tokio::test]
async fn what_d_id_says_of_a_failure_is_one_line_of_bounded_length() {
    let fake = fake().await;
    let client = client(&fake);
    let long = "no\nface\r\u{7}here ".repeat(1000);
    for ending in [
        serde_json::json!({ "status": "error", "error": { "kind": long, "description": long } }),
        serde_json::json!({ "status": "rejected", "error": { "kind": "x", "description": long } }),
        serde_json::json!({ "status": long }),
    ] {
        let talk = client.talks().create(&order(&client).await).await.unwrap();
        let mut answer = ending;
        answer["id"] = talk.id.as_str().into();
        fake.fault(Route::GetTalk, Fault::json(200, answer).times(1000));
        let options = WaitOptions { deadline: Duration::from_millis(50), ..wait_options() };
        let error = client.talks().wait(&talk.id, &options).await.unwrap_err().to_string();
        assert!(error.lines().count() == 1 && error.len() < 1600, "{error}");
        assert!(error.contains("no face here no face"), "{error}");
        fake.clear_faults();
    }
}
