//! Golden tensors: what the official implementations computed.

use candle_core::{DType, Device, Result, Tensor};
use std::collections::HashMap;
use std::path::Path;

/// The distance of a tensor from its golden one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The largest absolute difference; NaN counts as infinite.
    pub max: f64,
    /// The mean absolute difference.
    pub mean: f64,
}

impl Difference {
    /// Compares two tensors of one shape.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn between(got: &Tensor, want: &Tensor) -> Result<Self> {
        if got.dims() != want.dims() {
            candle_core::bail!("shape {:?}, the golden one is {:?}", got.dims(), want.dims());
        }
        let got = flat(got)?;
        let want = flat(want)?;
        let (mut max, mut sum) = (0f64, 0f64);
        for (&g, &w) in got.iter().zip(&want) {
            let difference = f64::from((g - w).abs());
            let difference = if difference.is_nan() { f64::INFINITY } else { difference };
            max = max.max(difference);
            sum += difference;
        }
        Ok(Self { max, mean: sum / got.len().max(1) as f64 })
    }
}

fn flat(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.to_device(&Device::Cpu)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()
}

/// Reads a `.npy` file.
///
/// # Errors
/// If the file is missing or no array of a known type.
pub fn read(path: impl AsRef<Path>) -> Result<Tensor> {
    Tensor::read_npy(path.as_ref())
}

/// Reads the named arrays of a `.npz` file, in the order asked.
///
/// # Errors
/// If the file or an array is missing.
pub fn read_npz<const N: usize>(path: impl AsRef<Path>, names: [&str; N]) -> Result<[Tensor; N]> {
    let tensors = Tensor::read_npz_by_name(path.as_ref(), &names)?;
    tensors
        .try_into()
        .map_err(|_| candle_core::Error::Msg(format!("{}: {names:?}", path.as_ref().display())))
}

/// Reads a manifest of golden tensors: the shape and 64 samples of each by name.
///
/// # Panics
/// If the file is missing or no such manifest.
pub fn read_manifest(path: impl AsRef<Path>) -> HashMap<String, Samples> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let entries: HashMap<String, serde_json::Value> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no manifest: {error}", path.display()));
    let samples = entries.into_iter().filter_map(|(name, entry)| {
        // Entries of statistics alone have no samples.
        serde_json::from_value(entry).ok().map(|samples| (name, samples))
    });
    samples.collect()
}

/// What a manifest tells of a tensor.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct Samples {
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// Values at flat index `((2j + 1) · n) / 128`.
    pub samples: Vec<f64>,
}

/// Prints and checks the distance of `got` from `want`.
///
/// # Panics
/// If shapes differ or the largest difference is above `limit`.
#[allow(clippy::print_stderr, reason = "the table of golden errors is read from the test output")]
pub fn assert_close(name: &str, got: &Tensor, want: &Tensor, limit: f64) -> Difference {
    let difference = match Difference::between(got, want) {
        Ok(difference) => difference,
        Err(error) => panic!("golden {name}: {error}"),
    };
    let Difference { max, mean } = difference;
    eprintln!("golden {name:<40} max {max:.2e} mean {mean:.2e} limit {limit:.1e}");
    assert!(max <= limit, "golden {name}: max difference {max:.3e} is above {limit:.1e}");
    difference
}

/// Checks the shape and the samples that a manifest gives for a tensor.
///
/// # Panics
/// If the shape differs or a sample is further away than `limit`.
pub fn assert_samples(name: &str, got: &Tensor, want: &Samples, limit: f64) {
    assert_eq!(got.dims(), want.shape, "golden {name}");
    let values = match flat(got) {
        Ok(values) => values,
        Err(error) => panic!("golden {name}: {error}"),
    };
    assert_eq!(want.samples.len(), 64, "golden {name}");
    for (j, &want) in want.samples.iter().enumerate() {
        let value = f64::from(values[((2 * j + 1) * values.len()) / 128]);
        assert!((value - want).abs() <= limit, "golden {name}: sample {j} is {value}, not {want}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_never_close() {
        let nan = Tensor::new(&[f32::NAN], &Device::Cpu).unwrap();
        let one = Tensor::new(&[1f32], &Device::Cpu).unwrap();
        assert_eq!(Difference::between(&nan, &one).unwrap().max, f64::INFINITY);
    }

    #[test]
    fn the_mean_and_the_maximum() {
        let got = Tensor::new(&[1f32, 2.0, 3.0, 4.0], &Device::Cpu).unwrap();
        let want = Tensor::new(&[1f32, 2.0, 3.0, 2.0], &Device::Cpu).unwrap();
        let difference = Difference::between(&got, &want).unwrap();
        assert_eq!(difference, Difference { max: 2.0, mean: 0.5 });
    }
}
