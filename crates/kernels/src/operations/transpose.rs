//! Rows to columns.

use crate::cpu::view::{View, computed, hold, in_chunks_of_images, in_rows, is_plain};
use crate::work;
use candle_core::{Result, Shape, Tensor, bail};

/// Lines of the output that a thread writes at once: what stands in one cache line of the input.
const LINES: usize = 16;

/// `(batch, rows, columns)` to `(batch, columns, rows)`, contiguous.
///
/// # Errors
/// If the tensor has not three dimensions.
pub fn transpose(x: &Tensor) -> Result<Tensor> {
    transpose_maps(&[&[x]])
}

/// Several maps `(batch, rows, columns)` to one `(batch, columns, rows)`, contiguous: the rows of
/// the maps of a group follow each other, and so do the columns of the groups.
///
/// # Errors
/// If there is no map, one has not three dimensions, the batches differ, the maps of a group differ
/// in columns, or groups differ in rows.
pub fn transpose_maps(groups: &[&[&Tensor]]) -> Result<Tensor> {
    let mut sizes = Vec::new();
    for maps in groups {
        let dims = maps.iter().map(|map| map.dims3()).collect::<Result<Vec<_>>>()?;
        let Some(&(batch, _, columns)) = dims.first() else { bail!("transpose: an empty group") };
        let rows: usize = dims.iter().map(|(_, rows, _)| rows).sum();
        sizes.push((batch, rows, columns));
        let (first_batch, first_rows, _) = sizes[0];
        if (batch, rows) != (first_batch, first_rows)
            || dims.iter().any(|&(b, _, c)| (b, c) != (batch, columns))
        {
            bail!("transpose: maps of {dims:?} do not fit those of {:?}", sizes[0]);
        }
    }
    let Some(&(batch, rows, _)) = sizes.first() else { bail!("transpose: no maps") };
    let columns: usize = sizes.iter().map(|(.., columns)| columns).sum();
    if !groups.iter().copied().flatten().all(|map| is_plain(map)) {
        let join = |maps: &&[&Tensor]| Tensor::cat(maps, 1)?.transpose(1, 2);
        return Tensor::cat(&groups.iter().map(join).collect::<Result<Vec<_>>>()?, 1)?.contiguous();
    }
    let _span = work::begin_moving("transposing", 2 * batch * rows * columns);
    let maps =
        groups.iter().copied().flatten().map(|map| in_rows(map)).collect::<Result<Vec<_>>>()?;
    let held: Vec<_> = maps.iter().map(|map| hold("transpose", map)).collect();
    let mut views = held.iter().map(|map| map.view());
    let groups = groups.iter().map(|maps| views.by_ref().take(maps.len()).collect());
    let groups: Vec<Vec<View<'_>>> = groups.collect::<Result<_>>()?;
    let y = in_chunks_of_images([batch, columns * rows], LINES * rows.max(1), |image, chunk, y| {
        let mut first = chunk * LINES;
        let mut y = y;
        for maps in &groups {
            let width = maps[0].width();
            let count = width.saturating_sub(first).min(y.len() / rows);
            let (lines, rest) = y.split_at_mut(count * rows);
            if count > 0 {
                write_lines(maps, [image, batch], [first, count], rows, lines);
            }
            (first, y) = (first.saturating_sub(width), rest);
        }
    });
    computed(y, Shape::from((batch, columns, rows)))
}

/// Writes `count` columns from `first` on of some maps of an image, each as a line.
fn write_lines(
    maps: &[View<'_>],
    [image, batch]: [usize; 2],
    [first, count]: [usize; 2],
    length: usize,
    lines: &mut [f32],
) {
    let mut at = 0;
    for map in maps {
        let rows = map.rows() / batch;
        for row in 0..rows {
            let values = &map.row(image * rows + row)[first..first + count];
            let to = lines[at + row..].iter_mut().step_by(length);
            to.zip(values).for_each(|(to, value)| *to = *value);
        }
        at += rows;
    }
}

/// `(batch, channels, height, width)` to `(batch, height, width, channels)`, contiguous. No values
/// are moved where they lie so already.
///
/// # Errors
/// If the tensor has not four dimensions.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let permuted = x.permute((0, 2, 3, 1))?;
    if permuted.is_contiguous() {
        return Ok(permuted);
    }
    let x = transpose(&x.reshape((batch, channels, height * width))?)?;
    x.reshape((batch, height, width, channels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn it_is_candles_transposition() {
        for (batch, rows, columns) in
            [(1, 1, 1), (2, 3, 5000), (1, 700, 9), (2, 80, 131), (1, 0, 3)]
        {
            let x = Tensor::randn(0f32, 1.0, (batch, rows, columns), &Device::Cpu).unwrap();
            let (y, wanted) = (transpose(&x).unwrap(), x.transpose(1, 2).unwrap());
            assert_eq!(y.dims(), wanted.dims());
            let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            assert_eq!(values(&y), values(&wanted));
        }
        let map =
            |rows, columns| Tensor::randn(0f32, 1.0, (2, rows, columns), &Device::Cpu).unwrap();
        let (a, b, c) = (map(5, 40), map(7, 40), map(12, 9));
        let joined = Tensor::cat(&[&a, &b], 1).unwrap();
        let wanted = Tensor::cat(&[joined, c.clone()], 2).unwrap().transpose(1, 2).unwrap();
        let found = transpose_maps(&[&[&a, &b], &[&c]]).unwrap();
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!((found.dims(), values(&found)), (wanted.dims(), values(&wanted)));
        for wrong in [&[&[&a, &c][..]][..], &[&[&a], &[&c]], &[], &[&[]]] {
            assert!(transpose_maps(wrong).is_err());
        }
        let image =
            Tensor::arange(0f32, 24.0, &Device::Cpu).unwrap().reshape((1, 3, 2, 4)).unwrap();
        let image = channels_last(&image).unwrap();
        assert_eq!(image.dims(), [1, 2, 4, 3]);
        let pixel = image.narrow(1, 1, 1).unwrap().narrow(2, 2, 1).unwrap();
        assert_eq!(pixel.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [6.0, 14.0, 22.0]);
    }
}
