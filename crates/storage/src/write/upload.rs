//! One object being sent to the store: in parts, or at once.

use object_store::{
    Attribute, Attributes, MultipartUpload, ObjectStoreExt, PutMultipartOptions, PutOptions,
    PutPayload,
};

use crate::error::Error;
use crate::name::key::Key;
use crate::storage::Storage;

/// Stores the content of `key` at once.
pub(crate) async fn put_whole(
    storage: &Storage,
    key: Key,
    payload: PutPayload,
) -> Result<(), Error> {
    let (store, path) = (storage.store(), key.path());
    let options = PutOptions::from(attributes(key));
    let result = match store.put_opts(&path, payload.clone(), options).await {
        // File systems have no place for a content type; the extension says it.
        Err(object_store::Error::NotImplemented { .. }) => store.put(&path, payload).await,
        result => result,
    };
    result.map_err(|error| not_stored(key, error))?;
    storage.make_private(&path).await;
    Ok(())
}

fn attributes(key: Key) -> Attributes {
    let content_type = key.format().content_type();
    Attributes::from_iter([(Attribute::ContentType, content_type)])
}

fn not_stored(key: Key, error: object_store::Error) -> Error {
    Error::backend("store", key.to_string(), error)
}

/// An upload that is removed again unless it is completed.
pub(crate) struct Upload {
    key: Key,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(crate) async fn begin(storage: &Storage, key: Key) -> Result<Self, Error> {
        let (store, path) = (storage.store(), key.path());
        let options = PutMultipartOptions::from(attributes(key));
        let upload = match store.put_multipart_opts(&path, options).await {
            Err(object_store::Error::NotImplemented { .. }) => store.put_multipart(&path).await,
            result => result,
        };
        match upload {
            Ok(upload) => Ok(Self { key, upload: Some(upload) }),
            Err(error) => Err(not_stored(key, error)),
        }
    }

    pub(crate) async fn send(&mut self, part: PutPayload) -> Result<(), Error> {
        if let Some(upload) = &mut self.upload {
            let sent = upload.put_part(part).await;
            sent.map_err(|error| not_stored(self.key, error))?;
        }
        Ok(())
    }

    pub(crate) async fn complete(&mut self, storage: &Storage) -> Result<(), Error> {
        if let Some(upload) = &mut self.upload {
            let completed = upload.complete().await;
            completed.map_err(|error| not_stored(self.key, error))?;
            self.upload = None;
            storage.make_private(&self.key.path()).await;
        }
        Ok(())
    }

    pub(crate) async fn abort(&mut self) {
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
