//! Each CUDA kernel against its twin on the CPU, on a card where there is one, and in any case as
//! the same source on this CPU.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::{
    Activation, Conv2d, Conv2dParams, DeformConv2d, LayerNorm, Linear, Part, WindowAttention,
    emulating_cuda, gate, max_pool, mean_of_pixels, normalise, resize_bilinear, softmax_mean,
};
use candle_core::{DType, Device, Result, Tensor};

const TYPES: [(DType, f64); 3] = [(DType::F32, 2e-6), (DType::F16, 3e-3), (DType::BF16, 2.5e-2)];

/// Values between -1 and 1 that no two tensors share.
fn values(seed: u64, shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

#[test]
fn bytes_become_values() {
    let bytes: Vec<u8> = (0..=255).cycle().take(2 * 17 * 19 * 3).collect();
    let pixels = Tensor::from_vec(bytes, (2, 17, 19, 3), &Device::Cpu).unwrap();
    for (dtype, _) in TYPES {
        // Each value is rounded once, on a card too.
        let made = |pixels: &Tensor| normalise(pixels, [0.4, 0.5, 0.0], [0.2, 0.3, 1.0], dtype);
        let flat = |values: Tensor| -> Vec<f32> {
            let values = values.to_device(&Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
            values.flatten_all().unwrap().to_vec1().unwrap()
        };
        let want = flat(made(&pixels).unwrap());
        if let Some(got) = emulating_cuda(|| made(&pixels).unwrap()) {
            assert!(flat(got) == want, "{dtype:?} on the CPU");
        }
        #[cfg(feature = "cuda")]
        if let Ok(device) = crate::open_device(crate::DeviceRequest::Cuda(0)) {
            let got = made(&pixels.to_device(&device).unwrap()).unwrap();
            assert!(flat(got) == want, "{dtype:?} on the card");
        }
    }
}

/// Runs an operation on the CPU in `f32`, then by its CUDA kernel in each type; the outputs differ
/// by rounding, relative to the largest value.
fn equal(name: &str, inputs: &[Tensor], work: impl Fn(&[Tensor]) -> Result<Tensor>) {
    for (dtype, limit) in TYPES {
        let inputs: Vec<Tensor> = inputs.iter().map(|x| x.to_dtype(dtype).unwrap()).collect();
        let wide: Vec<Tensor> = inputs.iter().map(|x| x.to_dtype(DType::F32).unwrap()).collect();
        let want = work(&wide).unwrap();
        let scale = f64::from(largest(&want)).max(1e-3);
        let compare = |got: Tensor, place: &str| {
            assert_eq!(got.dims(), want.dims(), "{name} {dtype:?} {place}");
            let got = got.to_device(&Device::Cpu).unwrap().to_dtype(DType::F32).unwrap();
            let difference = f64::from(largest(&(got - &want).unwrap())) / scale;
            assert!(difference < limit, "{name} {dtype:?} {place}: {difference:.2e}");
        };
        if let Some(got) = emulating_cuda(|| work(&inputs).unwrap()) {
            compare(got, "on the CPU");
        }
        #[cfg(feature = "cuda")]
        if let Ok(device) = crate::open_device(crate::DeviceRequest::Cuda(0)) {
            let inputs: Vec<_> = inputs.iter().map(|x| x.to_device(&device).unwrap()).collect();
            compare(work(&inputs).unwrap(), "on the card");
        }
    }
}

fn largest(x: &Tensor) -> f32 {
    x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}

const ACTIVATIONS: [Activation; 6] = [
    Activation::None,
    Activation::Relu,
    Activation::Silu,
    Activation::Gelu,
    Activation::Sigmoid,
    Activation::DoubleSigmoid,
];

#[test]
fn convolutions() {
    // Channels in and out, kernel, stride, padding, dilation, height and width: in whole runs of
    // eight and not, more outputs than a narrow block has, more pixels than a block has.
    let cases = [
        ([3, 16], 3, 2, 1, 1, [19, 23]),
        ([8, 5], 3, 1, 1, 1, [7, 6]),
        ([16, 65], 3, 1, 1, 1, [12, 11]),
        ([24, 40], 3, 1, 2, 2, [9, 17]),
        ([5, 130], 7, 1, 3, 1, [5, 6]),
        ([8, 8], 1, 2, 0, 1, [9, 9]),
        ([64, 27], 7, 1, 3, 1, [4, 5]),
    ];
    for (index, (channels, kernel, stride, padding, dilation, [height, width])) in
        cases.into_iter().enumerate()
    {
        let [input, output] = channels;
        let params = Conv2dParams { stride, padding, dilation, groups: 1 };
        let out = |side: usize| (side + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
        let seed = 10 * index as u64;
        let inputs = [
            values(seed + 1, &[2, height, width, input]),
            (values(seed + 2, &[output, input, kernel, kernel]) * 0.3).unwrap(),
            values(seed + 3, &[output]),
            values(seed + 4, &[2, out(height), out(width), output]),
        ];
        let activation = ACTIVATIONS[index % ACTIVATIONS.len()];
        equal(&format!("conv2d {index}"), &inputs, |inputs| {
            let conv = Conv2d::new(&inputs[1], Some(&inputs[2]), params, activation)?;
            conv.forward_add(&inputs[0], &inputs[3])
        });
        equal(&format!("conv2d {index} without bias"), &inputs[..2], |inputs| {
            Conv2d::new(&inputs[1], None, params, activation)?.forward(&inputs[0])
        });
    }
}

#[test]
fn convolutions_of_several_maps() {
    let inputs = [
        values(1, &[1, 8, 6, 8]),
        values(2, &[1, 4, 3, 16]),
        values(3, &[12, 24, 3, 3]),
        values(4, &[1, 8, 6, 12]),
    ];
    equal("conv2d of parts", &inputs, |inputs| {
        let params = Conv2dParams { padding: 1, ..Default::default() };
        let conv = Conv2d::new(&inputs[2], None, params, Activation::Silu)?;
        conv.forward_parts_add(&[Part::from(&inputs[0]), Part::doubled(&inputs[1])], &inputs[3])
    });
}

#[test]
fn deformable_convolutions() {
    for (index, ([input, output], kernel)) in
        [([8, 16], 3), ([6, 70], 3), ([16, 12], 1), ([32, 64], 7)].into_iter().enumerate()
    {
        let (height, width, taps) = (6, 9, kernel * kernel);
        let seed = 20 * index as u64;
        let inputs = [
            values(seed + 1, &[2, height, width, input]),
            // Offsets of up to six pixels: some leave the image.
            (values(seed + 2, &[2, height, width, 3 * taps]) * 6.0).unwrap(),
            (values(seed + 3, &[output, input, kernel, kernel]) * 0.3).unwrap(),
            values(seed + 4, &[output]),
            values(seed + 5, &[24, output]),
            values(seed + 6, &[2, height, width, 24]),
        ];
        equal(&format!("deform_conv2d {index}"), &inputs, |inputs| {
            let activation = Activation::Relu;
            let conv = DeformConv2d::new(&inputs[2], Some(&inputs[3]), 1, kernel / 2, activation)?;
            let conv = conv.with_mask_activation(Activation::DoubleSigmoid);
            // Steering as the network makes it: channels of one map.
            let offset = inputs[1].narrow(3, 0, 2 * taps)?;
            let mask = inputs[1].narrow(3, 2 * taps, taps)?;
            let linear = Linear::new(&inputs[4], None, Activation::Relu)?;
            conv.forward_into(&inputs[0], &offset, &mask, &linear, &inputs[5])
        });
    }
}

#[test]
fn layers() {
    for (index, activation) in ACTIVATIONS.into_iter().enumerate() {
        let seed = 30 * index as u64;
        let inputs = [
            values(seed + 1, &[2, 7, 20]),
            values(seed + 2, &[33, 20]),
            values(seed + 3, &[33]),
            values(seed + 4, &[2, 7, 33]),
        ];
        equal(&format!("linear {activation:?}"), &inputs, |inputs| {
            let linear = Linear::new(&inputs[1], Some(&inputs[2]), activation)?;
            linear.forward_add(&inputs[0], &inputs[3])? + linear.forward(&inputs[0])?
        });
    }
    for channels in [4, 32, 96, 250] {
        let inputs = [
            (values(41, &[3, 5, channels]) + 3.0).unwrap(),
            values(42, &[channels]),
            values(43, &[channels]),
        ];
        equal("layer norm", &inputs, |inputs| {
            LayerNorm::new(inputs[1].clone(), inputs[2].clone(), 1e-5)?.forward(&inputs[0])
        });
    }
}

#[test]
fn images() {
    for (from, to) in [([5, 7], [11, 9]), ([16, 12], [8, 5]), ([1, 4], [3, 1]), ([3, 3], [1, 6])] {
        let x = values(51, &[2, from[0], from[1], 6]);
        equal("bilinear", &[x], |inputs| resize_bilinear(&inputs[0], to[0], to[1]));
    }
    let inputs = [values(52, &[2, 5, 6, 9]), (values(53, &[2, 5, 6, 1]) * 4.0).unwrap()];
    equal("gate", &inputs, |inputs| gate(&inputs[0], &inputs[1]));
    for size in [[5, 6], [16, 16], [1, 67], [9, 8]] {
        let x = (values(56, &[2, size[0], size[1], 40]) + 2.0).unwrap();
        equal("mean of pixels", &[x], |inputs| mean_of_pixels(&inputs[0]));
    }
    for radius in [1, 2, 7] {
        equal("max pool", &inputs[..1], |inputs| max_pool(&inputs[0], radius));
    }
    let inputs = [(values(54, &[2, 3, 40, 16]) * 8.0).unwrap(), values(55, &[16])];
    equal("softmax mean", &inputs, |inputs| softmax_mean(&inputs[0], &inputs[1]));
}

#[test]
fn attention() {
    // Windows, map, shift, heads: whole windows and padded ones, shifted and not.
    let cases = [
        (4, [8, 8], 0, 1),
        (4, [8, 8], 2, 2),
        (7, [14, 16], 3, 2),
        (7, [5, 9], 0, 1),
        (12, [12, 13], 6, 1),
    ];
    for (index, (window, size, shift, heads)) in cases.into_iter().enumerate() {
        let (tokens, channels) = (window * window, 32 * heads);
        let seed = 60 + 10 * index as u64;
        let inputs = [
            (values(seed, &[2, size[0] * size[1], 3 * channels]) * 2.0).unwrap(),
            values(seed + 1, &[heads, tokens, tokens]),
            values(seed + 2, &[3 * channels]),
        ];
        equal(&format!("window attention {index}"), &inputs, |inputs| {
            let attention = WindowAttention::new(heads, window, &inputs[1], &inputs[2])?;
            attention.forward(&inputs[0], size, shift)
        });
    }
}
