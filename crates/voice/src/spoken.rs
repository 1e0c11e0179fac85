use crate::prosody::Prosody;
use crate::ssml;
use crate::voices::Voice;

/// A text for one of D-ID's providers, with the settings of its voice as plain values. The D-ID
/// client knows how they are written in a request.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokenText {
    /// The text, or an SSML document.
    pub input: String,
    /// Whether it is SSML.
    pub ssml: bool,
    /// Who speaks; without one, D-ID chooses. Never one of a speech service.
    pub voice: Option<Voice>,
    /// How the voice speaks.
    pub settings: VoiceSettings,
}

/// As much of a prosody as the provider understands; nothing set is the voice's own way.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VoiceSettings {
    /// A style the voice has, spelt as it spells it.
    pub style: Option<String>,
    /// Speed against the voice's own, two decimals: 0.5 to 2, of ElevenLabs 0.7 to 1.2.
    pub rate: Option<f64>,
    /// Semitones against the voice's own, two decimals, -12 to 12.
    pub pitch_semitones: Option<f64>,
    /// 0 (free) to 1 (even).
    pub stability: Option<f64>,
    /// How far the speaker's style is exaggerated, 0 to 1.
    pub exaggeration: Option<f64>,
}

/// A text for a voice, with as much of the prosody as the provider understands:
///
/// | provider | style | rate | pitch | expressiveness |
/// |---|---|---|---|---|
/// | microsoft | if the voice has it | setting | setting | – |
/// | azure-openai | – | setting | setting | – |
/// | elevenlabs | – | setting, 0.7 to 1.2 | – | exaggeration and stability |
/// | amazon | – | SSML | – | – |
/// | google | – | SSML | SSML | – |
/// | none named | – | – | – | – |
pub(crate) fn speak(text: &str, voice: Option<&Voice>, prosody: &Prosody) -> SpokenText {
    let rate = Some(prosody.rate).filter(|rate| *rate != 1.0).map(hundredths);
    let pitch = Some(prosody.pitch_semitones).filter(|semitones| *semitones != 0.0).map(hundredths);
    let plain = |settings| SpokenText {
        input: text.to_owned(),
        ssml: false,
        voice: voice.cloned(),
        settings,
    };
    // An SSML document without any setting has no use, and providers have special rules for SSML.
    let marked_up = |pitch: Option<f64>| {
        if rate.is_none() && pitch.is_none() {
            return plain(VoiceSettings::default());
        }
        let input = ssml::document(text, rate, pitch);
        SpokenText { input, ssml: true, ..plain(VoiceSettings::default()) }
    };
    match voice {
        Some(Voice::Microsoft { styles, .. }) => plain(VoiceSettings {
            style: prosody.style_of(styles).cloned(),
            rate,
            pitch_semitones: pitch,
            ..VoiceSettings::default()
        }),
        Some(Voice::AzureOpenAi { .. }) => {
            plain(VoiceSettings { rate, pitch_semitones: pitch, ..VoiceSettings::default() })
        }
        Some(Voice::ElevenLabs { model_id, .. }) => {
            plain(eleven_labs(prosody, rate, model_id.as_deref()))
        }
        // Polly's neural voices refuse a pitch.
        Some(Voice::Amazon { .. }) => marked_up(None),
        Some(Voice::Google { .. }) => marked_up(pitch),
        Some(Voice::Service { .. }) | None => plain(VoiceSettings::default()),
    }
}

fn eleven_labs(prosody: &Prosody, rate: Option<f64>, model_id: Option<&str>) -> VoiceSettings {
    // The more expressive, the less stable; 0.5 is the default of ElevenLabs.
    let stability = prosody.expressiveness.map(|value| {
        let stability = 0.65 - 0.5 * value;
        // The third model takes three values only.
        let third = model_id.is_some_and(|model| model.contains("v3"));
        if third { (stability * 2.0).round() / 2.0 } else { hundredths(stability) }
    });
    VoiceSettings {
        stability,
        rate: rate.map(|rate| rate.clamp(0.7, 1.2)),
        exaggeration: prosody.expressiveness.map(hundredths),
        ..VoiceSettings::default()
    }
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
