//! Multi-head self-attention within windows (Liu et al., "Swin Transformer", 2021).

#![allow(unsafe_code)]

mod by_candle;

use crate::isa::Isa;
use crate::matmul::SmallMatrix;
use crate::simd_math;
use crate::slices::f32_values;
use crate::view::is_plain;
use by_candle::Parameters;
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::Cell;

/// Attention of the tokens of a map that fall into one window, with a bias by their relative
/// position; on maps that are shifted, only between tokens that were neighbours.
///
/// The map is padded with zeros at its end to whole windows before the layer that makes queries,
/// keys and values, so a token of the padding has that layer's bias. It takes part, as in the
/// official code; its own result is dropped. Windows are read from the map and written to it where
/// they lie.
#[derive(Debug)]
pub struct WindowAttention {
    parameters: Parameters,
    channels: usize,
    values: Option<Values>,
    isa: Isa,
}

/// The parameters where they are `f32` on a CPU.
#[derive(Debug)]
struct Values {
    heads: usize,
    window: usize,
    /// `heads × tokens × tokens`
    position_bias: Vec<f32>,
    /// Query, key and value of the padding.
    padding: Vec<f32>,
}

/// The map that one call works on.
#[derive(Debug, Clone, Copy)]
struct Map {
    size: [usize; 2],
    padded: [usize; 2],
    shift: usize,
}

impl WindowAttention {
    /// Attention of `heads` heads in windows of `window × window` tokens, on the device and in the
    /// type of its parameters. `position_bias` is `(heads, window², window²)`, from query to key; `padding`,
    /// `(3 · channels)`, is the bias of the layer that makes queries, keys and values.
    ///
    /// # Errors
    /// If the shapes do not fit each other.
    pub fn new(
        heads: usize,
        window: usize,
        position_bias: &Tensor,
        padding: &Tensor,
    ) -> Result<Self> {
        Self::with_isa(heads, window, position_bias, padding, Isa::detect())
    }

    /// As [`new`](Self::new), with these vector instructions.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_isa(
        heads: usize,
        window: usize,
        position_bias: &Tensor,
        padding: &Tensor,
        isa: Isa,
    ) -> Result<Self> {
        let tokens = window * window;
        let channels = padding.dims1()? / 3;
        if position_bias.dims() != [heads, tokens, tokens]
            || heads == 0
            || tokens == 0
            || channels == 0
            || padding.dims1()? != 3 * channels
            || !channels.is_multiple_of(heads)
        {
            bail!(
                "window attention: {heads} heads and windows of {window} with a position bias of {:?} \
                 and {:?} values of padding",
                position_bias.shape(),
                padding.shape()
            );
        }
        let values = if is_plain(padding) {
            let position_bias = position_bias.flatten_all()?.to_vec1()?;
            Some(Values { heads, window, position_bias, padding: padding.to_vec1()? })
        } else {
            None
        };
        let (position_bias, padding) = (position_bias.clone(), padding.clone());
        let parameters = Parameters { heads, window, position_bias, padding };
        Ok(Self { parameters, channels, values, isa })
    }

    /// Maps queries, keys and values, `(batch, height · width, 3 · channels)`, of a map of
    /// `[height, width]` tokens to `(batch, height · width, channels)`. The map is shifted by
    /// `shift` tokens up and left first.
    ///
    /// # Errors
    /// If the shapes do not fit each other, or the shift is not below the window.
    pub fn forward(&self, qkv: &Tensor, size: [usize; 2], shift: usize) -> Result<Tensor> {
        let [height, width] = size;
        let (_, tokens, triple) = qkv.dims3()?;
        let window = self.parameters.window;
        if tokens != height * width || triple != 3 * self.channels || shift >= window {
            bail!(
                "window attention: {:?} for a map of {size:?}, {} channels and a shift of {shift} in \
                 windows of {window}",
                qkv.shape(),
                self.channels
            );
        }
        let padded = size.map(|side| side.next_multiple_of(window));
        let map = Map { size, padded, shift };
        match &self.values {
            Some(attention) => {
                let on_map = OnMap { attention, map, isa: self.isa };
                qkv.contiguous()?.apply_op1_no_bwd(&on_map)
            }
            None => by_candle::forward(qkv, &self.parameters, map),
        }
    }
}

