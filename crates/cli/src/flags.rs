//! What the library's options are called on the command line.

use portrait_pipeline::Error;
use portrait_pipeline::detection::Error as DetectionError;
use portrait_pipeline::segmentation::Error as SegmentationError;
use portrait_pipeline::voice::Error as VoiceError;

/// The command's option that an error is about.
pub(crate) fn flag(error: &Error) -> Option<&'static str> {
    let option = match error {
        Error::Option { option, .. } => option,
        Error::Detection(error) => match &**error {
            DetectionError::InvalidOption { option, .. } => option,
            _ => return None,
        },
        Error::Segmentation(error) => match &**error {
            SegmentationError::Option { option, .. } => option,
            _ => return None,
        },
        Error::Message(VoiceError::InvalidMessage { field, .. }) => field,
        _ => return None,
    };
    Some(match *option {
        "confidence" => "--conf",
        "iou" => "--iou",
        "image_size" => "--imgsz",
        "max_detections" => "--max-det",
        "classes" => "--classes",
        "padding" => "--padding",
        "feather" => "--feather",
        "background" => "--background",
        "device" | "devices" => "--device",
        "precision" => "--precision",
        "text" => "--text",
        "audio" => "--audio",
        "voice" => "--voice",
        "music" => "--music",
        _ => return None,
    })
}

/// What may help where nobody was found, in the command's words.
pub(crate) const NOBODY: &str = "try a lower --conf, or a larger --imgsz for small people";
