//! From a message made ready to what D-ID's client sends.

use super::shared_message::SharedMessage;
use crate::error::Error;
use crate::stage::Stage;
use futures::future::BoxFuture;
use portrait_d_id::{
    AudioId, AudioUpload, Client, ElevenLabsVoice, MicrosoftVoice, Provider, Script, TextScript,
    UploadedAudio,
};
use portrait_voice::{SpokenText, Voice, VoiceSettings};
use tokio::sync::OnceCell;

/// The script of several talks: a sound is uploaded once, when the first of them needs it.
pub(crate) struct Scripts<'a> {
    pub(crate) message: SharedMessage<'a>,
    uploaded: OnceCell<UploadedAudio>,
}

impl<'a> Scripts<'a> {
    pub(crate) fn new(message: SharedMessage<'a>) -> Self {
        Self { message, uploaded: OnceCell::new() }
    }

    /// The script of one more talk, and the uploaded sound that it names. After a failed upload the
    /// next talk tries anew, so that the failure is one person's.
    ///
    /// An upload and `record`, which notes the sound's id, are done to the end when the caller is
    /// dropped meanwhile; `work` is what a deletion of the photo waits for.
    pub(crate) async fn script<W: Send + 'static>(
        &self,
        client: &Client,
        work: impl FnOnce() -> Result<W, Error>,
        record: impl FnOnce(Option<AudioId>) -> BoxFuture<'static, Result<(), Error>> + Send + 'static,
    ) -> Result<(Script, Option<AudioId>), Error> {
        let file = match self.message.said().await?.file() {
            Ok(file) => file,
            Err(spoken) => return Ok((Script::Text(text_script(spoken)), None)),
        };
        let upload = || async {
            let (work, client) = (work()?, client.clone());
            let upload = tokio::spawn(async move {
                let _work = work;
                let mut upload = AudioUpload::new(file.bytes, file.media_type);
                upload.file_name = Some(format!("message.{}", file.extension));
                let uploaded = client.audios().upload(upload).await?;
                record(uploaded.id.clone()).await?;
                Ok::<_, Error>(uploaded)
            });
            upload.await.map_err(|error| Error::unexpected(Stage::Talk, error))?
        };
        let uploaded = self.uploaded.get_or_try_init(upload).await?;
        Ok((Script::audio(&uploaded.url), uploaded.id.clone()))
    }
}

/// The one place where voices and settings become D-ID's words.
pub(crate) fn text_script(spoken: &SpokenText) -> TextScript {
    TextScript {
        input: spoken.input.clone(),
        ssml: spoken.ssml,
        provider: spoken.voice.as_ref().and_then(|voice| provider(voice, &spoken.settings)),
        ..TextScript::default()
    }
}

fn provider(voice: &Voice, settings: &VoiceSettings) -> Option<Provider> {
    Some(match voice.clone() {
        Voice::Microsoft { voice_id, language, .. } => {
            Provider::Microsoft { voice_id, voice_config: microsoft(settings), language }
        }
        Voice::AzureOpenAi { voice_id, language } => {
            Provider::AzureOpenAi { voice_id, voice_config: microsoft(settings), language }
        }
        Voice::ElevenLabs { voice_id, model_id, language } => Provider::ElevenLabs {
            voice_id,
            voice_config: eleven_labs(settings),
            model_id,
            language,
        },
        Voice::Amazon { voice_id, language } => Provider::Amazon { voice_id, language },
        Voice::Google { voice_id } => Provider::Google { voice_id },
        // A voice of D-ID's own choice; those of a service are never planned for D-ID.
        _ => return None,
    })
}

fn microsoft(settings: &VoiceSettings) -> Option<MicrosoftVoice> {
    let voice = MicrosoftVoice {
        style: settings.style.clone(),
        rate: settings.rate.map(|rate| rate.to_string()),
        pitch: settings.pitch_semitones.map(|semitones| format!("{semitones:+}st")),
    };
    Some(voice).filter(|voice| *voice != MicrosoftVoice::default())
}

