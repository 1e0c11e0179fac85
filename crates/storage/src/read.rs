//! Reading artifacts.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use crate::error::Error;
use crate::meta::Meta;
use crate::name::artifact::Artifact;
use crate::name::key::Key;
use crate::observe::Operation;
use crate::storage::Storage;

/// The content of an artifact as a stream, from [`Storage::get_stream`].
pub struct Content {
    /// The artifact, with its whole size.
    pub meta: Meta,
    /// The bytes of it that the stream gives.
    pub range: Range<u64>,
    /// The content, in pieces.
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl Storage {
    /// The whole content of an artifact, in memory; for videos prefer
    /// [`get_stream`](Self::get_stream).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn get(&self, key: Key) -> Result<Bytes, Error> {
        let watch = self.watch(Operation::Get, Some(key.folder()));
        let failed = |error| Error::at_key("read", key, error);
        let read = async {
            let result = self.store().get(&key.path()).await.map_err(failed)?;
            result.bytes().await.map_err(failed)
        };
        watch.end(read.await, |content| content.len() as u64)
    }

    /// The content of an artifact, or a range of it, piece by piece.
    ///
    /// A range is cut to the artifact's size, as HTTP asks for (RFC 9110, section 14.1.2).
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::RangeNotSatisfiable`] for a range that is empty or begins
    /// past the end; [`Error::Backend`], also from the stream.
    pub async fn get_stream(&self, key: Key, range: Option<GetRange>) -> Result<Content, Error> {
        let watch = self.watch(Operation::GetStream, Some(key.folder()));
        match self.open_stream(key, range).await {
            Ok(Content { meta, range, stream }) => {
                let stream = watch.follow(stream, |piece| piece.len() as u64);
                Ok(Content { meta, range, stream })
            }
            Err(error) => watch.end(Err(error), |_| 0),
        }
    }

    async fn open_stream(&self, key: Key, range: Option<GetRange>) -> Result<Content, Error> {
        let mut options = GetOptions::default();
        if let Some(range) = range {
            // Backends report an unsatisfiable range each in their own way, so it is settled here.
            let size = self.look_up(key).await?.size;
            let range = range
                .as_range(size)
                .ok()
                .filter(|range| !range.is_empty())
                .ok_or(Error::RangeNotSatisfiable { key, size })?;
            options.range = Some(GetRange::Bounded(range));
        }
        let failed = move |error| Error::at_key("read", key, error);
        let result = self.store().get_opts(&key.path(), options).await.map_err(failed)?;
        Ok(Content {
            meta: Meta::new(key, &result.meta),
            range: result.range.clone(),
            stream: result.into_stream().map_err(failed).boxed(),
        })
    }

    /// Size and age of an artifact.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn head(&self, key: Key) -> Result<Meta, Error> {
        let watch = self.watch(Operation::Head, Some(key.folder()));
        watch.end(self.look_up(key).await, |_| 0)
    }

    /// Whether an artifact exists.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn exists(&self, key: Key) -> Result<bool, Error> {
        let watch = self.watch(Operation::Exists, Some(key.folder()));
        let exists = match self.look_up(key).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        watch.end(exists, |_| 0)
    }

    /// Finds an artifact whose format is not known; the latest where there are several.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn find(&self, artifact: Artifact) -> Result<Option<Meta>, Error> {
        let watch = self.watch(Operation::Find, Some(artifact.folder()));
        let looks = artifact.formats().iter().map(async |&format| {
            match self.look_up(Key::new(artifact, format)?).await {
                Ok(meta) => Ok(Some(meta)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let found = try_join_all(looks).await;
        let latest = found.map(|found| found.into_iter().flatten().max_by_key(|m| m.stored_at));
        watch.end(latest, |_| 0)
    }

    /// [`head`](Self::head), as a part of another operation.
    pub(crate) async fn look_up(&self, key: Key) -> Result<Meta, Error> {
        match self.store().head(&key.path()).await {
            Ok(meta) => Ok(Meta::new(key, &meta)),
            Err(error) => Err(Error::at_key("look up", key, error)),
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("meta", &self.meta)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
