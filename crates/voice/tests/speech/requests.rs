use portrait_voice::{
    DecodeLimits, Error, Message, Plan, PrepareOptions, ProsodyPreset, Speech, SpeechRequest,
    Voice, decode, prepare,
};
use serde_json::json;

use crate::service::{Service, tone};

const KEY: &str = "sk-very-secret-4711";

fn celebration() -> SpeechRequest {
    let voice = Voice::Service {
        voice_id: Some("openvoice_c403f011".into()),
        model_id: None,
        styles: vec!["excited".into()],
        language: Some("ja".into()),
    };
    let prosody = ProsodyPreset::Celebration.prosody();
    let message =
        Message {
            voice: Some(voice), prosody, ..Message::text("おめでとうございます！")
        };
    match message.plan(true).unwrap() {
        Plan::Service(request) => request,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_text_is_asked_for_as_documented_and_its_sound_comes_back() {
    let service = Service::start([]).await;
    let sound = service.speech().speak(&celebration()).await.unwrap();
    assert_eq!(sound, tone());
    assert_eq!(decode(&sound, &DecodeLimits::default()).unwrap().duration().as_secs(), 1);
    let [asked] = &service.asked()[..] else { panic!() };
    assert_eq!(asked.path, "POST /v1/audio/speech");
    assert_eq!(asked.headers["content-type"], "application/json");
    assert!(!asked.headers.contains_key("authorization"));
    assert_eq!(
        asked.body,
        json!({
            "model": "tts-1", "input": "おめでとうございます！", "voice": "openvoice_c403f011",
            "response_format": "wav", "speed": 1.08,
            "language": "ja", "style": "excited", "pitch_semitones": 2.0, "expressiveness": 0.6,
        })
    );
}

#[tokio::test]
async fn what_is_not_asked_for_is_left_out() {
    let service = Service::start([]).await;
    let plain = SpeechRequest::new("Hello");
    service.speech().speak(&plain).await.unwrap();
    let body = &service.asked()[0].body;
    assert_eq!(*body, json!({"model": "tts-1", "input": "Hello", "response_format": "wav"}));

    let speech = service.builder().voice("alloy").model("melo").build().unwrap();
    speech.speak(&plain).await.unwrap();
    let body = &service.asked()[0].body;
    assert_eq!((&body["voice"], &body["model"]), (&json!("alloy"), &json!("melo")));
    let named = SpeechRequest {
        voice_id: Some("anna".into()),
        model_id: Some("en-newest".into()),
        ..plain.clone()
    };
    speech.speak(&named).await.unwrap();
    let body = &service.asked()[0].body;
    assert_eq!((&body["voice"], &body["model"]), (&json!("anna"), &json!("en-newest")));

    let strict = service.builder().standard_fields_only().build().unwrap();
    strict.speak(&celebration()).await.unwrap();
    let body = service.asked()[0].body.clone();
    let mut names: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["input", "model", "response_format", "speed", "voice"]);
}

#[tokio::test]
async fn the_key_goes_to_the_service_and_nowhere_else() {
    let echo = |status| {
        let said = format!("{{\"error\": {{\"message\": \"wrong key {KEY}\"}}}}");
        crate::service::Answer::Plain(
            status,
            vec![("content-type", "application/json".into())],
            said,
        )
    };
    let service = Service::start([echo(401), echo(400), echo(500), echo(200)]).await;
    let builder = service.builder().key(KEY);
    assert!(!format!("{builder:?}").contains(KEY));
    let speech = builder.build().unwrap();
    assert!(!format!("{speech:?}").contains(KEY));
    for _ in 0..4 {
        let error = speech.speak(&celebration()).await.unwrap_err();
        assert!(error.to_string().contains("wrong key [key]"), "{error}");
        assert!(!format!("{error} {error:?}").contains(KEY), "{error:?}");
    }
    for asked in service.asked() {
        assert_eq!(asked.headers["authorization"], format!("Bearer {KEY}"));
        assert!(!asked.body.to_string().contains(KEY));
    }
}

#[test]
fn addresses_that_cannot_be_used_or_would_show_the_key_are_refused() {
    let build = |address: &str, key: bool| {
        let builder = portrait_voice::HttpSpeech::builder(address.parse().unwrap());
        let builder = if key { builder.key(KEY) } else { builder };
        builder.build().map(drop)
    };
    for address in ["http://localhost:1/v1", "http://127.0.0.1/", "https://voice.example/v1"] {
        build(address, true).unwrap();
    }
    build("http://tts:8000/v1", false).unwrap();
    for (address, key) in [
        ("http://tts:8000/v1", true),
        ("ftp://voice.example/", false),
        ("file:///etc/passwd", false),
        ("https://user:password@voice.example/", false),
    ] {
        let error = build(address, key).unwrap_err();
        assert!(matches!(error, Error::InvalidOption { option: "speech.address", .. }), "{error}");
        assert!(!error.to_string().contains("password@"), "{error}");
    }
    let in_a_private_network = portrait_voice::HttpSpeech::builder("http://tts/".parse().unwrap());
    in_a_private_network.key(KEY).allow_http().build().unwrap();
}

#[tokio::test]
async fn what_a_service_says_is_made_ready_as_a_recording() {
    let service = Service::start([]).await;
    let sound = service.speech().speak(&celebration()).await.unwrap();
    let ready = prepare(&sound, Some(&tone()), &PrepareOptions::default()).unwrap();
    assert!((ready.loudness.integrated_lufs + 16.0).abs() < 0.5, "{ready:?}");
}
