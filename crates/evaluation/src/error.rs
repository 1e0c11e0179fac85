//! The crate's errors.

use crate::BoundingBox;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why values cannot be evaluated.
///
/// Every message is one line that says what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A side of the picture is zero, or it has more pixels than can be counted.
    #[error(
        "cannot evaluate a picture of {width}x{height} pixels; give the size of one that has pixels"
    )]
    InvalidSize {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A buffer has not one value for each pixel.
    #[error(
        "the {what} has {length} values for {width}x{height} pixels; give width times height, row by row"
    )]
    WrongLength {
        /// Which buffer: "matte", "truth" or "mask".
        what: &'static str,
        /// How many values it has.
        length: usize,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
    /// A pixel is no number from 0 to 1.
    #[error(
        "the {what} is {value} at column {x}, row {y}; give numbers from 0 to 1, so divide 8-bit levels by 255"
    )]
    InvalidValue {
        /// Which buffer: "matte", "truth" or "mask".
        what: &'static str,
        /// Column of the first such pixel.
        x: usize,
        /// Its row.
        y: usize,
        /// What it holds.
        value: f32,
    },
    /// Boxes cannot be matched from this IoU on.
    #[error("boxes cannot be matched from an IoU of {value} on; give one above 0 and at most 1")]
    InvalidThreshold {
        /// The IoU.
        value: f64,
    },
    /// A box has corners that are no numbers, or its second corner lies before its first.
    #[error(
        "box {index} of the {what} boxes has the corners {bounds}; give finite ones with x1 <= x2 and y1 <= y2"
    )]
    InvalidBox {
        /// Which boxes: "found" or "true".
        what: &'static str,
        /// Its index among them.
        index: usize,
        /// The box.
        bounds: BoundingBox,
    },
    /// A found box has a confidence that is no number.
    #[error("found box {index} has the confidence {value}; give a finite one")]
    InvalidConfidence {
        /// Its index among the found boxes.
        index: usize,
        /// Its confidence.
        value: f32,
    },
}
