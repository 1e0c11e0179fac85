//! Bodies against D-ID's published OpenAPI description, where the test data has it.

use axum::extract::Multipart;
use portrait_d_id::{
    AudioUpload, Client, CreateTalk, DriverExpressions, ElevenLabsVoice, Expression, ImageUpload,
    ListTalks, ListVoices, Logo, MicrosoftVoice, Provider, ResultFormat, Script, TextScript,
    TimedExpression, VoiceProvider,
};
use portrait_d_id_fake::{FakeDid, Fault, Route};
use serde_json::{Value, json};
use std::future::IntoFuture;

use crate::support::{builder, client, fetch, order, png, run_talk, wav};

/// The description, or `None` after saying that the test skips.
fn description() -> Option<Value> {
    let path = portrait_test_support::test_data("reference/d-id-openapi-4.2.1.json")?;
    let text = std::fs::read_to_string(path).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn check(schema: &Value, body: &Value) {
    let validator = jsonschema::draft4::new(schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(body)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{body:#}\n{errors:#?}");
}

fn answer_schema<'a>(description: &'a Value, path: &str, method: &str, status: &str) -> &'a Value {
    let escaped = path.replace('/', "~1");
    let pointer =
        format!("/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema");
    description.pointer(&pointer).unwrap_or_else(|| panic!("{pointer}"))
}

#[test]
fn requests_follow_the_description() {
    let Some(description) = description() else {
        return;
    };
    let schema = description
        .pointer("/paths/~1talks/post/requestBody/content/application~1json/schema")
        .unwrap();
    let url = "https://host/face.png";
    let voice = MicrosoftVoice {
        style: Some("Cheerful".into()),
        rate: Some("0.9".into()),
        pitch: Some("+2st".into()),
    };
    let some = |text: &str| Some(text.to_owned());
    let providers = [
        Provider::Microsoft {
            voice_id: "en-US-JennyNeural".into(),
            voice_config: Some(voice.clone()),
            language: some("English (United States)"),
        },
        Provider::AzureOpenAi {
            voice_id: "en-US-NovaMultilingualNeural".into(),
            voice_config: Some(voice),
            language: None,
        },
        Provider::Amazon { voice_id: "Léa".into(), language: some("French") },
        Provider::Google { voice_id: None },
        Provider::ElevenLabs {
            voice_id: some("21m00Tcm4TlvDq8ikWAM"),
            voice_config: Some(ElevenLabsVoice {
                stability: Some(0.5),
                similarity_boost: Some(1.0),
                rate: Some(1.15),
                style: Some(0.0),
                use_speaker_boost: Some(true),
                apply_language_text_normalization: Some(false),
            }),
            model_id: some("eleven_multilingual_v2"),
            language: None,
        },
    ];
    for provider in providers {
        let script = Script::Text(TextScript {
            input: "Hello there".into(),
            ssml: true,
            subtitles: true,
            provider: Some(provider),
        });
        let talk = CreateTalk::new(url, script);
        talk.check().unwrap();
        check(schema, &serde_json::to_value(talk).unwrap());
    }
    for rate in [0.7, 0.75, 0.999, 1.0, 1.1, 1.2] {
        let config =
            ElevenLabsVoice { rate: Some(rate), style: Some(rate - 0.5), ..Default::default() };
        let script = Script::text("Hello").spoken_by(Provider::ElevenLabs {
            voice_id: None,
            voice_config: Some(config),
            model_id: None,
            language: None,
        });
        check(schema, &serde_json::to_value(CreateTalk::new(url, script)).unwrap());
    }
    let mut full = CreateTalk::new("s3://bucket/face.JPEG", Script::audio("s3://bucket/a.wav"));
    full.config.logo = Some(Logo { url: "https://host/logo.png".into(), position: [10, -10] });
    full.config.stitch = Some(true);
    full.config.result_format = Some(ResultFormat::Mov);
    full.config.fluent = true;
    full.config.pad_audio = Some(2.5);
    full.config.driver_expressions = Some(DriverExpressions {
        expressions: vec![TimedExpression {
            start_frame: 0.0,
            expression: Expression::Surprise,
            intensity: 0.5,
        }],
        transition_frames: Some(20.0),
    });
    full.user_data = some("job 17");
    full.name = some("Anna");
    full.webhook = some("https://host/hook");
    full.result_url = some("s3://bucket/results/");
    full.check().unwrap();
    check(schema, &serde_json::to_value(full).unwrap());
}

/// What went over the wire in a whole run, both ways.
#[tokio::test]
async fn a_whole_run_follows_the_description() {
    let Some(description) = description() else {
        return;
    };
    // With addresses as D-ID gives them, so that the patterns hold without exceptions.
    let fake = FakeDid::builder().s3_uploads(true).start().await.unwrap();
    let client = client(&fake);
    let sound = client.audios().upload(AudioUpload::wav(wav(1))).await.unwrap();
    let mut order = order(&client).await;
    order.script = Script::audio(sound.url);
    client.talks().create(&order).await.unwrap();
    fake.fail_next_talk("FaceError", "No valid face detected");
    run_talk(&client).await.unwrap_err();
    let talk = run_talk(&client).await.unwrap();
    fetch(&client, &talk.result_url.unwrap()).await.unwrap();

    let schema = description
        .pointer("/paths/~1talks/post/requestBody/content/application~1json/schema")
        .unwrap();
    let created = fake.requests(Route::CreateTalk);
    assert_eq!(created.len(), 3);
    for entry in created {
        check(schema, &entry.json.unwrap());
    }
}

/// Reads an answer raw, as the server sends it.
async fn raw(fake: &FakeDid, request: reqwest::RequestBuilder, status: u16) -> Value {
    let (user, password) = fake.key().split_once(':').unwrap();
    let answer = request.basic_auth(user, Some(password)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), status);
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn the_stand_in_follows_the_description() {
    let Some(description) = description() else {
        return;
    };
    let fake = FakeDid::builder().s3_uploads(true).start().await.unwrap();
    let client = builder(&fake).build().unwrap();
    let http = reqwest::Client::new();
    let at = |path: &str| fake.base_url().join(path).unwrap();
    let schema =
        |path: &str, method: &str, status: &str| answer_schema(&description, path, method, status);

    for detect in [true, false] {
        let part = reqwest::multipart::Part::bytes(png(200, 200)).file_name("a.png");
        let mut form = reqwest::multipart::Form::new().part("image", part);
        if detect {
            form = form.text("detect_faces", "true");
        }
        let mut answer = raw(&fake, http.post(at("images")).multipart(form), 201).await;
        if !detect {
            // Users see null here; the description knows arrays only.
            assert_eq!(answer.as_object_mut().unwrap().remove("faces"), Some(Value::Null));
        }
        check(schema("/images", "post", "201"), &answer);
    }
    let part = reqwest::multipart::Part::bytes(wav(1)).mime_str("audio/wav").unwrap();
    let form = reqwest::multipart::Form::new().part("audio", part);
    let audio = raw(&fake, http.post(at("audios")).multipart(form), 201).await;
    check(schema("/audios", "post", "201"), &audio);

    let source = client.images().upload(ImageUpload::new(png(200, 200))).await.unwrap().url;
    let body = json!({
        "source_url": source,
        "script": { "type": "audio", "audio_url": "https://host/a.mp3" },
        "config": { "stitch": true },
        "webhook": "https://host/hook",
        "user_data": "job 17",
    });
    let created = raw(&fake, http.post(at("talks")).json(&body), 201).await;
    check(schema("/talks", "post", "201"), &created);
    fake.fail_next_talk("FaceError", "No valid face detected");
    raw(&fake, http.post(at("talks")).json(&body), 201).await;
    fake.advance(std::time::Duration::from_secs(1));

    let id = created["id"].as_str().unwrap();
    let one = raw(&fake, http.get(at(&format!("talks/{id}"))), 200).await;
    assert_eq!(one["status"], "done");
    check(schema("/talks/{id}", "get", "200"), &documented(one));
    let mut list = raw(&fake, http.get(at("talks?limit=5")), 200).await;
    for talk in list["talks"].as_array_mut().unwrap() {
        *talk = documented(talk.take());
    }
    check(schema("/talks", "get", "200"), &list);
    let gone = raw(&fake, http.delete(at(&format!("talks/{id}"))), 200).await;
    check(schema("/talks/{id}", "delete", "200"), &documented(gone));
    check(schema("/credits", "get", "200"), &raw(&fake, http.get(at("credits")), 200).await);
    check(schema("/tts/voices", "get", "200"), &raw(&fake, http.get(at("tts/voices")), 200).await);
    let faces = http.post(at("images/face-detection")).json(&json!({ "source_url": source }));
    check(schema("/images/face-detection", "post", "200"), &raw(&fake, faces, 200).await);

    let missing = raw(&fake, http.get(at("talks/tlk_none")), 404).await;
    check(schema("/talks/{id}", "get", "404"), &missing);
    let refused = raw(&fake, http.post(at("talks")).json(&json!({})), 400).await;
    check(schema("/talks", "post", "400"), &refused);
    let text = raw(&fake, http.post(at("images")).body("x"), 415).await;
    check(schema("/images", "post", "415"), &text);
    assert_eq!(client.talks().list(&ListTalks::default()).await.unwrap().talks.len(), 1);
}

/// Errors too: not signed in, no credits, not to be touched yet, refused by moderation.
#[tokio::test]
async fn refusals_of_the_stand_in_follow_the_description() {
    let Some(description) = description() else {
        return;
    };
    let fake = FakeDid::builder().s3_uploads(true).start().await.unwrap();
    let http = reqwest::Client::new();
    let at = |path: &str| fake.base_url().join(path).unwrap();
    let follows = |path: &str, method: &str, status: &str, body: &Value| {
        check(answer_schema(&description, path, method, status), body);
    };
    let stranger = http.get(at("talks")).basic_auth("nobody", Some("x")).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    let text = stranger.bytes().await.unwrap();
    follows("/talks", "get", "401", &serde_json::from_slice(&text).unwrap());

    let order = order(&client(&fake)).await;
    let create = || http.post(at("talks")).json(&order);
    fake.fault(Route::CreateTalk, Fault::moderation("ImageModerationError"));
    follows("/talks", "post", "451", &raw(&fake, create(), 451).await);
    let created = raw(&fake, create(), 201).await;
    let talk = at(&format!("talks/{}", created["id"].as_str().unwrap()));
    follows("/talks/{id}", "delete", "409", &raw(&fake, http.delete(talk), 409).await);
    fake.set_credits(0);
    follows("/talks", "post", "402", &raw(&fake, create(), 402).await);
}

/// The names of the parts of an upload, which is a form and not JSON.
#[tokio::test]
async fn parts_of_uploads_are_in_the_description() {
    let Some(description) = description() else {
        return;
    };
    let (parts, mut names) = tokio::sync::mpsc::unbounded_channel();
    let app = axum::Router::new().fallback(move |uri: axum::http::Uri, mut form: Multipart| {
        let parts = parts.clone();
        async move {
            while let Some(part) = form.next_field().await.unwrap() {
                parts.send((uri.path().to_owned(), part.name().unwrap().to_owned())).unwrap();
                part.bytes().await.unwrap();
            }
            let body = json!({ "id": "f1", "url": "s3://bucket/f1", "faces": [] });
            (axum::http::StatusCode::CREATED, axum::Json(body))
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, app).into_future());
    let client = Client::builder().base_url(address.parse().unwrap()).key("a:b").build().unwrap();
    let picture = ImageUpload { detect_faces: true, ..ImageUpload::new(png(200, 200)) };
    client.images().upload(picture).await.unwrap();
    client.audios().upload(AudioUpload::wav(wav(1))).await.unwrap();
    server.abort();
    let mut sent = Vec::new();
    while let Ok((path, part)) = names.try_recv() {
        let form = "post/requestBody/content/multipart~1form-data/schema/properties";
        let pointer = format!("/paths/{}/{form}/{part}", path.replace('/', "~1"));
        assert!(description.pointer(&pointer).is_some(), "{path} does not know {part}");
        sent.push(part);
    }
    sent.sort();
    assert_eq!(sent, ["audio", "detect_faces", "image"]);
}

/// A talk without what D-ID's guides show and its description leaves out.
fn documented(mut talk: Value) -> Value {
    let fields = talk.as_object_mut().unwrap();
    for extra in ["error", "user_data", "name", "duration"] {
        fields.remove(extra);
    }
    talk
}

/// The path of the description that a request's path is one of.
fn described_path(path: &str) -> String {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [collection @ ("talks" | "images" | "audios"), id] if *id != "face-detection" => {
            format!("/{collection}/{{id}}")
        }
        _ => format!("/{}", parts.join("/")),
    }
}

/// Every call the client has, and every request it sent for it.
#[tokio::test]
async fn every_request_of_the_client_is_in_the_description() {
    let Some(description) = description() else {
        return;
    };
    let fake = FakeDid::builder().s3_uploads(true).start().await.unwrap();
    let client = client(&fake);
    let picture = ImageUpload { detect_faces: true, ..ImageUpload::new(png(200, 200)) };
    let picture = client.images().upload(picture).await.unwrap();
    client.images().detect_faces(&picture.url).await.unwrap();
    let sound = client.audios().upload(AudioUpload::wav(wav(1))).await.unwrap();
    let mut order = CreateTalk::new(&picture.url, Script::audio(&sound.url));
    order.user_data = Some("job 17".into());
    let talk = client.talks().create(&order).await.unwrap();
    client.talks().wait(&talk.id, &crate::support::wait_options()).await.unwrap();
    for n in 0..3 {
        order.name = Some(format!("talk {n}"));
        client.talks().create(&order).await.unwrap();
    }
    let list = ListTalks { limit: Some(2), token: None };
    let page = client.talks().list(&list).await.unwrap();
    client.talks().list(&ListTalks { token: page.token, ..list }).await.unwrap();
    client.talks().find_by_source(&picture.url).await.unwrap();
    client.talks().delete(&talk.id).await.unwrap();
    client.talks().get(&talk.id).await.unwrap_err();
    client.images().delete(&picture.id.unwrap()).await.unwrap();
    client.audios().delete(&sound.id.unwrap()).await.unwrap();
    let voices = ListVoices { provider: Some(VoiceProvider::Amazon), id: Some("Joanna".into()) };
    client.voices().list(&voices).await.unwrap();
    client.credits().await.unwrap();

    let mut seen = std::collections::BTreeSet::new();
    for entry in fake.journal() {
        let (path, method) = (described_path(&entry.path), entry.method.to_lowercase());
        let operation = &description["paths"][&path][&method];
        assert!(operation.is_object(), "{method} {path} is not described");
        let status = entry.status.unwrap().to_string();
        assert!(operation["responses"].get(&status).is_some(), "{method} {path}: {status}");
        let query = entry.query.unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let parameters = operation["parameters"].as_array().unwrap();
            let parameter =
                parameters.iter().find(|p| p["in"] == "query" && p["name"] == name.as_ref());
            let schema = &parameter.unwrap_or_else(|| panic!("{path}?{name}"))["schema"];
            let number = value.parse::<f64>().ok().map(Value::from);
            let value = match schema["type"].as_str() {
                Some("number" | "integer") => number.unwrap(),
                _ => Value::from(value.into_owned()),
            };
            check(schema, &value);
        }
        if let Some(body) = &entry.json {
            check(&operation["requestBody"]["content"]["application/json"]["schema"], body);
        }
        seen.insert(format!("{} {path}", entry.method));
    }
    let all = [
        "DELETE /audios/{id}",
        "DELETE /images/{id}",
        "DELETE /talks/{id}",
        "GET /credits",
        "GET /talks",
        "GET /talks/{id}",
        "GET /tts/voices",
        "POST /audios",
        "POST /images",
        "POST /images/face-detection",
        "POST /talks",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}
