//! A typed client of the [D-ID API](https://docs.d-id.com): pictures and sounds up, talking videos
//! down.
//!
//! - Requests are checked against the documented limits before they are sent.
//! - Errors are one enum by kind ([`Error`]), with what to do, and whether and when to try again.
//! - Reading and uploading is tried again after passing failures ([`RetryPolicy`]). Creating a
//!   talk costs money and is not: after a lost answer the talk is looked for first
//!   ([`CreateRecovery`]).
//! - Answers may lack documented fields, have new ones, or name a status nobody knows.
//! - The key is never shown, nor sent where videos are fetched from.
//!
//! ```
//! use futures::TryStreamExt;
//! use portrait_d_id::{Client, CreateTalk, ImageUpload, Script, WaitOptions};
//! use portrait_d_id_fake::FakeDid;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! // A stand-in on this machine; for the real API leave `base_url` out and give your key.
//! let fake = FakeDid::builder().start().await?;
//! let client = Client::builder().base_url(fake.base_url()).key(fake.key()).build()?;
//!
//! # let mut photo = Vec::new();
//! # image::RgbImage::new(256, 256)
//! #     .write_to(&mut std::io::Cursor::new(&mut photo), image::ImageFormat::Png)?;
//! let picture = client.images().upload(ImageUpload::new(photo)).await?;
//! let order = CreateTalk::new(picture.url, Script::text("Hello, nice to meet you."));
//! let talk = client.talks().create(&order).await?;
//! let options = WaitOptions {
//!     first_pause: std::time::Duration::from_millis(50),
//!     ..WaitOptions::default()
//! };
//! let talk = client.talks().wait(&talk.id, &options).await?;
//!
//! let link = talk.result_url.ok_or("no link")?;
//! let mut video = Vec::new();
//! let mut pieces = client.download(&link);
//! while let Some(piece) = pieces.try_next().await? {
//!     video.extend_from_slice(&piece);
//! }
//! assert!(video.starts_with(b"\0\0\0") && &video[4..8] == b"ftyp");
//! # Ok(())
//! # }
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run()).unwrap();
//! ```

mod audios;
mod call;
mod check;
mod client;
mod clock;
mod create;
mod credits;
mod download;
mod error;
mod find;
mod ids;
mod images;
mod key;
mod lenient;
mod operation;
mod picture;
mod provider;
mod recovery;
mod refusal;
mod request;
mod talk;
mod talks;
mod transport;
mod voices;
mod wait;
mod webhook;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use audios::{AudioUpload, Audios, UploadedAudio};
pub use call::{Call, Outcome};
pub use client::{Client, ClientBuilder};
pub use credits::{Credits, CreditsItem};
pub use error::{Error, ImageFault, ModerationKind, Refusal};
pub use ids::{AudioId, ImageId, TalkId};
pub use images::{DetectedFaces, Face, FaceBox, ImageMeasures, ImageUpload, Images, UploadedImage};
pub use key::ApiKey;
pub use operation::Operation;
pub use picture::{ImageType, MAX_PICTURE_BYTES, MAX_PICTURE_PIXELS, MIN_PICTURE_SIDE};
pub use portrait_http::RetryPolicy;
pub use provider::{ElevenLabsVoice, MicrosoftVoice, Provider};
pub use recovery::CreateRecovery;
pub use request::{
    AudioScript, CreateTalk, DriverExpressions, Expression, Logo, ResultFormat, Script, TalkConfig,
    TextScript, TimedExpression,
};
pub use talk::{ListTalks, Talk, TalkError, TalkErrorKind, TalkPage, TalkStatus};
pub use talks::Talks;
pub use voices::{ListVoices, Voice, VoiceAccess, VoiceLanguage, VoiceProvider, Voices};
pub use wait::WaitOptions;
pub use webhook::{WebhookEvent, WebhookSecret};
