//! BiRefNet in candle: a photo and a person's box in, a cut-out on a transparent background out.
//!
//! The easy call is [`Segmenter::cut_out`]. It has three parts, for a program that has a thread for
//! each device: [`PersonCrop::new`] before it, [`Segmenter::run`] on it, for one crop or several,
//! [`Segmented::cut_out`] behind it. [`Segmenter::remove_background`] and [`PersonCrop::whole`] do
//! the same for a whole picture, without boxes. On an NVIDIA card the second part does all that
//! follows the network too, and only bytes of pixels go there and come back. Every step is public:
//!
//! 1. [`crop_plan`] and [`crop_photo`] give the person's box with context;
//! 2. [`preprocess`] stretches it to the network's input and normalises;
//! 3. [`Birefnet::forward`] gives logits;
//! 4. [`mattes_from_logits`] takes their sigmoid back to the crop's size;
//! 5. [`finish_cut_out`] does the rest: [`gate`] keeps neighbours out, [`refine_foreground`] takes
//!    the old background out of the edge's colours, [`feather`] softens, [`compose`] joins.
//!
//! What the network computes is checked before it is used: numbers that are not finite, and answers
//! that do not depend on the picture, are errors. Everything is synchronous: no files, no network,
//! no environment.
//!
//! ```
//! use candle_core::{DType, Device};
//! use image::{RgbImage, math::Rect};
//! use portrait_segmentation::{Birefnet, BirefnetConfig, CutOutOptions, Segmenter, SwinConfig};
//! use portrait_test_support::reproducible::var_builder;
//!
//! # fn main() -> Result<(), portrait_segmentation::Error> {
//! // A very small network whose weights are noise; they come from `portrait-weights` in real life.
//! let swin = SwinConfig { embed_dim: 8, depths: [1; 4], heads: [1; 4], window: 4 };
//! let weights = var_builder(DType::F32, &Device::Cpu);
//! let network = Birefnet::new(&BirefnetConfig::with_swin(swin), &weights)?;
//! let segmenter = Segmenter::new(network, [64, 64])?;
//!
//! let photo = RgbImage::new(200, 150);
//! let person = Rect { x: 50, y: 20, width: 80, height: 120 };
//! let cut_out = segmenter.cut_out(&photo, person, &[], &CutOutOptions::default())?;
//! assert_eq!(cut_out.image.dimensions(), (120, 150));
//! # Ok(())
//! # }
//! ```

mod config;
mod cut_out;
mod error;
mod finite;
mod matting;
mod network;
mod person_crop;
mod preprocess;
mod segmented;
mod segmenter;

pub use config::{BirefnetConfig, DecoderAttention, PatchOrder, SwinConfig};
pub use cut_out::{CutOut, CutOutOptions, crop_photo, finish_cut_out};
pub use error::Error;
pub use matting::{
    CropPlan, Matte, RefineOptions, compose, crop_matte, crop_plan, feather, flatten, gate,
    mattes_from_logits, refine_foreground, to_gray,
};
pub use network::Birefnet;
pub use person_crop::PersonCrop;
pub use preprocess::{IMAGENET_MEAN, IMAGENET_STD, preprocess, stretch};
pub use segmented::Segmented;
pub use segmenter::Segmenter;
