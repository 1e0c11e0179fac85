//! Deleting at the user's request.

use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;

use crate::meta::Found;
use crate::storage::blocking;
use crate::{Error, Failure, Key, Meta, PhotoId, Removed, Storage, Subject, TaskId, local};

/// How many deletions are under way at once.
pub(crate) const PARALLEL: usize = 16;

/// What a deletion removed, and what it could not.
#[derive(Debug, Default)]
pub struct DeletionReport {
    /// What was removed, sorted by key.
    pub removed: Vec<Removed>,
    /// What may still be there. Repeating the deletion is safe.
    pub failures: Vec<Failure>,
}

impl DeletionReport {
    /// The bytes that became free.
    #[must_use]
    pub fn removed_bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.size).sum()
    }

    /// The report as a result, for callers to whom a part is not enough.
    ///
    /// # Errors
    /// The first failure, when there is any.
    pub fn complete(mut self) -> Result<Self, Error> {
        if self.failures.is_empty() { Ok(self) } else { Err(self.failures.swap_remove(0).error) }
    }
}

impl Storage {
    /// Deletes one artifact, held or not; `None` when there was none.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn delete(&self, key: Key) -> Result<Option<Removed>, Error> {
        match self.head(key).await {
            Ok(Meta { size, .. }) => self.delete_known(key, size).await,
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a photo and all that came from it: persons, cut-outs and videos.
    ///
    /// Takes effect at once, whether or not a job [holds](Self::hold) the photo: what such a job
    /// is still writing is not kept. A job without a hold could store something afterwards.
    /// Once begun, the deletion goes on when this future is dropped.
    #[must_use = "a deletion that failed in part must be repeated"]
    pub async fn delete_photo(&self, photo: PhotoId) -> DeletionReport {
        self.delete_subject(photo.into()).await
    }

    /// Deletes the temporary files of a task, as [`delete_photo`](Self::delete_photo) does.
    #[must_use = "a deletion that failed in part must be repeated"]
    pub async fn delete_task(&self, task: TaskId) -> DeletionReport {
        self.delete_subject(task.into()).await
    }

    async fn delete_subject(&self, subject: Subject) -> DeletionReport {
        let storage = self.clone();
        let work = tokio::spawn(async move { storage.delete_all(subject).await });
        work.await.unwrap_or_else(|error| {
            let path = subject.to_string();
            let error = Error::backend("delete", path.clone(), error);
            let failures = vec![Failure { path, error }];
            DeletionReport { removed: Vec::new(), failures }
        })
    }

    async fn delete_all(&self, subject: Subject) -> DeletionReport {
        // Before listing: a write that ends after the listing then finds the mark.
        self.registry().mark_deleted(subject);
        let mut report = DeletionReport::default();
        let found = stream::iter(self.find_all(subject).await);
        let mut outcomes = found.map(|found| self.delete_found(found)).buffer_unordered(PARALLEL);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(removed) => report.removed.extend(removed),
                Err(failure) => report.failures.push(failure),
            }
        }
        if let (Subject::Task(task), Some(root)) = (subject, self.root()) {
            let root = root.to_owned();
            let removed = blocking(move || local::remove_task_folder(&root, task)).await;
            // The sweeper tries again where this failed; no file is left in the folder.
            if let Ok(Err(failure)) = removed {
                let error: &(dyn std::error::Error + 'static) = &failure.error;
                tracing::debug!(path = failure.path, error, "an empty folder stays");
            }
        }
        report.removed.sort_unstable();
        report
    }

    async fn delete_found(&self, found: Found) -> Result<Option<Removed>, Failure> {
        match found {
            Found::Artifact(Meta { key, size, .. }) => self
                .delete_known(key, size)
                .await
                .map_err(|error| Failure { path: key.to_string(), error }),
            Found::Staged(staged) => {
                let path = staged.path.display().to_string();
                let removed = blocking(move || local::remove_staged(&staged)).await;
                match removed {
                    Ok(Ok(_)) => Ok(None),
                    Ok(Err(error)) => Err(Failure { path, error }),
                    Err(error) => {
                        let error = Error::backend("delete", path.clone(), error);
                        Err(Failure { path, error })
                    }
                }
            }
            Found::Foreign(_) => Ok(None),
            Found::Failed(failure) => Err(failure),
        }
    }

    /// Deletes an artifact whose size is known; `None` when it has vanished.
    pub(crate) async fn delete_known(&self, key: Key, size: u64) -> Result<Option<Removed>, Error> {
        match self.store().delete(&key.path()).await {
            Ok(()) => Ok(Some(Removed { key, size })),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(Error::backend("delete", key.to_string(), error)),
        }
    }
}
