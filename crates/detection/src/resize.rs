//! Bilinear resizing with the bits of OpenCV.

use image::RgbImage;
use rayon::prelude::*;

/// Bits of an interpolation weight.
const WEIGHT_BITS: u32 = 11;
const ONE: f32 = (1u32 << WEIGHT_BITS) as f32;
const COLOURS: usize = 3;
/// New rows that a thread makes at once.
const BAND: usize = 64;

/// Resizes to `width × height` pixels, bit for bit as `cv2.resize(…, interpolation=INTER_LINEAR)`
/// does with 8-bit pictures.
///
/// Pixel centres stay aligned and nothing is averaged when the picture gets smaller: each new
/// pixel mixes the four nearest old ones, with weights of 11 bits. Exactly half of both sides is
/// OpenCV's special case: there it takes the mean of 2×2 pixels.
///
/// A picture or a size without pixels gives a black picture of that size.
pub fn resize_linear(photo: &RgbImage, width: u32, height: u32) -> RgbImage {
    let (from_width, from_height) = photo.dimensions();
    let mut out = RgbImage::new(width, height);
    if photo.is_empty() || out.is_empty() {
        return out;
    }
    if (from_width, from_height) == (width, height) {
        out.copy_from_slice(photo);
    } else if width.checked_mul(2) == Some(from_width) && height.checked_mul(2) == Some(from_height)
    {
        halve(photo, &mut out);
    } else {
        interpolate(photo, &mut out);
    }
    out
}

/// The mean of each 2×2 pixels, halves rounded up.
fn halve(photo: &RgbImage, out: &mut RgbImage) {
    let row_bytes = photo.width() as usize * COLOURS;
    let out_row_bytes = out.width() as usize * COLOURS;
    let pairs = photo.chunks_exact(2 * row_bytes);
    for (pair, out) in pairs.zip(out.chunks_exact_mut(out_row_bytes)) {
        let (top, bottom) = pair.split_at(row_bytes);
        for (index, out) in out.iter_mut().enumerate() {
            let at = index / COLOURS * 2 * COLOURS + index % COLOURS;
            let sum = [top[at], top[at + COLOURS], bottom[at], bottom[at + COLOURS]]
                .into_iter()
                .map(u16::from)
                .sum::<u16>();
            *out = ((sum + 2) >> 2) as u8;
        }
    }
}

fn interpolate(photo: &RgbImage, out: &mut RgbImage) {
    let (from_width, from_height) = photo.dimensions();
    let columns: Vec<Mix> = mixes(from_width, out.width()).map(Mix::whole_at_the_ends).collect();
    let rows: Vec<Mix> = mixes(from_height, out.height()).collect();
    let out_row_bytes = out.width() as usize * COLOURS;
    let bands = out.par_chunks_mut(BAND * out_row_bytes).zip(rows.par_chunks(BAND));
    bands.for_each(|(out, rows)| interpolate_rows(photo, &columns, rows, out));
}

fn interpolate_rows(photo: &RgbImage, columns: &[Mix], rows: &[Mix], out: &mut [u8]) {
    let out_row_bytes = columns.len() * COLOURS;
    // The two source rows in use, already resized along x, and which rows they are.
    let mut lines = [(); 2].map(|()| (None, vec![0i32; out_row_bytes]));
    for (mix, out) in rows.iter().zip(out.chunks_exact_mut(out_row_bytes)) {
        if lines[1].0 == Some(mix.at[0]) {
            lines.swap(0, 1);
        }
        for (row, (held, line)) in mix.at.into_iter().zip(&mut lines) {
            if *held != Some(row) {
                resize_row(photo, row, columns, line);
                *held = Some(row);
            }
        }
        let [(_, upper), (_, lower)] = &lines;
        for ((out, upper), lower) in out.iter_mut().zip(upper).zip(lower) {
            // OpenCV drops low bits at each step, so the order of the shifts matters.
            let sum =
                ((mix.weights[0] * (upper >> 4)) >> 16) + ((mix.weights[1] * (lower >> 4)) >> 16);
            *out = ((sum + 2) >> 2) as u8;
        }
    }
}

/// One row resized along x; values carry the weights' 11 bits.
fn resize_row(photo: &RgbImage, row: usize, columns: &[Mix], line: &mut [i32]) {
    let row_bytes = photo.width() as usize * COLOURS;
    let pixels = &photo.as_raw()[row * row_bytes..][..row_bytes];
    for (mix, out) in columns.iter().zip(line.chunks_exact_mut(COLOURS)) {
        let [left, right] = mix.at.map(|column| &pixels[column * COLOURS..][..COLOURS]);
        for ((out, &left), &right) in out.iter_mut().zip(left).zip(right) {
            *out = i32::from(left) * mix.weights[0] + i32::from(right) * mix.weights[1];
        }
    }
}

/// How a new coordinate mixes two old ones.
struct Mix {
    at: [usize; 2],
    weights: [i32; 2],
}

impl Mix {
    /// The mix for new coordinate `index` along a side of `from` pixels, `scale` old ones apart.
    ///
    /// As OpenCV computes it: in binary64, rounded to binary32.
    fn new(index: u32, from: u32, scale: f64) -> Self {
        let place = ((f64::from(index) + 0.5) * scale - 0.5) as f32;
        let before = place.floor();
        let fraction = place - before;
        let at = |coordinate: f32| (coordinate.max(0.0) as usize).min(from as usize - 1);
        let weight = |share: f32| (share * ONE).round_ties_even() as i32;
        Self {
            at: [at(before), at(before + 1.0)],
            weights: [weight(1.0 - fraction), weight(fraction)],
        }
    }

    /// Beyond the ends of a row, OpenCV takes the last pixel whole. Beyond the ends of a column it
    /// mixes the last row with itself, whose two roundings may differ from that.
    fn whole_at_the_ends(self) -> Self {
        if self.at[0] == self.at[1] { Self { weights: [ONE as i32, 0], ..self } } else { self }
    }
}

fn mixes(from: u32, to: u32) -> impl Iterator<Item = Mix> {
    let scale = 1.0 / (f64::from(to) / f64::from(from));
    (0..to).map(move |index| Mix::new(index, from, scale))
}
