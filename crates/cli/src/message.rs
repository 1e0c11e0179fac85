//! From arguments to what is said, and to who says it.

use crate::args::MessageArgs;
use crate::error::CliError;
use crate::keys::key;
use crate::proxy::proxy_for;
use crate::settings;
use portrait_pipeline::voice::{
    Content, DecodeLimits, Error as VoiceError, HttpSpeech, Message, Music, Track, Voice,
    VoiceProfiles, bytes::Bytes,
};
use portrait_pipeline::{Error, PipelineBuilder};
use std::io::Read;
use std::path::{Path, PathBuf};

impl MessageArgs {
    /// The message, with what stands in files read.
    pub(crate) fn message(&self) -> Result<Message, CliError> {
        let content = match (&self.audio, &self.text) {
            (Some(path), _) => Content::Recording(sound(path)?),
            (None, text) => Content::Text(text.clone().unwrap_or_default()),
        };
        let message = Message {
            content,
            voice: self.voice()?,
            prosody: self.prosody.unwrap_or_default().prosody(),
            music: self.music()?,
        };
        message.check().map_err(Error::from)?;
        Ok(message)
    }

    fn voice(&self) -> Result<Option<Voice>, CliError> {
        let (None, Some(path), Some(_)) = (&self.voice, &self.voice_profiles, &self.text) else {
            return Ok(self.voice.clone());
        };
        let text = std::fs::read_to_string(path).map_err(CliError::file(path, "read"))?;
        let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let read = if json { VoiceProfiles::from_json } else { VoiceProfiles::from_toml };
        let in_file = |error| CliError::in_file(path, Error::from(error));
        let profiles = read(&text).map_err(in_file)?;
        Ok(profiles.find(self.voice_profile.as_deref()).map_err(in_file)?.cloned())
    }

    fn music(&self) -> Result<Option<Music>, CliError> {
        let Some(name) = &self.music else {
            return Ok(None);
        };
        let path = Path::new(name);
        let track = if path.is_file() {
            Track::File(sound(path)?)
        } else if self.music_folder.is_some() {
            Track::Id(name.clone())
        } else {
            let hint = "is no file; for the id of a piece give --music-folder too";
            return Err(CliError::Usage(format!("--music {name}: {hint}")));
        };
        Ok(Some(Music { track, volume: self.music_volume }))
    }

    /// What concerns a sound that was given as a file is told with its path.
    pub(crate) fn of_sound(&self, error: Error) -> CliError {
        let path = match &error {
            Error::Message(VoiceError::Music(_)) => self.music.as_ref().map(PathBuf::from),
            Error::Message(
                VoiceError::Unsupported { .. }
                | VoiceError::Damaged { .. }
                | VoiceError::TooLarge { .. }
                | VoiceError::TooLong { .. }
                | VoiceError::TooShort { .. }
                | VoiceError::Silent { .. }
                | VoiceError::InvalidMessage { field: "audio", .. },
            ) => self.audio.clone(),
            _ => None,
        };
        match path {
            Some(path) => CliError::in_file(&path, error),
            None => error.into(),
        }
    }

    fn key(&self) -> Result<Option<String>, CliError> {
        key(self.speech_key.as_deref(), self.speech_key_file.as_deref(), "PORTRAIT_SPEECH_KEY")
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.audio, &self.voice_profiles, &self.speech_key_file];
        let music = self.music.as_deref().map(Path::new);
        files.into_iter().filter_map(|file| file.as_deref()).chain(music)
    }

    /// The pipeline's speech service and music.
    pub(crate) fn builder(
        &self,
        mut builder: PipelineBuilder,
    ) -> Result<PipelineBuilder, CliError> {
        if let Some(folder) = &self.music_folder {
            builder = builder.music_folder(folder);
        }
        let Some(address) = &self.speech_url else {
            return Ok(builder);
        };
        let address = settings::url(address)?;
        let proxy = proxy_for(&address)?;
        let mut speech = HttpSpeech::builder(address);
        if let Some(proxy) = proxy {
            speech = speech.proxy(proxy);
        }
        if let Some(key) = self.key()? {
            speech = speech.key(key.as_str());
        }
        if let Some(model) = &self.speech_model {
            speech = speech.model(model);
        }
        Ok(builder.speech(speech.build().map_err(Error::from)?))
    }
}

/// A sound file; one that is too large is told so and not read.
fn sound(path: &Path) -> Result<Bytes, CliError> {
    let max = DecodeLimits::default().max_bytes;
    let file = std::fs::File::open(path).map_err(CliError::file(path, "read"))?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells that there are more.
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(CliError::file(path, "read"))?;
    Ok(bytes.into())
}
