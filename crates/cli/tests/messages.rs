//! What `portrait video` lets people say, with the models that are part of the program, the
//! stand-in for D-ID, and a stand-in for a speech service on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use axum::routing::post;
use axum::{Json, Router};
use portrait_pipeline::voice::{Audio, EncodeOptions, encode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use support::{Portrait, Run};
use tempfile::TempDir;

/// One person, and a folder for results.
fn photo() -> PathBuf {
    portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg")
}

/// A WAV file of a tone.
fn tone(hertz: f32, amplitude: f32, seconds: f32) -> Vec<u8> {
    let wave = |at: u32| amplitude * (at as f32 / 16_000.0 * hertz * std::f32::consts::TAU).sin();
    let samples = (0..(seconds * 16_000.0) as u32).map(wave).collect();
    let audio = Audio::new(16_000, samples).unwrap();
    encode(&audio, &EncodeOptions::default()).unwrap().bytes.to_vec()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    fn video(&self, options: &str) -> Portrait {
        let command = format!("video --json --fake-d-id {options}");
        Portrait::new(command.trim()).arg(photo()).option("-o", self.0.path().join("out"))
    }
}

#[track_caller]
fn talks(run: &Run) {
    let json = run.json();
    let persons = json["persons"].as_array().unwrap();
    assert_eq!(persons.len(), 1, "{json}");
    let file = Path::new(persons[0]["file"].as_str().unwrap_or_else(|| panic!("{json}")));
    assert_eq!(&std::fs::read(file).unwrap()[4..8], b"ftyp");
}

#[test]
fn a_recording_with_music_becomes_a_video() {
    let folder = Folder::new();
    let voice = folder.write("voice.wav", tone(300.0, 0.2, 2.0));
    let music = folder.write("music/system_bgm_001.wav", tone(2000.0, 0.4, 1.0));
    let run = folder.video("--music-volume 0.2").option("--audio", &voice);
    talks(&run.option("--music", &music).run());
    let run = folder.video("--music system_bgm_001").option("--audio", &voice);
    talks(&run.option("--music-folder", music.parent().unwrap()).run());
}

#[test]
fn a_text_is_spoken_by_a_named_voice() {
    let folder = Folder::new();
    let text = ["--text", "おめでとうございます！"];
    let run = folder.video("--voice ja-JP-NanamiNeural --prosody celebration");
    talks(&run.option(text[0], text[1]).run());
    let profiles = folder.write(
        "voices.toml",
        "default = 'takumi'\n[profiles.takumi]\nprovider = 'amazon'\nvoice_id = 'Takumi'\n",
    );
    let run = folder.video("").option("--voice-profiles", &profiles).option(text[0], text[1]);
    talks(&run.run());
    let run = folder.video("--voice-profile anna").option("--voice-profiles", &profiles);
    run.option(text[0], text[1])
        .run()
        .fails(12, &["MESSAGE_INVALID", "voices.toml", "anna", "takumi"]);
    let broken = folder.write("broken.json", "{");
    let run = folder.video("").option("--voice-profiles", &broken).option(text[0], text[1]);
    run.run().fails(12, &["MESSAGE_INVALID", "broken.json"]);
}

/// A speech service that says everything in one tone.
async fn service() -> (String, Arc<Mutex<Vec<Value>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let list = asked.clone();
    let speak = move |Json(body): Json<Value>| async move {
        list.lock().unwrap().push(body);
        tone(300.0, 0.2, 1.5)
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let app = Router::new().route("/v1/audio/speech", post(speak));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_speech_service_speaks_over_music() {
    let folder = Folder::new();
    let music = folder.write("music.wav", tone(2000.0, 0.4, 1.0));
    let (address, asked) = service().await;
    let run = folder.video("--voice service:anna --prosody excited --speech-key sk-1");
    let run = run.option("--speech-url", &address).option("--music", &music);
    let run = tokio::task::spawn_blocking(|| run.option("--text", "Happy birthday!").run());
    talks(&run.await.unwrap());
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        (&asked[0]["input"], &asked[0]["voice"], &asked[0]["speed"]),
        (&json!("Happy birthday!"), &json!("anna"), &json!(1.12))
    );
}

#[test]
fn what_cannot_be_said_is_told_before_any_work() {
    let folder = Folder::new();
    let voice = folder.write("voice.wav", tone(300.0, 0.2, 2.0));
    let noise = folder.write("notes.wav", "no sound at all");
    let quiet = folder.write("quiet.wav", tone(300.0, 0.0, 2.0));
    let text = |options: &str, text: &str| folder.video(options).option("--text", text).run();
    text("", "x").fails(12, &["MESSAGE_INVALID", "message.text", "3 to 10000"]);
    text("", &"あ".repeat(10_001)).fails(12, &["MESSAGE_INVALID", "10001 characters"]);
    let music = voice.display();
    let run = text(&format!("--music {music}"), "Hello");
    run.fails(12, &["NOT_CONFIGURED", "configure a speech service"]);
    let run = text(&format!("--music {music} --voice amazon:Takumi"), "Hello");
    run.fails(12, &["MESSAGE_INVALID", "no music can be laid under it"]);
    text("--voice service:anna", "Hello").fails(12, &["NOT_CONFIGURED", "service:anna"]);
    text("--music nowhere", "Hello").fails(2, &["--music nowhere", "--music-folder"]);
    text("--speech-url nonsense", "Hello").fails(2, &["nonsense"]);
    let run = text("--speech-url http://tts.example/v1 --speech-key sk-77", "Hello");
    run.fails(12, &["INVALID_OPTION", "https"]);
    assert!(!run.stderr().contains("sk-77"));

    let audio = |path: &Path| folder.video("").option("--audio", path).run();
    audio(&folder.0.path().join("none.wav")).fails(12, &["none.wav"]);
    audio(&noise).fails(12, &["AUDIO_FORMAT_UNSUPPORTED", "notes.wav"]);
    audio(&quiet).fails(12, &["AUDIO_SILENT", "quiet.wav", "check the microphone"]);
    let run = folder.video("").option("--audio", &voice).option("--music", &noise).run();
    run.fails(12, &["AUDIO_FORMAT_UNSUPPORTED", "background music", "notes.wav"]);
    // An error about the music does not name the recording.
    let run = folder.video("--music none").option("--audio", &voice);
    let run = run.option("--music-folder", folder.0.path()).run();
    run.fails(12, &["MESSAGE_INVALID", "none"]);
    assert!(!run.stderr().contains("voice.wav:"), "{}", run.stderr());
}

#[test]
fn options_that_do_not_go_together_are_wrong_usage() {
    let photo = photo();
    let usage = |options: &str, says: &str| {
        let run =
            Portrait::new(format!("video {options}").trim()).arg(&photo).option("-o", "out").run();
        let stderr = run.stderr();
        assert!(stderr.contains(says), "{options}: {stderr}");
        assert!(stderr.contains("try '--help'"), "{options}: {stderr}");
    };
    usage("", "--text <TEXT>");
    usage("--text a --audio b", "cannot be used with");
    usage("--audio b --voice x", "cannot be used with");
    usage("--audio b --prosody calm", "cannot be used with");
    usage("--text a --prosody party", "celebration");
    usage("--text a --music m --music-volume 2", "0 (silent) to 1");
    usage("--text a --music-volume 0.5", "--music <FILE|ID>");
    usage("--text a --voice amazon", "amazon:ID");
    usage("--text a --voice x --voice-profile y --voice-profiles z", "cannot be used with");
    usage("--text a --voice-profile y", "--voice-profiles <FILE>");

    let help = Portrait::new("video --help").run().text();
    for word in ["Message:", "--speech-url", "celebration", "service:ID", "[default: 0.3]"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
