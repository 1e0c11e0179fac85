//! Rows to columns.

use crate::view::{computed, hold, in_chunks_of_images, is_plain};
use crate::work;
use candle_core::{Result, Shape, Tensor};

/// Values that a thread writes at once.
const CHUNK: usize = 1 << 12;

/// `(batch, rows, columns)` to `(batch, columns, rows)`, contiguous.
///
/// # Errors
/// If the tensor has not three dimensions.
pub fn transpose(x: &Tensor) -> Result<Tensor> {
    let (batch, rows, columns) = x.dims3()?;
    if !is_plain(x) || batch * rows * columns == 0 {
        return x.transpose(1, 2)?.contiguous();
    }
    let _span = work::begin_moving("transposing", 2 * x.elem_count());
    let x = x.contiguous()?;
    let x = hold("transpose", &x);
    let x = x.view()?;
    let lines = (CHUNK / rows).max(1);
    let y = in_chunks_of_images([batch, rows * columns], lines * rows, |image, chunk, y| {
        let (first, count) = (chunk * lines, y.len() / rows);
        for row in 0..rows {
            let values = &x.row(image * rows + row)[first..first + count];
            let to = y[row..].iter_mut().step_by(rows);
            to.zip(values).for_each(|(to, value)| *to = *value);
        }
    });
    computed(y, Shape::from((batch, columns, rows)))
}

/// `(batch, channels, height, width)` to `(batch, height, width, channels)`, contiguous.
///
/// # Errors
/// If the tensor has not four dimensions.
pub fn channels_last(x: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
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
        let image =
            Tensor::arange(0f32, 24.0, &Device::Cpu).unwrap().reshape((1, 3, 2, 4)).unwrap();
        let image = channels_last(&image).unwrap();
        assert_eq!(image.dims(), [1, 2, 4, 3]);
        let pixel = image.narrow(1, 1, 1).unwrap().narrow(2, 2, 1).unwrap();
        assert_eq!(pixel.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [6.0, 14.0, 22.0]);
    }
}
