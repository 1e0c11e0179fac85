//! The `f32` values behind a candle tensor, row by row.

#![allow(unsafe_code)]

use crate::cuda::takes;
use candle_core::{DType, Device, Layout, Result, Shape, Storage, Tensor, bail};
use rayon::prelude::*;
use std::mem::MaybeUninit;
use std::ops::Deref;

/// Rows of `width` values, `stride` apart: a tensor over its last dimension.
///
/// The stride may be larger than the width, as for some channels of an image, or 0, as for one row
/// that stands for all of them.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    values: &'a [f32],
    stride: usize,
    width: usize,
    rows: usize,
}

impl<'a> View<'a> {
    /// Rows without gaps.
    ///
    /// # Panics
    /// If the values are no whole number of rows, or `width` is 0.
    pub(crate) fn dense(values: &'a [f32], width: usize) -> Self {
        assert_eq!(values.len() % width, 0, "whole rows");
        Self { values, stride: width, width, rows: values.len() / width }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// Values from the beginning of a row to that of the next one.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// From the first value of the first row to the last one of the last row.
    pub(crate) fn values(&self) -> &'a [f32] {
        self.values
    }

    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.stride..][..self.width]
    }

    /// Some of the columns.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn columns(&self, first: usize, width: usize) -> Self {
        assert!(first + width <= self.width, "columns");
        Self { values: self.values.get(first..).unwrap_or(&[]), width, ..*self }
    }
}

/// Whether a tensor lies on the CPU in the type our kernels take.
pub(crate) fn is_plain(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32 && !takes(x)
}

/// The tensor itself if a [`View`] of it can be made, else a copy that lies in order.
pub(crate) fn in_rows(x: &Tensor) -> Result<Tensor> {
    if row_stride(x.layout()).is_some() { Ok(x.clone()) } else { x.contiguous() }
}

/// The values of a tensor, held for reading.
pub(crate) struct Held<'a, S> {
    op: &'static str,
    storage: S,
    layout: &'a Layout,
}

/// Holds the values of a tensor; `op` is named in errors.
pub(crate) fn hold<'a>(
    op: &'static str,
    x: &'a Tensor,
) -> Held<'a, impl Deref<Target = Storage> + 'a> {
    let (storage, layout) = x.storage_and_layout();
    Held { op, storage, layout }
}

impl<'a, S: Deref<Target = Storage>> Held<'a, S> {
    pub(crate) fn shape(&self) -> &'a Shape {
        self.layout.shape()
    }

    /// # Errors
    /// If the tensor lies on another device, has another type than `f32`, no dimension, or rows at
    /// irregular places ([`in_rows`]).
    pub(crate) fn view(&self) -> Result<View<'_>> {
        let (op, layout) = (self.op, self.layout);
        let Storage::Cpu(storage) = &*self.storage else {
            bail!(
                "{op}: a tensor on {:?} for weights on the CPU",
                self.storage.device().location()
            );
        };
        let values = storage.as_slice::<f32>()?;
        let (Some(stride), Some(&width)) = (row_stride(layout), layout.dims().last()) else {
            bail!("{op}: a tensor whose rows lie at irregular places");
        };
        let rows = layout.dims()[..layout.dims().len() - 1].iter().product();
        if rows == 0 || width == 0 {
            return Ok(View { values: &[], stride: width, width, rows });
        }
        let length = (rows - 1) * stride + width;
        Ok(View { values: &values[layout.start_offset()..][..length], stride, width, rows })
    }

    /// As [`view`](Self::view), of what is added to an output of the shape `out`.
    ///
    /// # Errors
    /// As [`view`](Self::view), and if the shapes differ.
    pub(crate) fn residual(&self, out: &Shape) -> Result<View<'_>> {
        if self.shape() != out {
            bail!("{}: a residual of {:?} for an output of {out:?}", self.op, self.shape());
        }
        self.view()
    }
}

