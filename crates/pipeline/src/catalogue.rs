//! The one table of codes: tier and advice of every error and warning.

use serde::{Serialize, Serializer};
use std::fmt;

/// How severe an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The service is impaired: out of memory, a crash.
    Critical = 1,
    /// The request failed: no person, bad input, a time-out.
    High = 2,
    /// The request went on with a warning.
    Medium = 3,
    /// Worth a line in the log.
    Low = 4,
}

impl Tier {
    /// The exit code of a command that ends with an error of this tier: 10 + the tier's number.
    pub fn exit_code(self) -> u8 {
        10 + self as u8
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Critical => "critical: the service is impaired",
            Self::High => "high: the request failed",
            Self::Medium => "medium: the request went on with a warning",
            Self::Low => "low: logged",
        }
    }
}

macro_rules! catalogue {
    ($($variant:ident $text:literal $tier:ident $action:literal;)*) => {
        /// A stable code of an error or warning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!("`", $text, "`: ", $action)]
                $variant,
            )*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as text.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// How severe it is.
            pub fn tier(self) -> Tier {
                match self { $(Self::$variant => Tier::$tier,)* }
            }

            /// What the user can do.
            pub fn user_action(self) -> &'static str {
                match self { $(Self::$variant => $action,)* }
            }
        }
    };
}

