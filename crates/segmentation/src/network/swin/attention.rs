//! Attention within windows, with relative position bias and shifted windows.

use super::Tokens;
use crate::network::layers::linear;
use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::VarBuilder;
use portrait_kernels::{Activation, Linear};

/// How the tokens of one map fall into windows.
#[derive(Debug)]
pub(super) struct Windows {
    window: usize,
    shift: usize,
    size: [usize; 2],
    padded: [usize; 2],
    mask: Option<Tensor>,
}

impl Windows {
    /// Windows of `window × window` tokens on the map shifted up and left by `shift` tokens.
    pub(super) fn new(tokens: &Tokens, window: usize, shift: usize) -> Result<Self> {
        let size = [tokens.height, tokens.width];
        let padded = size.map(|side| side.next_multiple_of(window));
        let mask = match shift {
            0 => None,
            _ => {
                let mask = shift_mask(padded, window, shift, tokens.values.device())?;
                Some(mask.to_dtype(tokens.values.dtype())?)
            }
        };
        Ok(Self { window, shift, size, padded, mask })
    }

    /// `(windows, tokens, tokens)`: 0 between tokens that see each other, else −∞.
    pub(super) fn mask(&self) -> Option<&Tensor> {
        self.mask.as_ref()
    }

    /// `(batch, height · width, channels)` → `(batch · windows, window², channels)`.
    ///
    /// The map is padded with zeros at its end; padded tokens take part in the attention.
    pub(super) fn partition(&self, values: &Tensor) -> Result<Tensor> {
        let (batch, _, channels) = values.dims3()?;
        let ([height, width], [padded_h, padded_w]) = (self.size, self.padded);
        let map = values.reshape((batch, height, width, channels))?;
        let map = map.pad_with_zeros(1, 0, padded_h - height)?;
        let map = map.pad_with_zeros(2, 0, padded_w - width)?;
        let map = self.roll(map, -1)?;
        let [rows, columns] = self.padded.map(|side| side / self.window);
        map.reshape(&[batch, rows, self.window, columns, self.window, channels][..])?
            .permute(vec![0, 1, 3, 2, 4, 5])?
            .reshape((batch * rows * columns, self.window * self.window, channels))
    }

    /// The inverse of [`Self::partition`]; what was padding is dropped.
    pub(super) fn reverse(&self, windows: &Tensor) -> Result<Tensor> {
        let (count, _, channels) = windows.dims3()?;
        let ([height, width], [padded_h, padded_w]) = (self.size, self.padded);
        let [rows, columns] = self.padded.map(|side| side / self.window);
        let batch = count / (rows * columns);
        let map = windows
            .reshape(&[batch, rows, columns, self.window, self.window, channels][..])?
            .permute(vec![0, 1, 3, 2, 4, 5])?
            .reshape((batch, padded_h, padded_w, channels))?;
        let map = self.roll(map, 1)?.narrow(1, 0, height)?.narrow(2, 0, width)?;
        map.contiguous()?.reshape((batch, height * width, channels))
    }

    fn roll(&self, map: Tensor, sign: i32) -> Result<Tensor> {
        let shift = sign * self.shift as i32;
        map.roll(shift, 1)?.roll(shift, 2)
    }
}

/// After the shift, tokens from opposite ends of the map share a window but must not see each
/// other: the padded map falls into regions `[0, −window)`, `[−window, −shift)` and `[−shift, end)`
/// along both axes. A window that is the whole map is masked too, as in the official code.
fn shift_mask(padded: [usize; 2], window: usize, shift: usize, device: &Device) -> Result<Tensor> {
    let region = |position: usize, side: usize| match position {
        _ if position < side - window => 0,
        _ if position < side - shift => 1,
        _ => 2,
    };
    let [rows, columns] = padded.map(|side| side / window);
    let tokens = window * window;
    let mut mask = Vec::with_capacity(rows * columns * tokens * tokens);
    for index in 0..rows * columns {
        let [top, left] = [index / columns * window, index % columns * window];
        let region = |token: usize| {
            let (y, x) = (top + token / window, left + token % window);
            (region(y, padded[0]), region(x, padded[1]))
        };
        let regions: Vec<_> = (0..tokens).map(region).collect();
        for query in &regions {
            mask.extend(
                regions.iter().map(|key| if key == query { 0.0 } else { f32::NEG_INFINITY }),
            );
        }
    }
    Tensor::from_vec(mask, (rows * columns, tokens, tokens), device)
}

/// Multi-head self-attention of the tokens of a window.
#[derive(Debug)]
pub(super) struct WindowAttention {
    heads: usize,
    qkv: Linear,
    proj: Linear,
    /// `(1, heads, tokens, tokens)`
    bias: Tensor,
}

impl WindowAttention {
    pub(super) fn new(
        channels: usize,
        heads: usize,
        window: usize,
        vb: &VarBuilder<'_>,
    ) -> Result<Self> {
        let span = 2 * window - 1;
        let table = vb.get((span * span, heads), "relative_position_bias_table")?;
        let tokens = window * window;
        let index: Vec<u32> = (0..tokens * tokens)
            .map(|pair| {
                let (query, key) = (pair / tokens, pair % tokens);
                let dy = query / window + window - 1 - key / window;
                let dx = query % window + window - 1 - key % window;
                (dy * span + dx) as u32
            })
            .collect();
        let index = Tensor::from_vec(index, tokens * tokens, table.device())?;
        let bias = table.index_select(&index, 0)?.reshape((tokens, tokens, heads))?;
        Ok(Self {
            heads,
            qkv: linear(&vb.pp("qkv"), [channels, 3 * channels], Activation::None)?,
            proj: linear(&vb.pp("proj"), [channels, channels], Activation::None)?,
            bias: bias.permute((2, 0, 1))?.unsqueeze(0)?.contiguous()?,
        })
    }

    /// Maps `(batch · windows, tokens, channels)` to the same shape.
    pub(super) fn forward(&self, x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let (count, tokens, channels) = x.dims3()?;
        let head = channels / self.heads;
        let qkv = self.qkv.forward(x)?.reshape((count, tokens, 3, self.heads, head))?;
        let part = |index| qkv.narrow(2, index, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let query = (query * (head as f64).powf(-0.5))?;
        let mut scores = query.matmul(&key.t()?)?.broadcast_add(&self.bias)?;
        if let Some(mask) = mask {
            let windows = mask.dim(0)?;
            let mask = mask.reshape((1, windows, 1, tokens, tokens))?;
            scores = scores
                .reshape((count / windows, windows, self.heads, tokens, tokens))?
                .broadcast_add(&mask)?
                .reshape((count, self.heads, tokens, tokens))?;
        }
        let weights = match scores.dtype() {
            DType::F32 => candle_nn::ops::softmax_last_dim(&scores)?,
            _ => candle_nn::ops::softmax(&scores, D::Minus1)?,
        };
        let mixed = weights.matmul(&value)?.transpose(1, 2)?.reshape((count, tokens, channels))?;
        self.proj.forward(&mixed)
    }
}
