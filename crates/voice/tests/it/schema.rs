//! Spoken texts against D-ID's published OpenAPI description, where the test data has it.

use std::io::Write;
use std::path::{Path, PathBuf};

use portrait_voice::{Message, ProsodyPreset, Voice};
use serde_json::{Value, json};

/// The schema of `POST /talks`, or `None` after saying that the test skips; a missing file where
/// `PORTRAIT_TEST_DATA` is set is a failure. As portrait-test-support has it, which would bring the
/// libraries of tensors into this build.
fn schema() -> Option<Value> {
    let asked = std::env::var_os("PORTRAIT_TEST_DATA").map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let folder = asked.clone().unwrap_or_else(|| root.join("../shared"));
    let path = folder.join("reference/d-id-openapi-4.2.1.json");
    if !path.exists() {
        assert!(asked.is_none(), "PORTRAIT_TEST_DATA holds no {}", path.display());
        // Not by `eprintln!`: the harness hides what a passing test prints.
        let told = writeln!(
            std::io::stderr(),
            "SKIPPED: no {}; set PORTRAIT_TEST_DATA to the test data",
            path.display()
        );
        assert!(told.is_ok(), "standard error can be written to");
        return None;
    }
    let text = std::fs::read_to_string(path).unwrap();
    let description: Value = serde_json::from_str(&text).unwrap();
    let pointer = "/paths/~1talks/post/requestBody/content/application~1json/schema";
    Some(description.pointer(pointer).unwrap().clone())
}

#[test]
fn spoken_texts_follow_the_description() {
    let Some(schema) = schema() else {
        return;
    };
    let validator = jsonschema::draft4::new(&schema).unwrap();

    let some = |text: &str| Some(text.to_owned());
    let voices = [
        None,
        Some(Voice::Microsoft {
            voice_id: "ja-JP-NanamiNeural".into(),
            styles: vec!["Cheerful".into(), "Whispering".into(), "Calm".into()],
            language: some("Japanese (Japan)"),
        }),
        Some(Voice::ElevenLabs { voice_id: None, model_id: None, language: None }),
        Some(Voice::ElevenLabs {
            voice_id: some("21m00Tcm4TlvDq8ikWAM"),
            model_id: some("eleven_v3"),
            language: some("Japanese (Japan)"),
        }),
        Some(Voice::Amazon { voice_id: "Takumi".into(), language: some("Japanese (Japan)") }),
        Some(Voice::Google { voice_id: None }),
        Some(Voice::AzureOpenAi { voice_id: "nova".into(), language: None }),
    ];
    for voice in voices {
        for preset in ProsodyPreset::ALL {
            for (rate, pitch_semitones) in [(None, 0.0), (Some(0.5), -12.0), (Some(2.0), 12.0)] {
                let mut prosody = preset.prosody();
                if let Some(rate) = rate {
                    (prosody.rate, prosody.pitch_semitones) = (rate, pitch_semitones);
                }
                let text = "おめでとうございます！ <3 & more";
                let message = Message { voice: voice.clone(), prosody, ..Message::text(text) };
                let spoken = message.spoken_text().unwrap().unwrap();
                let mut script = serde_json::to_value(&spoken).unwrap();
                script["type"] = json!("text");
                let body = json!({"source_url": "https://host/face.png", "script": script});
                let errors: Vec<String> =
                    validator.iter_errors(&body).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{body:#}\n{errors:#?}");
            }
        }
    }
}

#[test]
fn the_description_would_refuse_settings_of_another_provider() {
    let Some(schema) = schema() else {
        return;
    };
    let provider = json!({"type": "amazon", "voice_id": "Takumi", "voice_config": {"rate": "2"}});
    let body = json!({"script": {"type": "text", "input": "Hello", "provider": provider}});
    assert!(!jsonschema::draft4::new(&schema).unwrap().is_valid(&body));
}
