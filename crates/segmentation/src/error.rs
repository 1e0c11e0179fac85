//! What can go wrong.

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration describes no network.
    #[error("the BiRefNet configuration is wrong: {0}")]
    Config(String),
    /// The input is no image the network can take.
    #[error(
        "an input of shape {0:?}: (batch, 3, height, width) with sides that are multiples of 32 is needed"
    )]
    InputShape(Vec<usize>),
    /// An image without pixels, or a list without images.
    #[error("an image without pixels")]
    EmptyImage,
    /// The person's box has no pixel in the photo.
    #[error("the person's box lies outside the photo of {} x {} pixels", photo.0, photo.1)]
    BoxOutside {
        /// Width and height of the photo.
        photo: (u32, u32),
    },
    /// An option is out of range.
    #[error("{option} = {value}: {expected}")]
    Option {
        /// The option's name.
        option: &'static str,
        /// What was given.
        value: String,
        /// What is needed.
        expected: &'static str,
    },
    /// Images that belong together differ in size.
    #[error("{what} has {found:?} pixels, {expected:?} are needed")]
    Size {
        /// Which image.
        what: &'static str,
        /// Width and height needed.
        expected: (u32, u32),
        /// Width and height found.
        found: (u32, u32),
    },
    /// The network computed infinities or what is no number.
    #[error(
        "the BiRefNet network computed values that are not finite; its weights are damaged or the precision is too low"
    )]
    NotFinite,
    /// The network gave every place of the picture the same answer.
    #[error(
        "the BiRefNet network computed the same for every place of the picture; its weights are damaged: give the file anew"
    )]
    Constant,
    /// The weights do not fit the network: a tensor is missing, has another shape or holds no
    /// numbers.
    #[error("cannot build the BiRefNet network: {}; give the weights of this model", first_line(.0))]
    Weights(#[source] candle_core::Error),
    /// The device failed while the network ran, for example because its memory is full.
    #[error("cannot run the BiRefNet network: {}", first_line(.0))]
    Run(#[from] candle_core::Error),
}

/// candle may append a backtrace; messages have one line. The whole error stays the source.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
