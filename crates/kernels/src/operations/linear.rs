//! Linear layers with packed weights, fused bias, activation and residual.

use crate::activation::Activation;
use crate::cpu::isa::Isa;
use crate::cpu::matmul::{Chained, Dense, Epilogue, Operand, Packed, Residual, product};
use crate::cpu::view::{computed, hold, in_rows, is_plain};
use crate::cuda;
use crate::work;
use candle_core::{Result, Shape, Tensor, bail};

/// In a profile.
const LAYERS: &str = "linear layers";

/// `activation(x · weightᵀ + bias)` over the last dimension.
///
/// On a CPU in `f32` the weight is packed once and the rest happens while the product is still in
/// registers.
#[derive(Debug)]
pub struct Linear {
    parameters: Parameters,
    shape: [usize; 2],
    activation: Activation,
}

#[derive(Debug)]
enum Parameters {
    Packed(Packed),
    Tensors { weight: Tensor, bias: Option<Tensor> },
}

impl Linear {
    /// A layer with a weight of shape `(out, in)`, as PyTorch keeps it, and a bias of `out` values.
    /// It runs on the device and in the type of its weight.
    ///
    /// # Errors
    /// If the shapes do not fit each other.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>, activation: Activation) -> Result<Self> {
        Self::with_isa(weight, bias, activation, Isa::detect())
    }

    /// As [`new`](Self::new), with these vector instructions on a CPU.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_isa(
        weight: &Tensor,
        bias: Option<&Tensor>,
        activation: Activation,
        isa: Isa,
    ) -> Result<Self> {
        let (out, input) = weight.dims2()?;
        if let Some(bias) = bias
            && bias.dims() != [out]
        {
            bail!("a bias of shape {:?} for {out} outputs", bias.dims());
        }
        let parameters = if is_plain(weight) {
            let values = weight.flatten_all()?.to_vec1::<f32>()?;
            let bias = bias.map(Tensor::to_vec1).transpose()?;
            let value = |i, j| values[j * input + i];
            Parameters::Packed(Packed::new([input, out], bias.as_deref(), isa, value))
        } else {
            Parameters::Tensors { weight: weight.clone(), bias: bias.cloned() }
        };
        Ok(Self { parameters, shape: [out, input], activation })
    }

    /// Maps `(…, in)` to `(…, out)`.
    ///
    /// # Errors
    /// If the last dimension is not `in`, or `x` has another device or type than the weight.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed(_) => self.run(x, None),
            Parameters::Tensors { weight, bias } => {
                self.finish(self.product_by_candle(x, weight)?, bias.as_ref(), [None, None])
            }
        }
    }

    /// [`forward`](Self::forward) plus `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the residual has another shape than the output.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed(_) => self.run(x, Some(residual)),
            Parameters::Tensors { weight, bias } => {
                let product = self.product_by_candle(x, weight)?;
                self.finish(product, bias.as_ref(), [None, Some(residual)])
            }
        }
    }

    fn run(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        let out = self.output(x.shape())?;
        let [n, k] = self.shape;
        let read = [Some(x), residual].into_iter().flatten();
        let _span = work::begin_product(LAYERS, x.elem_count() / k, &[[k, n]], read);
        let x = in_rows(x)?;
        let x = hold("linear", &x);
        let operand = Dense::new(x.view()?);
        match residual {
            None => self.product(&operand, Residual::None, out),
            Some(residual) => self.add(&operand, residual, out),
        }
    }

    /// `activation(rows · weightᵀ + bias) + residual`
    fn add(&self, operand: &dyn Operand, residual: &Tensor, out: Shape) -> Result<Tensor> {
        let residual = in_rows(residual)?;
        let residual = hold("linear", &residual);
        self.product(operand, Residual::After(residual.residual(&out)?), out)
    }

    /// `activation(x · weightᵀ + bias + sum)`, where the rows of `operand` are the pixels `x` of an
    /// image that is computed a block at a time; `sum` is what was added up so far.
    pub(crate) fn join(
        &self,
        operand: &dyn Operand,
        image: &Shape,
        sum: &Tensor,
    ) -> Result<Tensor> {
        let out = self.output(image)?;
        let sum = in_rows(sum)?;
        let sum = hold("linear", &sum);
        self.product(operand, Residual::Before(sum.residual(&out)?), out)
    }

    /// `activation(x · weightᵀ + bias + sum)` of an image that is there.
    pub(crate) fn add_before(&self, x: &Tensor, sum: &Tensor) -> Result<Tensor> {
        let x = in_rows(x)?;
        let x = hold("linear", &x);
        self.join(&Dense::new(x.view()?), x.shape(), sum)
    }

    /// `activation(x · weightᵀ + bias + sum)`
    pub(crate) fn join_by_candle(&self, x: &Tensor, sum: &Tensor) -> Result<Tensor> {
        let Parameters::Tensors { weight, bias } = &self.parameters else {
            bail!("linear: the weight lies on another device or has another type than x");
        };
        let product = self.product_by_candle(x, weight)?;
        self.finish(product, bias.as_ref(), [Some(sum), None])
    }

    /// `activation(product + bias + before) + after`
    fn finish(
        &self,
        product: Tensor,
        bias: Option<&Tensor>,
        [before, after]: [Option<&Tensor>; 2],
    ) -> Result<Tensor> {
        if cuda::takes(&product) {
            return cuda::epilogue(&product, bias, [before, after], self.activation);
        }
        let mut y = product;
        if let Some(bias) = bias {
            y = y.broadcast_add(bias)?;
        }
        if let Some(before) = before {
            y = (y + before)?;
        }
        y = self.activation.of(&y)?;
        if let Some(after) = after { y + after } else { Ok(y) }
    }

    /// `x · weightᵀ`
    fn product_by_candle(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let shape = self.output(x.shape())?;
        // One large product: candle multiplies a batch one small matrix after the other.
        x.reshape(((), self.shape[1]))?.matmul(&weight.t()?)?.reshape(shape)
    }

    pub(crate) fn outputs(&self) -> usize {
        self.shape[0]
    }

    fn output(&self, input: &Shape) -> Result<Shape> {
        let mut dims = input.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.shape[1] => *last = self.shape[0],
            _ => bail!("linear: an input of shape {input:?} for a weight of {:?}", self.shape),
        }
        Ok(dims.into())
    }

    fn packed(&self) -> Result<&Packed> {
        match &self.parameters {
            Parameters::Packed(matrix) => Ok(matrix),
            Parameters::Tensors { .. } => {
                bail!("linear: the weight does not lie on the CPU as f32")
            }
        }
    }

    fn product(&self, operand: &dyn Operand, residual: Residual<'_>, out: Shape) -> Result<Tensor> {
        let epilogue = Epilogue { activation: self.activation, residual };
        computed(product(operand, self.packed()?, epilogue), out)
    }
}