catalogue! {
    GpuOom "GPU_OOM" Critical "Try again in a few minutes, or with a smaller model";
    ServiceCrash "SERVICE_CRASH" Critical "Try again; report it if it happens again";
    StorageFailed "STORAGE_FAILED" Critical "Check that the storage can be written to and has room";
    DeviceUnavailable "DEVICE_UNAVAILABLE" Critical "Choose another device, or --device cpu";

    ImageEmpty "IMAGE_EMPTY" High "Upload a JPEG, PNG or WebP picture";
    ImageTooLarge "IMAGE_TOO_LARGE" High "Upload a picture of at most 10 MB and 4096 pixels a side";
    ImageTooSmall "IMAGE_TOO_SMALL" High "Upload a picture of at least 128 pixels a side";
    ImageFormatUnsupported "IMAGE_FORMAT_UNSUPPORTED" High "Upload a JPEG, PNG or WebP picture";
    ImageDamaged "IMAGE_DAMAGED" High "Upload the picture again; the file is damaged or cut off";
    ImageDeleted "IMAGE_DELETED" High "Upload the picture again: it was deleted while work on it went on";
    NoPersonDetected "NO_PERSON_DETECTED" High "Upload an image with visible people";
    PersonNotFound "PERSON_NOT_FOUND" High "Select persons by the ids that detection gave";
    InvalidOption "INVALID_OPTION" High "Correct the option";
    MessageInvalid "MESSAGE_INVALID" High "Correct what the message names";
    AudioFormatUnsupported "AUDIO_FORMAT_UNSUPPORTED" High "Send WAV, MP3, FLAC, M4A or Ogg Vorbis";
    AudioDamaged "AUDIO_DAMAGED" High "Record or export the sound again; the file is damaged or cut off";
    AudioTooLarge "AUDIO_TOO_LARGE" High "Send a shorter sound, or a compressed file";
    AudioTooShort "AUDIO_TOO_SHORT" High "Send a longer recording";
    AudioSilent "AUDIO_SILENT" High "Check the microphone and record again";
    SpeechRefused "SPEECH_REFUSED" High "Correct text or voice: the speech service refused them";
    SpeechUnauthorised "SPEECH_UNAUTHORISED" High "Check the API key of the speech service";
    SpeechTimeout "SPEECH_TIMEOUT" High "Try again, or with a shorter text";
    SpeechUnavailable "SPEECH_UNAVAILABLE" High "Check the address of the speech service, and try again later";
    UnknownModel "UNKNOWN_MODEL" High "Choose one of the models that `portrait models list` shows";
    WeightsMissing "WEIGHTS_MISSING" High "Fetch the model with `portrait models fetch ID`, or name a file";
    WeightsInvalid "WEIGHTS_INVALID" High "Fetch the model again, or name the file of this very model";
    WeightsDownloadFailed "WEIGHTS_DOWNLOAD_FAILED" High "Check the network and the hub, and try again";
    DetectionFailed "DETECTION_FAILED" High "Try another picture or model";
    SegmentationFailed "SEGMENTATION_FAILED" High "Try another picture or model";
    BirefnetTimeout "BIREFNET_TIMEOUT" High "Try again when the service is less busy, or with a smaller model";
    StageTimeout "STAGE_TIMEOUT" High "Try again when the service is less busy";
    ServiceBusy "SERVICE_BUSY" High "Try again after the time given";
    ServiceClosing "SERVICE_CLOSING" High "Try again in a moment: the service is being restarted";
    NotConfigured "NOT_CONFIGURED" High "Configure what the message names";
    DIdUnauthorised "D_ID_UNAUTHORISED" High "Check the D-ID API key";
    DIdInsufficientCredits "D_ID_INSUFFICIENT_CREDITS" High "Buy D-ID credits";
    DIdModeration "D_ID_MODERATION" High "Use another picture or text: D-ID's moderation refused this one";
    DIdRateLimited "D_ID_RATE_LIMITED" High "Try again later";
    DIdRequestRefused "D_ID_REQUEST_REFUSED" High "Correct what the message names";
    DIdTalkFailed "D_ID_TALK_FAILED" High "Use a picture with one clear face, and try again";
    DIdTalkAmbiguous "D_ID_TALK_AMBIGUOUS" High "Look at the talks in D-ID's Studio before paying again";
    DIdTimeout "D_ID_TIMEOUT" High "Look for the video later: the talk may still finish";
    DIdUnavailable "D_ID_UNAVAILABLE" High "Try again later";

    LowConfidence "LOW_CONFIDENCE" Medium "Check that the marked region is a person";
    EmptyCutOut "EMPTY_CUT_OUT" Medium "Check the cut-out: hardly anything of it is foreground";
    PictureScaled "PICTURE_SCALED" Low "Nothing to do";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Something that did not stop a step but that its caller should know.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Warning {
    /// The code; its tier is medium or low.
    pub code: Code,
    /// What was noticed, in one line.
    pub message: String,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person_id: Option<usize>,
}

/// What only the `portrait` command ends with; its tests compare.
const OF_THE_COMMAND: &str = "
## The command's own, of tier 2

| code | exit code | what to do |
|---|---|---|
| `FILE_ERROR` | 12 | Check the path, who may read or write there, and the free space |
| `USAGE` | 2 | Correct the command; --help tells its options |
| `INTERRUPTED` | 130 | Give the command again when you want to |
";

/// The page `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(
        "# Errors and warnings\n\n\
         This page is generated from the table in `crates/pipeline/src/catalogue.rs` by\n\
         `cargo run -p portrait-pipeline --example errors_page > docs/errors.md`.\n\n\
         Codes are stable. Tiers 1 and 2 end a request; tiers 3 and 4 come as warnings beside a result.\n\
         The `portrait` command ends with the exit code of the tier; wrong usage of the command itself ends with 2,\n\
         an interrupt (Ctrl-C) with 130.\n",
    );
    for tier in [Tier::Critical, Tier::High, Tier::Medium, Tier::Low] {
        let number = tier as u8;
        let meaning = tier.meaning();
        let exit = match tier {
            Tier::Critical | Tier::High => format!(", exit code {}", tier.exit_code()),
            Tier::Medium | Tier::Low => String::new(),
        };
        page.push_str(&format!(
            "\n## Tier {number}, {meaning}{exit}\n\n| code | what to do |\n|---|---|\n"
        ));
        for code in Code::ALL.iter().filter(|code| code.tier() == tier) {
            page.push_str(&format!("| `{code}` | {} |\n", code.user_action()));
        }
    }
    page.push_str(OF_THE_COMMAND);
    page
}
