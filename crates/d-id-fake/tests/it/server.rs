//! What is asked and answered.

use std::time::{Duration, Instant};

use portrait_d_id_fake::{
    Ending, Error, FakeDid, Fault, MissingSource, Outcome, Pace, Route, TALK_MP4,
};
use reqwest::Client;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::caller::{Caller, answer, order, png};

#[track_caller]
fn refused((status, body): (u16, Value), expected: u16, kind: &str) {
    assert_eq!(status, expected, "{body}");
    assert_eq!(body["kind"], kind, "{body}");
    assert!(body["description"].is_string(), "{body}");
}

#[tokio::test]
async fn credentials_are_checked_on_every_api_route() {
    let caller = Caller::to(FakeDid::builder().key("user:pass").bearer("token")).await;
    for path in ["talks", "talks/tlk_1", "credits", "tts/voices"] {
        let plain = caller.http.get(caller.url(path));
        refused(answer(plain.send().await.unwrap()).await, 401, "AuthorizationError");
    }
    let with = |header: &str| {
        let request = caller.http.get(caller.url("credits"));
        request.header("authorization", header.to_owned())
    };
    for good in ["Basic user:pass", "Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz~conn", "Bearer token"]
    {
        assert_eq!(with(good).send().await.unwrap().status(), 200, "{good}");
    }
    // base64 of the base64, and base64 of "key:".
    for bad in ["Basic ZFhObGNqcHdZWE56", "Basic ZFhObGNqcHdZWE56Og==", "Bearer other"] {
        assert_eq!(with(bad).send().await.unwrap().status(), 401, "{bad}");
    }
    let journal = format!("{:?}", caller.fake.journal());
    assert!(!journal.contains("dXNl") && !journal.contains("pass"), "{journal}");
}

#[tokio::test]
async fn pictures_are_judged_by_their_content() {
    let caller = Caller::to(FakeDid::builder()).await;
    let (status, body) = caller.upload(png(160, 160)).await;
    assert_eq!(status, 201);
    assert!(body["url"].as_str().unwrap().ends_with("/face.png"));
    assert_eq!(body["faces"], Value::Null);
    refused(caller.upload(png(159, 300)).await, 400, "InvalidImageResolutionError");
    refused(caller.upload(b"no picture".to_vec()).await, 400, "BadRequestError");
    let (status, body) = caller.upload(b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()).await;
    assert_eq!(body["details"]["received"], "image/gif");
    refused((status, body), 415, "UnsupportedMimeTypeError");
    let mut long = png(200, 200);
    long.resize(10 * 1024 * 1024 + 1, 0);
    refused(caller.upload(long).await, 400, "InvalidFileSizeError");
}

#[tokio::test]
async fn forms_are_checked() {
    let caller = Caller::to(FakeDid::builder()).await;
    let part = |name: &str| Part::bytes(png(200, 200)).file_name(name.to_owned());
    let wrong_field = Form::new().part("picture", part("a.png"));
    refused(caller.form("images", wrong_field).await, 400, "BadRequestError");
    let empty = Form::new().text("detect_faces", "true");
    refused(caller.form("images", empty).await, 400, "BadRequestError");
    for name in ["a b.png", &format!("{}.png", "a".repeat(50))] {
        let form = Form::new().part("image", part(name));
        refused(caller.form("images", form).await, 400, "BadRequestError");
    }
    refused(caller.post("images", &json!({})).await, 415, "UnsupportedMimeTypeError");
    let request = caller.http.post(caller.url("talks")).body("{}");
    refused(answer(caller.send(request).await).await, 415, "UnsupportedMimeTypeError");
    let sound = |bytes: usize| Part::bytes(vec![1; bytes]).file_name("a.mp3");
    let form = Form::new().part("audio", sound(100));
    refused(caller.form("audios", form).await, 415, "UnsupportedMimeTypeError");
    let large = sound(6 * 1024 * 1024 + 1).mime_str("audio/mpeg").unwrap();
    refused(
        caller.form("audios", Form::new().part("audio", large)).await,
        400,
        "InvalidFileSizeError",
    );
}

