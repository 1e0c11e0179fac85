//! A checkpoint as the place that candle's `VarBuilder` takes tensors from.

use candle_core::{DType, Device, Result as CandleResult, Shape, Tensor};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::header::Entry;

type Rename = Box<dyn Fn(&str) -> String + Send + Sync>;

impl Checkpoint {
    /// A builder that hands a model its tensors on `device`, converted from the file's type to `dtype`.
    ///
    /// Its errors are candle's and carry this crate's: [`Error::MissingTensor`], [`Error::WrongShape`],
    /// [`Error::UnsupportedDtype`]; [`Error::from_candle`] takes them out.
    pub fn var_builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        let backend = Backend::new(self.clone(), None);
        VarBuilder::from_backend(Box::new(backend), dtype, device.clone())
    }

    /// As [`var_builder`](Self::var_builder), for a file that names its tensors otherwise: `rename` gets the name the model
    /// asks for and gives the name in the file.
    pub fn var_builder_renamed(
        &self,
        dtype: DType,
        device: &Device,
        rename: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> VarBuilder<'static> {
        let backend = Backend::new(self.clone(), Some(Box::new(rename)));
        VarBuilder::from_backend(Box::new(backend), dtype, device.clone())
    }
}

/// A checkpoint, and how the names a model asks for are found in it.
struct Backend {
    checkpoint: Checkpoint,
    rename: Option<Rename>,
}

impl Backend {
    fn new(checkpoint: Checkpoint, rename: Option<Rename>) -> Self {
        Self { checkpoint, rename }
    }

    fn name_in_file(&self, name: &str) -> String {
        self.rename.as_ref().map_or_else(|| name.into(), |rename| rename(name))
    }

    fn find(&self, name: &str) -> Result<&Entry> {
        let in_file = self.name_in_file(name);
        self.checkpoint.entry(&in_file).ok_or_else(|| Error::MissingTensor {
            path: self.checkpoint.path().into(),
            tensor: name.into(),
            in_file,
            count: self.checkpoint.len(),
            example: self.checkpoint.names().next().map(Into::into),
        })
    }

    /// Copies a tensor to the device in the file's type and converts it there, so that half the bytes travel for F16.
    ///
    /// What the device says (out of memory, for one) stays candle's own error.
    fn load(&self, entry: &Entry, dtype: DType, device: &Device) -> CandleResult<Tensor> {
        let stored = DType::try_from(entry.dtype).map_err(|_| Error::UnsupportedDtype {
            path: self.checkpoint.path().into(),
            tensor: entry.name_in_file.clone(),
            dtype: entry.dtype.to_string(),
        })?;
        Tensor::from_raw_buffer(self.checkpoint.bytes(entry), stored, &entry.shape, device)?
            .to_dtype(dtype)
    }
}

impl SimpleBackend for Backend {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> CandleResult<Tensor> {
        let entry = self.find(name)?;
        if entry.shape != shape.dims() {
            Err(Error::WrongShape {
                path: self.checkpoint.path().into(),
                tensor: name.into(),
                expected: shape.dims().into(),
                found: entry.shape.clone(),
            })?;
        }
        self.load(entry, dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> CandleResult<Tensor> {
        self.load(self.find(name)?, dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.checkpoint.contains(&self.name_in_file(name))
    }
}
