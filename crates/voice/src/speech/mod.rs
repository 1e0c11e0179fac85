//! Speech from a service: the seam, and what is asked through it.

#[cfg(feature = "http")]
mod builder;
#[cfg(feature = "http")]
mod http;
mod request;
#[cfg(feature = "http")]
mod settings;
#[cfg(feature = "http")]
mod wire;

#[cfg(feature = "http")]
pub use builder::HttpSpeechBuilder;
#[cfg(feature = "http")]
pub use http::HttpSpeech;
pub use request::{Speech, SpeechRequest};
