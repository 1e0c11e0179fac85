//! Speech and background music for a message: what a portrait says, as D-ID takes it.
//!
//! A message ([`Message`]) is a text or a recording.
//!
//! - **A text** is spoken by D-ID's providers, or by a speech service ([`Speech`]), as
//!   [`Message::plan`] says. It turns voice and prosody into the settings, or the SSML, that the
//!   provider understands. What a service gives is treated as a recording.
//! - **A recording** is made ready for upload by [`prepare`], or step by step: [`decode`] (by
//!   content, within limits), [`remove_offset`], [`check_audible`], [`trim_silence`], [`resample`], [`mix`] with
//!   music, [`normalise`] to a loudness, [`encode`] within D-ID's limits.
//!
//! Everything but a speech service is a function from values to values: no network, no file, no
//! clock, no thread. [`HttpSpeech`] is behind the feature `http`, which is on by default.
//!
//! ```
//! use portrait_voice::{Audio, EncodeOptions, PrepareOptions, decode, encode, prepare};
//!
//! // Stand-ins for a recording and a piece of music: two seconds of tones.
//! let tone = |hertz: f32, level: f32| {
//!     let wave = |at: i32| (at as f32 / 16_000.0 * hertz * std::f32::consts::TAU).sin() * level;
//!     let sound = Audio::new(16_000, (0..32_000).map(wave).collect())?;
//!     encode(&sound, &EncodeOptions::default())
//! };
//! let (recording, music) = (tone(220.0, 0.05)?, tone(880.0, 0.5)?);
//!
//! let ready = prepare(&recording.bytes, Some(&music.bytes), &PrepareOptions::default())?;
//! assert!((ready.loudness.integrated_lufs + 16.0).abs() < 0.5);
//! assert!(ready.loudness.true_peak_dbtp <= -1.0);
//! assert_eq!(ready.file.format.media_type(), "audio/wav");
//! assert_eq!(decode(&ready.file.bytes, &Default::default())?.sample_rate(), 16_000);
//! # Ok::<(), portrait_voice::Error>(())
//! ```

mod audio;
mod container;
mod decode;
mod downmix;
mod duck;
mod encode;
mod error;
mod fields;
mod limiter;
mod loudness;
mod message;
mod mix;
mod mp3;
mod music;
mod offset;
mod ogg;
mod opus;
mod prepare;
mod prosody;
mod resample;
mod riff;
mod silence;
mod sniff;
mod source;
mod speech;
mod spoken;
mod ssml;
mod tracks;
mod unread;
mod unseen;
mod voices;
mod wav;

pub use audio::Audio;
pub use decode::{DecodeLimits, decode, decode_beginning};
pub use duck::DuckOptions;
pub use encode::{EncodeOptions, Encoded, Encoding, SoundFormat, encode};
pub use error::Error;
pub use fields::MessageFields;
pub use loudness::{Loudness, NormaliseOptions, Normalised, measure, normalise};
pub use message::{Content, Message, Music, Plan, Track};
pub use mix::{MixOptions, mix};
pub use offset::remove_offset;
#[cfg(feature = "http")]
pub use portrait_http::RetryPolicy;
pub use prepare::{PrepareOptions, Prepared, prepare};
pub use prosody::{Prosody, ProsodyPreset};
pub use resample::resample;
pub use silence::{TrimOptions, check_audible, loudest_dbfs, trim_silence};
#[cfg(feature = "http")]
pub use speech::{HttpSpeech, HttpSpeechBuilder};
pub use speech::{Speech, SpeechRequest};
pub use spoken::{SpokenText, VoiceSettings};
pub use tracks::find_track;
pub use voices::{Voice, VoiceProfiles};
/// For implementing [`Speech`].
pub use {async_trait::async_trait, bytes};