fn eleven_labs(settings: &VoiceSettings) -> Option<ElevenLabsVoice> {
    let voice = ElevenLabsVoice {
        stability: settings.stability,
        rate: settings.rate,
        style: settings.exaggeration,
        ..ElevenLabsVoice::default()
    };
    Some(voice).filter(|voice| *voice != ElevenLabsVoice::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portrait_d_id::CreateTalk;
    use portrait_test_support::test_data;
    use portrait_voice::{Message, Plan, Prosody, ProsodyPreset};
    use serde_json::{Value, json};

    fn voices() -> [Option<Voice>; 7] {
        let some = |text: &str| Some(text.to_owned());
        [
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
        ]
    }

    fn written(voice: Option<Voice>, prosody: Prosody, text: &str) -> TextScript {
        let message = Message { voice, prosody, ..Message::text(text) };
        match message.plan(false).unwrap() {
            Plan::Provider(spoken) => text_script(&spoken),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn settings_are_written_in_d_ids_words() {
        let celebrate = |voice: usize| {
            let voice = voices()[voice].clone();
            let script =
                written(voice, ProsodyPreset::Celebration.prosody(), "おめでとうございます！");
            serde_json::to_value(script.provider).unwrap()
        };
        assert_eq!(celebrate(0), Value::Null);
        let config = json!({ "style": "Cheerful", "rate": "1.08", "pitch": "+2st" });
        assert_eq!(celebrate(1)["voice_config"], config);
        let config = json!({ "stability": 0.35, "rate": "1.08", "style": "0.6" });
        assert_eq!(celebrate(2)["voice_config"], config);
        assert_eq!(celebrate(3)["model_id"], "eleven_v3");
        assert_eq!(
            celebrate(4),
            json!({ "type": "amazon", "voice_id": "Takumi", "language": "Japanese (Japan)" })
        );
        assert_eq!(celebrate(6)["voice_config"], json!({ "rate": "1.08", "pitch": "+2st" }));
        for voice in voices() {
            let script = written(voice, Prosody::default(), "1 < 2 & 3");
            assert_eq!((script.input.as_str(), script.ssml), ("1 < 2 & 3", false));
            let provider = serde_json::to_value(script.provider).unwrap();
            assert_eq!(provider.get("voice_config"), None);
        }
    }

    /// Every voice with every prosody is a talk that D-ID's published description takes.
    #[test]
    fn scripts_follow_the_description() {
        let Some(path) = test_data("reference/d-id-openapi-4.2.1.json") else { return };
        let description: Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let pointer = "/paths/~1talks/post/requestBody/content/application~1json/schema";
        let schema = description.pointer(pointer).unwrap();
        let validator = jsonschema::draft4::new(schema).unwrap();
        let mut count = 0;
        for voice in voices() {
            for preset in ProsodyPreset::ALL {
                for (rate, pitch_semitones) in [(None, 0.0), (Some(0.5), -12.0), (Some(2.0), 12.0)]
                {
                    let mut prosody = preset.prosody();
                    if let Some(rate) = rate {
                        (prosody.rate, prosody.pitch_semitones) = (rate, pitch_semitones);
                    }
                    let script =
                        written(voice.clone(), prosody, "おめでとうございます！ <3 & more");
                    let talk = CreateTalk::new("https://host/face.png", Script::Text(script));
                    let body = serde_json::to_value(&talk).unwrap();
                    let errors: Vec<String> =
                        validator.iter_errors(&body).map(|error| error.to_string()).collect();
                    assert!(errors.is_empty(), "{body:#}\n{errors:#?}");
                    count += 1;
                }
            }
        }
        assert_eq!(count, 7 * 10 * 3);
        let wrong =
            json!({ "type": "amazon", "voice_id": "Takumi", "voice_config": { "rate": "2" } });
        let body = json!({ "script": { "type": "text", "input": "Hello", "provider": wrong } });
        assert!(!validator.is_valid(&body), "the description tells right from wrong");
    }
}
