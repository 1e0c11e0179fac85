//! Calls of our CUDA kernels (`cuda/*.cu`), for tensors that lie on an NVIDIA card.
//!
//! A call is a value: which kernel, its arguments in order, how many blocks. Only what hands it to the
//! driver needs CUDA to be built.

#[cfg(feature = "cuda")]
mod driver;
#[cfg(emulating)]
mod host;
mod in_place;
#[cfg(feature = "cuda")]
mod pool;
mod product;
#[cfg(all(test, feature = "emulate-cuda"))]
mod tests;

use crate::Activation;
use candle_core::{DType, Device, Result, Shape, Tensor, bail};
use in_place::InPlace;
pub(crate) use product::{Sizes, Weights};

/// Threads of a block, in all kernels.
const THREADS: usize = 256;
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
    /// The first value of a tensor that lies in order and has this type, whatever that of the others is.
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
    fn tensor(&self) -> Option<&'a Tensor> {
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

#[cfg(feature = "cuda")]
pub(crate) use pool::{memory, prepare, release};

/// Whether our kernels run on a tensor: it lies on a card, as `f32`, `f16` or `bf16`.
pub(crate) fn takes(x: &Tensor) -> bool {
    matches!(x.dtype(), DType::F32 | DType::F16 | DType::BF16) && on_card(x.device())
}

/// Whether the CUDA kernels work on the tensors of a device: it is an NVIDIA card, and the program was
/// built for one.
pub fn on_card(device: &Device) -> bool {
    cfg!(feature = "cuda") && device.is_cuda() || is_emulated()
}

/// Whether a test has the kernels run on this CPU.
fn is_emulated() -> bool {
    #[cfg(emulating)]
    return host::is_here();
    #[cfg(not(emulating))]
    false
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

    /// Runs it on the card of its tensors, behind what was asked for before; does not wait for it. The
    /// output has the type of its tensors.
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

    /// The type in the kernel's name, of a call whose tensors fit, for an output of this type.
    fn checked(&self, made: DType) -> Result<DType> {
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

    fn naming(&self) -> Option<DType> {
        self.args.iter().find_map(Arg::naming).map(Tensor::dtype)
    }
}

/// `activation(x + bias + before) + after` over rows of channels.
pub(crate) fn epilogue(
    x: &Tensor,
    bias: Option<&Tensor>,
    [before, after]: [Option<&Tensor>; 2],
    activation: Activation,
) -> Result<Tensor> {
    let Some(&channels) = x.dims().last() else { bail!("epilogue: a tensor without channels") };
    let x = x.contiguous()?;
    let [before, after] = [contiguous(before, &x)?, contiguous(after, &x)?];
    let args = [
        Arg::In(&x),
        Arg::Maybe(bias),
        Arg::Maybe(before.as_ref()),
        Arg::Maybe(after.as_ref()),
        Arg::Out,
        Arg::Number(activation.number()),
        Arg::Number(channels),
    ];
    Call::of_values("epilogue", x.shape().clone(), args).run()
}

/// What is added to a tensor of the same shape.
fn contiguous(added: Option<&Tensor>, x: &Tensor) -> Result<Option<Tensor>> {
    let Some(added) = added else { return Ok(None) };
    if added.shape() != x.shape() {
        bail!("a residual of {:?} for an output of {:?}", added.shape(), x.shape());
    }
    added.contiguous().map(Some)
}

impl Activation {
    /// As `cuda/common.cuh` numbers it.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::None => 0,
            Self::Relu => 1,
            Self::Silu => 2,
            Self::Gelu => 3,
            Self::Sigmoid => 4,
            Self::DoubleSigmoid => 5,
        }
    }
}

/// For tests: does some work, on this thread, as if the CPU were a card. Layers that are made and
/// operations that are called run the CUDA kernels, compiled for the CPU; slowly. `None`, and a line that
/// says so, where they cannot be: on others than 64-bit Linux on x86, and without a C++ compiler.
#[cfg(feature = "emulate-cuda")]
#[allow(clippy::print_stdout, reason = "a test says that it skips")]
pub fn emulating_cuda<T>(work: impl FnOnce() -> T) -> Option<T> {
    #[cfg(emulating)]
    return Some(host::here(work));
    #[cfg(not(emulating))]
    {
        drop(work);
        println!("SKIPPED: the CUDA kernels cannot run on this CPU");
        None
    }
}
