//! Window attention on processor cores, a window at a time.

#![allow(unsafe_code)]

use super::map::{Map, Place, REGIONS};
use crate::cpu::isa::Isa;
use crate::cpu::matmul::{AT_ONCE, SmallMatrix};
use crate::cpu::simd_math;
use crate::cpu::vectors::{read, write};
use crate::cpu::view::{computed, hold, in_rows};
use crate::work;
use candle_core::{Result, Shape, Tensor};
use pulp::{Simd, WithSimd};
use rayon::prelude::*;
use std::cell::Cell;

/// The parameters where they are `f32` on a CPU.
#[derive(Debug)]
pub(super) struct Values {
    heads: usize,
    window: usize,
    /// `heads × tokens × padded tokens`, minus infinity for keys that do not exist.
    position_bias: Vec<f32>,
    /// Query, key and value of the padding.
    padding: Vec<f32>,
}

impl Values {
    /// From `(heads, tokens, tokens)` and the bias of the padding.
    pub(super) fn new(
        heads: usize,
        window: usize,
        position_bias: &Tensor,
        padding: &Tensor,
        isa: Isa,
    ) -> Result<Self> {
        let tokens = window * window;
        let given = position_bias.flatten_all()?.to_vec1::<f32>()?;
        let stride = isa.run(Padded(tokens));
        let mut position_bias = vec![f32::NEG_INFINITY; heads * tokens * stride];
        let rows = position_bias.chunks_exact_mut(stride);
        for (row, given) in rows.zip(given.chunks_exact(tokens)) {
            row[..tokens].copy_from_slice(given);
        }
        Ok(Self { heads, window, position_bias, padding: padding.to_vec1()? })
    }

    /// The map of all windows.
    pub(super) fn run(&self, qkv: &Tensor, map: Map, isa: Isa) -> Result<Tensor> {
        let (batch, tokens, triple) = qkv.dims3()?;
        let (channels, window) = (triple / 3, self.window);
        let [rows, columns] = map.padded.map(|side| side / window);
        let windows = batch * rows * columns;
        let seen = window * window;
        let flops = 4 * windows * seen * seen * channels;
        let _span = work::begin("window attention", flops, qkv.elem_count() / 3 * 4);
        let qkv = in_rows(qkv)?;
        let qkv = hold("window attention", &qkv);
        let qkv = qkv.view()?;
        let mut y = Vec::with_capacity(batch * tokens * channels);
        let out = Out(y.as_mut_ptr());
        (0..windows).into_par_iter().for_each(|index| {
            let (image, window_at) = (index / (rows * columns), index % (rows * columns));
            let places = map.places(window, [window_at / columns, window_at % columns]);
            let first = image * tokens;
            Buffers::of_thread(|buffers| {
                // All of a window at once: piece by piece the values of a head lie too far from
                // each other for the processor to foresee.
                buffers.qkv.clear();
                for place in &places {
                    let row = place.token.map_or(&self.padding[..], |token| qkv.row(first + token));
                    buffers.qkv.extend_from_slice(row);
                }
                isa.run(Window { attention: self, places: &places, buffers });
                for (mixed, place) in buffers.mixed.chunks_exact(channels).zip(&places) {
                    if let Some(token) = place.token {
                        // SAFETY: the token exists, so there is room for its values. Each token
                        // is in one window, so no other thread writes them.
                        unsafe { out.write((first + token) * channels, mixed) };
                    }
                }
            });
        });
        // SAFETY: each token of each image is in a window, so all its values were written.
        unsafe { y.set_len(batch * tokens * channels) };
        computed(y, Shape::from((batch, tokens, channels)))
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
    /// There is room for so many values from `at` on, and nobody else touches it.
    unsafe fn write(&self, at: usize, values: &[f32]) {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(at).copy_from_nonoverlapping(values.as_ptr(), values.len()) };
    }
}

/// Memory of a thread.
#[derive(Debug, Default)]
struct Buffers {
    /// `tokens × 3 · channels`: queries, keys and values of the window.
    qkv: Vec<f32>,
    /// Keys, transposed: `head × tokens`.
    keys: SmallMatrix,
    /// `tokens × head`
    values: SmallMatrix,
    /// `tokens × padded tokens`: scores, then weights.
    scores: Vec<f32>,
    /// Of each token's weights.
    sums: Vec<f32>,
    /// `regions × padded tokens`: what is added to the scores of the tokens of a region.
    masks: Vec<f32>,
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

/// A window whose queries, keys and values stand in the buffers.
struct Window<'a> {
    attention: &'a Values,
    places: &'a [Place],
    buffers: &'a mut Buffers,
}