struct OnMap<'a> {
    attention: &'a Values,
    map: Map,
    isa: Isa,
}

impl CustomOp1 for OnMap<'_> {
    fn name(&self) -> &'static str {
        "window_attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let qkv = f32_values(self.name(), storage, layout)?;
        let (batch, tokens, triple) = layout.shape().dims3()?;
        let (channels, window) = (triple / 3, self.attention.window);
        let [rows, columns] = self.map.padded.map(|side| side / window);
        let mut y = vec![0f32; batch * tokens * channels];
        let out = Out(y.as_mut_ptr());
        (0..batch * rows * columns).into_par_iter().for_each(|index| {
            let (image, window_at) = (index / (rows * columns), index % (rows * columns));
            let places = self.map.places(window, [window_at / columns, window_at % columns]);
            let qkv = &qkv[image * tokens * triple..][..tokens * triple];
            Buffers::of_thread(|buffers| {
                let attention = self.attention;
                self.isa.run(Window { attention, qkv, places: &places, buffers });
                for (mixed, place) in buffers.mixed.chunks_exact(channels).zip(&places) {
                    if let Some(token) = place.token {
                        let at = (image * tokens + token) * channels;
                        // SAFETY: the token exists, so its values lie inside `y`. Each token is in
                        // one window, so no other thread touches them.
                        let to = unsafe { out.row(at, channels) };
                        to.copy_from_slice(mixed);
                    }
                }
            });
        });
        Ok((CpuStorage::F32(y), Shape::from((batch, tokens, channels))))
    }
}

/// The output, shared among threads that write to different tokens.
struct Out(*mut f32);

// SAFETY: only a place; see where it is used.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

impl Out {
    /// # Safety
    /// The values exist, and nobody else touches them.
    #[allow(clippy::mut_from_ref, reason = "the caller promises that it is alone")]
    unsafe fn row(&self, at: usize, length: usize) -> &mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(at), length) }
    }
}

/// A token of a window.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its place in the map; `None` for padding.
    token: Option<usize>,
    /// Tokens of different regions do not see each other.
    region: u8,
}

impl Map {
    /// The tokens of a window of the padded and shifted map.
    fn places(&self, window: usize, at: [usize; 2]) -> Vec<Place> {
        let position = |axis: usize, i: usize| {
            let shifted = at[axis] * window + i;
            ((shifted + self.shift) % self.padded[axis], self.region(axis, window, shifted))
        };
        let mut places = Vec::with_capacity(window * window);
        for i in 0..window {
            let (y, row) = position(0, i);
            for j in 0..window {
                let (x, column) = position(1, j);
                let [height, width] = self.size;
                let token = (y < height && x < width).then_some(y * width + x);
                places.push(Place { token, region: 3 * row + column });
            }
        }
        places
    }

    /// After the shift, tokens from opposite ends of the map share a window: the padded map falls
    /// into regions `[0, −window)`, `[−window, −shift)` and `[−shift, end)` along both axes. A window
    /// that is the whole map is divided too, as in the official code.
    fn region(&self, axis: usize, window: usize, shifted: usize) -> u8 {
        let side = self.padded[axis];
        match shifted {
            _ if self.shift == 0 || shifted < side - window => 0,
            _ if shifted < side - self.shift => 1,
            _ => 2,
        }
    }
}

/// Memory of a thread.
#[derive(Debug, Default)]
struct Buffers {
    /// Keys, transposed: `head × tokens`.
    keys: SmallMatrix,
    /// `tokens × head`
    values: SmallMatrix,
    /// `tokens × padded tokens`: scores, then weights.
    scores: Vec<f32>,
    /// `tokens × channels`
    mixed: Vec<f32>,
    pointers: Vec<*const f32>,
}

impl Buffers {
    fn of_thread(work: impl FnOnce(&mut Self)) {
        thread_local! {
            static BUFFERS: Cell<Option<Buffers>> = const { Cell::new(None) };
        }
        let mut buffers = BUFFERS.take().unwrap_or_default();
        work(&mut buffers);
        buffers.pointers.clear();
        BUFFERS.set(Some(buffers));
    }
}

