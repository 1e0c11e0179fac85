//! Against the definition, written out: pad, shift, cut into windows, attend, and all of it back.

use super::*;
use candle_core::{DType, Device};
use portrait_test_support::reproducible;

/// Noise in `[-2, 2)`, another for each seed.
fn noise(seed: usize, shape: &[usize]) -> Vec<f32> {
    reproducible::tensor(&format!("input.{seed}"), shape).unwrap()
}

/// As the definition says: pad, shift, cut into windows, attend, and all of it back.
struct Naive {
    heads: usize,
    window: usize,
    size: [usize; 2],
    shift: usize,
    channels: usize,
}

impl Naive {
    fn run(&self, qkv: &[f32], bias: &[f32], padding: &[f32]) -> Vec<f64> {
        let (window, channels) = (self.window, self.channels);
        let padded = self.size.map(|side| side.next_multiple_of(window));
        let width = channels / self.heads;
        // Where a token of the shifted map comes from.
        let source = |at: [usize; 2]| [0, 1].map(|i| (at[i] + self.shift) % padded[i]);
        let value = |at: [usize; 2], index: usize| {
            let [y, x] = source(at);
            if y < self.size[0] && x < self.size[1] {
                f64::from(qkv[(y * self.size[1] + x) * 3 * channels + index])
            } else {
                f64::from(padding[index])
            }
        };
        let region = |at: [usize; 2]| {
            [0, 1].map(|i| {
                let (from, to) = (padded[i] - window, padded[i] - self.shift);
                usize::from(at[i] >= from) + usize::from(at[i] >= to)
            })
        };
        let mut out = vec![0f64; self.size[0] * self.size[1] * channels];
        for query_y in 0..padded[0] {
            for query_x in 0..padded[1] {
                let query = [query_y, query_x];
                let [y, x] = source(query);
                if y >= self.size[0] || x >= self.size[1] {
                    continue;
                }
                let corner = query.map(|at| at / window * window);
                let keys: Vec<[usize; 2]> = (0..window * window)
                    .map(|i| [corner[0] + i / window, corner[1] + i % window])
                    .collect();
                let within = |at: [usize; 2]| at[0] % window * window + at[1] % window;
                for head in 0..self.heads {
                    let score = |key: [usize; 2]| {
                        if self.shift > 0 && region(key) != region(query) {
                            return f64::NEG_INFINITY;
                        }
                        let at = head * width;
                        let dot: f64 = (0..width)
                            .map(|d| value(query, at + d) * value(key, channels + at + d))
                            .sum();
                        let tokens = window * window;
                        let place = (head * tokens + within(query)) * tokens + within(key);
                        dot / (width as f64).sqrt() + f64::from(bias[place])
                    };
                    let scores: Vec<f64> = keys.iter().map(|&key| score(key)).collect();
                    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let weights: Vec<f64> = scores.iter().map(|s| (s - most).exp()).collect();
                    let sum: f64 = weights.iter().sum();
                    for d in 0..width {
                        let at = head * width + d;
                        let mixed: f64 = keys
                            .iter()
                            .zip(&weights)
                            .map(|(&key, weight)| weight * value(key, 2 * channels + at))
                            .sum();
                        out[(y * self.size[1] + x) * channels + at] = mixed / sum;
                    }
                }
            }
        }
        out
    }
}

/// The same attention in a type that our kernel does not take.
fn by_candle(heads: usize, window: usize, bias: &[f32], padding: &[f32]) -> WindowAttention {
    let tensor = |values: &[f32], shape: &[usize]| {
        let tensor = Tensor::from_slice(values, shape, &Device::Cpu).unwrap();
        tensor.to_dtype(DType::F64).unwrap()
    };
    let tokens = window * window;
    let bias = tensor(bias, &[heads, tokens, tokens]);
    WindowAttention::new(heads, window, &bias, &tensor(padding, &[padding.len()])).unwrap()
}

#[test]
fn windows_attend_as_the_definition_says() {
    for (heads, width, window, size, shift) in [
        (1, 8, 4, [8, 8], 0),
        (2, 8, 4, [8, 12], 2),
        (3, 32, 7, [14, 14], 3),
        (2, 32, 7, [9, 11], 3),
        (1, 32, 7, [5, 7], 3),
        (2, 16, 12, [13, 24], 6),
        (2, 5, 3, [4, 7], 1),
    ] {
        let (channels, tokens) = (heads * width, window * window);
        let naive = Naive { heads, window, size, shift, channels };
        let map = size[0] * size[1];
        let images = [noise(1, &[map, 3 * channels]), noise(2, &[map, 3 * channels])];
        let bias = noise(3, &[heads, tokens, tokens]);
        let padding = noise(4, &[3 * channels]);
        let device = &Device::Cpu;
        let qkv = Tensor::from_vec(images.concat(), (2, map, 3 * channels), device).unwrap();
        let other = by_candle(heads, window, &bias, &padding).forward(
            &qkv.to_dtype(DType::F64).unwrap(),
            size,
            shift,
        );
        let other = other.unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        for (image, y) in images.iter().zip(other.chunks_exact(map * channels)) {
            for (found, expected) in y.iter().zip(naive.run(image, &bias, &padding)) {
                assert!((found - expected).abs() < 1e-12, "candle {size:?} {shift}");
            }
        }
        for isa in Isa::available() {
            let bias_tensor = Tensor::from_slice(&bias, (heads, tokens, tokens), device);
            let padding_tensor = Tensor::from_slice(&padding, 3 * channels, device);
            let attention = WindowAttention::with_isa(
                heads,
                window,
                &bias_tensor.unwrap(),
                &padding_tensor.unwrap(),
                isa,
            );
            let y = attention.unwrap().forward(&qkv, size, shift).unwrap();
            let y: Vec<f32> = y.flatten_all().unwrap().to_vec1().unwrap();
            for (image, y) in images.iter().zip(y.chunks_exact(map * channels)) {
                let expected = naive.run(image, &bias, &padding);
                for (found, expected) in y.iter().zip(&expected) {
                    let error = (f64::from(*found) - expected).abs();
                    assert!(error < 1e-5, "{} {size:?} {shift}: {error}", isa.name());
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let zeros =
        |shape: &[usize]| Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
    assert!(WindowAttention::new(2, 3, &zeros(&[2, 9, 9]), &zeros(&[25])).is_err());
    assert!(WindowAttention::new(2, 3, &zeros(&[1, 9, 9]), &zeros(&[24])).is_err());
    let attention = WindowAttention::new(2, 3, &zeros(&[2, 9, 9]), &zeros(&[24])).unwrap();
    assert!(attention.forward(&zeros(&[1, 12, 24]), [3, 4], 1).is_ok());
    assert!(attention.forward(&zeros(&[1, 12, 24]), [3, 4], 3).is_err());
    assert!(attention.forward(&zeros(&[1, 12, 24]), [3, 5], 1).is_err());
    assert!(attention.forward(&zeros(&[1, 12, 27]), [3, 4], 1).is_err());
}
