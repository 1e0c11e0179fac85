//! Descriptions in the storage.
//!
//! A write of an artifact removes the description of the one before, stores the artifact, then the
//! new description. A crash in between leaves a whole artifact without description; never a
//! description of something else. In one process, writers of one key do this one after the other.

use object_store::{Attribute, Attributes, ObjectStoreExt, PutOptions};
use time::OffsetDateTime;

use crate::about::description::{About, Description};
use crate::about::sidecar;
use crate::error::Error;
use crate::name::format::Format;
use crate::name::key::Key;
use crate::observe::Operation;
use crate::storage::Storage;

impl Storage {
    /// What is known of an artifact; `None` when it was stored without a description.
    ///
    /// A description that does not fit is not believed, and `None` is given: one that cannot be
    /// read, or whose size or content type is not that of the artifact. The digest is not
    /// compared, since that takes reading the whole: [`About::fits`] does it for content that was
    /// read anyway.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such artifact; [`Error::Backend`].
    pub async fn about(&self, key: Key) -> Result<Option<About>, Error> {
        let watch = self.watch(Operation::About, Some(key.folder()));
        watch.end(self.read_about(key).await, |_| 0)
    }

    async fn read_about(&self, key: Key) -> Result<Option<About>, Error> {
        let meta = self.look_up(key).await?;
        let failed = |error| Error::backend("read", format!("the description of {key}"), error);
        let found = match self.store().get(&sidecar::path(key)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if found.meta.size > sidecar::MAX_LEN {
            tracing::warn!(%key, "a description is too long to be one");
            return Ok(None);
        }
        let text = match found.bytes().await {
            Ok(text) => text,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let about = sidecar::read(&text, key, meta.size);
        if about.is_none() {
            tracing::warn!(%key, "a description does not fit its artifact");
        }
        Ok(about)
    }

    /// Keeps what is known of the artifact just stored under `key`.
    pub(crate) async fn put_about(
        &self,
        key: Key,
        size: u64,
        sha256: [u8; 32],
        description: &Description,
    ) -> Result<(), Error> {
        let about = About {
            content_type: key.format().content_type().to_owned(),
            size,
            sha256,
            stored_at: OffsetDateTime::now_utc(),
            owner: description.owner.clone(),
            origin: description.origin,
            recipe: description.recipe.clone(),
        };
        let failed = |source| Error::NotDescribed { key, source };
        let text = serde_json::to_vec(&about).map_err(|error| failed(error.into()))?;
        let path = sidecar::path(key);
        let content_type = Format::Json.content_type();
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        let options = PutOptions::from(attributes);
        let result = match self.store().put_opts(&path, text.clone().into(), options).await {
            // File systems have no place for a content type; the extension says it.
            Err(object_store::Error::NotImplemented { .. }) => {
                self.store().put(&path, text.into()).await
            }
            result => result,
        };
        result.map_err(|error| failed(error.into()))?;
        self.make_private(&path).await;
        Ok(())
    }

    /// Removes the description of `key`, where there is one; whether there was.
    pub(crate) async fn remove_about(&self, key: Key) -> Result<bool, Error> {
        match self.store().delete(&sidecar::path(key)).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::backend("delete", format!("the description of {key}"), error)),
        }
    }

    /// Removes the description of what is about to be replaced.
    pub(crate) async fn forget_about(&self, key: Key) -> Result<(), Error> {
        // Looked for first: most artifacts are new and have none.
        match self.store().head(&sidecar::path(key)).await {
            Ok(_) => self.remove_about(key).await.map(drop),
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::backend("store", key.to_string(), error)),
        }
    }
}
