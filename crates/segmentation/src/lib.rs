//! BiRefNet in candle.

mod config;
mod error;
mod network;

pub use config::{BirefnetConfig, DecoderAttention, PatchOrder, SwinConfig};
pub use error::Error;
pub use network::Birefnet;
