use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Who speaks a text: a voice of one of the providers D-ID has (D-ID's OpenAPI description 4.2.1,
/// schema `TextToSpeechProviders`), or of a speech service.
///
/// As text it is the provider's name and the voice's id: `amazon:Takumi`. Without a provider it is
/// a Microsoft voice, and `service` and others alone stand for the provider's default voice.
///
/// ```
/// use portrait_voice::Voice;
///
/// let voice: Voice = "google:ja-JP-Neural2-B".parse()?;
/// assert_eq!(voice, Voice::Google { voice_id: Some("ja-JP-Neural2-B".into()) });
/// assert_eq!("ja-JP-NanamiNeural".parse(), Ok(Voice::microsoft("ja-JP-NanamiNeural")));
/// assert_eq!("service:anna".parse(), Ok(Voice::service("anna")));
/// # Ok::<(), portrait_voice::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", deny_unknown_fields)]
#[non_exhaustive]
pub enum Voice {
    /// Microsoft Azure. Takes styles, rate and pitch.
    #[serde(rename = "microsoft")]
    Microsoft {
        /// Such as `ja-JP-NanamiNeural`.
        voice_id: String,
        /// The styles it has, as D-ID's list of voices names them. No other is asked of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        styles: Vec<String>,
        /// Such as `Japanese (Japan)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// ElevenLabs. Takes a rate, and expressiveness as style and stability.
    #[serde(rename = "elevenlabs")]
    ElevenLabs {
        /// D-ID's default voice where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
        /// D-ID's default model where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model_id: Option<String>,
        /// Such as `Japanese (Japan)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Amazon Polly. Takes a rate, as SSML.
    #[serde(rename = "amazon")]
    Amazon {
        /// One of D-ID's 24, such as `Takumi`.
        voice_id: String,
        /// Such as `Japanese (Japan)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Google. Takes rate and pitch, as SSML.
    #[serde(rename = "google")]
    Google {
        /// D-ID's default voice where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
    },
    /// OpenAI's voices at Microsoft Azure. Takes rate and pitch.
    #[serde(rename = "azure-openai")]
    AzureOpenAi {
        /// The voice.
        voice_id: String,
        /// Such as `Japanese (Japan)`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// A speech service's. Takes a style, rate, pitch and expressiveness.
    #[serde(rename = "service")]
    Service {
        /// As the service names it, such as `openvoice_c403f011`; its default voice where there is
        /// none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        voice_id: Option<String>,
        /// The service's model; its default where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model_id: Option<String>,
        /// The styles it has. No other is asked of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        styles: Vec<String>,
        /// As the service names it, such as `ja`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
}

impl Voice {
    /// A Microsoft voice of which no style is known.
    #[must_use]
    pub fn microsoft(voice_id: impl Into<String>) -> Voice {
        Voice::Microsoft { voice_id: voice_id.into(), styles: Vec::new(), language: None }
    }

    /// A voice of the speech service of which no style is known.
    #[must_use]
    pub fn service(voice_id: impl Into<String>) -> Voice {
        Voice::Service {
            voice_id: Some(voice_id.into()),
            model_id: None,
            styles: Vec::new(),
            language: None,
        }
    }

    /// Whether a speech service speaks it, rather than D-ID.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self, Voice::Service { .. })
    }

    /// The provider's name and the voice's id.
    fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Voice::Microsoft { voice_id, .. } => ("microsoft", Some(voice_id)),
            Voice::Amazon { voice_id, .. } => ("amazon", Some(voice_id)),
            Voice::AzureOpenAi { voice_id, .. } => ("azure-openai", Some(voice_id)),
            Voice::ElevenLabs { voice_id, .. } => ("elevenlabs", voice_id.as_deref()),
            Voice::Google { voice_id } => ("google", voice_id.as_deref()),
            Voice::Service { voice_id, .. } => ("service", voice_id.as_deref()),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.parts().1.is_some_and(|id| id.trim().is_empty()) {
            return Err(Error::message("voice", "its id is empty; name a voice of the provider"));
        }
        Ok(())
    }
}

impl fmt::Display for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (provider, Some(id)) => write!(f, "{provider}:{id}"),
            (provider, None) => f.write_str(provider),
        }
    }
}

impl FromStr for Voice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Voice, Error> {
        // Ids of Microsoft's hold colons too.
        let (provider, id) = match text.split_once(':') {
            Some((provider, id)) => (provider, Some(id.to_owned())),
            None => (text, None),
        };
        let needed = || {
            let reason = format!("{provider} needs a voice: {provider}:ID");
            id.clone().ok_or_else(|| Error::message("voice", reason))
        };
        let voice = match provider {
            "microsoft" => Voice::microsoft(needed()?),
            "amazon" => Voice::Amazon { voice_id: needed()?, language: None },
            "azure-openai" => Voice::AzureOpenAi { voice_id: needed()?, language: None },
            "elevenlabs" => Voice::ElevenLabs { voice_id: id, model_id: None, language: None },
            "google" => Voice::Google { voice_id: id },
            "service" => {
                Voice::Service { voice_id: id, model_id: None, styles: Vec::new(), language: None }
            }
            // Those of Microsoft's that hold a colon begin with a language and a region: `en-US-`.
            _ if id.is_some() && !provider.contains('-') => {
                let reason = format!(
                    "no provider {provider}: use amazon, azure-openai, elevenlabs, google, microsoft or service"
                );
                return Err(Error::message("voice", reason));
            }
            _ => Voice::microsoft(text),
        };
        voice.check()?;
        Ok(voice)
    }
}

