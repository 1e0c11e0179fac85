//! From components to pixels, with the arithmetic of libjpeg (`jdcolor.c`).

use super::frame::Frame;
use super::upsample::Plane;
use crate::photo::pixels::Pixels;

/// What the components of a frame mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

impl Meaning {
    /// As libjpeg tells it, from the markers of JFIF and Adobe (its kind of transform) and the
    /// components' ids.
    pub(super) fn of(frame: &Frame, jfif: bool, adobe: Option<u8>) -> Self {
        let ids: Vec<u8> = frame.components.iter().map(|part| part.id).collect();
        match (ids.len(), jfif, adobe) {
            (1, ..) => Self::Grey,
            (3, true, _) => Self::YCbCr,
            (3, false, Some(0)) => Self::Rgb,
            (3, false, None) if ids == *b"RGB" => Self::Rgb,
            (3, ..) => Self::YCbCr,
            (_, _, None | Some(0)) => Self::Cmyk,
            _ => Self::Ycck,
        }
    }
}

/// Puts the components together.
#[inline(always)]
pub(super) fn pixels(frame: &Frame, planes: &[Plane], meaning: Meaning) -> Pixels {
    let (width, height) = (frame.width, frame.height);
    let mut pixels = vec![0; width * height * planes.len()];
    let mut rooms = vec![Vec::new(); planes.len()];
    let mut colours = [vec![0; width], vec![0; width], vec![0; width]];
    for (y, line) in pixels.chunks_exact_mut(width * planes.len()).enumerate() {
        let mut rows: [&[u8]; 4] = [&[]; 4];
        for ((row, plane), room) in rows.iter_mut().zip(planes).zip(&mut rooms) {
            *row = &plane.row(y, room)[..width];
        }
        let [first, second, third, fourth] = rows;
        match meaning {
            Meaning::Grey => line.copy_from_slice(first),
            Meaning::Rgb => interleave(first, second, third, line),
            Meaning::YCbCr => {
                rgb(first, second, third, &mut colours);
                interleave(&colours[0], &colours[1], &colours[2], line);
            }
            Meaning::Cmyk => interleave_four(rows, line),
            Meaning::Ycck => {
                rgb(first, second, third, &mut colours);
                for colour in colours.iter_mut().flatten() {
                    *colour = 255 - *colour;
                }
                interleave_four([&colours[0], &colours[1], &colours[2], fourth], line);
            }
        }
    }
    match meaning {
        Meaning::Grey => Pixels::Grey(pixels),
        Meaning::Rgb | Meaning::YCbCr => Pixels::Rgb(pixels),
        Meaning::Cmyk | Meaning::Ycck => Pixels::InvertedCmyk(pixels),
    }
}

#[inline(always)]
fn interleave(red: &[u8], green: &[u8], blue: &[u8], line: &mut [u8]) {
    let (pixels, _) = line.as_chunks_mut::<3>();
    for (((pixel, &red), &green), &blue) in pixels.iter_mut().zip(red).zip(green).zip(blue) {
        *pixel = [red, green, blue];
    }
}

#[inline(always)]
fn interleave_four([c, m, y, k]: [&[u8]; 4], line: &mut [u8]) {
    let (pixels, _) = line.as_chunks_mut::<4>();
    for ((((pixel, &c), &m), &y), &k) in pixels.iter_mut().zip(c).zip(m).zip(y).zip(k) {
        *pixel = [c, m, y, k];
    }
}

/// Red, green and blue of luma and chroma (ITU-T T.871), in 16 bits of fraction.
#[inline(always)]
fn rgb(luma: &[u8], cb: &[u8], cr: &[u8], colours: &mut [Vec<u8>; 3]) {
    const HALF: i32 = 1 << 15;
    let count = luma.len();
    let (cb, cr) = (&cb[..count], &cr[..count]);
    let [red, green, blue] = colours.each_mut().map(|colour| &mut colour[..count]);
    let clamped = |value: i32| value.clamp(0, 255) as u8;
    for at in 0..count {
        let y = i32::from(luma[at]);
        let (cb, cr) = (i32::from(cb[at]) - 128, i32::from(cr[at]) - 128);
        red[at] = clamped(y + ((91_881 * cr + HALF) >> 16));
        green[at] = clamped(y + ((-22_554 * cb - 46_802 * cr + HALF) >> 16));
        blue[at] = clamped(y + ((116_130 * cb + HALF) >> 16));
    }
}
