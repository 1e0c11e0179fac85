//! The normalised box filter of `cv2.blur`.

use super::window::Window;
use rayon::prelude::*;

/// Rows that a thread filters before it starts its column sums anew.
const BAND: usize = 256;

/// The mean over `size × size` pixels: `x − size/2 … x − size/2 + size − 1` and the same in y, with
/// the border mirrored without repeating its pixel (`BORDER_REFLECT_101`).
///
/// `plane` holds rows of `width` values and is replaced by the means; there is one more like it for
/// a while. Sums are kept in `f64`, so nothing drifts.
pub(super) fn box_filter(plane: &mut [f32], width: usize, size: usize) {
    let height = plane.len() / width.max(1);
    if height == 0 || size <= 1 {
        return;
    }
    let mut rows = vec![0f32; plane.len()];
    let columns = Window::new(width, size);
    rows.par_chunks_exact_mut(width).zip(plane.par_chunks_exact(width)).for_each(|(out, row)| {
        let mut sum: f64 = columns.first().map(|index| f64::from(row[index])).sum();
        for (x, out) in out.iter_mut().enumerate() {
            *out = (sum / size as f64) as f32;
            let (leaves, enters) = columns.step(x);
            sum += f64::from(row[enters]) - f64::from(row[leaves]);
        }
    });
    let window = Window::new(height, size);
    plane.par_chunks_mut(BAND * width).enumerate().for_each(|(band, out)| {
        let mut sums = vec![0f64; width];
        let row = |y: usize| &rows[y * width..][..width];
        for index in window.at(band * BAND) {
            sums.iter_mut().zip(row(index)).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        for (y, out) in (band * BAND..).zip(out.chunks_exact_mut(width)) {
            let (leaves, enters) = window.step(y);
            let moved = row(leaves).iter().zip(row(enters));
            for ((out, sum), (&leaves, &enters)) in out.iter_mut().zip(&mut sums).zip(moved) {
                *out = (*sum / size as f64) as f32;
                *sum += f64::from(enters) - f64::from(leaves);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(plane: &[f32], width: usize, size: usize) -> Vec<f32> {
        let height = plane.len() / width;
        let (columns, rows) = (Window::new(width, size), Window::new(height, size));
        (0..plane.len())
            .map(|i| {
                let sum: f64 = rows
                    .at(i / width)
                    .flat_map(|y| columns.at(i % width).map(move |x| (x, y)))
                    .map(|(x, y)| f64::from(plane[y * width + x]))
                    .sum();
                (sum / (size * size) as f64) as f32
            })
            .collect()
    }

    #[test]
    fn equals_the_definition_also_where_the_window_is_larger_than_the_plane() {
        for (width, height, size) in
            [(7, 5, 3), (7, 5, 4), (3, 2, 9), (1, 6, 4), (6, 1, 5), (1, 1, 90), (40, 600, 6)]
        {
            let plane: Vec<f32> =
                (0..width * height).map(|i| ((i * 2_654_435) % 1000) as f32 / 1000.0).collect();
            let mut filtered = plane.clone();
            box_filter(&mut filtered, width, size);
            let difference = filtered
                .iter()
                .zip(naive(&plane, width, size))
                .map(|(got, want)| (got - want).abs())
                .fold(0f32, f32::max);
            assert!(difference < 1e-6, "{width}x{height} by {size}: {difference}");
        }
    }
}
