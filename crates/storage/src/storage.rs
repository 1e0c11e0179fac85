//! The storage: opening it, reading and listing.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join_all;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::hold::Registry;
use crate::meta::Found;
use crate::{Artifact, Error, Failure, Folder, Hold, Key, Meta, PhotoId, Subject, local};

/// Artifacts in an object store.
///
/// A cheap handle: clones share the store and the [holds](Self::hold). Open a store once in a
/// process and clone it; two that were opened separately do not see each other's holds.
///
/// Methods must be called from within a tokio runtime. Dropping the future of any method is safe.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn ObjectStore>,
    /// The folder on disk, where the store is one that this crate opened.
    root: Option<PathBuf>,
    registry: Arc<Registry>,
}

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
    /// A storage in the folder `root` on this machine, which is created where it is missing.
    ///
    /// A file appears under its name only when it is whole and, with its folder entry, flushed to
    /// disk. The folder must belong to this program: files that it did not write are left alone,
    /// but whoever can write there can also replace artifacts.
    ///
    /// Touches the disk briefly, and blocks meanwhile.
    ///
    /// # Errors
    /// [`Error::Root`] when the folder cannot be created.
    pub fn local(root: impl AsRef<Path>) -> Result<Self, Error> {
        let path = root.as_ref();
        let failed = |source| Error::Root { path: path.to_owned(), source };
        local::prepare(path).map_err(|error| failed(error.into()))?;
        // Absolute, so that a later change of the working directory does no harm.
        let root = path.canonicalize().map_err(|error| failed(error.into()))?;
        let store = LocalFileSystem::new_with_prefix(&root)
            .map_err(|error| failed(error.into()))?
            .with_fsync(true);
        Ok(Self::open(Arc::new(store), Some(root)))
    }

    /// A storage in memory, for tests and trials: gone with its last clone.
    #[must_use]
    pub fn memory() -> Self {
        Self::new(Arc::new(InMemory::new()))
    }

    /// A storage over any object store, such as S3, Google Cloud Storage or Azure.
    ///
    /// To share a bucket with something else, wrap the store in
    /// [`PrefixStore`](object_store::prefix::PrefixStore). Cloud stores keep the parts of uploads
    /// that were cut off by a crash; give the bucket a lifecycle rule that removes those.
    /// For a folder on disk use [`local`](Self::local), which also tidies up after crashes.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self::open(store, None)
    }

    fn open(store: Arc<dyn ObjectStore>, root: Option<PathBuf>) -> Self {
        let registry = Arc::default();
        let inner = Inner { store, root, registry };
        Self { inner: Arc::new(inner) }
    }

    /// Holds a photo or task: the sweeper skips its artifacts until the hold is dropped.
    ///
    /// A job takes a hold before it looks at what it works on. Waits only while the sweeper is
    /// deleting an artifact of `subject`; so what is there after this call is there to stay.
    /// Holds live in this process: where several share a store, retention must be longer than
    /// the longest job of the others.
    pub async fn hold(&self, subject: impl Into<Subject>) -> Hold {
        self.inner.registry.hold(subject.into()).await
    }

    /// The whole content of an artifact, in memory; for videos prefer
    /// [`get_stream`](Self::get_stream).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Backend`].
    pub async fn get(&self, key: Key) -> Result<Bytes, Error> {
        let failed = |error| Error::at_key("read", key, error);
        let result = self.store().get(&key.path()).await.map_err(failed)?;
        result.bytes().await.map_err(failed)
    }

    /// The content of an artifact, or a range of it, piece by piece.
    ///
    /// A range is cut to the artifact's size, as HTTP asks for (RFC 9110, section 14.1.2).
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::RangeNotSatisfiable`] for a range that is empty or begins
    /// past the end; [`Error::Backend`], also from the stream.
    pub async fn get_stream(&self, key: Key, range: Option<GetRange>) -> Result<Content, Error> {
        let mut options = GetOptions::default();
        if let Some(range) = range {
            // Backends report an unsatisfiable range each in their own way, so it is settled here.
            let size = self.head(key).await?.size;
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
        match self.store().head(&key.path()).await {
            Ok(meta) => Ok(Meta::new(key, &meta)),
            Err(error) => Err(Error::at_key("look up", key, error)),
        }
    }

    /// Whether an artifact exists.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn exists(&self, key: Key) -> Result<bool, Error> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Finds an artifact whose format is not known; the latest where there are several.
    ///
    /// # Errors
    /// [`Error::Backend`].
    pub async fn find(&self, artifact: Artifact) -> Result<Option<Meta>, Error> {
        let looks = artifact.formats().iter().map(async |&format| {
            match self.head(Key::new(artifact, format)?).await {
                Ok(meta) => Ok(Some(meta)),
                Err(Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let found = try_join_all(looks).await?;
        Ok(found.into_iter().flatten().max_by_key(|m| m.stored_at))
    }

    /// Everything in a folder, in no particular order. Files of others are left out.
    ///
    /// An error concerns one entry, or the rest of the listing when the backend gives up.
    pub fn list(&self, folder: Folder) -> BoxStream<'static, Result<Meta, Error>> {
        self.scan(folder, None)
            .filter_map(async |found| match found {
                Found::Artifact(meta) => Some(Ok(meta)),
                Found::Failed(failure) => Some(Err(failure.error)),
                Found::Staged(_) | Found::Foreign(_) => None,
            })
            .boxed()
    }

    /// The photo, its persons, cut-outs and videos, sorted by key.
    ///
    /// # Errors
    /// [`Error::Backend`] when a folder could not be listed.
    pub async fn list_photo(&self, photo: PhotoId) -> Result<Vec<Meta>, Error> {
        let mut all = Vec::new();
        for found in self.find_all(photo.into()).await {
            match found {
                Found::Artifact(meta) => all.push(meta),
                Found::Failed(Failure { error, .. }) => return Err(error),
                Found::Staged(_) | Found::Foreign(_) => {}
            }
        }
        all.sort_unstable();
        Ok(all)
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
        if let Some(root) = self.root().map(Path::to_owned) {
            let scan = async move {
                let found = blocking(move || local::scan(&root, folder, only)).await;
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
            Ok(meta) => match Key::parse(meta.location.as_ref()) {
                Some(key) if only.is_none_or(|only| only == key.subject()) => {
                    Some(Found::Artifact(Meta::new(key, &meta)))
                }
                None if only.is_none() => Some(Found::Foreign(meta.location.to_string())),
                _ => None,
            },
            Err(error) => {
                let path = folder.to_string();
                let error = Error::backend("list", path.clone(), error);
                Some(Found::Failed(Failure { path, error }))
            }
        };
        objects.filter_map(move |object| futures::future::ready(found(object))).boxed()
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.store
    }

    pub(crate) fn root(&self) -> Option<&Path> {
        self.inner.root.as_deref()
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }
}

/// Runs work on the disk where it does not keep other futures waiting.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    tokio::task::spawn_blocking(work).await
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.inner.store)
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
