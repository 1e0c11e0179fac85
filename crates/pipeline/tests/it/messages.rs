//! What the portraits say: texts, recordings, speech and music, to the sound that D-ID gets.

use crate::persons::person;
use crate::sounds::{Hum, amplitude, bursts, db, part, tone};
use crate::support::assert_error;
use crate::world::{client, message};
use image::{Rgba, RgbaImage};
use portrait_d_id_fake::{FakeDid, Fault, Route};
use portrait_pipeline::storage::PhotoId;
use portrait_pipeline::voice::{
    self, Audio, DecodeLimits, MessageFields, Music, ProsodyPreset, Track, Voice, VoiceProfiles,
    decode, measure,
};
use portrait_pipeline::{
    Code, Context, Error, Message, PersonResult, Photo, Pipeline, PipelineBuilder, Portrait,
    Progress, Request, Stage, Step, Tier, Video,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

const VOICE: f64 = 300.0;
const MUSIC: f64 = 2000.0;
const CONGRATULATIONS: &str = "おめでとうございます！";

/// A grey shape on nothing.
fn somebody(person_id: usize) -> Portrait {
    let inside = |x: u32, y: u32| x.abs_diff(100) < 60 && y > 20;
    let image = RgbaImage::from_fn(200, 240, |x, y| {
        if inside(x, y) { Rgba([120, 110, 100 + person_id as u8, 255]) } else { Rgba([0; 4]) }
    });
    person(person_id, image)
}

struct Theatre {
    fake: FakeDid,
    pipeline: Pipeline,
    events: Arc<Mutex<Vec<(Stage, Step)>>>,
}

/// A pipeline with the fake and whatever is added.
async fn stage(add: impl FnOnce(PipelineBuilder) -> PipelineBuilder) -> Theatre {
    let fake = FakeDid::builder().start().await.unwrap();
    let builder = Pipeline::builder().d_id(client(&fake, fake.key()));
    let pipeline = add(builder).build().await.unwrap();
    Theatre { fake, pipeline, events: Arc::default() }
}

impl Theatre {
    async fn say(
        &self,
        speech: voice::Message,
        persons: usize,
    ) -> Result<Vec<PersonResult<Video>>, Error> {
        let cut_outs: Vec<_> = (0..persons).map(somebody).collect();
        let message = Message { speech, ..message("") };
        let events = self.events.clone();
        let progress = Progress::new(move |event| {
            events.lock().unwrap().push((event.stage, event.step));
        });
        let pipeline = self.pipeline.with(Context { progress, ..Context::default() });
        pipeline.animate(PhotoId::generate(), &cut_outs, &message).await
    }

    /// What D-ID was given to say, once for each person.
    fn scripts(&self) -> Vec<Value> {
        let orders = self.fake.requests(Route::CreateTalk);
        orders.iter().map(|order| order.json.as_ref().unwrap()["script"].clone()).collect()
    }

    /// The sound that D-ID got.
    fn heard(&self) -> Audio {
        let script = self.scripts().remove(0);
        let file = self.fake.uploaded(script["audio_url"].as_str().unwrap()).unwrap();
        decode(&file, &DecodeLimits::default()).unwrap()
    }
}

fn fails(result: Result<Vec<PersonResult<Video>>, Error>, code: Code) -> String {
    let error = result.unwrap_err();
    assert_error(&error, code, Tier::High);
    error.to_string()
}

/// Four seconds of somebody who speaks with pauses.
fn recording() -> Vec<u8> {
    bursts(VOICE, 0.5, 1.5, 4.0)
}

fn over(speech: voice::Message, track: Track) -> voice::Message {
    voice::Message { music: Some(Music { track, volume: 0.5 }), ..speech }
}

#[tokio::test]
async fn a_recording_with_music_becomes_a_video_of_each_person() {
    let stage = stage(|builder| builder).await;
    let music = Track::File(tone(MUSIC, 0.4, 1.5).into());
    let videos = stage.say(over(voice::Message::recording(recording()), music), 3).await.unwrap();
    assert_eq!(videos.len(), 3);
    for video in videos {
        let key = video.result.unwrap().key;
        let file = stage.pipeline.storage().get(key).await.unwrap();
        assert!(file.len() > 1000 && &file[4..8] == b"ftyp", "an mp4 of {} bytes", file.len());
    }
    // One upload serves all.
    assert_eq!(stage.fake.requests(Route::UploadAudio).len(), 1);
    let scripts = stage.scripts();
    assert_eq!(scripts.len(), 3);
    assert!(scripts.iter().all(|script| *script == scripts[0] && script["type"] == "audio"));

    let heard = stage.heard();
    let loudness = measure(&heard);
    assert!((loudness.integrated_lufs + 16.0).abs() < 0.5, "{loudness:?}");
    assert!(loudness.true_peak_dbtp <= -0.9, "{loudness:?}");
    // A word from 0 to 0.5 s, a pause to 2 s.
    let level = |hertz, from, to| db(amplitude(&part(&heard, from, to), hertz));
    let (word, pause) = ((0.3, 0.6), (1.6, 1.9));
    let voice = level(VOICE, word.0, word.1);
    assert!(voice - level(VOICE, pause.0, pause.1) > 30.0, "words and pauses");
    let (under, alone) = (level(MUSIC, word.0, word.1), level(MUSIC, pause.0, pause.1));
    assert!(under < alone - 4.0, "music makes way: {under:.1} and {alone:.1} dB");
    assert!((-30.0..-10.0).contains(&(under - voice)), "{:.1} dB under the voice", under - voice);

    let events = stage.events.lock().unwrap();
    assert_eq!(events[0], (Stage::Message, Step::Started));
    assert!(matches!(events[1], (Stage::Message, Step::Finished { .. })), "{events:?}");
}

#[tokio::test]
async fn music_is_found_by_its_id_in_the_folder() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("system_bgm_001.wav"), tone(MUSIC, 0.4, 2.0)).unwrap();
    std::fs::write(folder.path().join("broken.mp3"), b"no music").unwrap();
    std::fs::create_dir(folder.path().join("folder.wav")).unwrap();
    let of = |id: &str| over(voice::Message::recording(recording()), Track::Id(id.into()));

    let stage_ = stage(|builder| builder.music_folder(folder.path())).await;
    assert!(stage_.say(of("system_bgm_001"), 1).await.unwrap()[0].result.is_ok());
    assert!(db(amplitude(&stage_.heard(), MUSIC)) > -40.0);

    let text = fails(stage_.say(of("system_bgm_002"), 1).await, Code::MessageInvalid);
    assert!(text.contains("use one of: broken, system_bgm_001"), "{text}");
    let text = fails(stage_.say(of("../secret"), 1).await, Code::MessageInvalid);
    assert!(text.contains("music.id"), "{text}");
    let text = fails(stage_.say(of("broken"), 1).await, Code::AudioFormatUnsupported);
    assert!(text.starts_with("background music: "), "{text}");
    assert_eq!(stage_.fake.talks().len(), 1);

    let without = stage(|builder| builder).await;
    let text = fails(without.say(of("system_bgm_001"), 1).await, Code::NotConfigured);
    assert!(text.contains("folder of music"), "{text}");
    let gone = stage(|builder| builder.music_folder(folder.path().join("gone"))).await;
    fails(gone.say(of("system_bgm_001"), 1).await, Code::NotConfigured);
}

