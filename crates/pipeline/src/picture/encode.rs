//! Encoding pictures as PNG.

use crate::error::Error;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, Pixel, RgbImage, RgbaImage};

/// A cut-out as PNG, straight alpha.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_png(picture: &RgbaImage) -> Result<Bytes, Error> {
    encode_as_png(picture, ExtendedColorType::Rgba8)
}

/// A matte as PNG with 256 levels of grey.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_gray_png(matte: &GrayImage) -> Result<Bytes, Error> {
    encode_as_png(matte, ExtendedColorType::L8)
}

/// An opaque picture as PNG.
///
/// # Errors
/// [`Error::Encode`].
pub fn encode_rgb_png(picture: &RgbImage) -> Result<Bytes, Error> {
    encode_as_png(picture, ExtendedColorType::Rgb8)
}

/// An opaque picture as JPEG of a quality from 1 to 100.
pub(crate) fn encode_jpeg(picture: &RgbImage, quality: u8) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .encode_image(picture)
        .map_err(|error| Error::encode("the picture", error))?;
    Ok(bytes.into())
}

fn encode_as_png<P: Pixel<Subpixel = u8>>(
    picture: &ImageBuffer<P, Vec<u8>>,
    colour: ExtendedColorType,
) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    let encoder =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
    encoder
        .write_image(picture.as_raw(), picture.width(), picture.height(), colour)
        .map_err(|error| Error::encode("the picture", error))?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn a_png_comes_back_with_its_alpha() {
        let mut picture = RgbaImage::from_pixel(7, 5, Rgba([0; 4]));
        picture.put_pixel(3, 2, Rgba([10, 20, 30, 40]));
        let bytes = encode_png(&picture).unwrap();
        assert_eq!(image::load_from_memory(&bytes).unwrap().into_rgba8(), picture);
    }
}
