//! The sweeper: deletes what has been kept long enough.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::select;
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;

use crate::blocking::blocking;
use crate::delete::PARALLEL;
use crate::error::Error;
use crate::local::tidy;
use crate::meta::{Failure, Found, Meta, Staged};
use crate::name::folder::Folder;
use crate::name::key::Key;
use crate::observe::Operation;
use crate::report::{FolderReport, Outcome, SweepReport};
use crate::retention::RetentionPolicy;
use crate::storage::Storage;

/// Deletes artifacts whose retention has ended.
///
/// - What is [held](Storage::hold) is skipped; the next sweep looks again.
/// - A file that this crate cannot have written is never deleted, only reported: a mistaken root
///   folder or bucket then loses nothing.
/// - A record of a deletion under way ([`Artifact::Deletion`](crate::Artifact::Deletion)) stays,
///   whatever its age.
/// - A description goes with its artifact; one whose artifact is gone is removed.
/// - No single failure, vanished file or panicking backend ends a sweep.
/// - In a [local](Storage::local) storage, half-written files that a crash left behind and empty
///   folders of tasks are removed too.
#[derive(Clone)]
pub struct Sweeper {
    storage: Storage,
    policy: RetentionPolicy,
    clock: Arc<dyn Fn() -> OffsetDateTime + Send + Sync>,
    observer: Arc<dyn Fn(&SweepReport) + Send + Sync>,
}

impl Sweeper {
    /// A sweeper of `storage`; by itself it does nothing.
    #[must_use]
    pub fn new(storage: Storage, policy: RetentionPolicy) -> Self {
        Self {
            storage,
            policy,
            clock: Arc::new(OffsetDateTime::now_utc),
            observer: Arc::new(|_| {}),
        }
    }

    /// Lets [`run`](Self::run) take the time from `clock` instead of the system's clock.
    #[must_use]
    pub fn with_clock(
        mut self,
        clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
    ) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Lets [`run`](Self::run) hand each report to `observer`, such as for metrics.
    #[must_use]
    pub fn with_observer(
        mut self,
        observer: impl Fn(&SweepReport) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sweeps once, as of `now`: an artifact is deleted when the time since it was stored has
    /// reached its folder's retention.
    ///
    /// When this future is dropped, deletions under way are completed and no others begun.
    pub async fn sweep_once(&self, now: OffsetDateTime) -> SweepReport {
        let mut report = SweepReport::new(now);
        for folder in Folder::ALL {
            self.sweep_folder(now, report.folder_mut(folder)).await;
        }
        self.remove_empty_folders(report.folder_mut(Folder::Temp)).await;
        report
    }

    /// Sweeps now and then at every `interval` (at least a second), until `shutdown` is ready.
    ///
    /// Reports go to the log (`tracing`) and to the [observer](Self::with_observer).
    pub async fn run(&self, interval: Duration, shutdown: impl Future<Output = ()>) {
        let sweeps = async {
            let mut ticks = tokio::time::interval(interval.max(Duration::from_secs(1)));
            // After a sweep longer than the interval, rest before the next one.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let report = self.sweep_once((self.clock)()).await;
                report.log();
                (self.observer)(&report);
            }
        };
        let _: futures::future::Either<_, (std::convert::Infallible, _)> =
            select(pin!(shutdown), pin!(sweeps)).await;
    }

    async fn sweep_folder(&self, now: OffsetDateTime, report: &mut FolderReport) {
        let folder = report.folder;
        let kept_for = self.policy.of(folder);
        let mut outcomes = self
            .storage
            .scan(folder, None)
            .map(|found| async move {
                match found {
                    Found::Foreign(path) => Outcome::Foreign(path),
                    Found::Failed(failure) => Outcome::Failed(failure),
                    Found::Artifact(meta)
                        if meta.key.artifact().records_deletion()
                            || !expired(&meta, now, kept_for) =>
                    {
                        Outcome::Kept
                    }
                    Found::Artifact(meta) => {
                        let storage = self.storage.clone();
                        let path = meta.key.to_string();
                        apart(path, delete_expired(storage, meta, now, kept_for)).await
                    }
                    Found::Sidecar(sidecar) if sidecar.has_artifact => Outcome::Ignored,
                    Found::Sidecar(sidecar) => {
                        let (storage, key) = (self.storage.clone(), sidecar.key);
                        apart(key.to_string(), delete_orphan(storage, key)).await
                    }
                    Found::Staged(staged) if !expired(&staged.meta, now, self.policy.temp) => {
                        Outcome::Ignored
                    }
                    Found::Staged(staged) => {
                        let storage = self.storage.clone();
                        let path = staged.path.display().to_string();
                        apart(path, delete_staged(storage, staged)).await
                    }
                }
            })
            .buffer_unordered(PARALLEL);
        while let Some(outcome) = outcomes.next().await {
            report.add(outcome);
        }
        drop(outcomes);
        report.sort();
    }