/// Which voice stands for which `voice_profile_id`: the content of a mapping file.
///
/// ```
/// let profiles = portrait_voice::VoiceProfiles::from_toml(r#"
///     default = "openvoice_c403f011"
///
///     [profiles.openvoice_c403f011]
///     provider = "service"
///     voice_id = "openvoice_c403f011"
///     styles = ["default", "excited", "cheerful", "friendly", "sad", "whispering"]
///     language = "ja"
///
///     [profiles.nanami]
///     provider = "microsoft"
///     voice_id = "ja-JP-NanamiNeural"
///     styles = ["chat", "cheerful", "customerservice"]
///     language = "Japanese (Japan)"
/// "#)?;
/// assert_eq!(profiles.find(None)?, profiles.find(Some("openvoice_c403f011"))?);
/// assert!(profiles.find(Some("nobody")).is_err());
/// # Ok::<(), portrait_voice::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoiceProfiles {
    /// The profile taken where a message names none; without one, D-ID chooses the voice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The voices by profile id.
    pub profiles: BTreeMap<String, Voice>,
}

impl VoiceProfiles {
    /// Reads the mapping from TOML.
    ///
    /// # Errors
    /// [`Error::InvalidProfiles`] with place and cause.
    pub fn from_toml(text: &str) -> Result<VoiceProfiles, Error> {
        let parsed = toml::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        VoiceProfiles::checked(parsed)
    }

    /// Reads the mapping from JSON, of the same shape.
    ///
    /// # Errors
    /// [`Error::InvalidProfiles`] with place and cause.
    pub fn from_json(text: &str) -> Result<VoiceProfiles, Error> {
        let parsed = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
        VoiceProfiles::checked(parsed)
    }

    fn checked(profiles: VoiceProfiles) -> Result<VoiceProfiles, Error> {
        for (id, voice) in &profiles.profiles {
            voice.check().map_err(|error| invalid(&format!("profile {id:?}: {error}")))?;
        }
        match &profiles.default {
            Some(id) if !profiles.profiles.contains_key(id) => {
                Err(invalid(&format!("the default {id:?} is not among the profiles")))
            }
            _ => Ok(profiles),
        }
    }

    /// The voice of a profile, or of the default profile; none if there is neither.
    ///
    /// # Errors
    /// [`Error::UnknownVoiceProfile`] naming the ids there are.
    pub fn find(&self, id: Option<&str>) -> Result<Option<&Voice>, Error> {
        let Some(id) = id.or(self.default.as_deref()) else {
            return Ok(None);
        };
        let unknown = || {
            let known: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "(none)".to_owned() } else { known.join(", ") };
            Error::UnknownVoiceProfile { id: id.to_owned(), known }
        };
        self.profiles.get(id).map(Some).ok_or_else(unknown)
    }
}

/// In one line: parsers write messages of several lines.
fn invalid(reason: &str) -> Error {
    Error::InvalidProfiles { reason: reason.split_whitespace().collect::<Vec<_>>().join(" ") }
}
