//! What is remembered of an order that costs money: written before it is sent, found again by
//! whoever resumes it.
//!
//! D-ID has no idempotency key. The identity of an order is here: photo, person, the recipe of the
//! person's picture and everything that is said make one [`VideoId`], and under it lie the record
//! (JSON) and, once it is there, the video. The record names every picture address a create was sent with; the talk is found by
//! them in D-ID's list when its answer was lost. It holds no text, no sound and no key.

use super::identity::Identity;
use crate::error::Error;
use bytes::Bytes;
use portrait_d_id::{AudioId, ImageId, TalkId};
use portrait_storage::{Artifact, Format, Key, PhotoId, RecipeId, Storage, VideoId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedMutexGuard;

/// Which video of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct OrderId {
    pub(crate) photo: PhotoId,
    pub(crate) person: u32,
    pub(crate) video: VideoId,
}

impl OrderId {
    /// The id of what the person of this picture says: the same picture and message give the same
    /// id. Sorts with its photo, as ids made by the clock do.
    pub(crate) fn of(
        photo: PhotoId,
        person: u32,
        picture: RecipeId,
        message: &Identity,
    ) -> Result<Self, Error> {
        Self::hashed(photo, person, message, Some(picture))
    }

    /// The id that former versions gave, which did not know how the picture was made.
    pub(crate) fn former(photo: PhotoId, person: u32, message: &Identity) -> Result<Self, Error> {
        Self::hashed(photo, person, message, None)
    }

    fn hashed(
        photo: PhotoId,
        person: u32,
        message: &Identity,
        picture: Option<RecipeId>,
    ) -> Result<Self, Error> {
        let mut hash = Sha256::new();
        hash.update(photo.as_uuid().as_bytes());
        hash.update(person.to_be_bytes());
        hash.update(message);
        if let Some(picture) = picture {
            hash.update(picture.to_string());
        }
        // RFC 9562, section 5.7: 48 bits of time, the version, 12 bits, the variant, 62 bits.
        let mut bytes = *photo.as_uuid().as_bytes();
        bytes[6..].copy_from_slice(&hash.finalize()[..10]);
        bytes[6] = bytes[6] & 0x0F | 0x70;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let video = VideoId::from_uuid(uuid::Uuid::from_bytes(bytes))?;
        Ok(Self { photo, person, video })
    }

    /// The order that a stored record is about.
    pub(crate) fn of_record(key: Key) -> Option<Self> {
        match key.artifact() {
            Artifact::Order { photo, person, video } => Some(Self { photo, person, video }),
            _ => None,
        }
    }

    pub(crate) fn video_artifact(self) -> Artifact {
        let Self { photo, person, video } = self;
        Artifact::Video { photo, person, video }
    }

    fn record_artifact(self) -> Artifact {
        let Self { photo, person, video } = self;
        Artifact::Order { photo, person, video }
    }
}

/// A create that was, or was about to be, sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// The picture's address, which no other create has.
    pub(crate) source_url: String,
    /// When, in milliseconds since 1970.
    sent_ms: u64,
}

impl Attempt {
    pub(crate) fn new(source_url: String, sent: SystemTime) -> Self {
        let since = sent.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { source_url, sent_ms: since.as_millis() as u64 }
    }

    pub(crate) fn sent(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.sent_ms)
    }
}

/// The record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    version: u32,
    /// Creates whose outcome is or was unknown, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    /// The talk, once it is known.
    pub(crate) talk: Option<TalkId>,
    /// The finished video's length, where D-ID stated it.
    pub(crate) seconds: Option<f64>,
    /// How the picture was made that the talk shows. Records of former versions say nothing of it;
    /// the first picture that asks for such an order is taken for the one it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) picture: Option<RecipeId>,
    /// The pictures that lie at D-ID, to be deleted with the photo.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<ImageId>,
    /// The sounds that lie at D-ID, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) audios: Vec<AudioId>,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            version: 1,
            attempts: Vec::new(),
            talk: None,
            seconds: None,
            picture: None,
            images: Vec::new(),
            audios: Vec::new(),
        }
    }
}

