//! Deleting at the user's request.

use std::collections::HashSet;

use futures::{StreamExt, stream};
use object_store::ObjectStoreExt;

use crate::blocking::blocking;
use crate::error::Error;
use crate::local::tidy;
use crate::meta::{Failure, Found, Meta, Removed, Sidecar};
use crate::name::id::{PhotoId, TaskId};
use crate::name::key::Key;
use crate::name::subject::Subject;
use crate::observe::Operation;
use crate::storage::Storage;

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
    /// Deletes one artifact with its description, held or not; `None` when there was none.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn delete(&self, key: Key) -> Result<Option<Removed>, Error> {
        let watch = self.watch(Operation::Delete, Some(key.folder()));
        watch.end(self.delete_one(key).await, |removed| removed.map_or(0, |removed| removed.size))
    }

    /// [`delete`](Self::delete), as a part of another operation.
    pub(crate) async fn delete_one(&self, key: Key) -> Result<Option<Removed>, Error> {
        match self.look_up(key).await {
            Ok(Meta { size, .. }) => self.delete_known(key, size).await,
            Err(Error::NotFound { .. }) => self.remove_about(key).await.map(|_| None),
            Err(error) => Err(error),
        }
    }

    /// Deletes a photo and all that came from it: sounds, persons, cut-outs and videos.
    ///
    /// The record that says that this deletion is under way,
    /// [`Artifact::Deletion`](crate::Artifact::Deletion), goes last, and stays when anything
    /// failed. To write it before is for the caller.
    ///
    /// Takes effect at once, whether or not a job [holds](Self::hold) the photo: what such a job
    /// is still writing is not kept. A job without a hold could store something afterwards.
    /// Once begun, the deletion goes on when this future is dropped.
    #[must_use = "a deletion that failed in part must be repeated"]
    pub async fn delete_photo(&self, photo: PhotoId) -> DeletionReport {
        self.delete_subject(Operation::DeletePhoto, photo.into()).await
    }

    /// Deletes the temporary files of a task, as [`delete_photo`](Self::delete_photo) does.
    #[must_use = "a deletion that failed in part must be repeated"]
    pub async fn delete_task(&self, task: TaskId) -> DeletionReport {
        self.delete_subject(Operation::DeleteTask, task.into()).await
    }

    async fn delete_subject(&self, operation: Operation, subject: Subject) -> DeletionReport {
        let storage = self.clone();
        let work = tokio::spawn(async move {
            let watch = storage.watch(operation, None);
            let report = storage.delete_all(subject).await;
            watch.end_report(report.removed_bytes(), !report.failures.is_empty());
            report
        });
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
        let found = self.find_all(subject).await;
        // A description goes with its artifact, so only one without artifact is looked at.
        let keys: HashSet<Key> = found.iter().filter_map(Found::artifact).collect();
        let (records, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .filter(|found| !matches!(found, Found::Sidecar(s) if keys.contains(&s.key)))
            .partition(|found| found.artifact().is_some_and(|k| k.artifact().records_deletion()));
        self.delete_each(others, &mut report).await;
        if report.failures.is_empty() {
            self.delete_each(records, &mut report).await;
        }
        if let (Subject::Task(task), Some(root)) = (subject, self.root()) {
            let root = root.to_owned();
            let removed = blocking(move || tidy::remove_task_folder(&root, task)).await;
            // The sweeper tries again where this failed; no file is left in the folder.
            if let Ok(Err(failure)) = removed {
                let error: &(dyn std::error::Error + 'static) = &failure.error;
                tracing::debug!(path = failure.path, error, "an empty folder stays");
            }
        }
        report.removed.sort_unstable();
        report
    }

    async fn delete_each(&self, found: Vec<Found>, report: &mut DeletionReport) {
        let found = stream::iter(found);
        let mut outcomes = found.map(|found| self.delete_found(found)).buffer_unordered(PARALLEL);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(removed) => report.removed.extend(removed),
                Err(failure) => report.failures.push(failure),
            }
        }
    }

    async fn delete_found(&self, found: Found) -> Result<Option<Removed>, Failure> {
        match found {
            Found::Artifact(Meta { key, size, .. }) => self
                .delete_known(key, size)
                .await
                .map_err(|error| Failure { path: key.to_string(), error }),
            Found::Sidecar(Sidecar { key, .. }) => match self.remove_about(key).await {
                Ok(_) => Ok(None),
                Err(error) => Err(Failure { path: key.to_string(), error }),
            },
            Found::Staged(staged) => {
                let path = staged.path.display().to_string();
                let removed = blocking(move || tidy::remove_staged(&staged)).await;
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

    /// Deletes an artifact whose size is known, and its description; `None` when it has vanished.
    pub(crate) async fn delete_known(&self, key: Key, size: u64) -> Result<Option<Removed>, Error> {
        // The description goes first, so that it is not left over. The artifact goes in any case.
        let described = self.remove_about(key).await;
        let removed = match self.store().delete(&key.path()).await {
            Ok(()) => Some(Removed { key, size }),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(error) => return Err(Error::backend("delete", key.to_string(), error)),
        };
        described.map(|_| removed)
    }
}
