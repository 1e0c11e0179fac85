//! Storing artifacts, with and without a description.

use std::pin::pin;

use bytes::Bytes;
use futures::Stream;

use crate::about::description::Description;
use crate::about::digest::Digest;
use crate::error::Error;
use crate::hold::Hold;
use crate::name::artifact::Artifact;
use crate::name::key::Key;
use crate::observe::Operation;
use crate::storage::Storage;
use crate::write::input::{Input, StreamOptions};
use crate::write::upload::{Upload, put_whole};

/// What was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The key, whose format is that of the content.
    pub key: Key,
    /// The size in bytes.
    pub size: u64,
}

impl Storage {
    /// Stores content under the name of `artifact`, in place of what was there.
    ///
    /// The format, and with it the extension and content type, follow from the first bytes. The
    /// artifact appears at once and whole; of two concurrent writers one wins entirely. A stored
    /// artifact in another format stays; [`find`](Self::find) gives the latest. A description of
    /// what was there goes.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`], [`Error::FormatNotAllowed`], [`Error::Deleted`],
    /// [`Error::Backend`].
    pub async fn put(
        &self,
        artifact: Artifact,
        content: impl Into<Bytes>,
    ) -> Result<Stored, Error> {
        self.put_bytes(artifact, content.into(), None).await
    }

    /// Stores content as [`put`](Self::put) does, and beside it what `description` says, with the
    /// content's type, size and SHA-256 and the time. [`about`](Self::about) reads it.
    ///
    /// A crash on the way leaves the artifact without description, or what was there before.
    ///
    /// # Errors
    /// As for [`put`](Self::put); [`Error::InvalidDescription`], when nothing was stored; and
    /// [`Error::NotDescribed`], when the artifact is stored without its description.
    pub async fn put_described(
        &self,
        artifact: Artifact,
        content: impl Into<Bytes>,
        description: &Description,
    ) -> Result<Stored, Error> {
        self.put_bytes(artifact, content.into(), Some(description)).await
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
        let watch = self.watch(Operation::PutStream, Some(artifact.folder()));
        watch.end(self.put_pieces(artifact, content, options, None).await, |stored| stored.size)
    }

    /// Stores the content of a stream as [`put_stream`](Self::put_stream) does, with a description
    /// as [`put_described`](Self::put_described) does. The digest is taken on the way.
    ///
    /// # Errors
    /// As for both.
    pub async fn put_stream_described<S, E>(
        &self,
        artifact: Artifact,
        content: S,
        options: StreamOptions,
        description: &Description,
    ) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let watch = self.watch(Operation::PutStream, Some(artifact.folder()));
        let put = self.put_pieces(artifact, content, options, Some(description));
        watch.end(put.await, |stored| stored.size)
    }

    async fn put_bytes(
        &self,
        artifact: Artifact,
        content: Bytes,
        description: Option<&Description>,
    ) -> Result<Stored, Error> {
        let watch = self.watch(Operation::Put, Some(artifact.folder()));
        let put = async {
            let mut digest = new_digest(artifact, description)?;
            let key = Key::of_content(artifact, &content)?;
            let size = content.len() as u64;
            let hold = self.hold_for_write(key).await?;
            if let Some(digest) = &mut digest {
                digest.update(&content).await;
            }
            let commit = put_whole(self, key, content.into());
            let result = self.commit(key, commit, size, description.zip(digest)).await;
            self.settle(&hold, key, result).await
        };
        watch.end(put.await, |stored| stored.size)
    }

    async fn put_pieces<S, E>(
        &self,
        artifact: Artifact,
        content: S,
        options: StreamOptions,
        description: Option<&Description>,
    ) -> Result<Stored, Error>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let digest = new_digest(artifact, description)?;
        let content = pin!(content);
        let mut input = Input::new(artifact, content, options, digest);
        // The format comes first: content that is refused is not worth sending.
        let key = Key::of_content(artifact, &input.head().await?)?;

        let hold = self.hold_for_write(key).await?;
        let mut upload = match Upload::begin(self, key).await {
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
            if taken_back(&hold, key) {
                let subject = hold.subject();
                return Err(Error::Deleted { subject });
            }
            let described = description.zip(input.digest.take());
            self.commit(key, upload.complete(self), input.total, described).await
        };
        let result = sent.await;
        if result.is_err() {
            upload.abort().await;
        }
        self.settle(&hold, key, result).await
    }

    /// Makes the artifact visible by `write`, and then its description.
    async fn commit(
        &self,
        key: Key,
        write: impl Future<Output = Result<(), Error>>,
        size: u64,
        described: Option<(&Description, Digest)>,
    ) -> Result<Stored, Error> {
        let _locked = self.locks().lock(key).await;
        self.forget_about(key).await?;
        write.await?;
        if let Some((description, digest)) = described {
            let interrupted = || Error::NotDescribed { key, source: "interrupted".into() };
            let sha256 = digest.finish().ok_or_else(interrupted)?;
            self.put_about(key, size, sha256, description).await?;
        }
        Ok(Stored { key, size })
    }

    /// Holds what `key` belongs to, so that the sweeper does not take a new artifact for the old
    /// one, and so that a deletion during the write is noticed after it.
    async fn hold_for_write(&self, key: Key) -> Result<Hold, Error> {
        let hold = self.hold(key.subject()).await;
        if taken_back(&hold, key) {
            let subject = hold.subject();
            return Err(Error::Deleted { subject });
        }
        Ok(hold)
    }

    /// Takes a write back when the user deleted the photo or task meanwhile.
    async fn settle(
        &self,
        hold: &Hold,
        key: Key,
        result: Result<Stored, Error>,
    ) -> Result<Stored, Error> {
        if !taken_back(hold, key) {
            return result;
        }
        self.delete_one(key).await?;
        Err(Error::Deleted { subject: hold.subject() })
    }
}

/// Whether a deletion forbids to store `key`. It does not forbid the record of itself.
fn taken_back(hold: &Hold, key: Key) -> bool {
    hold.is_deleted() && !key.artifact().records_deletion()
}

/// A digest for what is to be described, once the description is found valid.
fn new_digest(
    artifact: Artifact,
    description: Option<&Description>,
) -> Result<Option<Digest>, Error> {
    let Some(description) = description else { return Ok(None) };
    description.check(artifact)?;
    Ok(Some(Digest::default()))
}
