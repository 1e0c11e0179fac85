//! Carrying this crate's errors through candle's error type.

use std::io;

use crate::error::Error;

impl Error {
    /// The error of this crate inside a candle error, if it holds one.
    ///
    /// Tensors are asked for through candle's [`VarBuilder`](candle_nn::VarBuilder), whose methods return candle's error; this
    /// finds ours again, also under a context, a path or a backtrace that candle has added.
    pub fn in_candle(error: &candle_core::Error) -> Option<&Self> {
        use candle_core::Error as Candle;
        match error {
            Candle::Io(source) => source.get_ref()?.downcast_ref(),
            Candle::Context { inner, .. }
            | Candle::WithPath { inner, .. }
            | Candle::WithBacktrace { inner, .. } => Self::in_candle(inner),
            Candle::WrappedContext { wrapped, .. } => match wrapped.downcast_ref::<Self>() {
                Some(ours) => Some(ours),
                None => Self::in_candle(wrapped.downcast_ref()?),
            },
            _ => None,
        }
    }

    /// Takes the error of this crate out of a candle error.
    ///
    /// # Errors
    /// The candle error itself, unchanged, where it does not hold one of ours.
    pub fn from_candle(error: candle_core::Error) -> std::result::Result<Self, candle_core::Error> {
        use candle_core::Error as Candle;
        if Self::in_candle(&error).is_none() {
            return Err(error);
        }
        match error {
            Candle::Io(source) => source.downcast::<Self>().map_err(Candle::Io),
            Candle::Context { inner, .. }
            | Candle::WithPath { inner, .. }
            | Candle::WithBacktrace { inner, .. } => Self::from_candle(*inner),
            Candle::WrappedContext { wrapped, context } => match wrapped.downcast::<Self>() {
                Ok(ours) => Ok(*ours),
                Err(wrapped) => match wrapped.downcast::<Candle>() {
                    Ok(inner) => Self::from_candle(*inner),
                    Err(wrapped) => Err(Candle::WrappedContext { wrapped, context }),
                },
            },
            other => Err(other),
        }
    }
}

/// candle's `Wrapped` keeps only what displays an error; an I/O error is the variant that hands the error itself back.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        Self::Io(io::Error::other(error))
    }
}
