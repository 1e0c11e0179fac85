//! From a photo to the network's input.

use candle_core::{Device, Tensor};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images};
use image::RgbImage;

use crate::Error;

/// ImageNet's mean of red, green and blue, of values in `[0, 1]`.
pub const IMAGENET_MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// ImageNet's standard deviation.
pub const IMAGENET_STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Stretches the image to `width × height` pixels without keeping its proportions: bilinear with
/// antialias, as `torchvision.transforms.Resize` does on a Pillow image (within one level of 255).
///
/// # Errors
/// [`Error::EmptyImage`] if a side is 0.
pub fn stretch(image: &RgbImage, width: u32, height: u32) -> Result<RgbImage, Error> {
    if image.dimensions() == (width, height) {
        return Ok(image.clone());
    }
    let (from_w, from_h) = image.dimensions();
    if from_w == 0 || from_h == 0 || width == 0 || height == 0 {
        return Err(Error::EmptyImage);
    }
    let source = images::ImageRef::new(from_w, from_h, image.as_raw(), PixelType::U8x3);
    let mut target = images::Image::new(width, height, PixelType::U8x3);
    let algorithm = ResizeAlg::Convolution(FilterType::Bilinear);
    let options = ResizeOptions::new().resize_alg(algorithm);
    source
        .ok()
        .and_then(|source| Resizer::new().resize(&source, &mut target, &options).ok())
        .and_then(|()| RgbImage::from_raw(width, height, target.into_vec()))
        .ok_or(Error::EmptyImage)
}

/// Stretches and normalises images into one batch, `(batch, 3, height, width)` in `f32`:
/// `(value / 255 − mean) / deviation` by channel.
///
/// # Errors
/// [`Error::EmptyImage`] for an image or a list without pixels.
pub fn preprocess(
    images: &[RgbImage],
    [width, height]: [u32; 2],
    device: &Device,
) -> Result<Tensor, Error> {
    if images.is_empty() {
        return Err(Error::EmptyImage);
    }
    let pixels = width as usize * height as usize;
    let mut values = vec![0f32; images.len() * 3 * pixels];
    for (image, values) in images.iter().zip(values.chunks_exact_mut(3 * pixels)) {
        let image = stretch(image, width, height)?;
        for (channel, plane) in values.chunks_exact_mut(pixels).enumerate() {
            let levels = levels(channel);
            let bytes = image.as_raw()[channel..].iter().step_by(3);
            plane.iter_mut().zip(bytes).for_each(|(value, &byte)| *value = levels[byte as usize]);
        }
    }
    let shape = (images.len(), 3, height as usize, width as usize);
    Ok(Tensor::from_vec(values, shape, device)?)
}

/// The normalised value of each of the 256 levels.
fn levels(channel: usize) -> [f32; 256] {
    std::array::from_fn(|level| {
        (level as f32 / 255.0 - IMAGENET_MEAN[channel]) / IMAGENET_STD[channel]
    })
}
