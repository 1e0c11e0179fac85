//! The network, one file per part, named as in the official implementation
//! (`ZhengPeng7/BiRefNet`, `models/`).

mod aspp;
mod birefnet;
mod decoder;
mod decoder_block;
mod finite_weights;
mod layers;
mod output;
mod patches;
mod swin;

pub use birefnet::Birefnet;
