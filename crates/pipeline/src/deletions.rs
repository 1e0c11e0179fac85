//! Photos that are being deleted, and the work on photos that such a deletion ends.

use crate::error::Error;
use portrait_storage::PhotoId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Which photos are worked on and which are being deleted, in this process.
#[derive(Debug, Default)]
pub(crate) struct Deletions(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    photos: Mutex<HashMap<PhotoId, Photo>>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Photo {
    under_way: usize,
    deleting: usize,
    deleted: watch::Sender<bool>,
}

/// Work on a photo, until it is dropped.
#[derive(Debug)]
pub(crate) struct Work {
    shared: Arc<Shared>,
    photo: PhotoId,
    deleted: watch::Receiver<bool>,
}

/// A deletion that is under way: nothing new begins on its photo.
#[derive(Debug)]
pub(crate) struct Deleting {
    shared: Arc<Shared>,
    photo: PhotoId,
}

impl Shared {
    fn photos(&self) -> MutexGuard<'_, HashMap<PhotoId, Photo>> {
        // Nothing panics while it is held.
        self.photos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, photo: PhotoId, change: impl FnOnce(&mut Photo)) {
        let mut photos = self.photos();
        if let Some(entry) = photos.get_mut(&photo) {
            change(entry);
            if entry.under_way == 0 && entry.deleting == 0 {
                photos.remove(&photo);
            }
        }
        drop(photos);
        self.ended.notify_waiters();
    }
}

impl Deletions {
    /// Begins work on a photo.
    ///
    /// # Errors
    /// [`Error::Deleted`] while it is being deleted.
    pub(crate) fn work_on(&self, photo: PhotoId) -> Result<Work, Error> {
        let mut photos = self.0.photos();
        let entry = photos.entry(photo).or_default();
        if entry.deleting > 0 {
            return Err(Error::Deleted { photo });
        }
        entry.under_way += 1;
        let deleted = entry.deleted.subscribe();
        Ok(Work { shared: self.0.clone(), photo, deleted })
    }

    /// Ends all work on a photo; resolves when it has ended.
    pub(crate) async fn begin(&self, photo: PhotoId) -> Deleting {
        {
            let mut photos = self.0.photos();
            let entry = photos.entry(photo).or_default();
            entry.deleting += 1;
            entry.deleted.send_replace(true);
        }
        let deleting = Deleting { shared: self.0.clone(), photo };
        loop {
            let ended = self.0.ended.notified();
            tokio::pin!(ended);
            // From here on no end is missed.
            ended.as_mut().enable();
            if self.0.photos().get(&photo).is_none_or(|entry| entry.under_way == 0) {
                return deleting;
            }
            ended.await;
        }
    }
}

impl Work {
    /// Resolves when somebody deletes the photo.
    pub(crate) async fn deleted(&self) {
        let mut deleted = self.deleted.clone();
        // The sender lives as long as the work.
        if deleted.wait_for(|deleted| *deleted).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.shared.change(self.photo, |photo| photo.under_way -= 1);
    }
}

impl Drop for Deleting {
    fn drop(&mut self) {
        self.shared.change(self.photo, |photo| {
            photo.deleting -= 1;
            if photo.deleting == 0 {
                // What begins after the deletion is new work.
                photo.deleted = watch::Sender::new(false);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn a_deletion_ends_what_is_under_way_and_refuses_what_comes() {
        let deletions = Deletions::default();
        let (photo, other) = (PhotoId::generate(), PhotoId::generate());
        let (work, others) = (deletions.work_on(photo).unwrap(), deletions.work_on(other).unwrap());
        let mut begin = Box::pin(deletions.begin(photo));
        assert!(begin.as_mut().now_or_never().is_none());
        assert_eq!(work.deleted().now_or_never(), Some(()));
        assert_eq!(others.deleted().now_or_never(), None);
        assert!(matches!(deletions.work_on(photo), Err(Error::Deleted { .. })));
        drop(work);
        let deleting = begin.now_or_never().unwrap();
        assert!(deletions.work_on(photo).is_err());
        drop(deleting);
        assert_eq!(deletions.work_on(photo).unwrap().deleted().now_or_never(), None);
        drop(others);
        assert!(deletions.0.photos().is_empty());
    }
}
