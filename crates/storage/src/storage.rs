//! The storage: opening it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;

use crate::blocking::blocking;
use crate::error::Error;
use crate::hold::{Hold, Registry};
use crate::local::private;
use crate::lock::Locks;
use crate::name::folder::Folder;
use crate::name::subject::Subject;
use crate::observe::{Observer, Operation, StorageCall, Watch};

/// Artifacts in an object store.
///
/// A cheap handle: clones share the store and the [holds](Self::hold). Open a store once in a
/// process and clone it; two that were opened separately do not see each other's holds.
///
/// Methods must be called from within a tokio runtime. Dropping the future of any method is safe.
#[derive(Clone)]
pub struct Storage {
    inner: Arc<Inner>,
    /// Not shared: each clone may have its own.
    observer: Observer,
}

struct Inner {
    store: Arc<dyn ObjectStore>,
    /// The folder on disk, where the store is one that this crate opened.
    root: Option<PathBuf>,
    registry: Arc<Registry>,
    locks: Arc<Locks>,
}

impl Storage {
    /// A storage in the folder `root` on this machine, which is created where it is missing.
    ///
    /// A file appears under its name only when it is whole and, with its folder entry, flushed to
    /// disk. The folder must belong to this program: files that it did not write are left alone,
    /// but whoever can write there can also replace artifacts.
    ///
    /// On Unix, only the user of this process can read what is stored, whatever the umask: the
    /// five folders get mode 0700, also those that exist already, and files 0600. A `root` that
    /// exists keeps its mode.
    ///
    /// Touches the disk briefly, and blocks meanwhile.
    ///
    /// # Errors
    /// [`Error::Root`] when the folder cannot be created.
    pub fn local(root: impl AsRef<Path>) -> Result<Self, Error> {
        let path = root.as_ref();
        let failed = |source| Error::Root { path: path.to_owned(), source };
        private::prepare(path).map_err(|error| failed(error.into()))?;
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
        let inner = Inner { store, root, registry: Arc::default(), locks: Arc::default() };
        Self { inner: Arc::new(inner), observer: Observer::default() }
    }

    /// A clone that tells `observer` of every operation on the store when it has ended, such as
    /// for metrics.
    ///
    /// Observers that this storage has already are told before it. The observer is called where
    /// the operation ends, so it should return quickly; what it does cannot change the result of
    /// the operation, and a panic of it is caught and logged.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use portrait_storage::Storage;
    ///
    /// let failures = Arc::new(AtomicU64::new(0));
    /// let counter = Arc::clone(&failures);
    /// let storage = Storage::memory().observed(move |call| {
    ///     counter.fetch_add(u64::from(call.failed()), Ordering::Relaxed);
    /// });
    /// # let _ = storage;
    /// ```
    #[must_use]
    pub fn observed(&self, observer: impl Fn(&StorageCall) + Send + Sync + 'static) -> Self {
        let observer = Observer::new(observer).after(self.observer.clone());
        Self { inner: Arc::clone(&self.inner), observer }
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

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.store
    }

    pub(crate) fn root(&self) -> Option<&Path> {
        self.inner.root.as_deref()
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.inner.registry
    }

    pub(crate) fn locks(&self) -> &Arc<Locks> {
        &self.inner.locks
    }

    pub(crate) fn watch(&self, operation: Operation, folder: Option<Folder>) -> Watch {
        self.observer.watch(operation, folder)
    }

    /// On a local disk, lets only the user read the file just stored at `path`.
    pub(crate) async fn make_private(&self, path: &StorePath) {
        let Some(root) = self.root() else { return };
        let file = root.join(path.as_ref());
        // An error only when the runtime is being shut down.
        let _ = blocking(move || private::make_private(&file)).await;
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({})", self.inner.store)
    }
}
