//! Listing artifacts.

use std::path::Path;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::{ObjectMeta, ObjectStore};

use crate::about::sidecar;
use crate::blocking::blocking;
use crate::error::Error;
use crate::local::scan;
use crate::meta::{Failure, Found, Meta};
use crate::name::artifact::Artifact;
use crate::name::folder::Folder;
use crate::name::id::PhotoId;
use crate::name::key::Key;
use crate::name::subject::Subject;
use crate::observe::Operation;
use crate::storage::Storage;

impl Storage {
    /// Everything in a folder, in no particular order. Files of others are left out, and so are
    /// descriptions: they are no artifacts.
    ///
    /// An error concerns one entry, or the rest of the listing when the backend gives up.
    pub fn list(&self, folder: Folder) -> BoxStream<'static, Result<Meta, Error>> {
        let watch = self.watch(Operation::List, Some(folder));
        watch.follow(self.artifacts(folder), |_| 0)
    }

    fn artifacts(&self, folder: Folder) -> BoxStream<'static, Result<Meta, Error>> {
        self.scan(folder, None)
            .filter_map(async |found| match found {
                Found::Artifact(meta) => Some(Ok(meta)),
                Found::Failed(failure) => Some(Err(failure.error)),
                Found::Sidecar(_) | Found::Staged(_) | Found::Foreign(_) => None,
            })
            .boxed()
    }

    /// The photo and all that came from it, sorted by key: sounds, persons, cut-outs, videos and
    /// the records about them.
    ///
    /// # Errors
    /// [`Error::Backend`] when a folder could not be listed.
    pub async fn list_photo(&self, photo: PhotoId) -> Result<Vec<Meta>, Error> {
        let watch = self.watch(Operation::ListPhoto, None);
        let mut all = Vec::new();
        for found in self.find_all(photo.into()).await {
            match found {
                Found::Artifact(meta) => all.push(meta),
                Found::Failed(Failure { error, .. }) => return watch.end(Err(error), |_| 0),
                Found::Sidecar(_) | Found::Staged(_) | Found::Foreign(_) => {}
            }
        }
        all.sort_unstable();
        watch.end(Ok(all), |_| 0)
    }

    /// The photos whose deletion has begun and is not finished, oldest photo first: those with a
    /// record [`Artifact::Deletion`]. Lists the whole folder of videos.
    ///
    /// # Errors
    /// [`Error::Backend`] when the folder could not be listed to its end.
    pub async fn unfinished_deletions(&self) -> Result<Vec<PhotoId>, Error> {
        let watch = self.watch(Operation::UnfinishedDeletions, Some(Folder::DIdVideos));
        let mut photos = Vec::new();
        let mut listing = self.artifacts(Folder::DIdVideos);
        while let Some(meta) = listing.next().await {
            match meta {
                Ok(Meta { key, .. }) => {
                    if let Artifact::Deletion { photo } = key.artifact() {
                        photos.push(photo);
                    }
                }
                Err(error) => return watch.end(Err(error), |_| 0),
            }
        }
        photos.sort_unstable();
        watch.end(Ok(photos), |_| 0)
    }

    /// What belongs to `subject`, in all the folders where it can lie.
    pub(crate) async fn find_all(&self, subject: Subject) -> Vec<Found> {
        let folders: &[Folder] = match subject {
            Subject::Photo(_) => &[
                Folder::Uploads,
                Folder::DetectedPersons,
                Folder::BackgroundRemoved,
                Folder::DIdVideos,
            ],
            Subject::Task(_) => &[Folder::Temp],
        };
        let mut all = Vec::new();
        for &folder in folders {
            let mut found = self.scan(folder, Some(subject));
            while let Some(found) = found.next().await {
                all.push(found);
            }
        }
        all
    }

    /// All that lies in `folder`, or what belongs to `only`.
    pub(crate) fn scan(&self, folder: Folder, only: Option<Subject>) -> BoxStream<'static, Found> {
        let mut last = None;
        let scan = self.scan_store(folder, only).map(move |mut found| {
            match &mut found {
                Found::Artifact(meta) => last = Some(meta.key),
                // In a sorted listing, a description comes right behind its artifact.
                Found::Sidecar(sidecar) => sidecar.has_artifact = last == Some(sidecar.key),
                Found::Staged(_) | Found::Foreign(_) | Found::Failed(_) => {}
            }
            found
        });
        scan.boxed()
    }

    fn scan_store(&self, folder: Folder, only: Option<Subject>) -> BoxStream<'static, Found> {
        if let Some(root) = self.root().map(Path::to_owned) {
            let scan = async move {
                let found = blocking(move || scan::scan(&root, folder, only)).await;
                stream::iter(found.unwrap_or_else(|error| {
                    let path = folder.to_string();
                    let error = Error::backend("list", path.clone(), error);
                    vec![Found::Failed(Failure { path, error })]
                }))
            };
            return stream::once(scan).flatten().boxed();
        }
        let objects = match only {
            None => self.store().list(Some(&folder.name().into())),
            // All keys of a photo sort behind its id, which spares a cloud store the older ones.
            Some(Subject::Photo(photo)) => {
                let after = format!("{folder}/{photo}").into();
                self.store().list_with_offset(Some(&folder.name().into()), &after)
            }
            Some(Subject::Task(task)) => {
                self.store().list(Some(&format!("{folder}/{task}").into()))
            }
        };
        let found = move |object: object_store::Result<ObjectMeta>| match object {
            Ok(meta) => {
                let path = meta.location.as_ref();
                let found = match (Key::parse(path), sidecar::parse(path)) {
                    (Some(key), _) => Found::Artifact(Meta::new(key, &meta)),
                    (None, Some(key)) => Found::sidecar(key),
                    (None, None) => Found::Foreign(path.to_owned()),
                };
                found.concerns(only).then_some(found)
            }
            Err(error) => {
                let path = folder.to_string();
                let error = Error::backend("list", path.clone(), error);
                Some(Found::Failed(Failure { path, error }))
            }
        };
        objects.filter_map(move |object| futures::future::ready(found(object))).boxed()
    }
}