/// A tensor of values that were computed.
pub(crate) fn computed(values: Vec<f32>, shape: Shape) -> Result<Tensor> {
    Tensor::from_vec(values, shape, &Device::Cpu)
}

/// So many values, computed in parallel: `work` is given the number of a chunk and the chunk, of
/// `chunk` values or what is left at the end, all zeros.
///
/// # Panics
/// If there are values but `chunk` is 0.
pub(crate) fn in_chunks(
    length: usize,
    chunk: usize,
    work: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    in_chunks_of_images([1, length], chunk, |_, index, values| work(index, values))
}

/// As [`in_chunks`], of `[images, values of each]`: no chunk holds values of two images. `work` is
/// given the image and the chunk's number in it.
pub(crate) fn in_chunks_of_images(
    [images, length]: [usize; 2],
    chunk: usize,
    work: impl Fn(usize, usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(images * length);
    if images * length == 0 {
        return values;
    }
    let room = &mut values.spare_capacity_mut()[..images * length];
    for (image, room) in room.chunks_exact_mut(length).enumerate() {
        // Zeros are written where and when they are replaced: in a cache, not once through memory.
        room.par_chunks_mut(chunk).enumerate().for_each(|(index, chunk)| {
            chunk.fill(MaybeUninit::new(0.0));
            // SAFETY: all of it was just written.
            work(image, index, unsafe { chunk.assume_init_mut() });
        });
    }
    // SAFETY: the chunks of all images are so many values, and each was written.
    unsafe { values.set_len(images * length) };
    values
}

/// The distance between rows that are all equally far from each other.
pub(crate) fn row_stride(layout: &Layout) -> Option<usize> {
    let (&width, dims) = layout.dims().split_last()?;
    let (&step, strides) = layout.stride().split_last()?;
    if step != 1 && width > 1 {
        return None;
    }
    // The last dimension that has several rows says how far they are apart.
    let mut known = None;
    let mut rows = 1;
    for (&size, &stride) in dims.iter().zip(strides).rev().filter(|(size, _)| **size > 1) {
        match known {
            None => known = Some(stride),
            Some(known) if stride == known * rows => {}
            Some(_) => return None,
        }
        rows *= size;
    }
    Some(known.unwrap_or(width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_of_regular_rows_are_no_copies() {
        let x = Tensor::arange(0f32, 120.0, &Device::Cpu).unwrap().reshape((1, 4, 5, 6)).unwrap();
        let part = x.narrow(3, 2, 3).unwrap();
        let held = hold("test", &part);
        let view = held.view().unwrap();
        assert_eq!((view.rows(), view.width(), view.stride()), (20, 3, 6));
        assert_eq!(view.row(19), [116.0, 117.0, 118.0]);
        assert_eq!(view.columns(1, 2).row(1), [9.0, 10.0]);
        let one = x.narrow(1, 0, 1).unwrap().narrow(2, 0, 1).unwrap();
        let all = one.broadcast_as((1, 4, 5, 6)).unwrap();
        let held = hold("test", &all);
        assert_eq!(held.view().unwrap().row(17), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(held.view().unwrap().stride(), 0);
    }

    #[test]
    fn irregular_rows_are_copied_first() {
        let x = Tensor::arange(0f32, 120.0, &Device::Cpu).unwrap().reshape((4, 5, 6)).unwrap();
        for irregular in [x.narrow(1, 1, 3).unwrap(), x.transpose(1, 2).unwrap()] {
            assert!(hold("test", &irregular).view().is_err());
            let copy = in_rows(&irregular).unwrap();
            let values: Vec<f32> = irregular.flatten_all().unwrap().to_vec1().unwrap();
            assert_eq!(hold("test", &copy).view().unwrap().values(), values);
        }
        let empty = x.narrow(0, 0, 0).unwrap();
        assert_eq!(hold("test", &empty).view().unwrap().rows(), 0);
    }
}