struct Window<'a> {
    attention: &'a Values,
    /// Of the image.
    qkv: &'a [f32],
    places: &'a [Place],
    buffers: &'a mut Buffers,
}

impl Window<'_> {
    /// Queries (0), keys (1) or values (2) of a token and head.
    #[inline(always)]
    fn part(&self, place: Place, part: usize, head: usize) -> &[f32] {
        let triple = self.attention.padding.len();
        let row = match place.token {
            Some(token) => &self.qkv[token * triple..][..triple],
            None => &self.attention.padding,
        };
        let width = triple / 3 / self.attention.heads;
        &row[part * triple / 3 + head * width..][..width]
    }
}

impl WithSimd for Window<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut buffers = std::mem::take(self.buffers);
        let Buffers { keys, values, scores, mixed, pointers } = &mut buffers;
        let (heads, tokens) = (self.attention.heads, self.places.len());
        let channels = self.attention.padding.len() / 3;
        let head_width = channels / heads;
        let stride = SmallMatrix::padded_columns::<S>(tokens);
        scores.resize(tokens * stride, 0.0);
        mixed.resize(tokens * channels, 0.0);
        let divided = self.places.iter().any(|place| place.region != self.places[0].region);
        let scale = 1.0 / (head_width as f32).sqrt();
        keys.reset::<S>([head_width, tokens]);
        values.reset::<S>([tokens, head_width]);
        for head in 0..heads {
            for (i, &place) in self.places.iter().enumerate() {
                keys.set_column::<S>(i, self.part(place, 1, head));
                values.set_row::<S>(i, self.part(place, 2, head));
            }
            let queries = self.places.iter().map(|&place| self.part(place, 0, head));
            keys.multiply(simd, queries, scores, [stride, 0, stride], pointers);
            let bias = &self.attention.position_bias[head * tokens * tokens..][..tokens * tokens];
            let rows = scores.chunks_exact_mut(stride).zip(bias.chunks_exact(tokens));
            for ((row, bias), query) in rows.zip(self.places) {
                let row = &mut row[..tokens];
                for (score, bias) in row.iter_mut().zip(bias) {
                    *score = *score * scale + bias;
                }
                if divided {
                    for (score, key) in row.iter_mut().zip(self.places) {
                        if key.region != query.region {
                            *score = f32::NEG_INFINITY;
                        }
                    }
                }
                softmax(simd, row);
            }
            let weights = scores.chunks_exact(stride).map(|row| &row[..tokens]);
            let place = [channels, head * head_width, head_width];
            values.multiply(simd, weights, mixed, place, pointers);
        }
        *self.buffers = buffers;
    }
}

/// Makes scores, of which one is finite, weights that sum to 1. Minus infinity becomes 0.
#[inline(always)]
fn softmax<S: Simd>(simd: S, row: &mut [f32]) {
    let (head, tail) = S::as_mut_simd_f32s(row);
    let mut most = simd.splat_f32s(f32::NEG_INFINITY);
    for &values in head.iter() {
        most = simd.max_f32s(most, values);
    }
    let rest = tail.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let most = simd.splat_f32s(simd.reduce_max_f32s(most).max(rest));
    let mut sum = simd.splat_f32s(0.0);
    for values in head.iter_mut() {
        *values = simd_math::exp(simd, simd.sub_f32s(*values, most));
        sum = simd.add_f32s(sum, *values);
    }
    let mut sum = simd.reduce_sum_f32s(sum);
    if !tail.is_empty() {
        let values = simd_math::exp(simd, simd.sub_f32s(simd.partial_load_f32s(tail), most));
        simd.partial_store_f32s(tail, values);
        sum += tail.iter().sum::<f32>();
    }
    let scale = simd.splat_f32s(1.0 / sum);
    head.iter_mut().for_each(|values| *values = simd.mul_f32s(*values, scale));
    tail.iter_mut().for_each(|value| *value /= sum);
}

#[cfg(test)]
mod tests;
