//! From one photo to talking-portrait video messages: the crate an application depends on.
//!
//! ```no_run
//! use portrait_pipeline::{CutOutOptions, DetectOptions, Photo, Pipeline};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let pipeline = Pipeline::builder().models_on_this_machine().build().await?;
//! let photo = Photo::decode(std::fs::read("photo.jpg")?)?;
//! let found = pipeline.detect(&photo, &DetectOptions::default()).await?;
//! let everybody = found.select_all();
//! for person in pipeline.cut_out(&photo, &everybody, &CutOutOptions::default()).await? {
//!     std::fs::write(format!("person_{}.png", person.person_id), person.result?.png)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | step | call | result |
//! |---|---|---|
//! | decode | [`Photo::decode`] | checked, upright, RGB |
//! | who is there | [`Pipeline::detect`] | [`Detections`] |
//! | cut out | [`Pipeline::cut_out`] | a PNG for each person |
//! | what they say | [`Pipeline::prepare_message`] | a text for D-ID's voices, or a sound |
//! | talk | [`Pipeline::animate`] | a video for each person, kept in the storage |
//! | talk, after a crash | [`Pipeline::resume`] | what was paid for and not yet fetched |
//! | all of it | [`Pipeline::run`] | [`Outcome`] |
//!
//! Where no model is chosen, a published one that is on this machine runs
//! ([`PipelineBuilder::models_on_this_machine`]), else the small
//! [`STARTER_MODELS`] that are part of the program: nothing needs to be fetched.
//!
//! One person's failure is that person's result. Errors and warnings have stable codes ([`Code`]),
//! tiers and advice. What happens can be watched ([`Progress`]).
//!
//! The steps' own crates are here by their names: [`detection`], [`segmentation`], [`weights`],
//! [`storage`], [`d_id`], [`gpu_scheduling`], [`voice`].

mod builder;
mod closing;
mod context;
mod cut_out;
mod deletion;
mod deletions;
pub mod detection;
mod devices;
mod error;
mod fair;
mod inner;
mod kept;
pub mod lowlevel;
mod models;
mod observer;
mod photo;
mod picture;
mod pipeline;
mod progress;
mod readiness;
mod recipe;
mod run;
mod stage;
mod timeouts;
mod timing;
mod video;

pub use builder::PipelineBuilder;
pub use context::Context;
pub use cut_out::{PersonCutOut, PersonResult, WholeCutOut};
pub use deletion::Removal;
pub use detection::{DetectTimings, Detections, ImageSize, Selection};
pub use devices::{Batching, Devices};
pub use error::{Cause, Code, Error, Kind, Tier, UnknownCode, Warning};
pub use fair::PermitUse;
pub use kept::StoredCutOut;
pub use models::{DETECTION_MODELS, Model, SEGMENTATION_MODELS, STARTER_MODELS};
pub use observer::{CoresReport, DIdCallReport, Observer, StageReport, StorageCallReport};
pub use photo::{Photo, PhotoError, PhotoLimits};
pub use picture::{
    Background, TalkPicture, encode_gray_png, encode_png, encode_rgb_png, talk_picture,
};
pub use pipeline::Pipeline;
pub use progress::{Event, Feed, Progress, Step, Update, Updates};
pub use readiness::{ModelReadiness, Readiness, Usage};
pub use run::{Outcome, Request};
pub use stage::Stage;
pub use timeouts::Timeouts;
pub use video::{Message, Portrait, PreparedMessage, TalksAtOnce, Video};

pub use image;
pub use portrait_d_id as d_id;
pub use portrait_detection::{BoundingBox, DetectOptions, Detection, LetterboxMode};
pub use portrait_gpu_scheduling as gpu_scheduling;
pub use portrait_gpu_scheduling::{Policy, Priority, Snapshot};
pub use portrait_kernels::{DeviceError, DeviceRequest, Precision};
pub use portrait_segmentation as segmentation;
pub use portrait_segmentation::{CutOut, CutOutOptions, RefineOptions};
pub use portrait_storage as storage;
pub use portrait_storage::{PhotoId, RecipeId, Storage};
pub use portrait_voice as voice;
pub use portrait_weights as weights;
pub use portrait_weights::{Checkpoint, Manifest, Places};