impl Order {
    /// The record of an order, where there is one.
    ///
    /// A record that cannot be read is an error and not "none": something may have been paid.
    pub(crate) async fn load(storage: &Storage, id: OrderId) -> Result<Option<Self>, Error> {
        let key = Key::new(id.record_artifact(), Format::Json)?;
        let bytes = match storage.get(key).await {
            Ok(bytes) => bytes,
            Err(portrait_storage::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(order) if order.version == 1 => Ok(Some(order)),
            Ok(order) => {
                let reason = format!("it is of version {}", order.version);
                Err(Error::Record { key, reason, source: None })
            }
            Err(error) => Err(Error::record(key, error)),
        }
    }

    pub(crate) async fn save(&self, storage: &Storage, id: OrderId) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::encode("the record of an order", error))?;
        storage.put(id.record_artifact(), Bytes::from(bytes)).await?;
        Ok(())
    }

    /// Forgets an order that came to nothing.
    pub(crate) async fn forget(storage: &Storage, id: OrderId) -> Result<(), Error> {
        storage.delete(Key::new(id.record_artifact(), Format::Json)?).await?;
        Ok(())
    }
}

/// Orders in work in this process: each only once at a time.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<OrderId, Weak<tokio::sync::Mutex<()>>>>);

impl Orders {
    /// Waits until nobody else works on the order; the guard ends the work.
    pub(crate) async fn only(&self, id: OrderId) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            let lock = locks.get(&id).and_then(Weak::upgrade).unwrap_or_default();
            locks.insert(id, Arc::downgrade(&lock));
            lock
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(first: u8) -> RecipeId {
        RecipeId::from_digest(&[first; 32])
    }

    #[test]
    fn the_same_message_of_the_same_person_is_the_same_order() {
        let photo = PhotoId::generate();
        let id = |photo, person, message: u8| {
            OrderId::of(photo, person, picture(1), &[message; 32]).unwrap()
        };
        let first = id(photo, 0, 7);
        assert_eq!(first, id(photo, 0, 7));
        for other in [id(photo, 1, 7), id(photo, 0, 8), id(PhotoId::generate(), 0, 7)] {
            assert_ne!(first.video, other.video);
        }
        let shown = OrderId::of(photo, 0, picture(2), &[7; 32]).unwrap();
        let former = OrderId::former(photo, 0, &[7; 32]).unwrap();
        assert!(first.video != shown.video && shown.video != former.video);
        // Sorts with the photo.
        assert!(first.video.to_string().starts_with(&photo.to_string()[..13]));
    }

    #[tokio::test]
    async fn records_come_back_and_broken_ones_are_not_taken_for_none() {
        let storage = Storage::memory();
        let id = OrderId::of(PhotoId::generate(), 3, picture(1), &[7; 32]).unwrap();
        assert_eq!(Order::load(&storage, id).await.unwrap(), None);
        let attempt = Attempt::new("s3://bucket/a.jpg".into(), SystemTime::now());
        let order = Order { attempts: vec![attempt], ..Order::default() };
        order.save(&storage, id).await.unwrap();
        assert_eq!(Order::load(&storage, id).await.unwrap(), Some(order));
        for broken in [&b"{\"version\": 1"[..], b"{\"version\":9,\"attempts\":[]}"] {
            storage.put(id.record_artifact(), broken).await.unwrap();
            assert!(matches!(Order::load(&storage, id).await, Err(Error::Record { .. })));
        }
        Order::forget(&storage, id).await.unwrap();
        assert_eq!(Order::load(&storage, id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn an_order_is_in_work_once() {
        let orders = Orders::default();
        let id = OrderId::of(PhotoId::generate(), 0, picture(1), &[0; 32]).unwrap();
        let other = OrderId::of(PhotoId::generate(), 0, picture(1), &[0; 32]).unwrap();
        let guard = orders.only(id).await;
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, orders.only(id)).await.is_err());
        drop(orders.only(other).await);
        drop(guard);
        drop(orders.only(id).await);
        assert!(orders.0.lock().unwrap().len() <= 2);
    }
}
