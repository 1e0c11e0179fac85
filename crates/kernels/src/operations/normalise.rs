//! From bytes to what a network reads.

use crate::cpu::view::{computed, in_chunks};
use crate::cuda::{Arg, Call, on_card};
use crate::work;
use candle_core::{DType, Result, Storage, Tensor, bail};

/// Values that a thread works on at once.
const CHUNK: usize = 3 << 12;

/// Pixels as values: `(byte / 255 − mean) / deviation` of each of three channels, for bytes
/// `(batch, height, width, 3)`. A mean of 0 and a deviation of 1 give 0 to 1.
///
/// The bytes lie where the values are wanted: on a card they are a quarter of what the values are,
/// and are made values of the type of its network at once.
///
/// # Errors
/// If the tensor has other dimensions or no bytes.
pub fn normalise(
    pixels: &Tensor,
    mean: [f32; 3],
    deviation: [f32; 3],
    dtype: DType,
) -> Result<Tensor> {
    let (_, _, _, channels) = pixels.dims4()?;
    if channels != 3 || pixels.dtype() != DType::U8 {
        bail!("normalise: {:?} of {:?}, not pixels of 3 bytes", pixels.shape(), pixels.dtype());
    }
    let pixels = pixels.contiguous()?;
    let shape = pixels.shape().clone();
    if on_card(pixels.device()) {
        let of_colours = mean.into_iter().chain(deviation).map(Arg::Float);
        let args = [Arg::Typed(&pixels, DType::U8), Arg::Out].into_iter().chain(of_colours);
        return Call::of_values("normalise", shape, args).run_into(dtype);
    }
    let (storage, layout) = pixels.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("normalise: pixels on {:?}", pixels.device().location());
    };
    let _span = work::begin_moving("normalising", shape.elem_count());
    let bytes = &storage.as_slice::<u8>()?[layout.start_offset()..][..shape.elem_count()];
    let levels: [[f32; 256]; 3] = std::array::from_fn(|channel| {
        std::array::from_fn(|level| (level as f32 / 255.0 - mean[channel]) / deviation[channel])
    });
    let values = in_chunks(bytes.len(), CHUNK, |index, values| {
        let pixels = bytes[index * CHUNK..].chunks_exact(3);
        for (values, pixel) in values.chunks_exact_mut(3).zip(pixels) {
            for ((value, &byte), levels) in values.iter_mut().zip(pixel).zip(&levels) {
                *value = levels[usize::from(byte)];
            }
        }
    });
    computed(values, shape)?.to_dtype(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn each_channel_has_its_own_mean_and_deviation() {
        let bytes: Vec<u8> = (0..=255).cycle().take(2 * 70 * 90 * 3).collect();
        let pixels = Tensor::from_slice(&bytes, (2, 70, 90, 3), &Device::Cpu).unwrap();
        let (mean, deviation) = ([0.5, 0.25, 0.0], [0.5, 2.0, 1.0]);
        let values = normalise(&pixels, mean, deviation, DType::F32).unwrap();
        assert_eq!(values.dims(), pixels.dims());
        let values: Vec<f32> = values.flatten_all().unwrap().to_vec1().unwrap();
        for (index, (value, byte)) in values.into_iter().zip(bytes).enumerate() {
            let wanted = (f32::from(byte) / 255.0 - mean[index % 3]) / deviation[index % 3];
            assert_eq!(value, wanted, "{index}");
        }
        let grey = pixels.narrow(3, 0, 1).unwrap();
        assert!(normalise(&grey, mean, deviation, DType::F32).is_err());
    }
}
