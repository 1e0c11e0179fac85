//! The one table of codes: tier, kind and advice of every error and warning.

use super::kind::Kind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

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

    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Critical => "critical: the service is impaired",
            Self::High => "high: the request failed",
            Self::Medium => "medium: the request went on with a warning",
            Self::Low => "low: logged",
        }
    }
}

macro_rules! catalogue {
    ($($variant:ident $text:literal $tier:ident $kind:ident $person:literal $operator:literal;)*) => {
        /// A stable code of an error or warning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = concat!("`", $text, "`: ", $person)]
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

            /// What it means to whoever sent the request.
            pub fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind,)* }
            }

            /// What the person who sent the request can do.
            pub fn user_action(self) -> &'static str {
                match self { $(Self::$variant => $person,)* }
            }

            /// What whoever runs the program can do.
            pub fn operator_action(self) -> &'static str {
                match self { $(Self::$variant => $operator,)* }
            }
        }
    };
}

catalogue! {
    GpuOom "GPU_OOM" Critical Unavailable
        "Try again in a few minutes"
        "Choose a smaller model or precision, or a policy by memory (docs/gpu.md)";
    ServiceCrash "SERVICE_CRASH" Critical Internal
        "Try again; report it if it happens again"
        "Read the log, and report the fault with it";
    StorageFailed "STORAGE_FAILED" Critical Unavailable
        "Try again in a few minutes"
        "Check that the storage can be written to and has room";
    DeviceUnavailable "DEVICE_UNAVAILABLE" Critical Unavailable
        "Try again in a few minutes"
        "Choose another device, or --device cpu; check the driver";

    ImageEmpty "IMAGE_EMPTY" High BadInput
        "Upload a JPEG, PNG or WebP picture" "The file has no bytes: check how it was sent";
    ImageTooLarge "IMAGE_TOO_LARGE" High BadInput
        "Upload a picture of at most 10 MB and 4096 pixels a side"
        "The limits are those of PhotoLimits";
    ImageTooSmall "IMAGE_TOO_SMALL" High BadInput
        "Upload a picture of at least 128 pixels a side" "The limits are those of PhotoLimits";
    ImageFormatUnsupported "IMAGE_FORMAT_UNSUPPORTED" High BadInput
        "Upload a JPEG, PNG or WebP picture" "The format is told by the content, not by the name";
    ImageDamaged "IMAGE_DAMAGED" High BadInput
        "Upload the picture again; the file is damaged or cut off"
        "The file is damaged or cut off: compare it with the original";
    ImageDeleted "IMAGE_DELETED" High NotFound
        "Upload the picture again: it was deleted" "Nothing to do: somebody deleted the photo";
    ImageNotFound "IMAGE_NOT_FOUND" High NotFound
        "Upload the picture again: it is not there (any more)"
        "Check the id, and how long the storage keeps photos";
    NoPersonDetected "NO_PERSON_DETECTED" High BadInput
        "Upload an image with visible people"
        "Lower the confidence (--conf), or enlarge the input (--imgsz)";
    PersonNotFound "PERSON_NOT_FOUND" High NotFound
        "Select persons by the ids that detection gave"
        "Select persons by the ids that detection gave";
    InvalidOption "INVALID_OPTION" High BadInput "Correct the option" "Correct the option";
    MessageInvalid "MESSAGE_INVALID" High BadInput
        "Correct what the message names" "Correct what the message names";
    AudioFormatUnsupported "AUDIO_FORMAT_UNSUPPORTED" High BadInput
        "Send WAV, MP3, FLAC, M4A, or Ogg or WebM (Opus, Vorbis)" "Convert the sound to one of these formats";
    AudioDamaged "AUDIO_DAMAGED" High BadInput
        "Record or export the sound again; the file is damaged or cut off"
        "The file is damaged or cut off: compare it with the original";
    AudioTooLarge "AUDIO_TOO_LARGE" High BadInput
        "Send a shorter sound, or a compressed file" "The limits are those of DecodeLimits";
    AudioTooShort "AUDIO_TOO_SHORT" High BadInput
        "Send a longer recording" "The limits are those of DecodeLimits";
    AudioSilent "AUDIO_SILENT" High BadInput
        "Check the microphone and record again" "The threshold is that of PrepareOptions";
    SpeechRefused "SPEECH_REFUSED" High BadInput
        "Change the text or the voice: the speech service refused them"
        "Read the speech service's answer in the log";
    SpeechUnauthorised "SPEECH_UNAUTHORISED" High Unavailable
        "Try again later, or choose another voice" "Check the API key of the speech service";
    SpeechTimeout "SPEECH_TIMEOUT" High TimeOut
        "Try again, or with a shorter text" "Check the load of the speech service";
    SpeechUnavailable "SPEECH_UNAVAILABLE" High RefusedUpstream
        "Try again later, or choose another voice"
        "Check the address of the speech service, and whether it runs";
    UnknownModel "UNKNOWN_MODEL" High BadInput
        "Choose one of the models that are offered"
        "Choose one of the models that `portrait models list` shows";
    WeightsMissing "WEIGHTS_MISSING" High Unavailable
        "Ask whoever runs the service: a model is missing"
        "Fetch the model with `portrait models fetch ID`, or name a file";
    WeightsInvalid "WEIGHTS_INVALID" High Unavailable
        "Ask whoever runs the service: a model is damaged"
        "Fetch the model again, or name the file of this very model";
    WeightsDownloadFailed "WEIGHTS_DOWNLOAD_FAILED" High Unavailable
        "Try again in a few minutes" "Check the network and the hub, and try again";
    DetectionFailed "DETECTION_FAILED" High Internal
        "Try another picture" "Try another model, and report the fault";
    SegmentationFailed "SEGMENTATION_FAILED" High Internal
        "Try another picture" "Try another model, and report the fault";
    BirefnetTimeout "BIREFNET_TIMEOUT" High TimeOut
        "Try again when the service is less busy"
        "Allow more time, choose a smaller model or add devices";
    StageTimeout "STAGE_TIMEOUT" High TimeOut
        "Try again when the service is less busy" "Allow more time, or add devices";
    ServiceBusy "SERVICE_BUSY" High Busy
        "Try again after the time given" "Add devices, or allow a longer queue";
    ServiceClosing "SERVICE_CLOSING" High Unavailable
        "Try again in a moment: the service is being restarted" "Nothing to do";
    NotConfigured "NOT_CONFIGURED" High Unavailable
        "Ask whoever runs the service: this is not set up" "Configure what the message names";
    DIdUnauthorised "D_ID_UNAUTHORISED" High Unavailable
        "Ask whoever runs the service: D-ID does not accept its key" "Check the D-ID API key";
    DIdInsufficientCredits "D_ID_INSUFFICIENT_CREDITS" High Unavailable
        "Ask whoever runs the service: its D-ID credits are used up" "Buy D-ID credits";
    DIdModeration "D_ID_MODERATION" High BadInput
        "Use another picture or text: D-ID's moderation refused this one"
        "Nothing to do: D-ID's moderation refused the picture or the text";
    DIdRateLimited "D_ID_RATE_LIMITED" High Busy
        "Try again later" "Ask D-ID for a higher limit, or lower the talks at once";
    DIdRequestRefused "D_ID_REQUEST_REFUSED" High BadInput
        "Correct what the message names" "Read D-ID's answer in the log";
    DIdTalkFailed "D_ID_TALK_FAILED" High RefusedUpstream
        "Use a picture with one clear face, and try again" "Read D-ID's answer in the log";
    DIdTalkAmbiguous "D_ID_TALK_AMBIGUOUS" High RefusedUpstream
        "Wait a few minutes and try again: the video may be in work already"
        "Look at the talks in D-ID's Studio before paying again";
    DIdTimeout "D_ID_TIMEOUT" High TimeOut
        "Look for the video later: it may still be finished"
        "Look at the talks in D-ID's Studio, or allow more time";
    DIdUnavailable "D_ID_UNAVAILABLE" High RefusedUpstream
        "Try again later" "Check the network and D-ID's status page";

    LowConfidence "LOW_CONFIDENCE" Medium BadInput
        "Check that the marked region is a person" "Nothing to do";
    EmptyCutOut "EMPTY_CUT_OUT" Medium BadInput
        "Check the cut-out: hardly anything of it is foreground" "Try another model";
    PictureScaled "PICTURE_SCALED" Low BadInput "Nothing to do" "Nothing to do";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no [`Code`] of this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no code of this version")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let code = Self::ALL.iter().find(|code| code.as_str() == text);
        code.copied().ok_or_else(|| UnknownCode(text.chars().take(64).collect()))
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
