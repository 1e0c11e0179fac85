//! Window attention by one kernel on a card: `cuda/window_attention.cu`.

use super::by_candle::Parameters;
use super::map::Map;
use crate::cuda::{self, Arg, Call, Source};
use candle_core::{Result, Shape, Tensor};

/// Channels of a head, and the largest window, that the kernel takes: those of all published
/// checkpoints.
const WIDTH: usize = 32;
const WINDOW: usize = 12;

/// Whether the kernel runs on this map.
pub(super) fn takes(qkv: &Tensor, parameters: &Parameters) -> bool {
    let Parameters { heads, window, .. } = *parameters;
    let channels = qkv.dims().last().map(|triple| triple / 3);
    cuda::takes(qkv) && channels == Some(WIDTH * heads) && window <= WINDOW
}

/// Maps `(batch, height · width, 3 · channels)` to `(batch, height · width, channels)`.
pub(super) fn forward(qkv: &Tensor, parameters: &Parameters, map: Map) -> Result<Tensor> {
    let Parameters { heads, window, position_bias, padding } = parameters;
    let Map { size: [height, width], padded: [padded_h, padded_w], shift } = map;
    let (batch, tokens, triple) = qkv.dims3()?;
    let qkv = qkv.contiguous()?;
    let tensors = [Arg::In(&qkv), Arg::In(position_bias), Arg::In(padding), Arg::Out];
    let sizes = [height, width, padded_h, padded_w, *window, shift, *heads];
    let windows = batch * (padded_h / window) * (padded_w / window);
    let call = Call {
        source: Source::WindowAttention,
        kernel: if *window <= 8 { "window_attention_64" } else { "window_attention_144" },
        args: tensors.into_iter().chain(sizes.map(Arg::Number)).collect(),
        blocks: [windows, *heads],
        output: Shape::from((batch, tokens, triple / 3)),
    };
    call.run()
}
