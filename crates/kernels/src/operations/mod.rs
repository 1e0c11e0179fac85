//! What a network calls, each operation with its ways on cores, on cards and by candle.

mod bilinear;
mod conv;
mod deform;
mod linear;
mod matting;
mod max_pool;
mod norm;
mod normalise;
mod pixels;
mod softmax;
mod transpose;
mod window_attention;

pub use bilinear::resize_bilinear;
pub use conv::{Conv2d, Conv2dParams, Part};
pub use deform::DeformConv2d;
pub use linear::{Linear, Mlp};
pub use matting::{
    Fusion, Region, box_filter, compose, fuse_foreground, keep_person, matte_of_logits,
};
pub use max_pool::max_pool;
pub use norm::{BatchNorm, LayerNorm};
pub use normalise::normalise;
pub use pixels::{gate, mean_of_pixels};
pub use softmax::{sigmoid, softmax_mean};
pub use transpose::{channels_last, transpose, transpose_maps};
pub use window_attention::WindowAttention;
