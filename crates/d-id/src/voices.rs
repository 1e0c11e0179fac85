use reqwest::Method;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lenient;
use crate::operation::Operation;
use crate::transport::Transport;

/// The voices texts can be read by; see [`Client::voices`](crate::Client::voices).
#[derive(Clone, Copy)]
pub struct Voices<'a> {
    pub(crate) transport: &'a Transport,
}

/// Which voices to list; by default all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListVoices {
    /// Only those of this provider.
    pub provider: Option<VoiceProvider>,
    /// Only those with this id, which is unique to each provider.
    pub id: Option<String>,
}

/// Who makes a voice: schema `Providers` of D-ID's OpenAPI description 4.2.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum VoiceProvider {
    /// `amazon`
    Amazon,
    /// `microsoft`
    Microsoft,
    /// `azure-openai`
    AzureOpenAi,
    /// `elevenlabs`
    ElevenLabs,
    /// `google`
    Google,
    /// One this client does not know.
    Other(String),
}

impl VoiceProvider {
    /// The word D-ID uses, which is also the `type` of [`Provider`](crate::Provider).
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            VoiceProvider::Amazon => "amazon",
            VoiceProvider::Microsoft => "microsoft",
            VoiceProvider::AzureOpenAi => "azure-openai",
            VoiceProvider::ElevenLabs => "elevenlabs",
            VoiceProvider::Google => "google",
            VoiceProvider::Other(other) => other,
        }
    }
}

impl From<String> for VoiceProvider {
    fn from(word: String) -> VoiceProvider {
        match word.as_str() {
            "amazon" => VoiceProvider::Amazon,
            "microsoft" => VoiceProvider::Microsoft,
            "azure-openai" => VoiceProvider::AzureOpenAi,
            "elevenlabs" => VoiceProvider::ElevenLabs,
            "google" => VoiceProvider::Google,
            _ => VoiceProvider::Other(word),
        }
    }
}

impl From<VoiceProvider> for String {
    fn from(provider: VoiceProvider) -> String {
        provider.as_str().to_owned()
    }
}

/// Who may use a voice: schema `VoiceAccess`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum VoiceAccess {
    /// Everybody.
    Public,
    /// Accounts with a plan that includes it.
    Premium,
    /// The account that made it.
    Private,
    /// The holder of an account with the provider.
    ExternalPrivate,
    /// One this client does not know.
    #[serde(untagged)]
    Other(String),
}

/// A voice: schema `IVoice`. Only the id is sure.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Voice {
    /// What [`Provider`](crate::Provider) takes as `voice_id`.
    pub id: String,
    /// The name for people.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub name: Option<String>,
    /// `male`, `female` or another word.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub gender: Option<String>,
    /// Who may use it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub access: Option<VoiceAccess>,
    /// Who makes it.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub provider: Option<VoiceProvider>,
    /// What it speaks.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub languages: Vec<VoiceLanguage>,
    /// Styles it has, such as `Cheerful`.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub styles: Vec<String>,
    /// What it is like.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub description: Option<String>,
}

/// A language of a voice: schema `VoiceLanguage`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct VoiceLanguage {
    /// Such as `English (United States)`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub language: Option<String>,
    /// Such as `en-US`.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub locale: Option<String>,
    /// Where to listen to it.
    #[serde(rename = "previewUrl", default, deserialize_with = "lenient::optional")]
    pub preview_url: Option<String>,
}

impl Voices<'_> {
    /// The voices there are (`GET /tts/voices`).
    ///
    /// # Errors
    /// What any request may fail with.
    pub async fn list(&self, list: &ListVoices) -> Result<Vec<Voice>, Error> {
        let mut query = Vec::new();
        if let Some(provider) = &list.provider {
            query.push(("provider", provider.as_str()));
        }
        if let Some(id) = &list.id {
            query.push(("id", id));
        }
        let make = || {
            let request = self.transport.request(Method::GET, &["tts", "voices"])?;
            Ok(request.query(&query))
        };
        let reply = self.transport.retried(Operation::ListVoices, make).await?;
        reply.json(&self.transport.redactor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_words_and_missing_fields_are_tolerated() {
        let voice: Voice = serde_json::from_value(json!({
            "id": "v1",
            "access": "on-loan",
            "provider": "acme",
            "languages": [{ "locale": "ja-JP" }],
            "styles": null,
            "isLegacy": true,
        }))
        .unwrap();
        assert_eq!(voice.access, Some(VoiceAccess::Other("on-loan".into())));
        assert_eq!(voice.provider, Some(VoiceProvider::Other("acme".into())));
        assert_eq!(voice.languages[0].locale.as_deref(), Some("ja-JP"));
        assert!(voice.styles.is_empty() && voice.name.is_none());
        let access = |word: &str| serde_json::from_value::<VoiceAccess>(json!(word)).unwrap();
        assert_eq!(access("external-private"), VoiceAccess::ExternalPrivate);
    }
}
