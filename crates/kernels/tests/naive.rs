//! Operations against loops written as the definition says, over many shapes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use candle_core::{Device, Result, Tensor};
use portrait_kernels::{Activation, Conv2d, Conv2dParams, DeformConv2d, Isa, Part};
use portrait_test_support::golden::Difference;
use portrait_test_support::reproducible;

/// Noise in `[-2, 2)`, another for each seed.
fn noise(seed: usize, shape: &[usize]) -> Tensor {
    let values = reproducible::tensor(&format!("input.{seed}"), shape).unwrap();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// Small whole numbers below `limit`, another for each seed.
fn pick(seed: usize, salt: usize, limit: usize) -> usize {
    let values = reproducible::tensor(&format!("input.pick.{seed}.{salt}"), &[1]).unwrap();
    ((values[0] + 2.0) / 4.0 * limit as f32) as usize % limit
}

/// `(batch, channels, height, width)` as a channels-last image.
fn last(x: &Tensor) -> Result<Tensor> {
    x.permute((0, 2, 3, 1))?.contiguous()
}

/// Runs something that takes and gives channels-last images on one that has channels first.
fn by_channels(x: &Tensor, run: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    run(&last(x)?)?.permute((0, 3, 1, 2))?.contiguous()
}

struct Flat {
    values: Vec<f32>,
    dims: [usize; 4],
}

impl Flat {
    fn of(tensor: &Tensor) -> Self {
        let (a, b, c, d) = tensor.dims4().unwrap();
        Self { values: tensor.flatten_all().unwrap().to_vec1().unwrap(), dims: [a, b, c, d] }
    }

    fn at(&self, b: usize, c: usize, y: i64, x: i64) -> f64 {
        let [_, channels, height, width] = self.dims;
        if y < 0 || x < 0 || y >= height as i64 || x >= width as i64 {
            return 0.0;
        }
        f64::from(self.values[((b * channels + c) * height + y as usize) * width + x as usize])
    }
}

fn naive_conv(x: &Tensor, w: &Tensor, bias: &Tensor, p: Conv2dParams) -> Tensor {
    let (x, w, bias) = (Flat::of(x), Flat::of(w), bias.to_vec1::<f32>().unwrap());
    let [batch, _, height, width] = x.dims;
    let [out, group_in, kh, kw] = w.dims;
    let side = |n: usize, k: usize| (n + 2 * p.padding - (p.dilation * (k - 1) + 1)) / p.stride + 1;
    let (oh, ow) = (side(height, kh), side(width, kw));
    let mut y = Vec::new();
    for b in 0..batch {
        for (o, &bias) in bias.iter().enumerate() {
            let group = o / (out / p.groups);
            for oy in 0..oh {
                for ox in 0..ow {
                    let mut sum = f64::from(bias);
                    for c in 0..group_in {
                        for ky in 0..kh {
                            for kx in 0..kw {
                                let iy =
                                    (oy * p.stride + ky * p.dilation) as i64 - p.padding as i64;
                                let ix =
                                    (ox * p.stride + kx * p.dilation) as i64 - p.padding as i64;
                                sum += x.at(b, group * group_in + c, iy, ix)
                                    * w.at(o, c, ky as i64, kx as i64);
                            }
                        }
                    }
                    y.push(sum as f32);
                }
            }
        }
    }
    Tensor::from_vec(y, (batch, out, oh, ow), &Device::Cpu).unwrap()
}

#[test]
fn conv2d_equals_the_definition() {
    for seed in 0..400 {
        let pick = |salt, limit| pick(seed, salt, limit);
        let groups = [1, 1, 1, 2, 3][pick(0, 5)];
        let (group_in, group_out) = (1 + pick(1, 5), 1 + pick(2, 6));
        let (kh, kw) = (1 + pick(3, 4), 1 + pick(4, 4));
        let params = Conv2dParams {
            stride: 1 + pick(5, 3),
            padding: pick(6, 4),
            dilation: 1 + pick(7, 2),
            groups,
        };
        let smallest =
            |k: usize| (params.dilation * (k - 1) + 1).saturating_sub(2 * params.padding);
        let (h, w) = (smallest(kh).max(1) + pick(8, 12), smallest(kw).max(1) + pick(9, 30));
        let x = noise(seed, &[1 + pick(10, 2), groups * group_in, h, w]);
        let weight = noise(seed + 1000, &[groups * group_out, group_in, kh, kw]);
        let bias = noise(seed + 2000, &[groups * group_out]);
        let conv = Conv2d::new(&weight, Some(&bias), params, Activation::None).unwrap();
        let want = naive_conv(&x, &weight, &bias, params);
        let difference =
            Difference::between(&by_channels(&x, |x| conv.forward(x)).unwrap(), &want).unwrap();
        assert!(
            difference.max < 1e-4,
            "{params:?} {:?} {:?}: {difference:?}",
            x.dims(),
            weight.dims()
        );
    }
}

#[test]
fn conv2d_of_several_tiles_equals_the_definition() {
    for (channels, side, kernel) in [(40, 41, 3), (64, 64, 1), (3, 120, 7)] {
        let x = noise(1, &[1, channels, side, side + 3]);
        let weight = noise(2, &[5, channels, kernel, kernel]);
        let bias = noise(3, &[5]);
        let params = Conv2dParams { padding: kernel / 2, ..Default::default() };
        let conv = Conv2d::new(&weight, Some(&bias), params, Activation::None).unwrap();
        let want = naive_conv(&x, &weight, &bias, params);
        let difference =
            Difference::between(&by_channels(&x, |x| conv.forward(x)).unwrap(), &want).unwrap();
        assert!(difference.max < 2e-3, "{difference:?}");
    }
}

/// These are computed by minimal filtering: from 48 channels on, kernels of 3 and more taps a side.
#[test]
fn conv2d_of_many_channels_equals_the_definition() -> Result<()> {
    for (channels, out, kernel, [height, width], padding) in [
        // By squares of 6×6.
        (16, 19, [3, 3], [4, 8], 1),
        (17, 16, [3, 3], [3, 101], 1),
        (24, 33, [3, 3], [13, 10], 0),
        (48, 48, [3, 3], [1, 1], 1),
        (49, 56, [3, 3], [2, 3], 1),
        (64, 48, [3, 3], [7, 5], 1),
        (48, 66, [3, 3], [6, 9], 0),
        (48, 49, [3, 3], [5, 8], 2),
        (51, 48, [3, 3], [3, 131], 1),
        (48, 48, [3, 3], [59, 4], 1),
        // By those of 4×4.
        (110, 100, [3, 3], [1, 2], 1),
        (100, 110, [3, 3], [6, 9], 1),
        (48, 50, [7, 7], [9, 12], 3),
        (50, 48, [7, 7], [7, 8], 0),
        (48, 48, [5, 5], [6, 7], 2),
        (48, 49, [4, 3], [9, 6], 1),
        (48, 48, [3, 6], [5, 11], 2),
    ] {
        let x = noise(1, &[2, channels, height, width]);
        let weight = noise(2, &[out, channels, kernel[0], kernel[1]]);
        let bias = noise(3, &[out]);
        let params = Conv2dParams { padding, ..Default::default() };
        let plain = naive_conv(&x, &weight, &bias, params);
        let residual = noise(4, plain.dims());
        let wanted = (plain.relu()? + &residual)?;
        for isa in Isa::available() {
            let conv = Conv2d::with_isa(&weight, Some(&bias), params, Activation::Relu, isa)?;
            let y = by_channels(&x, |x| conv.forward_add(x, &last(&residual)?))?;
            let difference = Difference::between(&y, &wanted)?;
            assert!(difference.max < 5e-4, "{isa:?} {kernel:?} {height}x{width}: {difference:?}");
        }
    }
    Ok(())
}

#[test]
fn parts_are_convolved_as_one_map() -> Result<()> {
    let image = |seed, shape: &[usize]| last(&noise(seed, shape));
    // A map, some channels of another one, and a small one whose pixels count four times.
    let (map, other) = (image(1, &[2, 13, 10, 14])?, image(2, &[2, 30, 10, 14])?);
    let (some, small) = (other.narrow(3, 7, 18)?, image(3, &[2, 5, 5, 7])?);
    let rows = Tensor::stack(&[&small, &small], 2)?.reshape((2, 10, 7, 5))?;
    let doubled = Tensor::stack(&[&rows, &rows], 3)?.reshape((2, 10, 14, 5))?;
    let joined = Tensor::cat(&[&map, &some.contiguous()?, &doubled], 3)?;
    let parts = [Part::from(&map), Part::from(&some), Part::doubled(&small)];
    for (out, kernel, stride, groups) in [(7, 1, 1, 1), (40, 3, 1, 1), (7, 3, 2, 1), (8, 3, 1, 4)] {
        let weight = noise(4, &[out, 36 / groups, kernel, kernel]);
        let params = Conv2dParams { stride, padding: kernel / 2, groups, ..Default::default() };
        let conv = Conv2d::new(&weight, None, params, Activation::Silu)?;
        let (y, wanted) = (conv.forward_parts(&parts)?, conv.forward(&joined)?);
        let sum = conv.forward_parts_add(&parts, &y)?;
        for (found, wanted) in [(&y, &wanted), (&sum, &(&wanted * 2.0)?)] {
            assert!(Difference::between(found, wanted)?.max < 1e-4, "{kernel} {stride} {groups}");
        }
    }
    let conv = Conv2d::new(&noise(4, &[7, 36, 1, 1]), None, Default::default(), Activation::None)?;
    assert!(conv.forward_parts(&[]).is_err());
    assert!(conv.forward_parts(&parts[..2]).is_err());
    assert!(conv.forward_parts(&[Part::from(&map), Part::from(&small)]).is_err());
    Ok(())
}

#[test]
fn activations_follow_the_bias() -> Result<()> {
    let x = noise(7, &[1, 4, 9, 9]);
    let weight = noise(8, &[6, 4, 3, 3]);
    let bias = noise(9, &[6]);
    let params = Conv2dParams { padding: 1, ..Default::default() };
    let run = |activation| {
        by_channels(&x, |x| Conv2d::new(&weight, Some(&bias), params, activation)?.forward(x))
    };
    let plain = run(Activation::None)?;
    let relu = Difference::between(&run(Activation::Relu)?, &plain.relu()?)?;
    let silu = Difference::between(&run(Activation::Silu)?, &plain.silu()?)?;
    assert!(relu.max == 0.0 && silu.max < 1e-5, "{relu:?} {silu:?}");
    Ok(())
}

#[test]
fn a_deformable_convolution_without_deformation_is_a_convolution() -> Result<()> {
    for (kernel, stride, padding) in [(1, 1, 0), (3, 1, 1), (3, 2, 1), (7, 1, 3), (3, 1, 0)] {
        let x = noise(1, &[2, 5, 14, 11]);
        let weight = noise(2, &[6, 5, kernel, kernel]);
        let params = Conv2dParams { stride, padding, ..Default::default() };
        let want =
            by_channels(&x, |x| Conv2d::new(&weight, None, params, Activation::Relu)?.forward(x))?;
        let (_, _, h, w) = want.dims4()?;
        let taps = kernel * kernel;
        let offset = Tensor::zeros((2, 2 * taps, h, w), x.dtype(), x.device())?;
        let mask = Tensor::ones((2, taps, h, w), x.dtype(), x.device())?;
        let conv = DeformConv2d::new(&weight, None, stride, padding, Activation::Relu)?;
        let (offset, mask) = (last(&offset)?, last(&mask)?);
        let got = by_channels(&x, |x| conv.forward(x, &offset, &mask))?;
        assert!(Difference::between(&got, &want)?.max < 1e-4);
    }
    Ok(())
}

#[test]
fn a_mask_can_go_through_an_activation_first() -> Result<()> {
    let x = last(&noise(1, &[2, 5, 9, 8]))?;
    let weight = noise(2, &[6, 5, 3, 3]);
    let steering = last(&noise(3, &[2, 27, 9, 8]))?;
    let (offset, logits) = (steering.narrow(3, 0, 18)?, steering.narrow(3, 18, 9)?);
    let mask = ((logits.neg()?.exp()? + 1.0)?.recip()? * 2.0)?;
    for isa in Isa::available() {
        let conv = || DeformConv2d::with_isa(&weight, None, [1, 1], Activation::None, isa);
        let want = conv()?.forward(&x, &offset, &mask)?;
        let conv = conv()?.with_mask_activation(Activation::DoubleSigmoid);
        let difference = Difference::between(&conv.forward(&x, &offset, &logits)?, &want)?;
        assert!(difference.max < 1e-5, "{isa:?}: {difference:?}");
    }
    Ok(())
}

#[test]
fn offsets_far_outside_and_nan_read_zero() -> Result<()> {
    let x = noise(1, &[1, 3, 6, 6]);
    let weight = noise(2, &[2, 3, 3, 3]);
    let conv = DeformConv2d::new(&weight, None, 1, 1, Activation::None)?;
    let mask = Tensor::ones((1, 6, 6, 9), x.dtype(), x.device())?;
    for value in [1e9f32, -1e9, f32::INFINITY, f32::NAN] {
        let offset = Tensor::full(value, (1, 6, 6, 18), x.device())?;
        let y = conv.forward(&last(&x)?, &offset, &mask)?;
        assert!(y.flatten_all()?.to_vec1::<f32>()?.iter().all(|&v| v == 0.0), "{value}");
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let weight = noise(1, &[4, 3, 3, 3]);
    let conv = Conv2d::new(&weight, None, Conv2dParams::default(), Activation::None).unwrap();
    assert!(conv.forward(&noise(2, &[1, 8, 8, 4])).is_err());
    assert!(conv.forward(&noise(2, &[1, 2, 8, 3])).is_err());
    let zero = Conv2dParams { stride: 0, ..Default::default() };
    assert!(Conv2d::new(&weight, None, zero, Activation::None).is_err());
    assert!(
        Conv2d::new(&weight, Some(&noise(1, &[3])), Conv2dParams::default(), Activation::None)
            .is_err()
    );
    let deform = DeformConv2d::new(&weight, None, 1, 1, Activation::None).unwrap();
    let (x, mask) = (noise(1, &[1, 8, 8, 3]), noise(2, &[1, 8, 8, 9]));
    assert!(deform.forward(&x, &noise(3, &[1, 8, 8, 9]), &mask).is_err());
    assert!(deform.forward(&x, &noise(3, &[1, 7, 8, 18]), &mask).is_err());
}
