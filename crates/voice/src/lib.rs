//! Speech and background music for a message: what a portrait says, as D-ID takes it.
//!
//! A message ([`Message`]) is a text or a recording.
//!
//! - **A text** is spoken by D-ID's providers. [`Message::spoken_text`] turns voice and prosody
//!   into the settings, or the SSML, that the provider understands.
//! - **A recording** is made ready for upload by [`prepare`], or step by step: [`decode`] (by
//!   content, within limits), [`check_audible`], [`trim_silence`], [`resample`], [`mix`] with
//!   music, [`normalise`] to a loudness, [`encode`] within D-ID's limits.
//!
//! Everything is a function from values to values: no network, no file, no clock, no thread.
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
//! assert_eq!(ready.file.media_type, "audio/wav");
//! assert_eq!(decode(&ready.file.bytes, &Default::default())?.sample_rate(), 16_000);
//! # Ok::<(), portrait_voice::Error>(())
//! ```

mod audio;
mod decode;
mod duck;
mod encode;
mod error;
mod limiter;
mod loudness;
mod message;
mod mix;
mod music;
mod ogg;
mod prepare;
mod prosody;
mod resample;
mod silence;
mod sniff;
mod spoken;
mod ssml;
mod tracks;
mod voices;

pub use audio::Audio;
pub use decode::{DecodeLimits, decode};
pub use duck::DuckOptions;
pub use encode::{EncodeOptions, Encoded, encode};
pub use error::Error;
pub use loudness::{Loudness, NormaliseOptions, Normalised, measure, normalise};
pub use message::{Content, Message, MessageFields, Music};
pub use mix::{MixOptions, mix};
pub use prepare::{PrepareOptions, Prepared, prepare};
pub use prosody::{Prosody, ProsodyPreset};
pub use resample::resample;
pub use silence::{TrimOptions, check_audible, loudest_dbfs, trim_silence};
pub use spoken::{ElevenLabsSettings, MicrosoftSettings, SpeechProvider, SpokenText};
pub use tracks::find_track;
pub use voices::{Voice, VoiceProfiles};
