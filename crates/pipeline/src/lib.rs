//! From one photo to talking-portrait video messages: the crate an application depends on.
//!
//! ```no_run
//! use portrait_pipeline::{CutOutOptions, DetectOptions, Photo, Pipeline};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let pipeline = Pipeline::builder().build().await?;
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
//! Where no model is chosen, a published one that is on this machine runs, else the small
//! [`STARTER_MODELS`] that are part of the program: nothing needs to be fetched.
//!
//! One person's failure is that person's result. Errors and warnings have stable codes ([`Code`]),
//! tiers and advice. What happens can be watched ([`Progress`]).
//!
//! The steps' own crates are here by their names: [`detection`], [`segmentation`], [`weights`],
//! [`storage`], [`d_id`], [`gpu_scheduling`], [`voice`].

mod animate;
mod batch;
mod builder;
mod catalogue;
mod cores;
mod cut_out;
mod devices;
mod drain;
mod engine;
mod error;
mod group;
mod identity;
mod message;
mod message_error;
mod models;
mod order;
mod photo;
mod picture;
mod pipeline;
mod progress;
mod raw;
mod refusal;
mod replica;
mod run;
mod saying;
mod scheduling;
mod script;
mod starter;
mod talk;
mod voices;
mod whole;

pub use animate::Video;
pub use builder::{PipelineBuilder, Timeouts};
pub use catalogue::{Code, Tier, Warning, errors_page};
pub use cut_out::{PersonCutOut, PersonResult, Selection};
pub use devices::Devices;
pub use error::Error;
pub use message::{Message, PreparedMessage};
pub use models::{Model, load_detector, load_segmenter};
pub use photo::{Photo, PhotoError, PhotoLimits};
pub use picture::{
    Background, TalkPicture, encode_gray_png, encode_png, encode_rgb_png, talk_picture,
};
pub use pipeline::{DetectTimings, Detections, ImageSize, Pipeline};
pub use progress::{Event, Progress, Stage, Step};
pub use raw::{RawNetwork, RawRun};
pub use run::{Outcome, Request};
pub use scheduling::{Batching, Scheduling};
pub use starter::{DETECTION_MODELS, SEGMENTATION_MODELS, STARTER_MODELS};

pub use portrait_d_id as d_id;
pub use portrait_detection as detection;
pub use portrait_detection::{BoundingBox, DetectOptions, Detection, LetterboxMode};
pub use portrait_gpu_scheduling as gpu_scheduling;
pub use portrait_gpu_scheduling::{Policy, Priority, Snapshot};
pub use portrait_kernels::{
    Device, DeviceError, DeviceRequest, OPERATIONS, Precision, keep_freed_memory, open_device,
};
pub use portrait_segmentation as segmentation;
pub use portrait_segmentation::{CutOut, CutOutOptions, RefineOptions};
pub use portrait_storage as storage;
pub use portrait_storage::{PhotoId, Storage};
pub use portrait_voice as voice;
pub use portrait_weights as weights;
pub use portrait_weights::{Checkpoint, Manifest, Places};
