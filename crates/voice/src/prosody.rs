use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, within};

/// How a text is to be spoken, by any provider. Each uses the part of it that it understands;
/// see [`Message::plan`](crate::Message::plan).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prosody {
    /// Styles by Microsoft's names, the best first; of these the first that the voice has is used.
    pub styles: Vec<String>,
    /// Speed against the voice's own, 0.5 to 2.
    pub rate: f64,
    /// Semitones above (or below) the voice's own pitch, -12 to 12.
    pub pitch_semitones: f64,
    /// How far the voice may go from an even reading, 0 to 1; none leaves it to the voice.
    pub expressiveness: Option<f64>,
}

impl Default for Prosody {
    /// As the voice speaks by itself.
    fn default() -> Prosody {
        Prosody { styles: Vec::new(), rate: 1.0, pitch_semitones: 0.0, expressiveness: None }
    }
}

impl Prosody {
    pub(crate) fn check(&self) -> Result<(), Error> {
        within("prosody.rate", self.rate, 0.5, 2.0)?;
        within("prosody.pitch_semitones", self.pitch_semitones, -12.0, 12.0)?;
        self.expressiveness
            .map_or(Ok(()), |value| within("prosody.expressiveness", value, 0.0, 1.0))
    }

    /// The first wanted style among those a voice has, spelt as the voice spells it.
    pub(crate) fn style_of<'a>(&self, voice: &'a [String]) -> Option<&'a String> {
        self.styles
            .iter()
            .find_map(|wanted| voice.iter().find(|style| style.eq_ignore_ascii_case(wanted)))
    }
}

/// Ways of speaking by name. Their numbers keep within what Microsoft's, Amazon's and ElevenLabs'
/// voices take without sounding artificial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProsodyPreset {
    /// As the voice speaks by itself.
    #[default]
    Neutral,
    /// Congratulations: high, lively, a little faster.
    Celebration,
    /// In good spirits.
    Cheerful,
    /// Warm, as among friends.
    Friendly,
    /// Full of energy.
    Excited,
    /// Slower and lower, soothing.
    Calm,
    /// Formal, as at an announcement.
    Serious,
    /// Condolences and apologies: slow, low, soft.
    Sympathetic,
    /// As one tells a story.
    Storytelling,
    /// In a whisper, where the voice can.
    Whisper,
}

impl ProsodyPreset {
    /// All of them.
    pub const ALL: [ProsodyPreset; 10] = [
        ProsodyPreset::Neutral,
        ProsodyPreset::Celebration,
        ProsodyPreset::Cheerful,
        ProsodyPreset::Friendly,
        ProsodyPreset::Excited,
        ProsodyPreset::Calm,
        ProsodyPreset::Serious,
        ProsodyPreset::Sympathetic,
        ProsodyPreset::Storytelling,
        ProsodyPreset::Whisper,
    ];

    /// Its name in requests, such as `celebration`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProsodyPreset::Neutral => "neutral",
            ProsodyPreset::Celebration => "celebration",
            ProsodyPreset::Cheerful => "cheerful",
            ProsodyPreset::Friendly => "friendly",
            ProsodyPreset::Excited => "excited",
            ProsodyPreset::Calm => "calm",
            ProsodyPreset::Serious => "serious",
            ProsodyPreset::Sympathetic => "sympathetic",
            ProsodyPreset::Storytelling => "storytelling",
            ProsodyPreset::Whisper => "whisper",
        }
    }

    /// What it stands for.
    #[must_use]
    pub fn prosody(self) -> Prosody {
        let (styles, rate, pitch_semitones, expressiveness): (&[&str], f64, f64, f64) = match self {
            ProsodyPreset::Neutral => return Prosody::default(),
            ProsodyPreset::Celebration => (&["excited", "cheerful", "friendly"], 1.08, 2.0, 0.6),
            ProsodyPreset::Cheerful => (&["cheerful", "friendly", "excited"], 1.05, 1.0, 0.45),
            ProsodyPreset::Friendly => (&["friendly", "chat", "cheerful"], 1.0, 0.5, 0.3),
            ProsodyPreset::Excited => (&["excited", "cheerful"], 1.12, 2.5, 0.7),
            ProsodyPreset::Calm => (&["calm", "gentle", "narration-relaxed"], 0.92, -1.0, 0.1),
            ProsodyPreset::Serious => {
                (&["serious", "newscast-formal", "newscast"], 0.96, -1.0, 0.1)
            }
            ProsodyPreset::Sympathetic => (&["empathetic", "gentle", "sad"], 0.9, -1.5, 0.25),
            ProsodyPreset::Storytelling => {
                (&["narration-relaxed", "story", "gentle"], 0.94, 0.0, 0.45)
            }
            ProsodyPreset::Whisper => (&["whispering", "whisper"], 0.9, 0.0, 0.2),
        };
        let styles = styles.iter().map(|style| (*style).to_owned()).collect();
        Prosody { styles, rate, pitch_semitones, expressiveness: Some(expressiveness) }
    }
}

impl fmt::Display for ProsodyPreset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ProsodyPreset {
    type Err = Error;

    fn from_str(name: &str) -> Result<ProsodyPreset, Error> {
        let all = ProsodyPreset::ALL;
        all.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            Error::UnknownProsodyPreset {
                name: name.to_owned(),
                known: all.map(ProsodyPreset::name).join(", "),
            }
        })
    }
}
