//! Checkpoints: what there is, where the file is, whether it is the right one, and its tensors.
//!
//! A [`Manifest`] describes one checkpoint; those of `models/` are built in. [`resolve`] finds its file on this machine or
//! downloads it from a Hugging Face hub, if that is allowed. [`Checkpoint`] opens the file and hands its tensors to candle.
//! Networks are the business of other crates: a manifest's `[architecture]` table is handed on unread.
//!
//! The crate takes values and reads no environment: cache folder, endpoint, token and proxy are given by the program.
//!
//! ```
//! use std::collections::HashMap;
//! use candle_core::{DType, Device, Tensor};
//! use portrait_weights::{Error, Manifest, Places, resolve};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let manifest = Manifest::find("birefnet-lite")?;
//! assert_eq!((manifest.input.width, manifest.input.height), (1024, 1024));
//!
//! // Nothing may be downloaded here, so the error says where it looked and what to do.
//! let folder = tempfile::tempdir()?;
//! let places = Places { models: Some(folder.path().into()), ..Places::default() };
//! let error = resolve(&manifest, &places).await.unwrap_err();
//! assert!(matches!(error, Error::NotFound { .. }));
//! assert!(error.to_string().ends_with("fetch it with `portrait models fetch birefnet-lite`"));
//!
//! // With the file in its place it is found, opened, and its tensors are converted as they are read.
//! let file = folder.path().join("birefnet-lite/model.safetensors");
//! std::fs::create_dir(file.parent().unwrap())?;
//! let weight = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
//! candle_core::safetensors::save(&HashMap::from([("bb.weight", weight)]), &file)?;
//!
//! let checkpoint = resolve(&manifest, &places).await?.open()?;
//! let weights = checkpoint.var_builder(DType::F16, &Device::Cpu);
//! assert_eq!(weights.pp("bb").get((2, 2), "weight")?.dtype(), DType::F16);
//! # Ok(()) }
//! ```

#![deny(unsafe_code)]

mod backend;
mod builtin;
mod bundled;
mod cache;
mod candle_error;
mod checkpoint;
mod digest;
mod download;
mod error;
mod header;
mod hub;
mod manifest;
mod map;
mod memory;
mod progress;
mod resolve;
mod settings;
mod sniff;
mod table;
mod tensor_file;

pub use bundled::Bundled;
pub use cache::default_hub_cache;
pub use checkpoint::{Checkpoint, Verification};
pub use error::{Error, LookedAt, Result, StatedBy};
pub use manifest::{Family, FileDtype, Input, Licence, Manifest, Source};
pub use memory::{Memory, Peaks};
pub use portrait_http::RetryPolicy;
pub use progress::{OnProgress, Progress, State};
pub use resolve::{HubPlace, Origin, Places, Resolved, resolve};
pub use safetensors::Dtype;
pub use secrecy::SecretString;
pub use settings::{DEFAULT_ENDPOINT, Download};
pub use table::models_page;
pub use tensor_file::{read_tensor, write_tensor};
pub use url::Url;
