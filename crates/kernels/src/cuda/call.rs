//! A call of a kernel as a value.

use candle_core::{DType, Result, Shape, Tensor, bail};

/// Threads of a block, in all kernels.
pub(super) const THREADS: usize = 256;
/// Threads that work on a row together.
pub(crate) const WARP: usize = 32;

/// The file that a kernel stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Elementwise,
    Fusion,
    Matting,
    Product,
    WindowAttention,
}

/// An argument of a kernel.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "only the driver reads it"))]
pub(crate) enum Arg<'a> {
    /// The first value of a tensor that lies in order.
    In(&'a Tensor),
    /// The first value of a tensor whose rows the kernel knows to find.
    Rows(&'a Tensor),
    /// The same, or null.
    Maybe(Option<&'a Tensor>),
    /// The first value of a tensor that lies in order and has this type, whatever that of the
    /// others is.
    Typed(&'a Tensor, DType),
    /// The first value of the output.
    Out,
    /// `unsigned`
    Number(usize),
    /// `size_t`
    Count(usize),
    /// `float`
    Float(f32),
}

impl<'a> Arg<'a> {
    /// The tensor that it stands for.
    #[cfg(any(feature = "cuda", emulating))]
    pub(super) fn tensor(&self) -> Option<&'a Tensor> {
        match *self {
            Self::In(tensor) | Self::Rows(tensor) | Self::Typed(tensor, _) => Some(tensor),
            Self::Maybe(tensor) => tensor,
            _ => None,
        }
    }

    /// The tensor whose type is in the kernel's name.
    fn naming(&self) -> Option<&'a Tensor> {
        match *self {
            Self::In(tensor) | Self::Rows(tensor) => Some(tensor),
            Self::Maybe(tensor) => tensor,
            _ => None,
        }
    }
}

/// A kernel with its arguments, and the tensor that it makes.
#[derive(Debug)]
#[cfg_attr(not(feature = "cuda"), allow(dead_code, reason = "only the driver reads it"))]
pub(crate) struct Call<'a> {
    pub(crate) source: Source,
    /// Its name without the type.
    pub(crate) kernel: &'static str,
    pub(crate) args: Vec<Arg<'a>>,
    /// Blocks along x and y.
    pub(crate) blocks: [usize; 2],
    pub(crate) output: Shape,
}

impl<'a> Call<'a> {
    /// One thread for each value of the output, whose number is the kernel's last argument.
    pub(crate) fn of_values(
        kernel: &'static str,
        output: Shape,
        args: impl IntoIterator<Item = Arg<'a>>,
    ) -> Self {
        let count = output.elem_count();
        Self::of_count(kernel, output, count, args)
    }

    /// One thread for each of so many, whose number is the kernel's last argument.
    pub(crate) fn of_count(
        kernel: &'static str,
        output: Shape,
        count: usize,
        args: impl IntoIterator<Item = Arg<'a>>,
    ) -> Self {
        Self::counted(kernel, output, [count, THREADS], args)
    }

    /// As [`Self::of_values`], of another file.
    pub(crate) fn from(self, source: Source) -> Self {
        Self { source, ..self }
    }

    /// One warp for each of so many rows, whose number is the kernel's last argument.
    pub(crate) fn of_rows(
        kernel: &'static str,
        output: Shape,
        rows: usize,
        args: impl IntoIterator<Item = Arg<'a>>,
    ) -> Self {
        Self::counted(kernel, output, [rows, THREADS / WARP], args)
    }

    /// So many, of which a block works on some at once.
    fn counted(
        kernel: &'static str,
        output: Shape,
        [count, at_once]: [usize; 2],
        args: impl IntoIterator<Item = Arg<'a>>,
    ) -> Self {
        let args = args.into_iter().chain([Arg::Count(count)]).collect();
        let blocks = [count.div_ceil(at_once), 1];
        Self { source: Source::Elementwise, kernel, args, blocks, output }
    }

    /// The type in the kernel's name, of a call whose tensors fit, for an output of this type.
    pub(super) fn checked(&self, made: DType) -> Result<DType> {
        for arg in &self.args {
            if let Arg::In(tensor) | Arg::Maybe(Some(tensor)) | Arg::Typed(tensor, _) = arg
                && !tensor.is_contiguous()
            {
                bail!("{}: a tensor {:?} that does not lie in order", self.kernel, tensor.shape());
            }
        }
        let dtype = self.naming().unwrap_or(made);
        for arg in &self.args {
            let (tensor, wanted) = match *arg {
                Arg::Typed(tensor, wanted) => (Some(tensor), wanted),
                _ => (arg.naming(), dtype),
            };
            if let Some(tensor) = tensor
                && tensor.dtype() != wanted
            {
                bail!("{}: a tensor of {:?}, not {wanted:?}", self.kernel, tensor.dtype());
            }
        }
        Ok(dtype)
    }

    pub(super) fn naming(&self) -> Option<DType> {
        self.args.iter().find_map(Arg::naming).map(Tensor::dtype)
    }
}
