//! Writing: whole or not at all.

use std::pin::pin;

use bytes::Bytes;
use futures::Stream;
use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStoreExt, PutMultipartOptions, PutOptions,
    PutPayload,
};

use crate::input::Input;
use crate::{Artifact, Error, Hold, Key, Storage};

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The key, whose format is that of the content.
    pub key: Key,
    /// The size in bytes.
    pub size: u64,
}

/// What [`Storage::put_stream`] checks about the length of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamOptions {
    /// The exact length in bytes, such as of an HTTP `Content-Length`: a download that was cut off
    /// is then told from a complete one. Default: not known.
    pub expected_len: Option<u64>,
    /// The most bytes to accept. Default: 1 GiB.
    pub max_len: u64,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self { expected_len: None, max_len: 1 << 30 }
    }
}

impl Storage {
    /// Stores content under the name of `artifact`, in place of what was there.
    ///
    /// The format, and with it the extension and content type, follow from the first bytes. The
    /// artifact appears at once and whole; of two concurrent writers one wins entirely. A stored
    /// artifact in another format stays; [`find`](Self::find) gives the latest.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`], [`Error::FormatNotAllowed`], [`Error::Deleted`],
    /// [`Error::Backend`].
    pub async fn put(
        &self,
        artifact: Artifact,
        content: impl Into<Bytes>,
    ) -> Result<Stored, Error> {
        let content = content.into();
        let key = Key::of_content(artifact, &content)?;
        let size = content.len() as u64;
        let hold = self.hold_for_write(key).await?;
        let result = self.put_whole(key, content.into()).await;
        self.settle(&hold, key, result.map(|()| Stored { key, size })).await
    }

    /// Stores the content of a stream as [`put`](Self::put) does, without holding it in memory.
    ///
    /// Nothing is visible before the stream has ended well. When it fails, has the wrong length,
    /// or this future is dropped, what was sent is removed again.
    ///
    /// # Errors
    /// As for [`put`](Self::put), and [`Error::Input`], [`Error::TooLarge`],
    /// [`Error::LengthMismatch`].
    pub async fn put_stream<S, E>(
        &self,
        artifact: Artifact,
        content: S,
        options: StreamOptions,
    ) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let content = pin!(content);
        let mut input = Input::new(artifact, content, options);
        // The format comes first: content that is refused is not worth sending.
        let key = Key::of_content(artifact, &input.head().await?)?;

        let hold = self.hold_for_write(key).await?;
        let mut upload = match self.begin_upload(key).await {
            Ok(upload) => upload,
            Err(error) => return self.settle(&hold, key, Err(error)).await,
        };
        let sent = async {
            loop {
                while let Some(part) = input.parts.take_full() {
                    upload.send(part).await?;
                }
                if !input.read().await? {
                    break;
                }
            }
            let rest = input.parts.take_rest();
            if rest.content_length() > 0 {
                upload.send(rest).await?;
            }
            input.check_end()?;
            if hold.is_deleted() {
                let subject = hold.subject();
                return Err(Error::Deleted { subject });
            }
            upload.complete().await
        };
        let result = sent.await;
        if result.is_err() {
            upload.abort().await;
        }
        let size = input.total;
        self.settle(&hold, key, result.map(|()| Stored { key, size })).await
    }

    /// Holds what `key` belongs to, so that the sweeper does not take a new artifact for the old
    /// one, and so that a deletion during the write is noticed after it.
    async fn hold_for_write(&self, key: Key) -> Result<Hold, Error> {
        let hold = self.hold(key.subject()).await;
        if hold.is_deleted() {
            let subject = hold.subject();
            return Err(Error::Deleted { subject });
        }
        Ok(hold)
    }

    async fn put_whole(&self, key: Key, payload: PutPayload) -> Result<(), Error> {
        let options = PutOptions::from(attributes(key));
        let result = match self.store().put_opts(&key.path(), payload.clone(), options).await {
            // File systems have no place for a content type; the extension says it.
            Err(object_store::Error::NotImplemented { .. }) => {
                self.store().put(&key.path(), payload).await
            }
            result => result,
        };
        result.map(drop).map_err(|error| not_stored(key, error))
    }

    async fn begin_upload(&self, key: Key) -> Result<Upload, Error> {
        let options = PutMultipartOptions::from(attributes(key));
        let path = key.path();
        let upload = match self.store().put_multipart_opts(&path, options).await {
            Err(object_store::Error::NotImplemented { .. }) => {
                self.store().put_multipart(&path).await
            }
            result => result,
        };
        match upload {
            Ok(upload) => Ok(Upload { key, upload: Some(upload) }),
            Err(error) => Err(not_stored(key, error)),
        }
    }

    /// Takes a write back when the user deleted the photo or task meanwhile.
    async fn settle(
        &self,
        hold: &Hold,
        key: Key,
        result: Result<Stored, Error>,
    ) -> Result<Stored, Error> {
        if !hold.is_deleted() {
            return result;
        }
        self.delete(key).await?;
        Err(Error::Deleted { subject: hold.subject() })
    }
}

fn attributes(key: Key) -> Attributes {
    let content_type = key.format().content_type();
    Attributes::from_iter([(Attribute::ContentType, content_type)])
}

fn not_stored(key: Key, error: object_store::Error) -> Error {
    Error::backend("store", key.to_string(), error)
}

/// An upload that is removed again unless it is completed.
struct Upload {
    key: Key,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    async fn send(&mut self, part: PutPayload) -> Result<(), Error> {
        if let Some(upload) = &mut self.upload {
            let sent = upload.put_part(part).await;
            sent.map_err(|error| not_stored(self.key, error))?;
        }
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), Error> {
        if let Some(upload) = &mut self.upload {
            let completed = upload.complete().await;
            completed.map_err(|error| not_stored(self.key, error))?;
            self.upload = None;
        }
        Ok(())
    }

    async fn abort(&mut self) {
        if let Some(upload) = self.upload.take() {
            // In a task, so that it is finished even when nobody waits for it. A task that panics
            // has been reported by the runtime, and the caller has an error already.
            let _ = tokio::spawn(abort(self.key, upload)).await;
        }
    }
}

impl Drop for Upload {
    /// Cloud stores cannot remove parts on drop, so a task does it, where there still is a runtime.
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(abort(self.key, upload));
        }
    }
}

async fn abort(key: Key, mut upload: Box<dyn MultipartUpload>) {
    if let Err(error) = upload.abort().await {
        let error: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(%key, error, "parts of an upload could not be removed");
    }
}
