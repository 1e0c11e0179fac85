//! Window attention by candle's operations, for other devices and types than a CPU's `f32`.

use super::map::Map;
use candle_core::{D, DType, Device, Result, Tensor};

/// What [`forward`] needs besides the map.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) heads: usize,
    pub(super) window: usize,
    /// `(heads, tokens, tokens)`
    pub(super) position_bias: Tensor,
    /// `(3 · channels)`
    pub(super) padding: Tensor,
}

/// Maps `(batch, height · width, 3 · channels)` to `(batch, height · width, channels)`.
pub(super) fn forward(qkv: &Tensor, parameters: &Parameters, map: Map) -> Result<Tensor> {
    let Parameters { heads, window, position_bias, padding } = parameters;
    let (heads, window, tokens) = (*heads, *window, window * window);
    let (batch, _, triple) = qkv.dims3()?;
    let ([height, width], [padded_h, padded_w]) = (map.size, map.padded);
    let fill = |shape: [usize; 3]| {
        let [batch, height, width] = shape;
        padding.broadcast_as((batch, height, width, triple))?.contiguous()
    };
    let mut x = qkv.reshape((batch, height, width, triple))?;
    if padded_h > height {
        x = Tensor::cat(&[x, fill([batch, padded_h - height, width])?], 1)?;
    }
    if padded_w > width {
        x = Tensor::cat(&[x, fill([batch, padded_h, padded_w - width])?], 2)?;
    }
    let shift = map.shift as i32;
    let x = x.roll(-shift, 1)?.roll(-shift, 2)?;
    let [rows, columns] = map.padded.map(|side| side / window);
    let (count, width_of_head) = (batch * rows * columns, triple / 3 / heads);
    let x = x
        .reshape(&[batch, rows, window, columns, window, triple][..])?
        .permute(vec![0, 1, 3, 2, 4, 5])?
        .reshape((count, tokens, 3, heads, width_of_head))?;
    let part = |index| x.narrow(2, index, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
    let (query, key, value) = (part(0)?, part(1)?, part(2)?);
    let query = (query * (width_of_head as f64).powf(-0.5))?;
    let mut scores = query.matmul(&key.t()?)?.broadcast_add(&position_bias.unsqueeze(0)?)?;
    if map.shift > 0 {
        let mask = mask(map, window, qkv.device())?.to_dtype(qkv.dtype())?;
        let windows = rows * columns;
        scores = scores
            .reshape((batch, windows, heads, tokens, tokens))?
            .broadcast_add(&mask.reshape((1, windows, 1, tokens, tokens))?)?
            .reshape((count, heads, tokens, tokens))?;
    }
    let weights = match scores.dtype() {
        DType::F32 => candle_nn::ops::softmax_last_dim(&scores)?,
        _ => candle_nn::ops::softmax(&scores, D::Minus1)?,
    };
    let mixed = weights.matmul(&value)?.transpose(1, 2)?;
    let mixed = mixed
        .reshape(&[batch, rows, columns, window, window, triple / 3][..])?
        .permute(vec![0, 1, 3, 2, 4, 5])?
        .reshape((batch, padded_h, padded_w, triple / 3))?
        .roll(shift, 1)?
        .roll(shift, 2)?;
    let mixed = mixed.narrow(1, 0, height)?.narrow(2, 0, width)?;
    mixed.contiguous()?.reshape((batch, height * width, triple / 3))
}

/// `(windows, tokens, tokens)`: 0 between tokens that see each other, else −∞.
fn mask(map: Map, window: usize, device: &Device) -> Result<Tensor> {
    let [rows, columns] = map.padded.map(|side| side / window);
    let tokens = window * window;
    let mut mask = Vec::with_capacity(rows * columns * tokens * tokens);
    for index in 0..rows * columns {
        let places = map.places(window, [index / columns, index % columns]);
        for query in &places {
            let seen = places.iter().map(|key| key.region == query.region);
            mask.extend(seen.map(|seen| if seen { 0.0 } else { f32::NEG_INFINITY }));
        }
    }
    Tensor::from_vec(mask, (rows * columns, tokens, tokens), device)
}