#[tokio::test]
async fn a_text_is_spoken_by_d_ids_providers() {
    let stage = stage(|builder| builder).await;
    let voice = Voice::Microsoft {
        voice_id: "ja-JP-NanamiNeural".into(),
        styles: vec!["Chat".into(), "Cheerful".into()],
        language: Some("Japanese (Japan)".into()),
    };
    let prosody = ProsodyPreset::Celebration.prosody();
    let speech =
        voice::Message { voice: Some(voice), prosody, ..voice::Message::text(CONGRATULATIONS) };
    assert!(stage.say(speech, 1).await.unwrap()[0].result.is_ok());
    let microsoft = json!({
        "type": "microsoft", "voice_id": "ja-JP-NanamiNeural", "language": "Japanese (Japan)",
        "voice_config": { "style": "Cheerful", "rate": "1.08", "pitch": "+2st" },
    });
    assert_eq!(
        stage.scripts(),
        [json!({ "type": "text", "input": CONGRATULATIONS, "provider": microsoft })]
    );
    assert!(stage.fake.requests(Route::UploadAudio).is_empty());
    // There was nothing to make ready.
    assert!(stage.events.lock().unwrap().iter().all(|(stage, _)| *stage != Stage::Message));
}

/// The body that the field's own page of endpoints shows.
#[tokio::test]
async fn the_example_of_the_field_is_spoken_by_a_service_over_music() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("system_bgm_001.wav"), tone(MUSIC, 0.4, 2.0)).unwrap();
    let hum = Hum::new(VOICE);
    let speech = hum.clone();
    let stage = stage(|builder| builder.speech(speech).music_folder(folder.path())).await;
    let fields: MessageFields = serde_json::from_value(json!({
        "text": CONGRATULATIONS,
        "voice_profile_id": "openvoice_c403f011",
        "prosody_preset": "celebration",
        "bgm_id": "system_bgm_001",
        "bgm_volume": 0.3,
    }))
    .unwrap();
    let profiles = "[profiles.openvoice_c403f011]\nprovider = 'service'\nvoice_id = 'c403f011'\n";
    let profiles = VoiceProfiles::from_toml(profiles).unwrap();
    let videos = stage.say(fields.into_message(None, &profiles).unwrap(), 2).await.unwrap();
    assert!(videos.iter().all(|video| video.result.is_ok()), "{videos:?}");
    // Spoken once for both.
    let [asked] = &hum.asked()[..] else { panic!("{:?}", hum.asked()) };
    assert_eq!((asked.text.as_str(), asked.rate), (CONGRATULATIONS, 1.08));
    assert_eq!(asked.voice_id.as_deref(), Some("c403f011"));
    let heard = stage.heard();
    assert!(db(amplitude(&heard, VOICE)) > -25.0);
    assert!(db(amplitude(&heard, MUSIC)) > -50.0);
}

