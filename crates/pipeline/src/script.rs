//! From a message made ready to what D-ID's client sends.

use crate::Error;
use crate::message::{PreparedMessage, Said};
use portrait_d_id::{
    AudioUpload, Client, ElevenLabsVoice, MicrosoftVoice, Provider, Script, TextScript,
};
use portrait_voice::{SpokenText, Voice, VoiceSettings};
use tokio::sync::OnceCell;

/// The script of several talks: a sound is uploaded once, when the first of them needs it.
pub(crate) struct Scripts<'a> {
    said: &'a Said,
    /// Where the uploaded sound is.
    url: OnceCell<String>,
}

impl<'a> Scripts<'a> {
    pub(crate) fn new(message: &'a PreparedMessage) -> Self {
        Self { said: &message.said, url: OnceCell::new() }
    }

    /// The script of one more talk. After a failed upload the next talk tries anew, so that the
    /// failure is one person's.
    pub(crate) async fn script(&self, client: &Client) -> Result<Script, Error> {
        match self.said {
            Said::Text(spoken) => Ok(Script::Text(text_script(spoken))),
            Said::Sound(sound) => {
                let file = &sound.file;
                let upload = || async {
                    let mut upload = AudioUpload::new(file.bytes.clone(), file.format.media_type());
                    upload.file_name = Some(format!("message.{}", file.format.extension()));
                    Ok::<_, Error>(client.audios().upload(upload).await?.url)
                };
                Ok(Script::audio(self.url.get_or_try_init(upload).await?))
            }
        }
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