/// Two linear layers, one after the other: the values between them are computed for a few rows at a
/// time and never stand in memory as a whole.
#[derive(Debug)]
pub struct Mlp {
    first: Linear,
    second: Linear,
}

impl Mlp {
    /// # Errors
    /// If the second layer does not take what the first one gives.
    pub fn new(first: Linear, second: Linear) -> Result<Self> {
        if first.shape[0] != second.shape[1] {
            bail!("mlp: a layer of {:?} after one of {:?}", second.shape, first.shape);
        }
        Ok(Self { first, second })
    }

    /// Maps `(…, in)` to `(…, out)` and adds `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`Linear::forward_add`].
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match (&self.first.parameters, &self.second.parameters) {
            (Parameters::Packed(matrix), Parameters::Packed(_)) if Chained::pays(matrix) => {
                let out = self.second.output(&self.first.output(x.shape())?)?;
                let ([hidden, k], [n, _]) = (self.first.shape, self.second.shape);
                let matrices = [[k, hidden], [hidden, n]];
                let _span =
                    work::begin_product(LAYERS, x.elem_count() / k, &matrices, [x, residual]);
                let x = in_rows(x)?;
                let x = hold("mlp", &x);
                let operand = &Dense::new(x.view()?);
                let epilogue =
                    Epilogue { activation: self.first.activation, residual: Residual::None };
                self.second.add(&Chained { operand, matrix, epilogue }, residual, out)
            }
            _ => self.second.forward_add(&self.first.forward(x)?, residual),
        }
    }
}
