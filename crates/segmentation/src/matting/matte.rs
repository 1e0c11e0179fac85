//! The matte: how much of each pixel belongs to the foreground.

use crate::error::Error;
use candle_core::{DType, Device, Tensor};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::math::Rect;
use image::{GenericImageView, GrayImage, ImageBuffer, Luma};
use portrait_kernels::{matte_of_logits, on_card};
use pulp::bytemuck::{cast_slice, cast_slice_mut};

/// Alpha in `[0, 1]` for each pixel.
pub type Matte = ImageBuffer<Luma<f32>, Vec<f32>>;

/// Turns logits `(batch, 1, height, width)` into mattes of the given sizes (width and height).
///
/// The sigmoid is taken first; its values are resized bicubically (Catmull-Rom, the filter the
/// model card's example uses through Pillow) and clamped to `[0, 1]`. Nothing is stretched to the
/// full range: a picture without foreground gives an empty matte. On an NVIDIA card, all of it is
/// done there.
///
/// # Errors
/// [`Error::EmptyImage`] if a size is 0 or there are fewer logits than sizes.
pub fn mattes_from_logits(logits: &Tensor, sizes: &[(u32, u32)]) -> Result<Vec<Matte>, Error> {
    if on_card(logits.device()) {
        return mattes_on_card(logits, sizes);
    }
    let probability = candle_nn::ops::sigmoid(&logits.to_dtype(DType::F32)?)?;
    let probability = probability.squeeze(1)?.to_device(&Device::Cpu)?;
    let (batch, height, width) = probability.dims3()?;
    if batch < sizes.len() {
        return Err(Error::EmptyImage);
    }
    sizes
        .iter()
        .enumerate()
        .map(|(index, &size)| {
            let values = probability.get(index)?.flatten_all()?.to_vec1::<f32>()?;
            resize(values, (width as u32, height as u32), size)
        })
        .collect()
}

fn mattes_on_card(logits: &Tensor, sizes: &[(u32, u32)]) -> Result<Vec<Matte>, Error> {
    if logits.dim(0)? < sizes.len() {
        return Err(Error::EmptyImage);
    }
    let mattes = sizes.iter().enumerate().map(|(index, &(width, height))| {
        let logits = logits.get(index)?.squeeze(0)?;
        if width == 0 || height == 0 {
            return Err(Error::EmptyImage);
        }
        let matte = matte_of_logits(&logits, height as usize, width as usize)?;
        let values = matte.flatten_all()?.to_vec1::<f32>()?;
        Matte::from_raw(width, height, values).ok_or(Error::EmptyImage)
    });
    mattes.collect()
}

fn resize(values: Vec<f32>, from: (u32, u32), to: (u32, u32)) -> Result<Matte, Error> {
    if from == to {
        return Matte::from_raw(to.0, to.1, values).ok_or(Error::EmptyImage);
    }
    let mut matte = Matte::new(to.0, to.1);
    // In place: a matte of a large photo is not made twice.
    let source = ImageRef::new(from.0, from.1, cast_slice(&values), PixelType::F32);
    let target = Image::from_slice_u8(to.0, to.1, cast_slice_mut(&mut matte), PixelType::F32);
    let algorithm = ResizeAlg::Convolution(FilterType::CatmullRom);
    let options = ResizeOptions::new().resize_alg(algorithm);
    let resized = source.ok().zip(target.ok()).and_then(|(source, mut target)| {
        Resizer::new().resize(&source, &mut target, &options).ok()
    });
    resized.ok_or(Error::EmptyImage)?;
    // The filter overshoots at edges.
    matte.iter_mut().for_each(|alpha| *alpha = alpha.clamp(0.0, 1.0));
    Ok(matte)
}

/// The part of a matte inside `rect`, which lies within it.
///
/// # Panics
/// If `rect` reaches out of the matte.
pub fn crop_matte(matte: &Matte, rect: Rect) -> Matte {
    matte.view(rect.x, rect.y, rect.width, rect.height).to_image()
}

/// The matte with 256 levels.
pub fn to_gray(matte: &Matte) -> GrayImage {
    GrayImage::from_fn(matte.width(), matte.height(), |x, y| {
        Luma([level(matte.get_pixel(x, y).0[0])])
    })
}

/// The nearest of 256 levels.
pub(super) fn level(value: f32) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_matte_stays_constant_and_is_not_stretched() {
        let logits = Tensor::full(-2f32, (1, 1, 8, 8), &Device::Cpu).unwrap();
        let want = 1.0 / (1.0 + 2f32.exp());
        for size in [(8, 8), (20, 5), (3, 31)] {
            let mattes = mattes_from_logits(&logits, &[size]).unwrap();
            assert_eq!(mattes[0].dimensions(), size);
            assert!(mattes[0].iter().all(|&a| (a - want).abs() < 1e-6));
        }
    }

    #[test]
    fn a_step_does_not_overshoot() {
        let step: Vec<f32> = (0..256).map(|i| if i % 16 < 8 { -30.0 } else { 30.0 }).collect();
        let logits = Tensor::from_vec(step, (1, 1, 16, 16), &Device::Cpu).unwrap();
        let mattes = mattes_from_logits(&logits, &[(50, 40)]).unwrap();
        assert!(mattes[0].iter().all(|&a| (0.0..=1.0).contains(&a)));
        assert!(mattes[0].get_pixel(0, 20).0[0] < 1e-3 && mattes[0].get_pixel(49, 20).0[0] > 0.999);
    }

    #[test]
    fn levels_are_the_nearest() {
        assert_eq!([0.0, 0.4999 / 255.0, 0.5001 / 255.0, 1.0].map(level), [0, 0, 1, 255]);
    }
}