#[tokio::test]
async fn music_under_a_text_without_a_service_is_told_before_anything_is_asked() {
    let stage = stage(|builder| builder).await;
    let music = || Track::File(tone(MUSIC, 0.4, 2.0).into());
    let text = fails(
        stage.say(over(voice::Message::text("Hello"), music()), 1).await,
        Code::NotConfigured,
    );
    assert!(text.contains("configure a speech service"), "{text}");
    let named =
        voice::Message { voice: Some(Voice::service("anna")), ..voice::Message::text("Hello") };
    let text = fails(stage.say(named, 1).await, Code::NotConfigured);
    assert!(text.contains("service:anna"), "{text}");
    let takumi = Voice::Amazon { voice_id: "Takumi".into(), language: None };
    let named = voice::Message { voice: Some(takumi), ..voice::Message::text("Hello") };
    let text = fails(stage.say(over(named, music()), 1).await, Code::MessageInvalid);
    assert!(text.contains("no music can be laid under it"), "{text}");
    assert!(stage.fake.journal().is_empty());
}

#[tokio::test]
async fn bad_recordings_are_told_by_kind_before_anything_is_asked() {
    let stage = stage(|builder| builder).await;
    let whole = recording();
    let cases = [
        (Vec::new(), Code::MessageInvalid),
        (b"a letter and no sound".to_vec(), Code::AudioFormatUnsupported),
        (whole[..whole.len() / 2].to_vec(), Code::AudioDamaged),
        (tone(VOICE, 0.3, 0.2), Code::AudioTooShort),
        (tone(VOICE, 0.0, 2.0), Code::AudioSilent),
        (vec![0; (64 << 20) + 1], Code::AudioTooLarge),
    ];
    for (file, code) in cases {
        fails(stage.say(voice::Message::recording(file), 1).await, code);
    }
    assert!(stage.fake.journal().is_empty());
}

