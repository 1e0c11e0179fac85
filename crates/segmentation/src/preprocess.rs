//! From a photo to the network's input.

use candle_core::{DType, Device, Tensor};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images};
use image::RgbImage;
use portrait_kernels::normalise;
use std::borrow::Borrow;

use crate::error::Error;

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
    let images = images.iter().map(|image| stretch(image, width, height));
    network_input(&images.collect::<Result<Vec<_>, _>>()?, device, DType::F32)
}

/// Pictures that have the size of the input already, normalised: bytes go to the device.
pub(crate) fn network_input(
    images: &[impl Borrow<RgbImage>],
    device: &Device,
    dtype: DType,
) -> Result<Tensor, Error> {
    let images: Vec<&RgbImage> = images.iter().map(Borrow::borrow).collect();
    let (width, height) = images.first().ok_or(Error::EmptyImage)?.dimensions();
    let shape = (images.len(), height as usize, width as usize, 3);
    let pixels = match images[..] {
        [image] => Tensor::from_slice(image.as_raw(), shape, device)?,
        _ => {
            let pixels = images.iter().flat_map(|image| image.as_raw().iter().copied());
            Tensor::from_vec(pixels.collect(), shape, device)?
        }
    };
    // The network takes channels first, and has them last again without moving anything.
    Ok(normalise(&pixels, IMAGENET_MEAN, IMAGENET_STD, dtype)?.permute((0, 3, 1, 2))?)
}
