//! Linear layers with packed weights, fused bias, activation and residual.

use crate::Activation;
use crate::isa::Isa;
use crate::matmul::{Dense, Epilogue, Packed, multiply};
use crate::slices::f32_values;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

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
        let parameters = if weight.device().is_cpu() && weight.dtype() == DType::F32 {
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
            Parameters::Packed(_) => x.contiguous()?.apply_op1_no_bwd(self),
            Parameters::Tensors { weight, bias } => self.by_candle(x, weight, bias.as_ref()),
        }
    }

    /// [`forward`](Self::forward) plus `residual`, of the output's shape.
    ///
    /// # Errors
    /// As [`forward`](Self::forward), and if the residual has another shape than the output.
    pub fn forward_add(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        match &self.parameters {
            Parameters::Packed(_) => {
                x.contiguous()?.apply_op2_no_bwd(&residual.contiguous()?, self)
            }
            Parameters::Tensors { weight, bias } => {
                self.by_candle(x, weight, bias.as_ref())? + residual
            }
        }
    }

    fn by_candle(&self, x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
        let shape = self.output(x.shape())?;
        // One large product: candle multiplies a batch one small matrix after the other.
        let mut y = x.reshape(((), self.shape[1]))?.matmul(&weight.t()?)?;
        if let Some(bias) = bias {
            y = y.broadcast_add(bias)?;
        }
        self.activation.of(&y)?.reshape(shape)
    }

    fn output(&self, input: &Shape) -> Result<Shape> {
        let mut dims = input.dims().to_vec();
        match dims.last_mut() {
            Some(last) if *last == self.shape[1] => *last = self.shape[0],
            _ => bail!("linear: an input of shape {input:?} for a weight of {:?}", self.shape),
        }
        Ok(dims.into())
    }

    fn run(&self, x: &[f32], residual: Option<&[f32]>, out: Shape) -> Result<(CpuStorage, Shape)> {
        let Parameters::Packed(matrix) = &self.parameters else {
            bail!("linear: the weight does not lie on the CPU as f32");
        };
        let mut y = vec![0f32; out.elem_count()];
        let epilogue = Epilogue { activation: self.activation, residual };
        multiply(&Dense { values: x, width: self.shape[1] }, matrix, epilogue, &mut y);
        Ok((CpuStorage::F32(y), out))
    }
}

impl CustomOp1 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        self.run(f32_values("linear", x, layout)?, None, self.output(layout.shape())?)
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear_add"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = self.output(layout.shape())?;
        if residual_layout.shape() != &out {
            bail!("linear: a residual of {:?} for an output of {out:?}", residual_layout.shape());
        }
        let residual = f32_values("linear", residual, residual_layout)?;
        self.run(f32_values("linear", x, layout)?, Some(residual), out)
    }
}