#[tokio::test]
async fn a_service_that_fails_is_told_by_kind() {
    let second = std::time::Duration::from_secs(1);
    let refused = |status| voice::Error::SpeechRefused { status, reason: "no".into() };
    let cases = [
        (refused(400), Code::SpeechRefused),
        (
            voice::Error::SpeechUnauthorised { status: 401, reason: "no".into() },
            Code::SpeechUnauthorised,
        ),
        (voice::Error::SpeechTimeout { after: second }, Code::SpeechTimeout),
        (voice::Error::SpeechAnswer { reason: "a page".into() }, Code::SpeechUnavailable),
    ];
    for (error, code) in cases {
        let hum = Hum::failing(error);
        let stage = stage(|builder| builder.speech(hum)).await;
        fails(stage.say(voice::Message::text("Hello"), 1).await, code);
        assert!(stage.fake.journal().is_empty());
    }
    let busy = voice::Error::SpeechUnavailable { reason: "busy".into(), retry_after: Some(second) };
    let stage = stage(|builder| builder.speech(Hum::failing(busy))).await;
    let error = stage.say(voice::Message::text("Hello"), 1).await.unwrap_err();
    assert_error(&error, Code::SpeechUnavailable, Tier::High);
    assert_eq!(error.retry_after(), Some(second));
}

#[tokio::test]
async fn a_failed_upload_of_the_sound_is_one_persons() {
    let stage = stage(|builder| builder).await;
    let fault = Fault::error(451, "AudioModerationError", "not this");
    stage.fake.fault(Route::UploadAudio, fault);
    let videos = stage.say(voice::Message::recording(recording()), 3).await.unwrap();
    let failed: Vec<_> = videos.iter().filter_map(|video| video.result.as_ref().err()).collect();
    let [error] = failed[..] else { panic!("{failed:?}") };
    assert_error(error, Code::DIdModeration, Tier::High);
    assert_eq!(stage.fake.requests(Route::UploadAudio).len(), 2);
    assert_eq!(stage.scripts().len(), 2);
}

/// A long recording does not stop the runtime's only thread.
#[tokio::test]
async fn sound_is_worked_on_beside_the_runtime() {
    let stage = stage(|builder| builder).await;
    let message = Message::recording(bursts(VOICE, 0.5, 0.4, 60.0));
    let beat = async {
        let mut longest = std::time::Duration::ZERO;
        loop {
            let before = std::time::Instant::now();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            longest = longest.max(before.elapsed());
            if !stage.pending() {
                return longest;
            }
        }
    };
    let work = async {
        let ready = stage.pipeline.prepare_message(&message).await;
        stage.events.lock().unwrap().push((Stage::Message, Step::Started));
        ready
    };
    let start = std::time::Instant::now();
    let (ready, longest) = tokio::join!(work, beat);
    let took = start.elapsed();
    let sound = ready.unwrap();
    assert!(sound.sound().unwrap().file.duration.as_secs() >= 59);
    assert!(longest < took / 2, "a beat took {longest:?} of {took:?}");
}

impl Theatre {
    fn pending(&self) -> bool {
        self.events.lock().unwrap().is_empty()
    }
}

/// From the photo on: nobody is asked to speak where there is nobody to speak for.
#[tokio::test]
async fn a_whole_run_speaks_for_those_it_finds() {
    let hum = Hum::new(VOICE);
    let speech = hum.clone();
    let stage = stage(|builder| builder.speech(speech)).await;
    let photo = portrait_test_support::repository_root().join("examples/photos/grace_hopper.jpg");
    let photo = Photo::decode(std::fs::read(photo).unwrap()).unwrap();
    let run = |photo: Photo, text: &str| {
        let message = message(text);
        stage.pipeline.run(Request::new(photo).say(message))
    };
    let outcome = run(photo.clone(), "Hello there.").await.unwrap();
    assert_eq!(outcome.videos.len(), 1);
    assert!(outcome.videos[0].result.is_ok(), "{:?}", outcome.videos);
    assert_eq!(hum.asked().len(), 1);
    assert_eq!(stage.scripts()[0]["type"], "audio");

    let error = run(photo, " ").await.unwrap_err();
    assert_error(&error, Code::MessageInvalid, Tier::High);
    let blank = image::RgbImage::from_pixel(320, 240, image::Rgb([90, 90, 90]));
    let blank = crate::support::encode(&blank.into(), image::ImageFormat::Png);
    let error = run(Photo::decode(blank).unwrap(), "Hello there.").await.unwrap_err();
    assert_error(&error, Code::NoPersonDetected, Tier::High);
    assert_eq!(hum.asked().len(), 1, "nobody asked for a text that nobody says");
}
