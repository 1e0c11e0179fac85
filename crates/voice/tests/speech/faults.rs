use std::time::{Duration, Instant};

use portrait_voice::{Error, RetryPolicy, Speech, SpeechRequest};

use crate::service::{Answer, Service};

fn plain(status: u16, body: &str) -> Answer {
    Answer::Plain(status, vec![("content-type", "application/json".into())], body.into())
}

fn with(status: u16, name: &'static str, value: &str) -> Answer {
    Answer::Plain(status, vec![(name, value.into())], String::new())
}

async fn ask(service: &Service) -> Result<usize, Error> {
    service.speech().speak(&SpeechRequest::new("Hello")).await.map(|sound| sound.len())
}

#[tokio::test]
async fn refusals_are_told_by_kind_and_in_one_line() {
    let cases = [
        (plain(400, r#"{"error": {"message": "no voice\n anna"}}"#), "no voice anna"),
        (plain(422, r#"{"detail": [{"loc": ["body", "voice"], "msg": "wrong"}]}"#), "wrong"),
        (plain(404, r#"{"detail": "unknown voice"}"#), "unknown voice"),
        (plain(413, r#"{"message": "text too long"}"#), "text too long"),
        (plain(400, "<html>\nno\n</html>"), "<html> no </html>"),
        (plain(400, ""), "no reason given"),
    ];
    for (answer, words) in cases {
        let service = Service::start([answer]).await;
        let error = ask(&service).await.unwrap_err();
        assert!(matches!(error, Error::SpeechRefused { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains('\n'), "{text}");
        assert_eq!(service.asked().len(), 1, "a refusal is not tried again");
    }
    for status in [401, 403] {
        let service = Service::start([plain(status, "{}")]).await;
        let error = ask(&service).await.unwrap_err();
        assert!(matches!(error, Error::SpeechUnauthorised { status: of, .. } if of == status));
    }
    let long = "x".repeat(10_000);
    let service = Service::start([plain(400, &long)]).await;
    assert!(ask(&service).await.unwrap_err().to_string().len() < 400);
}

#[tokio::test]
async fn what_was_not_done_is_tried_again_and_what_may_have_been_is_not() {
    for status in [429, 503] {
        let service = Service::start([plain(status, "{}"), plain(status, "{}")]).await;
        assert!(ask(&service).await.unwrap() > 1000);
        assert_eq!(service.asked().len(), 3);
    }
    for status in [408, 500, 502, 504] {
        let service = Service::start([plain(status, "{}")]).await;
        let error = ask(&service).await.unwrap_err();
        assert!(matches!(error, Error::SpeechUnavailable { retry_after: None, .. }), "{error}");
        assert!(error.to_string().contains(&status.to_string()), "{error}");
        assert_eq!(service.asked().len(), 1);
    }
    let many: Vec<Answer> = (0..5).map(|_| plain(503, "{}")).collect();
    let service = Service::start(many).await;
    assert!(matches!(ask(&service).await, Err(Error::SpeechUnavailable { .. })));
    assert_eq!(service.asked().len(), 3, "three tries in all");
}

#[tokio::test]
async fn retry_after_is_waited_for_within_its_limit() {
    let service = Service::start([with(429, "retry-after", "1")]).await;
    ask(&service).await.unwrap();
    let asked = service.asked();
    let pause = asked[1].at - asked[0].at;
    assert!(pause >= Duration::from_secs(1), "{pause:?}");

    let service = Service::start([with(503, "retry-after", "3600")]).await;
    let start = Instant::now();
    let error = ask(&service).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3600)));
    assert!(error.to_string().contains("in 3600 s"), "{error}");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_late_answer_is_given_up_and_not_asked_for_again() {
    let service = Service::start([Answer::Late(Duration::from_secs(30))]).await;
    let speech = service.builder().timeout(Duration::from_millis(200)).build().unwrap();
    let start = Instant::now();
    let error = speech.speak(&SpeechRequest::new("Hello")).await.unwrap_err();
    assert_eq!(error, Error::SpeechTimeout { after: Duration::from_millis(200) });
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn where_nobody_listens_the_connection_is_tried_again_and_then_told() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    drop(listener);
    let retry = RetryPolicy {
        max_attempts: 3,
        first_pause: Duration::from_millis(40),
        ..RetryPolicy::default()
    };
    let speech = portrait_voice::HttpSpeech::builder(address.parse().unwrap());
    let speech = speech.retry(retry).build().unwrap();
    let start = Instant::now();
    let error = speech.speak(&SpeechRequest::new("Hello")).await.unwrap_err();
    assert!(error.to_string().contains("cannot connect"), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(20 + 40), "two pauses");
}

#[tokio::test]
async fn answers_that_are_no_sound_or_too_much_of_it_are_told() {
    let page = Answer::Plain(200, vec![("content-type", "text/html".into())], "<p>Hi</p>".into());
    let json = plain(200, r#"{"audio": "UklGRg=="}"#);
    let noise = Answer::Plain(200, vec![("content-type", "audio/wav".into())], "hello".into());
    let empty = Answer::Plain(200, vec![], String::new());
    let elsewhere = with(302, "location", "http://127.0.0.1:9/");
    for (answer, words) in [
        (page, "text/html: <p>Hi</p>"),
        (json, "application/json"),
        (noise, "no known format"),
        (empty, "no content"),
        (elsewhere, "302"),
    ] {
        let service = Service::start([answer]).await;
        let error = ask(&service).await.unwrap_err();
        assert!(matches!(error, Error::SpeechAnswer { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(service.asked().len(), 1);
    }
    for answer in [Answer::Sound, Answer::Endless] {
        let service = Service::start([answer]).await;
        let speech = service.builder().max_bytes(20_000).build().unwrap();
        let error = speech.speak(&SpeechRequest::new("Hello")).await.unwrap_err();
        assert!(error.to_string().contains("more than the 20000 bytes"), "{error}");
    }
    // Exactly as much as allowed is not too much.
    let service = Service::start([]).await;
    let whole = crate::service::tone().len();
    let speech = service.builder().max_bytes(whole).build().unwrap();
    assert_eq!(speech.speak(&SpeechRequest::new("Hello")).await.unwrap().len(), whole);
}

#[tokio::test]
async fn a_lost_connection_is_told_and_not_asked_for_again() {
    for length in [0, 10, 20_000] {
        let service = Service::start([Answer::Cut(length)]).await;
        let error = ask(&service).await.unwrap_err();
        assert!(matches!(error, Error::SpeechUnavailable { .. }), "{error}");
        assert!(error.to_string().contains("connection lost"), "{error}");
        assert_eq!(service.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_dropped_request_is_given_up() {
    let service = Service::start([Answer::Late(Duration::from_secs(30))]).await;
    let speech = service.speech();
    let request = SpeechRequest::new("Hello");
    let waited = tokio::time::timeout(Duration::from_millis(100), speech.speak(&request)).await;
    assert!(waited.is_err());
    assert!(speech.speak(&request).await.is_ok(), "the next one is answered");
}