#[tokio::test]
async fn a_picture_of_too_many_pixels_passes_the_upload_only() {
    let caller = Caller::to(FakeDid::builder()).await;
    let (status, picture) = caller.upload(png(4096, 2561)).await;
    assert_eq!(status, 201);
    let refusal = caller.post("talks", &order(&picture["url"])).await;
    refused(refusal, 400, "InvalidFileSizeError");
}

#[tokio::test]
async fn talks_are_charged_when_created_and_refunded_when_they_fail() {
    let caller =
        Caller::to(FakeDid::builder().credits(2).talk_duration(Duration::from_secs(60))).await;
    let remaining = async || caller.get("credits").await.1["remaining"].clone();
    caller.fake.fail_next_talk("DriverError", "bad driver");
    let failing = caller.talk().await;
    assert_eq!(remaining().await, 1.0);
    let done = caller.talk().await;
    assert_eq!(remaining().await, 0.0);
    let (_, picture) = caller.upload(png(200, 200)).await;
    refused(caller.post("talks", &order(&picture["url"])).await, 402, "InsufficientCreditsError");

    assert_eq!(caller.get(&format!("talks/{done}")).await.1["status"], "created");
    caller.fake.advance(Duration::from_secs(31));
    let (_, talk) = caller.get(&format!("talks/{done}")).await;
    assert_eq!((&talk["status"], &talk["result_url"]), (&json!("started"), &Value::Null));
    caller.fake.advance(Duration::from_secs(30));
    assert_eq!(remaining().await, 1.0);
    let (_, talk) = caller.get(&format!("talks/{failing}")).await;
    assert_eq!(talk["error"]["kind"], "DriverError");
    assert_eq!(caller.get(&format!("talks/{done}")).await.1["status"], "done");
    let charges: Vec<_> = caller.fake.talks().iter().map(|t| (t.credits, t.refunded)).collect();
    assert_eq!(charges, [(1, true), (1, false)]);
}

#[tokio::test]
async fn long_texts_cost_more() {
    let caller = Caller::to(FakeDid::builder()).await;
    // 15 characters a second, 15 seconds a credit.
    let mut body = order(&"https://host/face.png".into());
    body["script"]["input"] = "x".repeat(15 * 15 * 3 + 1).into();
    caller.post("talks", &body).await;
    assert_eq!(caller.fake.credits(), 96.0);
    body["config"] = json!({ "pad_audio": 60 });
    body["script"]["input"] = "short".into();
    caller.post("talks", &body).await;
    assert_eq!(caller.fake.credits(), 91.0);
}

#[tokio::test]
async fn scripted_talks_pass_their_statuses() {
    let caller = Caller::to(FakeDid::builder().pace(Pace::Polls(2))).await;
    caller.fake.next_talk(Outcome { through: vec!["brewing".into()], ending: Ending::Rejected });
    let path = format!("talks/{}", caller.talk().await);
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(caller.get(&path).await.1["status"].as_str().unwrap().to_owned());
    }
    let expected =
        ["created", "created", "started", "started", "brewing", "brewing", "rejected", "rejected"];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn expired_pictures_make_no_talks() {
    for (missing, expected) in [(MissingSource::Fails, 201), (MissingSource::Refused, 400)] {
        let fake = FakeDid::builder().missing_source(missing).talk_duration(Duration::ZERO);
        let caller = Caller::to(fake).await;
        let (_, picture) = caller.upload(png(200, 200)).await;
        let url = picture["url"].as_str().unwrap();
        assert_eq!(caller.http.get(url).send().await.unwrap().status(), 200);
        caller.fake.advance(Duration::from_secs(24 * 3600));
        assert_eq!(caller.http.get(url).send().await.unwrap().status(), 404);
        let (status, talk) = caller.post("talks", &order(&picture["url"])).await;
        assert_eq!(status, expected);
        if status == 201 {
            let path = format!("talks/{}", talk["id"].as_str().unwrap());
            assert_eq!(caller.get(&path).await.1["error"]["kind"], "SourceError");
            assert_eq!(caller.fake.credits(), 100.0);
        }
    }
}

