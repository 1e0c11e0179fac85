//! Quality of mattes and of boxes: the field's metrics as pure functions on slices.
//!
//! | what | item | defined by | tested against |
//! |---|---|---|---|
//! | overlap of mattes | [`iou`] | intersection over union from one half on | `models/training` |
//! | error of mattes | [`mean_absolute_error`] | mean of the absolute differences | `models/training` |
//! | overlap of their edges | [`boundary_iou`] | Cheng et al., "Boundary IoU", CVPR 2021 | `models/training` |
//! | likeness of structure | [`s_measure`] | Fan et al., "Structure-measure", ICCV 2017 | PySODMetrics |
//! | errors by their place | [`weighted_f_measure`] | Margolin et al., "How to Evaluate Foreground Maps?", CVPR 2014 | PySODMetrics |
//! | boxes of one class | [`AveragePrecision`] | area under all points of the precision's envelope | `models/training` |
//!
//! [`MatteScores`] holds all metrics of one matte, [`MeanScores`] their mean over many.
//!
//! *Foreground*, here and in [`mask_bounding_box`], are the pixels of at least [`FOREGROUND`], one
//! half. (The training program asks for more than one half. The levels of 8-bit masks are never
//! one half, so masks from files mean the same to both.)
//!
//! ```
//! use portrait_evaluation::{AveragePrecision, BoundingBox, MattePair, MatteScores, MeanScores};
//!
//! // A truth of 4 x 2 pixels whose right half is foreground, and a matte that is sure of it.
//! let truth = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0];
//! let matte = [0.0, 0.2, 1.0, 1.0, 0.0, 0.2, 1.0, 1.0];
//! let scores = MatteScores::of(&MattePair::new(&matte, &truth, 4, 2)?);
//! assert_eq!(scores.iou, 1.0);
//! assert!((scores.mae - 0.05).abs() < 1e-6);
//! assert_eq!(MeanScores::of([scores]).map(|mean| mean.images), Some(1));
//!
//! let person = BoundingBox { x1: 10.0, y1: 10.0, x2: 50.0, y2: 90.0 };
//! let found = BoundingBox { x1: 12.0, y1: 10.0, x2: 50.0, y2: 88.0 };
//! let mut boxes = AveragePrecision::new(0.5)?;
//! boxes.add(&[(found, 0.9)], &[person])?;
//! assert_eq!(boxes.scores(0.25).average_precision, 1.0);
//! # Ok::<(), portrait_evaluation::Error>(())
//! ```

mod average_precision;
mod boundary;
mod bounding_box;
mod distance;
mod error;
mod mask_box;
mod matte;
mod scores;
mod structure;
mod weighted_f;

pub use average_precision::{AveragePrecision, BoxScores};
pub use boundary::boundary_iou;
pub use bounding_box::BoundingBox;
pub use error::{Error, Result};
pub use mask_box::mask_bounding_box;
pub use matte::{FOREGROUND, MattePair, iou, mean_absolute_error};
pub use scores::{MatteScores, MeanScores};
pub use structure::s_measure;
pub use weighted_f::weighted_f_measure;
