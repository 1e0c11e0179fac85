//! Layers over rows and small operations against their definitions in binary64, on all vector
//! instructions this machine has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use candle_core::{D, DType, Device, Result, Tensor};
use portrait_kernels::{
    Activation, Isa, LayerNorm, Linear, Mlp, gate, max_pool, mean_of_pixels, resize_bilinear,
};
use portrait_test_support::golden::Difference;
use portrait_test_support::reproducible;

/// Noise in `[-2, 2)`, another for each seed.
fn noise(seed: usize, shape: &[usize]) -> Tensor {
    let values = reproducible::tensor(&format!("input.{seed}"), shape).unwrap();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn wide(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::F64)
}

fn near(found: &Tensor, wanted: &Tensor, limit: f64, what: &str) -> Result<()> {
    let difference = Difference::between(found, &wanted.to_dtype(DType::F32)?)?;
    assert!(difference.max < limit, "{what}: {difference:?}");
    Ok(())
}

/// `x · weightᵀ + bias`
fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    wide(x)?.matmul(&wide(weight)?.t()?)?.broadcast_add(&wide(bias)?)
}

#[test]
fn linear_layers_equal_the_definition() -> Result<()> {
    // Fewer rows than a tile, more than a block; columns that fill no panel.
    for (rows, input, output) in [(1, 1, 1), (3, 7, 5), (400, 33, 50), (169, 64, 98), (25, 300, 16)]
    {
        let (x, weight, bias) =
            (noise(1, &[rows, input]), noise(2, &[output, input]), noise(3, &[output]));
        let residual = noise(4, &[rows, output]);
        let wanted = (linear(&x, &weight, &bias)? + wide(&residual)?)?;
        for isa in Isa::available() {
            let layer = Linear::with_isa(&weight, Some(&bias), Activation::None, isa)?;
            let what = format!("{isa:?} {rows}x{input}x{output}");
            near(&layer.forward_add(&x, &residual)?, &wanted, 1e-4, &what)?;
        }
    }
    Ok(())
}

/// Short hidden rows are computed block by block, long ones as a whole.
#[test]
fn two_layers_equal_one_after_the_other() -> Result<()> {
    for (rows, input, hidden) in [(5, 8, 20), (333, 24, 96), (70, 16, 5000)] {
        let x = noise(1, &[rows, input]);
        let (up, up_bias) = (noise(2, &[hidden, input]), noise(3, &[hidden]));
        let (down, down_bias) = (noise(4, &[input, hidden]), noise(5, &[input]));
        let hidden_values = linear(&x, &up, &up_bias)?.relu()?;
        let wanted = (linear(&hidden_values, &down, &down_bias)? + wide(&x)?)?;
        for isa in Isa::available() {
            let first = Linear::with_isa(&up, Some(&up_bias), Activation::Relu, isa)?;
            let second = Linear::with_isa(&down, Some(&down_bias), Activation::None, isa)?;
            let y = Mlp::new(first, second)?.forward_add(&x, &x)?;
            near(&y, &wanted, 2e-3, &format!("{isa:?} {rows}x{input}x{hidden}"))?;
        }
    }
    Ok(())
}

#[test]
fn layer_norm_equals_the_definition() -> Result<()> {
    for (rows, channels) in [(1, 1), (7, 5), (100, 96), (30, 131)] {
        let (weight, bias) = (noise(1, &[channels]), noise(2, &[channels]));
        // Rows of a wider tensor, far from zero: the variance must not be taken in one pass.
        let x = (noise(3, &[rows, channels + 3]) + 100.0)?.narrow(1, 2, channels)?;
        let x64 = wide(&x)?;
        let centred = x64.broadcast_sub(&x64.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        let normed = centred.broadcast_div(&(variance + 1e-5)?.sqrt()?)?;
        let wanted = normed.broadcast_mul(&wide(&weight)?)?.broadcast_add(&wide(&bias)?)?;
        for isa in Isa::available() {
            let make = || LayerNorm::new(weight.clone(), bias.clone(), 1e-5);
            let y = isa.with(|| make()?.forward(&x))?;
            near(&y, &wanted, 2e-3, &format!("{isa:?} {rows}x{channels}"))?;
        }
    }
    Ok(())
}

#[test]
fn small_operations_take_some_channels_of_a_map_as_they_take_a_copy() -> Result<()> {
    let map = noise(1, &[2, 9, 7, 12]);
    let some = map.narrow(3, 3, 6)?;
    let copy = some.copy()?.contiguous()?;
    let logits = map.narrow(3, 11, 1)?;
    for isa in Isa::available() {
        isa.with(|| {
            let both = |run: &dyn Fn(&Tensor) -> Result<Tensor>| {
                near(&run(&some)?, &run(&copy)?, 1e-9, "")
            };
            both(&|x| gate(x, &logits))?;
            both(&mean_of_pixels)?;
            both(&|x| resize_bilinear(x, 13, 5))?;
            both(&|x| max_pool(x, 2))
        })?;
    }
    let mean = wide(&copy)?.mean((1, 2))?.reshape((2, 1, 1, 6))?;
    near(&mean_of_pixels(&some)?, &mean, 1e-6, "mean")?;
    let weights = ((wide(&logits)?.neg()?.exp()? + 1.0)?).recip()?;
    near(&gate(&some, &logits)?, &wide(&copy)?.broadcast_mul(&weights)?, 1e-6, "gate")
}