impl Window<'_> {
    /// For tokens of each region, minus infinity for the keys of others.
    fn mask(&self, masks: &mut Vec<f32>, stride: usize) {
        masks.clear();
        masks.resize(REGIONS * stride, 0.0);
        for (region, row) in masks.chunks_exact_mut(stride).enumerate() {
            for (value, key) in row.iter_mut().zip(self.places) {
                *value = if usize::from(key.region) == region { 0.0 } else { f32::NEG_INFINITY };
            }
        }
    }
}

/// So many tokens with those that fill the last panel of a product.
struct Padded(usize);

impl WithSimd for Padded {
    type Output = usize;

    fn with_simd<S: Simd>(self, _: S) -> usize {
        SmallMatrix::padded_columns::<S>(self.0)
    }
}

impl WithSimd for Window<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut buffers = std::mem::take(self.buffers);
        let Buffers { qkv, keys, values, scores, sums, masks, mixed, pointers } = &mut buffers;
        let (heads, tokens) = (self.attention.heads, self.places.len());
        let channels = self.attention.padding.len() / 3;
        let stride = SmallMatrix::padded_columns::<S>(tokens);
        let head_width = channels / heads;
        // Queries (0), keys (1) or values (2) of a token and head.
        let part = |token: usize, part: usize, head: usize| {
            &qkv[(3 * token + part) * channels + head * head_width..][..head_width]
        };
        scores.resize(tokens * stride, 0.0);
        sums.resize(tokens, 0.0);
        mixed.resize(tokens * channels, 0.0);
        let divided = self.places.iter().any(|place| place.region != self.places[0].region);
        if divided {
            self.mask(masks, stride);
        }
        let scale = simd.splat_f32s(1.0 / (head_width as f32).sqrt());
        keys.reset::<S>([head_width, tokens]);
        values.reset::<S>([tokens, head_width]);
        for head in 0..heads {
            for i in (0..tokens).step_by(AT_ONCE) {
                // Columns behind the last one are like it, and have no weight.
                let key = |next: usize| part((i + next).min(tokens - 1), 1, head);
                keys.set_columns::<S>(i, [key(0), key(1), key(2), key(3)]);
            }
            for i in 0..tokens {
                values.set_row(simd, i, part(i, 2, head));
            }
            let queries = (0..tokens).map(|i| part(i, 0, head));
            keys.multiply(simd, queries, scores, [stride, 0, stride], pointers);
            let bias = &self.attention.position_bias[head * tokens * stride..][..tokens * stride];
            let rows = scores.chunks_exact_mut(stride).zip(bias.chunks_exact(stride));
            for (((row, bias), sum), query) in rows.zip(sums.iter_mut()).zip(self.places) {
                let mask = if divided { &masks[usize::from(query.region) * stride..] } else { &[] };
                *sum = weigh(simd, row, bias, mask, scale);
            }
            let weights = scores.chunks_exact(stride).map(|row| &row[..tokens]);
            let place = [channels, head * head_width, head_width];
            values.multiply(simd, weights, mixed, place, pointers);
            for (row, sum) in mixed.chunks_exact_mut(channels).zip(&*sums) {
                let scale = simd.splat_f32s(1.0 / sum);
                for values in row[head * head_width..][..head_width].chunks_mut(S::F32_LANES) {
                    let value = simd.mul_f32s(read(simd, values), scale);
                    write(simd, values, value);
                }
            }
        }
        *self.buffers = buffers;
    }
}

/// Makes scores `x` weights `e^(x · scale + bias + mask − the largest)`, and returns their sum.
/// `row` and `bias` are whole vectors, `mask` may be none. What is below `e^-64` of the largest
/// becomes 0: it cannot change a sum, and its products would be subnormal, which take a processor a
/// hundred times as long.
#[inline(always)]
fn weigh<S: Simd>(simd: S, row: &mut [f32], bias: &[f32], mask: &[f32], scale: S::f32s) -> f32 {
    let lanes = S::F32_LANES;
    let mut most = simd.splat_f32s(f32::NEG_INFINITY);
    for (index, (row, bias)) in
        row.chunks_exact_mut(lanes).zip(bias.chunks_exact(lanes)).enumerate()
    {
        let mut value = simd.mul_add_e_f32s(read(simd, row), scale, read(simd, bias));
        if !mask.is_empty() {
            value = simd.add_f32s(value, read(simd, &mask[index * lanes..][..lanes]));
        }
        most = simd.max_f32s(most, value);
        write(simd, row, value);
    }
    let most = simd.splat_f32s(simd.reduce_max_f32s(most));
    let mut sum = simd.splat_f32s(0.0);
    for row in row.chunks_exact_mut(lanes) {
        let below = simd.sub_f32s(read(simd, row), most);
        let nothing = simd.less_than_f32s(below, simd.splat_f32s(-64.0));
        let weight = simd_math::exp_or_nan(simd, below);
        let weight = simd.select_f32s(nothing, simd.splat_f32s(0.0), weight);
        sum = simd.add_f32s(sum, weight);
        write(simd, row, weight);
    }
    simd.reduce_sum_f32s(sum)
}
