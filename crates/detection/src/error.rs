//! The crate's errors.

use candle_core::Error as TensorError;

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a detection failed.
///
/// Every message is one line that says what failed and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A network cannot be built with this configuration.
    #[error("a YOLOv8 network cannot have {field} {value}; give {expected}")]
    InvalidConfig {
        /// The field of the configuration.
        field: &'static str,
        /// What it held.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// An option is out of its range.
    #[error("detection option {option} cannot be {value}; give {expected}")]
    InvalidOption {
        /// The field of [`DetectOptions`](crate::DetectOptions) or
        /// [`NmsOptions`](crate::NmsOptions).
        option: &'static str,
        /// What it held.
        value: String,
        /// What it takes.
        expected: String,
    },
    /// The photo has no pixels.
    #[error(
        "cannot look for persons in a photo of {width}x{height} pixels; give one that has pixels"
    )]
    EmptyPhoto {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A tensor is no input of the network.
    #[error(
        "the network cannot take a tensor of shape {shape:?}; give (batch, 3, height, width) with sides that are multiples of 32"
    )]
    InvalidInput {
        /// Its shape.
        shape: Vec<usize>,
    },
    /// Values are no output of a network with this many classes.
    #[error(
        "{length} values are not the output of a network with {classes} classes; give (4 + classes) values for each anchor"
    )]
    InvalidOutput {
        /// How many values were given.
        length: usize,
        /// The number of classes.
        classes: usize,
    },
    /// The weights do not fit the network: a tensor is missing, has another shape or holds no
    /// numbers.
    #[error("cannot build the YOLOv8 network: {}; give the weights of this model", first_line(.0))]
    Weights(#[source] TensorError),
    /// The device failed while the network ran, for example because its memory is full.
    #[error("cannot run the YOLOv8 network: {}", first_line(.0))]
    Run(#[source] TensorError),
    /// The network computed infinities or what is no number.
    #[error(
        "the YOLOv8 network computed values that are not finite; its weights are damaged or the precision is too low"
    )]
    NotFinite,
    /// The network gave every place of the picture the same probabilities.
    #[error(
        "the YOLOv8 network computed the same for every place of the picture; its weights are damaged: give the file anew"
    )]
    Constant,
}

/// candle may append a backtrace; messages have one line. The whole error stays the source.
fn first_line(error: &TensorError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
