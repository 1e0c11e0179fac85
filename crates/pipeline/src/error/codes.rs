//! Which code an error has.

use super::code::Code;
use super::error::Error;
use super::message;
use crate::photo::PhotoError;
use crate::stage::Stage;
use portrait_d_id::Error as DId;
use portrait_detection::Error as Detection;
use portrait_segmentation::Error as Segmentation;
use portrait_storage::Error as Storage;
use portrait_weights::Error as Weights;

impl Error {
    /// The stable code, as in `NO_PERSON_DETECTED`.
    pub fn code(&self) -> Code {
        code(self)
    }
}

fn code(error: &Error) -> Code {
    match error {
        Error::Photo(error) => photo(error),
        Error::PhotoNotFound { .. } => Code::ImageNotFound,
        Error::Deleted { .. } => Code::ImageDeleted,
        Error::NoPerson { .. } => Code::NoPersonDetected,
        Error::UnknownPerson { .. } => Code::PersonNotFound,
        Error::Option { .. } => Code::InvalidOption,
        Error::Weights(error) => weights(error),
        Error::Device(_) | Error::DeviceLost { .. } => Code::DeviceUnavailable,
        Error::Detection(error) => detection(error),
        Error::Segmentation(error) => segmentation(error),
        Error::OutOfMemory { .. } => Code::GpuOom,
        Error::Timeout { stage, .. } => match stage {
            Stage::Segmentation => Code::BirefnetTimeout,
            Stage::Video => Code::DIdTimeout,
            _ => Code::StageTimeout,
        },
        Error::Crashed { .. } | Error::Encode { .. } => Code::ServiceCrash,
        Error::Busy { .. } => Code::ServiceBusy,
        Error::Closing => Code::ServiceClosing,
        Error::NotConfigured { .. } => Code::NotConfigured,
        Error::Message(error) => message::code(error),
        Error::DId(error) => d_id(error),
        Error::Storage(error) => match &**error {
            Storage::Deleted { .. } => Code::ImageDeleted,
            _ => Code::StorageFailed,
        },
        Error::Record { .. } => Code::StorageFailed,
    }
}

fn photo(error: &PhotoError) -> Code {
    match error {
        PhotoError::Empty => Code::ImageEmpty,
        PhotoError::TooManyBytes { .. }
        | PhotoError::TooLarge { .. }
        | PhotoError::TooMuchMemory(_) => Code::ImageTooLarge,
        PhotoError::Format { .. } => Code::ImageFormatUnsupported,
        PhotoError::TooSmall { .. } => Code::ImageTooSmall,
        PhotoError::Damaged(_) => Code::ImageDamaged,
    }
}

fn weights(error: &Weights) -> Code {
    match error {
        Weights::UnknownModel { .. } => Code::UnknownModel,
        Weights::NotFound { .. } | Weights::MissingFile { .. } => Code::WeightsMissing,
        Weights::HubNotFound { .. }
        | Weights::HubRefused { .. }
        | Weights::HubRateLimited { .. }
        | Weights::HubFailed { .. }
        | Weights::HubAnswer { .. }
        | Weights::InvalidToken { .. }
        | Weights::Network { .. } => Code::WeightsDownloadFailed,
        _ => Code::WeightsInvalid,
    }
}

fn detection(error: &Detection) -> Code {
    match error {
        Detection::InvalidOption { .. } => Code::InvalidOption,
        Detection::Weights(_) | Detection::InvalidConfig { .. } | Detection::Constant => {
            Code::WeightsInvalid
        }
        _ => Code::DetectionFailed,
    }
}

fn segmentation(error: &Segmentation) -> Code {
    match error {
        Segmentation::Option { .. } => Code::InvalidOption,
        Segmentation::Weights(_) | Segmentation::Config(_) | Segmentation::Constant => {
            Code::WeightsInvalid
        }
        Segmentation::BoxOutside { .. } => Code::PersonNotFound,
        _ => Code::SegmentationFailed,
    }
}

fn d_id(error: &DId) -> Code {
    match error {
        DId::Unauthorised { .. } => Code::DIdUnauthorised,
        DId::InsufficientCredits { .. } => Code::DIdInsufficientCredits,
        DId::Moderation { .. } | DId::TalkRejected { .. } => Code::DIdModeration,
        DId::RateLimited { .. } => Code::DIdRateLimited,
        DId::Timeout { .. } => Code::DIdTimeout,
        DId::TalkFailed { .. } => Code::DIdTalkFailed,
        DId::InvalidRequest { .. }
        | DId::BadRequest { .. }
        | DId::InvalidImage { .. }
        | DId::Permission { .. }
        | DId::UnsupportedMediaType { .. } => Code::DIdRequestRefused,
        DId::CreateAmbiguous { .. } | DId::ListTooLong { .. } => Code::DIdTalkAmbiguous,
        _ => Code::DIdUnavailable,
    }
}
