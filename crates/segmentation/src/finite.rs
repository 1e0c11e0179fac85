//! Whether tensors hold what can be computed with.

use candle_core::{CpuStorage, DType, Result, Storage, Tensor};

/// Values that are looked at together.
const CHUNK: usize = 1024;

/// Whether no value is infinite or no number.
pub(crate) fn is_finite(tensor: &Tensor) -> Result<bool> {
    let (storage, layout) = tensor.storage_and_layout();
    if let (Storage::Cpu(storage), Some((start, end))) = (&*storage, layout.contiguous_offsets()) {
        match storage {
            CpuStorage::F32(values) => return Ok(all(&values[start..end], |v| v.is_finite())),
            CpuStorage::F64(values) => return Ok(all(&values[start..end], |v| v.is_finite())),
            CpuStorage::F16(values) => return Ok(all(&values[start..end], |v| v.is_finite())),
            CpuStorage::BF16(values) => return Ok(all(&values[start..end], |v| v.is_finite())),
            _ => {}
        }
    }
    drop(storage);
    // On its device: 0 · x is 0 for numbers alone.
    let zeros = tensor.to_dtype(DType::F32)?.affine(0.0, 0.0)?;
    Ok(zeros.sum_all()?.to_scalar::<f32>()? == 0.0)
}

/// Without an early exit inside a chunk, it is vectorised.
fn all<T: Copy>(values: &[T], good: impl Fn(T) -> bool) -> bool {
    values.chunks(CHUNK).all(|chunk| chunk.iter().fold(true, |all, &value| all & good(value)))
}

/// Whether all values, which are finite, are the same one.
pub(crate) fn is_constant(tensor: &Tensor) -> Result<bool> {
    let values = tensor.flatten_all()?;
    if values.device().is_cpu() {
        let first = values.get(0)?.to_dtype(DType::F32)?.to_scalar::<f32>()?;
        // Mostly the first part tells already.
        let part = values.narrow(0, 0, CHUNK.min(values.elem_count()))?;
        let part = part.to_dtype(DType::F32)?.to_vec1::<f32>()?;
        if part.iter().any(|&value| value != first) {
            return Ok(false);
        }
    }
    let values = values.to_dtype(DType::F32)?;
    let ends = (values.max(0)? - values.min(0)?)?;
    Ok(ends.to_scalar::<f32>()? == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn tensor(values: Vec<f32>) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    #[test]
    fn one_value_that_is_not_finite_is_found_in_every_type_and_layout() {
        for index in [0, 1, 1023, 1024, 2999] {
            for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut values = vec![0.5f32; 3000];
                values[index] = value;
                for dtype in [DType::F32, DType::F64, DType::F16, DType::BF16] {
                    let bad = tensor(values.clone()).to_dtype(dtype).unwrap();
                    assert!(!is_finite(&bad).unwrap(), "{value} at {index}, {dtype:?}");
                    let turned = bad.reshape((50, 60)).unwrap().t().unwrap();
                    assert!(!is_finite(&turned).unwrap(), "{value} at {index}, {dtype:?}, turned");
                }
            }
        }
        let good = tensor(vec![f32::MAX; 3000]);
        assert!(is_finite(&good).unwrap());
        assert!(is_finite(&good.reshape((50, 60)).unwrap().t().unwrap()).unwrap());
        // Only what is seen of it counts.
        let part = tensor(vec![f32::NAN, 1.0, 2.0]).narrow(0, 1, 2).unwrap();
        assert!(is_finite(&part).unwrap());
    }

    #[test]
    fn constant_is_what_never_changes() {
        let mut values = vec![0.5f32; 3000];
        assert!(is_constant(&tensor(values.clone())).unwrap());
        values[2999] = 0.75;
        assert!(!is_constant(&tensor(values.clone())).unwrap());
        values.swap(0, 2999);
        assert!(!is_constant(&tensor(values)).unwrap());
        assert!(is_constant(&tensor(vec![1.0])).unwrap());
    }
}
