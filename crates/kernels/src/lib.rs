//! Operations that candle lacks or is slow at, as candle custom operations, and opening a device.
//!
//! | operation | why it is here |
//! |---|---|
//! | [`Conv2d`] | candle re-lays its operands at every call; ours packs the weight once and reads the image where it lies |
//! | [`DeformConv2d`] | deformable convolution v2, which candle does not have |
//! | [`resize_bilinear`] | `align_corners = true` with the very source coordinates PyTorch computes |
//! | [`Linear`], [`Mlp`] | weights packed once; bias, activation and residual while the product is in registers |
//! | [`WindowAttention`] | windows are read from the map and written to it where they lie |
//! | [`LayerNorm`] | candle's is serial, and its variance is taken in one pass |
//! | [`gate`], [`max_pool`], [`mean_of_pixels`], [`sigmoid`], [`softmax_mean`], [`transpose`], [`channels_last`] | at the speed of memory |
//! | [`normalise`] | pixels go to a card as bytes |
//! | [`matte_of_logits`], [`keep_person`], [`fuse_foreground`], [`compose`], [`box_filter`] | from logits to a cut-out on a card |
//! | [`BatchNorm::fold`] | at inference a BatchNorm is part of the convolution before it |
//! | [`keep_freed_memory`] | so that the pages of a map are not cleared anew for the next one |
//! | [`open_device`] | the CPU, or a CUDA device on one stream |
//! | [`device_memory`], [`release_idle_memory`] | what a card's pool holds |
//!
//! Images are channels-last: `(batch, height, width, channels)`. On a CPU the operations take
//! `f32`, and run on AMX, AVX-512, AVX2, NEON or portable code ([`Isa`]), chosen at run time, in
//! the rayon pool they are called in. What each call costs can be traced: [`OPERATIONS`].
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use portrait_kernels::{Activation, Conv2d, Conv2dParams};
//!
//! # fn main() -> candle_core::Result<()> {
//! let weight = Tensor::ones((8, 3, 3, 3), candle_core::DType::F32, &Device::Cpu)?;
//! let params = Conv2dParams { stride: 2, padding: 1, ..Default::default() };
//! let conv = Conv2d::new(&weight, None, params, Activation::Relu)?;
//! let image = Tensor::ones((1, 32, 32, 3), candle_core::DType::F32, &Device::Cpu)?;
//! assert_eq!(conv.forward(&image)?.dims(), [1, 16, 16, 8]);
//! # Ok(())
//! # }
//! ```

mod activation;
mod cpu;
mod cuda;
mod device;
mod operations;
mod work;

pub use activation::Activation;
pub use candle_core::Device;
pub use cpu::isa::Isa;
#[cfg(feature = "emulate-cuda")]
pub use cuda::emulating_cuda;
pub use cuda::on_card;
pub use device::{
    DeviceError, DeviceMemory, DeviceRequest, Precision, device_memory, keep_freed_memory,
    open_device, release_idle_memory,
};
pub use operations::{
    BatchNorm, Conv2d, Conv2dParams, DeformConv2d, Fusion, LayerNorm, Linear, Mlp, Part, Region,
    WindowAttention, box_filter, channels_last, compose, fuse_foreground, gate, keep_person,
    matte_of_logits, max_pool, mean_of_pixels, normalise, resize_bilinear, sigmoid, softmax_mean,
    transpose, transpose_maps,
};
pub use work::OPERATIONS;
