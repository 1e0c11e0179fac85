//! Hands calls to a card.

use super::call::Call;
#[cfg(emulating)]
use super::card::is_emulated;
#[cfg(feature = "cuda")]
use super::driver;
#[cfg(emulating)]
use super::host;
use super::in_place::InPlace;
use candle_core::{DType, Result, Tensor, bail};

impl Call<'_> {
    /// Runs it on the card of its tensors, behind what was asked for before; does not wait for it.
    /// The output has the type of its tensors.
    ///
    /// # Errors
    /// If a tensor does not lie in order, they lie on different devices or have different types, a
    /// number is too large for the kernel, or the driver fails.
    pub(crate) fn run(self) -> Result<Tensor> {
        let Some(dtype) = self.naming() else { bail!("{}: no tensor", self.kernel) };
        self.run_into(dtype)
    }

    /// As [`Self::run`], with an output of another type.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn run_into(self, made: DType) -> Result<Tensor> {
        let dtype = self.checked(made)?;
        #[cfg(emulating)]
        if is_emulated() {
            return host::run(&self, dtype, made);
        }
        #[cfg(feature = "cuda")]
        return driver::run(&self, dtype, made);
        #[cfg(not(feature = "cuda"))]
        bail!("{}, {dtype:?} to {made:?}: this program was built without CUDA", self.kernel)
    }

    /// Runs it on a tensor that nobody else has, in place: [`Arg::Out`] is its first value.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn run_on(self, x: &Tensor) -> Result<()> {
        let dtype = self.checked(x.dtype())?;
        x.inplace_op1(&InPlace { call: self, dtype })
    }
}