    async fn remove_empty_folders(&self, report: &mut FolderReport) {
        let Some(root) = self.storage.root().map(ToOwned::to_owned) else {
            return;
        };
        match blocking(move || tidy::remove_empty_task_folders(&root)).await {
            Ok((removed, failures)) => {
                report.empty_folders_removed = removed;
                report.failures.extend(failures);
            }
            Err(error) => {
                let path = report.folder.to_string();
                let error = Error::backend("remove empty folders in", path.clone(), error);
                report.failures.push(Failure { path, error });
            }
        }
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper")
            .field("storage", &self.storage)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// A time of storing in the future, by a clock that was wrong, is no reason to delete.
fn expired(meta: &Meta, now: OffsetDateTime, kept_for: Duration) -> bool {
    let age = now - meta.stored_at;
    !age.is_negative() && age.unsigned_abs() >= kept_for
}

/// Does `work` in a task of its own: dropping the sweep then cannot leave a deletion going on
/// whose claim has ended, and a panic is only one more failure.
async fn apart(path: String, work: impl Future<Output = Outcome> + Send + 'static) -> Outcome {
    tokio::spawn(work).await.unwrap_or_else(|error| {
        let error = Error::backend("delete", path.clone(), error);
        Outcome::Failed(Failure { path, error })
    })
}

async fn delete_expired(
    storage: Storage,
    listed: Meta,
    now: OffsetDateTime,
    kept_for: Duration,
) -> Outcome {
    let key = listed.key;
    let Some(_claim) = storage.registry().claim(key.subject()) else {
        return Outcome::Held(key);
    };
    // Looked at again now that nobody can write it: it may have been stored anew since the listing.
    let deleted = match storage.look_up(key).await {
        Ok(meta) if !expired(&meta, now, kept_for) => return Outcome::Kept,
        Ok(meta) => {
            let watch = storage.watch(Operation::Sweep, Some(key.folder()));
            let deleted = storage.delete_known(key, meta.size).await;
            watch.end(deleted, |removed| removed.map_or(0, |removed| removed.size))
        }
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    match deleted {
        Ok(Some(removed)) => Outcome::Removed(removed),
        Ok(None) => Outcome::Vanished,
        Err(error) => Outcome::Failed(Failure { path: key.to_string(), error }),
    }
}

/// Deletes the description of `key` when there is no such artifact.
async fn delete_orphan(storage: Storage, key: Key) -> Outcome {
    // Nobody is writing it, so an artifact that is not there now does not come.
    let Some(_claim) = storage.registry().claim(key.subject()) else {
        return Outcome::Ignored;
    };
    let deleted = match storage.look_up(key).await {
        Ok(_) => return Outcome::Ignored,
        Err(Error::NotFound { .. }) => storage.remove_about(key).await,
        Err(error) => Err(error),
    };
    match deleted {
        Ok(true) => Outcome::Orphan,
        Ok(false) => Outcome::Ignored,
        Err(error) => Outcome::Failed(Failure { path: key.to_string(), error }),
    }
}

async fn delete_staged(storage: Storage, staged: Staged) -> Outcome {
    // Every write in this process holds what it writes for, so this one is nobody's.
    let Some(_claim) = storage.registry().claim(staged.meta.key.subject()) else {
        return Outcome::Ignored;
    };
    let path = staged.path.display().to_string();
    let size = staged.meta.size;
    match blocking(move || tidy::remove_staged(&staged)).await {
        Ok(Ok(true)) => Outcome::HalfWritten(size),
        Ok(Ok(false)) => Outcome::Ignored,
        Ok(Err(error)) => Outcome::Failed(Failure { path, error }),
        Err(error) => {
            let error = Error::backend("delete", path.clone(), error);
            Outcome::Failed(Failure { path, error })
        }
    }
}
