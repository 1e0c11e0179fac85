//! Colours of any profile to sRGB.

use super::pixels::Pixels;
use moxcms::{
    Chromaticity, ColorPrimaries, ColorProfile, DataColorSpace, Layout, Transform8BitExecutor,
    TransformOptions, curve_from_gamma,
};
use std::sync::Arc;

/// What the colours of a file mean, where it says so.
#[derive(Debug)]
pub(super) enum Source {
    /// An ICC profile.
    Icc(Vec<u8>),
    /// A profile of a few numbers.
    Named(Box<ColorProfile>),
    /// Values are light to the power of 1 / `gamma`; of these primaries (white, red, green and
    /// blue, x and y), or those of sRGB.
    Gamma {
        /// The exponent, such as 2.2.
        gamma: f32,
        /// The primaries.
        primaries: Option<[[f32; 2]; 4]>,
    },
}

/// Pixels in one call of a transform.
const PORTION: usize = 1 << 14;

/// Converts pixels to sRGB. A profile that is broken, or of other colours than the pixels, is
/// ignored: the picture is then shown as programs without colour management show it.
pub(super) fn to_srgb(pixels: Pixels, source: Option<&Source>) -> Pixels {
    let transform = source.and_then(|source| transform(&pixels, source));
    match (pixels, transform) {
        (Pixels::Grey(grey), Some(transform)) => {
            let mut rgb = vec![0; grey.len() * 3];
            for (from, to) in grey.chunks(PORTION).zip(rgb.chunks_mut(PORTION * 3)) {
                // Both are as long as the transform asks, so it does not fail.
                let _ = transform.transform(from, to);
            }
            Pixels::Rgb(rgb)
        }
        (Pixels::Rgb(mut rgb), Some(transform)) => {
            let mut room = vec![0; PORTION * 3];
            for portion in rgb.chunks_mut(PORTION * 3) {
                let from = &mut room[..portion.len()];
                from.copy_from_slice(portion);
                let _ = transform.transform(from, portion);
            }
            Pixels::Rgb(rgb)
        }
        (Pixels::InvertedCmyk(inverted), Some(transform)) => {
            let mut rgb = vec![0; inverted.len() / 4 * 3];
            let portions = inverted.chunks(PORTION * 4).zip(rgb.chunks_mut(PORTION * 3));
            for (inverted, to) in portions {
                let ink: Vec<u8> = inverted.iter().map(|value| 255 - value).collect();
                let _ = transform.transform(&ink, to);
            }
            Pixels::Rgb(rgb)
        }
        (Pixels::InvertedCmyk(inverted), None) => {
            let (cmyk, _) = inverted.as_chunks::<4>();
            let rgb = cmyk.iter().flat_map(|&[c, m, y, k]| {
                [c, m, y].map(|value| {
                    let product = u32::from(value) * u32::from(k) + 128;
                    ((product + (product >> 8)) >> 8) as u8
                })
            });
            Pixels::Rgb(rgb.collect())
        }
        (pixels, None) => pixels,
    }
}

/// What converts the pixels; `None` where nothing has to be done, or nothing can be.
fn transform(pixels: &Pixels, source: &Source) -> Option<Arc<Transform8BitExecutor>> {
    let (space, layout, white, black) = match pixels {
        Pixels::Grey(_) => (DataColorSpace::Gray, Layout::Gray, &[255][..], &[0][..]),
        Pixels::Rgb(_) => (DataColorSpace::Rgb, Layout::Rgb, &[255; 3][..], &[0; 3][..]),
        Pixels::InvertedCmyk(_) => (DataColorSpace::Cmyk, Layout::Rgba, &[0; 4][..], &[255; 4][..]),
    };
    let profile = match source {
        Source::Icc(bytes) => ColorProfile::new_from_slice(bytes).ok()?,
        Source::Named(profile) => (**profile).clone(),
        Source::Gamma { gamma, primaries } => of_gamma(*gamma, *primaries, space)?,
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, options).ok()?;
    let to = |colours: &[u8]| {
        let mut rgb = vec![0; colours.len() / white.len() * 3];
        transform.transform(colours, &mut rgb).ok()?;
        Some(rgb)
    };
    // White is bright and black is dark in every profile that is not broken.
    let (white, black) = (to(white)?, to(black)?);
    if white.iter().any(|&value| value < 128) || black.iter().any(|&value| value > 127) {
        return None;
    }
    // Most profiles are sRGB in other words.
    let steps: Vec<u8> = (0..=255).step_by(17).collect();
    let same = |a: &[u8], b: &[u8]| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
    let nothing_to_do = match pixels {
        Pixels::Grey(_) => {
            let want: Vec<u8> = steps.iter().flat_map(|&step| [step; 3]).collect();
            same(&to(&steps)?, &want)
        }
        Pixels::Rgb(_) => {
            let pairs = steps.iter().flat_map(|&red| steps.iter().map(move |&green| [red, green]));
            let colours: Vec<u8> = pairs
                .flat_map(|[red, green]| steps.iter().map(move |&blue| [red, green, blue]))
                .flatten()
                .collect();
            same(&to(&colours)?, &colours)
        }
        Pixels::InvertedCmyk(_) => false,
    };
    (!nothing_to_do).then_some(transform)
}

fn of_gamma(
    gamma: f32,
    primaries: Option<[[f32; 2]; 4]>,
    space: DataColorSpace,
) -> Option<ColorProfile> {
    if !(0.2..=5.0).contains(&gamma) {
        return None;
    }
    // As libpng does: what is nearly the gamma of sRGB is meant as sRGB.
    let near = (gamma / 2.2 - 1.0).abs() < 0.05;
    if near && (primaries.is_none() || space == DataColorSpace::Gray) {
        return None;
    }
    if space == DataColorSpace::Gray {
        return Some(ColorProfile::new_gray_with_gamma(gamma));
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some([white, red, green, blue]) = primaries {
        let point = |[x, y]: [f32; 2]| Chromaticity { x, y };
        let primaries = ColorPrimaries { red: point(red), green: point(green), blue: point(blue) };
        if white[1] <= 0.0 || [red, green, blue].iter().any(|point| point[1] <= 0.0) {
            return None;
        }
        profile.update_rgb_colorimetry(point(white).to_xyyb(), primaries);
    }
    profile.cicp = None;
    if !near {
        let curve = Some(curve_from_gamma(gamma));
        (profile.red_trc, profile.green_trc, profile.blue_trc) =
            (curve.clone(), curve.clone(), curve);
    }
    Some(profile)
}