#[tokio::test]
async fn the_result_is_served_in_ranges_and_expires() {
    let fake = FakeDid::builder().video(TALK_MP4).talk_duration(Duration::ZERO);
    let caller = Caller::to(fake).await;
    let path = format!("talks/{}", caller.talk().await);
    let talk = caller.get(&path).await.1;
    let url = talk["result_url"].as_str().unwrap();
    let whole = caller.http.get(url).send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    assert_eq!(whole.bytes().await.unwrap(), TALK_MP4);
    let part = caller.http.get(url).header("range", "bytes=1000-1999").send().await.unwrap();
    assert_eq!(part.status(), 206);
    let range = format!("bytes 1000-1999/{}", TALK_MP4.len());
    assert_eq!(part.headers()["content-range"], range.as_str());
    assert_eq!(part.bytes().await.unwrap(), &TALK_MP4[1000..2000]);
    // A range of another file is of no use: the whole comes instead.
    let other = caller.http.get(url).header("range", "bytes=9-").header("if-range", "\"other\"");
    let other = other.send().await.unwrap();
    assert_eq!(other.status(), 200);
    let same = caller.http.get(url).header("range", "bytes=9-");
    let same = same.header("if-range", &other.headers()["etag"]).send().await.unwrap();
    assert_eq!(same.status(), 206);
    let beyond = caller.http.get(url).header("range", "bytes=99999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let head = caller.http.head(url).send().await.unwrap();
    assert_eq!(head.headers()["content-length"], TALK_MP4.len().to_string().as_str());

    // As at S3: a key beside a signed link is refused, and so is another signature.
    let both = caller.send(caller.http.get(url)).await;
    assert_eq!(both.status(), 400);
    let forged = format!("{url}x");
    assert_eq!(caller.http.get(forged).send().await.unwrap().status(), 403);
    caller.fake.advance(Duration::from_secs(25 * 3600));
    let late = caller.http.get(url).send().await.unwrap();
    assert_eq!(late.status(), 403);
    assert!(late.text().await.unwrap().contains("Request has expired"));
    // A fresh link comes with the talk, and deleting the talk ends both.
    let fresh = caller.get(&path).await.1["result_url"].as_str().unwrap().to_owned();
    assert_eq!(caller.http.get(&fresh).send().await.unwrap().status(), 200);
    assert_eq!(caller.delete(&path).await.0, 200);
    assert_eq!(caller.delete(&path).await.0, 404);
    assert_eq!(caller.http.get(fresh).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn plans_and_strictness_are_switches() {
    let caller = Caller::to(FakeDid::builder().allow_stitch(false).allow_subtitles(false)).await;
    let mut body = order(&"https://host/face.png".into());
    body["config"] = json!({ "stitch": true });
    refused(caller.post("talks", &body).await, 403, "PermissionError");
    body["config"] = json!({});
    body["script"]["subtitles"] = true.into();
    refused(caller.post("talks", &body).await, 403, "PermissionError");
    body["script"]["subtitles"] = false.into();
    body["persist"] = true.into();
    refused(caller.post("talks", &body).await, 400, "BadRequestError");
    let tolerant = Caller::to(FakeDid::builder().strict_bodies(false)).await;
    assert_eq!(tolerant.post("talks", &body).await.0, 201);
}

#[tokio::test]
async fn faults_strike_once_in_turn_and_only_their_route() {
    let caller = Caller::to(FakeDid::builder()).await;
    let fake = &caller.fake;
    fake.fault(Route::Credits, Fault::error(429, "Slow", "down").retry_after(7).times(2));
    fake.fault(Route::Credits, Fault::html(502, "<html>"));
    assert_eq!(caller.get("talks").await.0, 200);
    let first = caller.send(caller.http.get(caller.url("credits"))).await;
    assert_eq!(first.headers()["retry-after"], "7");
    let statuses = [
        first.status().as_u16(),
        caller.get("credits").await.0,
        caller.get("credits").await.0,
        caller.get("credits").await.0,
    ];
    assert_eq!(statuses, [429, 429, 502, 200]);
}

#[tokio::test]
async fn connections_drop_before_or_after_the_effect() {
    let caller = Caller::to(FakeDid::builder()).await;
    let url = json!("https://host/face.png");
    for (fault, talks) in [
        (Fault::hang_up().while_receiving(), 0),
        (Fault::hang_up(), 0),
        (Fault::hang_up().after_effect(), 1),
    ] {
        let before = caller.fake.talks().len();
        caller.fake.fault(Route::CreateTalk, fault);
        let request = caller.http.post(caller.url("talks")).json(&order(&url));
        let sent = request.header("authorization", format!("Basic {}", caller.fake.key())).send();
        assert!(sent.await.is_err());
        assert_eq!(caller.fake.talks().len() - before, talks);
        assert_eq!(caller.fake.journal().last().unwrap().status, None);
    }
}

#[tokio::test]
async fn what_was_sent_happens_even_if_the_caller_leaves() {
    let caller = Caller::to(FakeDid::builder()).await;
    caller.fake.fault(Route::CreateTalk, Fault::delay(Duration::from_millis(150)));
    let body = order(&"https://host/face.png".into());
    let call = caller.post("talks", &body);
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    assert!(caller.fake.talks().is_empty());
    let patience = Instant::now() + Duration::from_secs(5);
    while caller.fake.talks().is_empty() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(caller.fake.talks().len(), 1);
    assert_eq!(caller.fake.in_flight(), 0);
}

#[tokio::test]
async fn the_journal_tells_what_was_asked() {
    let caller = Caller::to(FakeDid::builder()).await;
    caller.talk().await;
    caller.get("talks?limit=3").await;
    let journal = caller.fake.journal();
    let routes: Vec<Route> = journal.iter().map(|entry| entry.route).collect();
    assert_eq!(routes, [Route::UploadImage, Route::CreateTalk, Route::ListTalks]);
    assert!(journal[0].request_bytes > png(200, 200).len());
    assert_eq!(journal[1].json.as_ref().unwrap()["script"]["type"], "text");
    assert_eq!(journal[2].query.as_deref(), Some("limit=3"));
    assert!(journal.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(journal.iter().all(|entry| entry.authorised && entry.in_flight == 1));
    assert_eq!(caller.fake.max_in_flight(), 1);
}

#[tokio::test]
async fn dropping_it_stops_it_even_with_requests_under_way() {
    let caller = Caller::to(FakeDid::builder()).await;
    caller.fake.fault(Route::Credits, Fault::delay(Duration::from_secs(30)));
    let url = caller.url("credits");
    let stuck = tokio::spawn(Client::new().get(&url).send());
    while caller.fake.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // A connection kept alive must not outlive the server either.
    let http = caller.http.clone();
    assert_eq!(http.get(caller.url("talks")).send().await.unwrap().status(), 401);
    drop(caller);
    let ended = tokio::time::timeout(Duration::from_secs(5), stuck).await.unwrap();
    assert!(ended.unwrap().is_err());
    assert!(http.get(url).send().await.is_err());
}

#[tokio::test]
async fn keys_must_have_both_parts() {
    for key in ["", "user", "user:", ":password"] {
        assert!(matches!(FakeDid::builder().key(key).start().await, Err(Error::Key)), "{key}");
    }
}
