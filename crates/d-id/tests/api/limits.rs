//! What breaks a documented limit is refused before anything is sent.

use portrait_d_id::{
    AudioUpload, CreateTalk, DriverExpressions, ElevenLabsVoice, Error, Expression, ImageUpload,
    Logo, Provider, Script, TextScript, TimedExpression,
};

use crate::support::{client, fake, png};

const URL: &str = "https://host/face.png";

fn field(result: Result<impl Sized, Error>) -> Option<&'static str> {
    match result {
        Ok(_) => None,
        Err(Error::InvalidRequest { field, .. }) => Some(field),
        Err(other) => panic!("{other}"),
    }
}

fn talk(change: impl FnOnce(&mut CreateTalk)) -> Option<&'static str> {
    let mut talk = CreateTalk::new(URL, Script::text("Hello"));
    change(&mut talk);
    field(talk.check())
}

#[tokio::test]
async fn nothing_is_sent_when_a_limit_is_broken() {
    let fake = fake().await;
    let client = client(&fake);
    let bad = ImageUpload::new(&b"GIF89a"[..]);
    assert_eq!(field(client.images().upload(bad).await), Some("image"));
    let bad = AudioUpload::wav(vec![0; 6 * 1024 * 1024 + 1]);
    assert_eq!(field(client.audios().upload(bad).await), Some("audio"));
    let bad = CreateTalk::new(URL, Script::text("Hi"));
    assert_eq!(field(client.talks().create(&bad).await), Some("script.input"));
    // Another server's http address passes for no one.
    let bad = CreateTalk::new("http://127.0.0.1:1/face.png", Script::text("Hello"));
    assert_eq!(field(client.talks().create(&bad).await), Some("source_url"));
    assert!(fake.journal().is_empty());
}

#[test]
fn texts_are_measured_in_characters() {
    let text = |input: &str| {
        let input = input.to_owned();
        talk(|t| t.script = Script::text(input))
    };
    assert_eq!(text("ab"), Some("script.input"));
    assert_eq!(text("   "), Some("script.input"));
    assert_eq!(text("日本語"), None);
    assert_eq!(text(&"é".repeat(40_000)), None);
    assert_eq!(text(&"é".repeat(40_001)), Some("script.input"));
}

#[test]
fn optional_fields_have_limits_too() {
    assert_eq!(talk(|t| t.user_data = Some("x".repeat(1000))), None);
    assert_eq!(talk(|t| t.user_data = Some("x".repeat(1001))), Some("user_data"));
    assert_eq!(talk(|t| t.user_data = Some(" ".into())), Some("user_data"));
    assert_eq!(talk(|t| t.user_data = Some("a\nb".into())), Some("user_data"));
    assert_eq!(talk(|t| t.webhook = Some("http://host/x".into())), Some("webhook"));
    assert_eq!(talk(|t| t.result_url = Some("s3://bucket/x".into())), None);
    assert_eq!(talk(|t| t.result_url = Some("/tmp/x".into())), Some("result_url"));
    assert_eq!(talk(|t| t.config.pad_audio = Some(60.0)), None);
    assert_eq!(talk(|t| t.config.pad_audio = Some(60.5)), Some("config.pad_audio"));
    assert_eq!(talk(|t| t.config.pad_audio = Some(f64::NAN)), Some("config.pad_audio"));
    let logo = Logo { url: "http://host/logo.png".into(), position: [0, -5] };
    assert_eq!(talk(|t| t.config.logo = Some(logo)), Some("config.logo.url"));
    let driver = |start_frame, intensity| {
        let expression = Expression::Happy;
        talk(|t| {
            t.config.driver_expressions = Some(DriverExpressions {
                expressions: vec![TimedExpression { start_frame, expression, intensity }],
                transition_frames: Some(10.0),
            });
        })
    };
    assert_eq!(driver(0.0, 1.0), None);
    assert!(driver(-1.0, 1.0).unwrap().ends_with("start_frame"));
    assert!(driver(0.0, 1.1).unwrap().ends_with("intensity"));
}

#[test]
fn providers_are_checked() {
    let with = |provider: Provider| talk(|t| t.script = t.script.clone().spoken_by(provider));
    let amazon = |voice: &str| Provider::Amazon { voice_id: voice.into(), language: None };
    assert_eq!(with(amazon("Léa")), None);
    assert_eq!(with(amazon("Lea")), Some("script.provider.voice_id"));
    assert_eq!(with(Provider::microsoft(" ")), Some("script.provider.voice_id"));
    let eleven = |voice_config: ElevenLabsVoice| {
        with(Provider::ElevenLabs {
            voice_id: None,
            voice_config: Some(voice_config),
            model_id: None,
            language: None,
        })
    };
    let fast = ElevenLabsVoice { rate: Some(1.3), ..Default::default() };
    assert!(eleven(fast).unwrap().ends_with("rate"));
    let fine = ElevenLabsVoice { rate: Some(1.2), stability: Some(0.0), ..Default::default() };
    assert_eq!(eleven(fine), None);
}

#[test]
fn bodies_hold_what_was_set_and_no_more() {
    let mut talk = CreateTalk::new(URL, Script::text("Hello"));
    let plain = serde_json::json!({
        "source_url": URL,
        "script": { "type": "text", "input": "Hello" },
    });
    assert_eq!(serde_json::to_value(&talk).unwrap(), plain);
    talk.script = Script::Text(TextScript {
        input: "<speak>Hello</speak>".into(),
        ssml: true,
        subtitles: true,
        provider: Some(Provider::ElevenLabs {
            voice_id: None,
            voice_config: Some(ElevenLabsVoice {
                rate: Some(1.0),
                style: Some(0.25),
                ..Default::default()
            }),
            model_id: None,
            language: None,
        }),
    });
    talk.config.fluent = true;
    let rich = serde_json::json!({
        "source_url": URL,
        "script": {
            "type": "text",
            "input": "<speak>Hello</speak>",
            "ssml": true,
            "subtitles": true,
            "provider": { "type": "elevenlabs", "voice_config": { "rate": "1", "style": "0.25" } },
        },
        "config": { "fluent": true },
    });
    assert_eq!(serde_json::to_value(&talk).unwrap(), rich);
}

#[test]
fn pictures_are_measured_before_they_are_sent() {
    let image = |bytes: Vec<u8>| field(ImageUpload::new(bytes).check());
    assert_eq!(image(png(160, 160)), None);
    assert_eq!(image(png(159, 400)), Some("image"));
    // 2048 x 5121 is just above 10,485,760 pixels; only the header counts here.
    let mut huge = png(200, 200);
    huge[16..20].copy_from_slice(&2048_u32.to_be_bytes());
    huge[20..24].copy_from_slice(&5121_u32.to_be_bytes());
    assert_eq!(image(huge.clone()), Some("image"));
    huge[20..24].copy_from_slice(&5120_u32.to_be_bytes());
    assert_eq!(image(huge), None);
    let mut long = png(200, 200);
    long.resize(10 * 1024 * 1024 + 1, 0);
    assert_eq!(image(long), Some("image"));
    let mut named = ImageUpload::new(png(200, 200));
    named.file_name = Some("a b.png".into());
    assert_eq!(field(named.check()), Some("file_name"));
}
