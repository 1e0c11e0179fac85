//! Multi-head self-attention within windows (Liu et al., "Swin Transformer", 2021).

mod by_candle;
mod map;
mod on_cpu;
mod on_cuda;
#[cfg(test)]
mod tests;

use crate::cpu::isa::Isa;
use crate::cpu::view::is_plain;
use by_candle::Parameters;
use candle_core::{Result, Tensor, bail};
use map::Map;
use on_cpu::Values;

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

impl WindowAttention {
    /// Attention of `heads` heads in windows of `window × window` tokens, on the device and in the
    /// type of its parameters. `position_bias` is `(heads, window², window²)`, from query to key;
    /// `padding`, `(3 · channels)`, is the bias of the layer that makes queries, keys and values.
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
            Some(Values::new(heads, window, position_bias, padding, isa)?)
        } else {
            None
        };
        let (position_bias, padding) = (position_bias.contiguous()?, padding.contiguous()?);
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
            Some(attention) if is_plain(qkv) => attention.run(qkv, map, self.isa),
            _ if on_cuda::takes(qkv, &self.parameters) => {
                on_cuda::forward(qkv, &self.parameters, map)
            }
            _ => by_candle::forward(qkv, &self.parameters, map),
        }
    }
}
