use bytes::Bytes;
use reqwest::{Method, multipart};
use serde::Deserialize;

use crate::check;
use crate::error::Error;
use crate::ids::AudioId;
use crate::images::file_part;
use crate::lenient;
use crate::operation::Operation;
use crate::transport::Transport;

/// Most bytes D-ID takes.
const MAX_BYTES: usize = 6 * 1024 * 1024;

/// Sounds in D-ID's temporary store; see [`Client::audios`](crate::Client::audios).
#[derive(Clone, Copy)]
pub struct Audios<'a> {
    pub(crate) transport: &'a Transport,
}

/// A sound to upload.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioUpload {
    /// A whole file, at most 6 MB; for a talk at most 10 minutes long.
    pub bytes: Bytes,
    /// Its media type, `audio/…` or `video/…`.
    pub media_type: String,
    /// A name of 1 to 50 characters of `a-z A-Z 0-9 . _ -`; `audio` where there is none.
    pub file_name: Option<String>,
}

impl AudioUpload {
    /// A WAV file.
    #[must_use]
    pub fn wav(bytes: impl Into<Bytes>) -> AudioUpload {
        AudioUpload::new(bytes, "audio/wav")
    }

    /// A file of the given media type, such as `audio/mpeg`.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>, media_type: impl Into<String>) -> AudioUpload {
        AudioUpload { bytes: bytes.into(), media_type: media_type.into(), file_name: None }
    }

    /// Checks the documented limits, as [`Audios::upload`] does before it sends anything.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] naming what breaks one.
    pub fn check(&self) -> Result<(), Error> {
        let size = self.bytes.len();
        if size == 0 || size > MAX_BYTES {
            let reason = format!("it has {size} bytes; 1 byte to 6 MB are allowed");
            return Err(Error::invalid("audio", reason));
        }
        if !self.media_type.starts_with("audio/") && !self.media_type.starts_with("video/") {
            let reason = format!("{:?} is neither audio nor video", self.media_type);
            return Err(Error::invalid("audio", reason));
        }
        self.file_name.as_deref().map_or(Ok(()), check::file_name)
    }
}

/// Where an uploaded sound is kept, as WAV of 16 kHz, for 24 to 48 hours.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct UploadedAudio {
    /// The id to delete it by; D-ID documents it as optional.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub id: Option<AudioId>,
    /// The address to make a talk with, `https` or `s3`.
    pub url: String,
    /// Length in seconds.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub duration: Option<f64>,
}

impl Audios<'_> {
    /// Uploads a sound (`POST /audios`). It is kept for 24 to 48 hours.
    ///
    /// # Errors
    /// [`Error::InvalidRequest`] before anything is sent; [`Error::BadRequest`],
    /// [`Error::Moderation`], [`Error::UnsupportedMediaType`], and what any request may fail with.
    pub async fn upload(&self, audio: AudioUpload) -> Result<UploadedAudio, Error> {
        audio.check()?;
        let name = audio.file_name.as_deref().unwrap_or("audio");
        let reply = self
            .transport
            .retried(Operation::UploadAudio, || {
                let part = file_part(&audio.bytes, name, "audio", &audio.media_type)?;
                let form = multipart::Form::new().part("audio", part);
                let request = self.transport.request(Method::POST, &["audios"])?;
                Ok(request.multipart(form))
            })
            .await?;
        reply.json(&self.transport.redactor)
    }

    /// Removes a sound (`DELETE /audios/{id}`).
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none (any more), and what any request may fail with.
    pub async fn delete(&self, id: &AudioId) -> Result<(), Error> {
        let make = || self.transport.request(Method::DELETE, &["audios", id.as_str()]);
        self.transport.removed(Operation::DeleteAudio, make).await.map(drop)
    }
}
