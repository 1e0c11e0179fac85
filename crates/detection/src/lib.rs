//! YOLOv8 in candle: a photo in, the boxes of its persons out.
//!
//! | step | item | equal to |
//! |---|---|---|
//! | fit the photo | [`Letterbox`], [`resize_linear`], [`to_tensor`] | Ultralytics' `LetterBox` with OpenCV, bit for bit |
//! | run the network | [`Yolov8`] | Ultralytics' YOLOv8 n, s, m, l, x within the noise of f32 |
//! | choose boxes | [`candidates`], [`non_maximum_suppression`] | Ultralytics' `non_max_suppression` with torchvision |
//! | back to the photo | [`Letterbox::to_photo`] | Ultralytics' `scale_boxes` |
//!
//! The easy call is [`Detector::detect`], which does all four. It has three parts, for a program
//! that has a thread for each device: [`PhotoInput::new`] before it, [`Detector::run`] on it, for
//! one input or several of one size, and [`Detected::persons`] behind it. The steps before and
//! after the network are pure functions on plain buffers. What the network computes is checked
//! before it is used: numbers that are not finite, and answers that do not depend on the picture,
//! are errors. The crate reads no files and starts no threads of its own: weights come in a
//! [`VarBuilder`](candle_nn::VarBuilder), from safetensors with Ultralytics' parameter names or
//! those of candle's example.
//!
//! ```
//! use candle_core::{DType, Device};
//! use image::RgbImage;
//! use portrait_detection::{DetectOptions, Detector, Variant, Yolov8, Yolov8Config};
//! use portrait_test_support::reproducible::var_builder;
//!
//! // Weights that are noise; real ones come from `VarBuilder::from_buffered_safetensors`.
//! let weights = var_builder(DType::F32, &Device::Cpu);
//! let network = Yolov8::new(&Yolov8Config::new(Variant::N, 80), &weights)?;
//! let detector = Detector::new(network, 640)?;
//!
//! let photo = RgbImage::new(160, 120);
//! let (confidence, image_size) = (0.6, Some(160));
//! let options = DetectOptions { confidence, image_size, ..DetectOptions::default() };
//! let persons = detector.detect(&photo, &options)?;
//! // This network has never seen a person.
//! assert!(persons.is_empty());
//! # Ok::<(), portrait_detection::Error>(())
//! ```
//!
//! Published YOLOv8 weights are under the AGPL-3.0 or Ultralytics' Enterprise licence; this code
//! is not.

mod bbox;
mod blocks;
mod config;
mod detected;
mod detector;
mod error;
mod head;
mod names;
mod network;
mod options;
mod parameters;
mod photo_input;
mod postprocess;
mod preprocess;
mod resize;

pub use bbox::{BoundingBox, Detection};
pub use config::{Variant, Yolov8Config};
pub use detected::Detected;
pub use detector::Detector;
pub use error::{Error, Result};
pub use names::{Naming, detect_naming};
pub use network::Yolov8;
pub use options::{DetectOptions, LetterboxMode, PERSON};
pub use photo_input::PhotoInput;
pub use postprocess::{Candidate, NmsOptions, candidates, non_maximum_suppression};
pub use preprocess::{Letterbox, to_tensor};
pub use resize::resize_linear;
