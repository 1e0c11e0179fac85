//! Criterion benches: see the files in `benches/`.
//!
//! | bench | what it measures |
//! |---|---|
//! | `preprocessing` | a photo of 12 megapixels to each network's input |
//! | `networks` | a forward pass of YOLOv8 and BiRefNet, with reproducible weights |
//! | `nms` | candidates out of YOLOv8's output, and their suppression |
//! | `scaling` | passes on 1, 2 and 4 threads, and two requests at once: one table, not by Criterion |
//! | `refine` | colours at the edge of a cut-out |
//! | `encode` | a cut-out to PNG |
//! | `batching` | several inputs in one run of a network, or several runs at once, beside one by one |
//! | `scheduling` | a lease of a device, alone and with ten thousand waiters, beside a semaphore |
//!
//! `cargo bench -p portrait-benches` runs all, `cargo bench -p portrait-benches -- nms` those whose
//! names hold `nms`. `--features slow` adds the networks in their full size, which take seconds to
//! minutes for each pass on a CPU.
//!
//! Inputs are the same at every run; this library makes the pictures.

use image::{ImageBuffer, Luma, Rgb, RgbImage, Rgba, RgbaImage};

/// A photo of 4000 × 3000 pixels.
pub const TWELVE_MEGAPIXELS: (u32, u32) = (4000, 3000);
/// A picture of 1024 × 1024 pixels.
pub const ONE_MEGAPIXEL: (u32, u32) = (1024, 1024);

/// Numbers that look random and are the same at every run (splitmix64).
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence number `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, in `[0, 1)`.
    pub fn draw(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    }
}

/// A picture with the smooth parts and the noise of a photo.
pub fn photo((width, height): (u32, u32)) -> RgbImage {
    let mut noise = Numbers::new(1);
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let grain = 12.0 * (noise.draw() - 0.5);
        let wave = |speed: f32| 127.5 + 110.0 * (speed * (x + 0.5 * y * y)).sin() + grain;
        Rgb([wave(9.0) as u8, wave(14.0) as u8, wave(23.0) as u8])
    })
}

/// A matte of the shape of a head and shoulders, with a soft edge; alpha in `[0, 1]`.
pub fn matte((width, height): (u32, u32)) -> ImageBuffer<Luma<f32>, Vec<f32>> {
    ImageBuffer::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32);
        let head = 0.2 - x.hypot(y - 0.3);
        let shoulders = 0.45 - x.hypot(y - 1.0);
        Luma([(0.5 + 40.0 * head.max(shoulders)).clamp(0.0, 1.0)])
    })
}

/// A cut-out: the photo where the matte is, nothing elsewhere.
pub fn cut_out(size: (u32, u32)) -> RgbaImage {
    let (photo, matte) = (photo(size), matte(size));
    RgbaImage::from_fn(size.0, size.1, |x, y| {
        let Rgb([red, green, blue]) = *photo.get_pixel(x, y);
        match (matte.get_pixel(x, y).0[0] * 255.0).round() as u8 {
            0 => Rgba([0; 4]),
            alpha => Rgba([red, green, blue, alpha]),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_the_same_at_every_run_and_have_all_there_is() {
        let size = (90, 70);
        assert_eq!(photo(size), photo(size));
        let alpha: Vec<u8> = cut_out(size).pixels().map(|pixel| pixel[3]).collect();
        assert!(alpha.contains(&0) && alpha.contains(&255));
        assert!(alpha.iter().any(|alpha| (1..255).contains(alpha)));
        let mut numbers = Numbers::new(3);
        let mean = (0..1000).map(|_| numbers.draw()).sum::<f32>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
