//! Deleting a photo and all that came from it, here and at D-ID.

use crate::error::Error;
use crate::pipeline::Pipeline;
use crate::stage::Stage;
use crate::video::{Attempt, Order, OrderId};
use bytes::Bytes;
use portrait_d_id::{self as d_id, AudioId, Client, ImageId, TalkId};
use portrait_storage::{Artifact, Format, Key, PhotoId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Pauses while a talk that is to be deleted is still being made.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Talks take less than a minute; one that takes this long stays on record for the next call.
const LONGEST_TALK: Duration = Duration::from_secs(300);

/// What was removed with a photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Removal {
    /// Artifacts of the storage.
    pub artifacts: usize,
    /// Talks at D-ID.
    pub talks: usize,
    /// Pictures at D-ID.
    pub images: usize,
    /// Sounds at D-ID.
    pub audios: usize,
}

/// What lies at D-ID, on record until it is gone.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct AtDId {
    /// Keeps the record a JSON object whatever else is in it.
    version: u32,
    #[serde(default)]
    attempts: Vec<Attempt>,
    #[serde(default)]
    talks: BTreeSet<TalkId>,
    #[serde(default)]
    images: BTreeSet<ImageId>,
    #[serde(default)]
    audios: BTreeSet<AudioId>,
}

impl Pipeline {
    /// Deletes a photo and all that came from it: in the storage everything of the photo; at D-ID
    /// the talks, pictures and sounds that were made for it.
    ///
    /// Work on the photo that is under way in this process ends with [`Error::Deleted`] first. The
    /// deletion is on record until it is complete: one that was cut off, by an error or the end of
    /// the process, is found by [`unfinished_deletions`](Self::unfinished_deletions), and calling
    /// this again finishes it. Dropped, it stops where it is, on record. A talk that D-ID is still
    /// making is waited for, since it cannot be deleted before.
    ///
    /// # Errors
    /// [`Error::Storage`], [`Error::DId`], [`Error::NotConfigured`] when something lies at D-ID and
    /// the pipeline has no client. What could be removed is removed all the same.
    pub async fn delete(&self, photo: PhotoId) -> Result<Removal, Error> {
        let this = self.admit()?;
        let deleting = this.inner.deletions.begin(photo).await;
        let work = this.delete_admitted(photo);
        let removal = this.watch(Stage::Deletion, None, work).await;
        drop(deleting);
        removal
    }

    /// The photos whose deletion has begun and is not complete.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn unfinished_deletions(&self) -> Result<Vec<PhotoId>, Error> {
        Ok(self.admit()?.storage().unfinished_deletions().await?)
    }

    /// Refuses work on a photo whose deletion is on record.
    pub(crate) async fn not_deleted(&self, photo: PhotoId) -> Result<(), Error> {
        match self.storage().find(Artifact::Deletion { photo }).await? {
            Some(_) => Err(Error::Deleted { photo }),
            None => Ok(()),
        }
    }

    async fn delete_admitted(&self, photo: PhotoId) -> Result<Removal, Error> {
        let storage = self.storage();
        let _hold = storage.hold(photo).await;
        let artifact = Artifact::Deletion { photo };
        let mut remote = self.recorded_deletion(photo).await?;
        let kept = storage.list_photo(photo).await?;
        let mut unreadable = None;
        for id in kept.iter().filter_map(|meta| OrderId::of_record(meta.key)) {
            match Order::load(storage, id).await {
                Ok(order) => remote.add(order.unwrap_or_default()),
                // The others are deleted all the same, and this record stays.
                Err(error) => unreadable = Some(error),
            }
        }
        remote.version = 1;
        let json = serde_json::to_vec(&remote)
            .map_err(|error| Error::encode("the record of a deletion", error))?;
        storage.put(artifact, Bytes::from(json)).await?;
        let mut removal = Removal::default();
        let at_d_id = match unreadable {
            Some(error) => Err(error),
            None => self.delete_at_d_id(&remote, &mut removal).await,
        };
        if let Err(error) = at_d_id {
            // Here at least nothing is left but the records.
            for meta in kept {
                let artifact = meta.key.artifact();
                if !matches!(artifact, Artifact::Order { .. } | Artifact::Deletion { .. }) {
                    storage.delete(meta.key).await?;
                }
            }
            return Err(error);
        }
        let report = storage.delete_photo(photo).await.complete()?;
        removal.artifacts = report
            .removed
            .iter()
            .filter(|removed| !matches!(removed.key.artifact(), Artifact::Deletion { .. }))
            .count();
        Ok(removal)
    }

    /// What a deletion that was cut off left on record.
    async fn recorded_deletion(&self, photo: PhotoId) -> Result<AtDId, Error> {
        let key = Key::new(Artifact::Deletion { photo }, Format::Json)?;
        let bytes = match self.storage().get(key).await {
            Ok(bytes) => bytes,
            Err(portrait_storage::Error::NotFound { .. }) => return Ok(AtDId::default()),
            Err(error) => return Err(error.into()),
        };
        serde_json::from_slice(&bytes).map_err(|error| Error::record(key, error))
    }

    async fn delete_at_d_id(&self, remote: &AtDId, removal: &mut Removal) -> Result<(), Error> {
        if *remote == (AtDId { version: remote.version, ..AtDId::default() }) {
            return Ok(());
        }
        let client = self.d_id()?;
        let mut talks = remote.talks.clone();
        for attempt in &remote.attempts {
            let sent = attempt.sent();
            let found = client.talks().settle(&attempt.source_url, sent).await?;
            talks.extend(found.map(|talk| talk.id));
        }
        for talk in &talks {
            removal.talks += usize::from(delete_talk(client, talk).await?);
        }
        for image in &remote.images {
            removal.images += usize::from(gone(client.images().delete(image).await)?);
        }
        for audio in &remote.audios {
            removal.audios += usize::from(gone(client.audios().delete(audio).await)?);
        }
        Ok(())
    }
}

impl AtDId {
    fn add(&mut self, order: Order) {
        let Order { attempts, talk, images, audios, .. } = order;
        match talk {
            Some(talk) => {
                self.talks.insert(talk);
            }
            None => self.attempts.extend(attempts),
        }
        self.images.extend(images);
        self.audios.extend(audios);
    }
}

/// Deletes a talk, once D-ID has finished it: one that is in process it does not delete.
async fn delete_talk(client: &Client, talk: &TalkId) -> Result<bool, Error> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match client.talks().delete(talk).await {
            Err(d_id::Error::NotReady { .. }) if begun.elapsed() < LONGEST_TALK => {
                tokio::time::sleep(pause).await;
                pause = (2 * pause).min(LONGEST_PAUSE);
            }
            deleted => return gone(deleted),
        }
    }
}

/// Whether it was there; what is not there any more needs no deletion.
fn gone<T>(deleted: Result<T, d_id::Error>) -> Result<bool, Error> {
    match deleted {
        Ok(_) => Ok(true),
        Err(d_id::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
