use serde::Serialize;

use crate::check::{self, Local};
use crate::error::Error;
use crate::provider::Provider;

/// What to make a talk of: the body of `POST /talks`
/// (D-ID's OpenAPI description 4.2.1, operation `CreateTalk`).
///
/// `source_url` must belong to this talk alone, so upload the picture once per talk. When the
/// answer to the creation is lost, the talk is found by it.
///
/// ```
/// use portrait_d_id::{CreateTalk, Provider, Script, TalkConfig};
///
/// let mut talk = CreateTalk::new(
///     "https://host/anna.png",
///     Script::text("Hello, I am Anna.").spoken_by(Provider::microsoft("en-US-JennyNeural")),
/// );
/// talk.config.fluent = true;
/// assert!(talk.check().is_ok());
///
/// talk.source_url = "data:image/png;base64,…".into();
/// assert!(talk.check().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CreateTalk {
    /// The picture: an `https` or `s3` address of a `.jpg`, `.jpeg` or `.png`. D-ID would animate
    /// its own sample picture if it were missing, so it cannot be.
    pub source_url: String,
    /// What is said.
    pub script: Script,
    /// How the video is made.
    #[serde(skip_serializing_if = "TalkConfig::is_default")]
    pub config: TalkConfig,
    /// Anything of 1 to 1000 characters in one line; comes back with the talk and in webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// The video's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// An `https` address D-ID posts the ended talk to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// An `https` or `s3` address the video is written to instead of D-ID's own store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_url: Option<String>,
}

impl CreateTalk {
    /// A talk with everything optional left to D-ID.
    #[must_use]
    pub fn new(source_url: impl Into<String>, script: Script) -> CreateTalk {
        CreateTalk {
            source_url: source_url.into(),
            script,
            config: TalkConfig::default(),
            user_data: None,
            name: None,
            webhook: None,
            result_url: None,
        }
    }

    /// Checks the documented limits, as [`Talks::create`](crate::Talks::create) does before it
    /// sends anything.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming the first field that breaks one.
    pub fn check(&self) -> Result<(), Error> {
        self.check_for(&Local::default())
    }

    pub(crate) fn check_for(&self, local: &Local) -> Result<(), Error> {
        check::source_url(&self.source_url, local)?;
        self.script.check(local)?;
        self.config.check()?;
        if let Some(data) = &self.user_data
            && (data.trim().is_empty()
                || data.chars().count() > 1000
                || data.contains(['\n', '\r', '\u{2028}', '\u{2029}']))
        {
            let reason = "it must be one line of 1 to 1000 characters, not all blank";
            return Err(Error::invalid("user_data", reason));
        }
        if let Some(url) = &self.webhook {
            check::webhook(url, local)?;
        }
        match &self.result_url {
            Some(url) => check::remote_url("result_url", url),
            None => Ok(()),
        }
    }
}

/// What is said: a text for a voice of D-ID's providers, or recorded sound.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Script {
    /// A text.
    Text(TextScript),
    /// Recorded sound.
    Audio(AudioScript),
}

/// A text to speak.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TextScript {
    /// 3 to 40,000 characters. D-ID speaks at most 10,000 of them outside SSML tags, its
    /// providers often fewer; it answers 400 beyond.
    pub input: String,
    /// Whether the text is SSML.
    #[serde(skip_serializing_if = "is_false")]
    pub ssml: bool,
    /// Whether to make subtitles; needs a plan with them.
    #[serde(skip_serializing_if = "is_false")]
    pub subtitles: bool,
    /// Who speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
}

/// Recorded sound to move the lips to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AudioScript {
    /// An `https` or `s3` address of a `.m4a`, `.flac`, `.mp3`, `.mp4` or `.wav` file of at most
    /// 15 MB and 10 minutes.
    pub audio_url: String,
    /// Whether to make subtitles; needs a plan with them.
    #[serde(skip_serializing_if = "is_false")]
    pub subtitles: bool,
}

impl Script {
    /// A plain text.
    #[must_use]
    pub fn text(input: impl Into<String>) -> Script {
        Script::Text(TextScript { input: input.into(), ..TextScript::default() })
    }

    /// Recorded sound.
    #[must_use]
    pub fn audio(audio_url: impl Into<String>) -> Script {
        Script::Audio(AudioScript { audio_url: audio_url.into(), subtitles: false })
    }

    /// Chooses the voice of a text; recorded sound has its own.
    #[must_use]
    pub fn spoken_by(mut self, provider: Provider) -> Script {
        if let Script::Text(text) = &mut self {
            text.provider = Some(provider);
        }
        self
    }

    fn check(&self, local: &Local) -> Result<(), Error> {
        match self {
            Script::Text(text) => {
                let length = text.input.chars().count();
                if !(3..=40_000).contains(&length) || text.input.trim().is_empty() {
                    let reason = format!(
                        "it has {length} characters; 3 to 40000, not all blank, are allowed"
                    );
                    return Err(Error::invalid("script.input", reason));
                }
                text.provider.as_ref().map_or(Ok(()), Provider::check)
            }
            Script::Audio(audio) => check::audio_url(&audio.audio_url, local),
        }
    }
}

/// How the video is made; unset fields are D-ID's defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TalkConfig {
    /// A logo over the video.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// Whether the moving face is put back into the whole picture; needs a plan with it. Without
    /// it the video is a square around the face.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stitch: Option<bool>,
    /// The file format; MP4 where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_format: Option<ResultFormat>,
    /// Whether the last frames lead back to the first.
    #[serde(skip_serializing_if = "is_false")]
    pub fluent: bool,
    /// Seconds of silence at the end, 0 to 60. They cost credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pad_audio: Option<f64>,
    /// Expressions over time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver_expressions: Option<DriverExpressions>,
}

impl TalkConfig {
    fn is_default(&self) -> bool {
        *self == TalkConfig::default()
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(logo) = &self.logo {
            check::remote_url("config.logo.url", &logo.url)?;
        }
        if let Some(pad) = self.pad_audio {
            check::within("config.pad_audio", pad, 0.0..=60.0)?;
        }
        let Some(driver) = &self.driver_expressions else {
            return Ok(());
        };
        let frames = 0.0..=f64::INFINITY;
        for timed in &driver.expressions {
            let field = "config.driver_expressions.expressions.start_frame";
            check::within(field, timed.start_frame, frames.clone())?;
            let field = "config.driver_expressions.expressions.intensity";
            check::within(field, timed.intensity, 0.0..=1.0)?;
        }
        match driver.transition_frames {
            Some(count) => {
                check::within("config.driver_expressions.transition_frames", count, frames)
            }
            None => Ok(()),
        }
    }
}

/// A logo over the video.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logo {
    /// An `https` or `s3` address of a JPEG or PNG with alpha.
    pub url: String,
    /// Pixels from the top left corner, across and down; negative ones count from the far side.
    pub position: [i32; 2],
}

/// The file format of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResultFormat {
    /// MP4.
    Mp4,
    /// QuickTime.
    Mov,
}

/// Expressions over time; each holds until the next.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct DriverExpressions {
    /// The expressions.
    pub expressions: Vec<TimedExpression>,
    /// Frames a change takes, at least 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transition_frames: Option<f64>,
}

/// An expression from a frame on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimedExpression {
    /// The first frame, at least 0.
    pub start_frame: f64,
    /// The expression.
    pub expression: Expression,
    /// 0 (none) to 1.
    pub intensity: f64,
}

/// A face's expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Expression {
    /// At rest.
    Neutral,
    /// Smiling.
    Happy,
    /// Serious.
    Serious,
    /// Surprised.
    Surprise,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form serde calls")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
