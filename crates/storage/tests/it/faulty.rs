//! A store that fails on demand, and counts the uploads left open as a cloud store would bill them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use portrait_storage::object_store::memory::InMemory;
use portrait_storage::object_store::path::Path;
use portrait_storage::object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use tokio::sync::Semaphore;

/// Where a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Put,
    Part,
    Complete,
    Get,
    /// The listing goes on behind the entry.
    ListEntry,
    Delete,
    /// The backend itself panics.
    DeletePanics,
}

#[derive(Debug)]
pub(crate) struct Faulty {
    inner: InMemory,
    /// Strikes where the path contains the text.
    faults: Mutex<Vec<(At, String)>>,
    /// Listings show artifacts as this much older than they are.
    listed_older_by: Mutex<Duration>,
    /// Deletions wait for a permit each.
    pub(crate) deletions: Semaphore,
    pub(crate) deletions_begun: AtomicUsize,
    pub(crate) uploads: Arc<Uploads>,
}

/// How uploads ended.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    pub(crate) begun: AtomicUsize,
    pub(crate) completed: AtomicUsize,
    pub(crate) aborted: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: InMemory::new(),
            faults: Mutex::default(),
            listed_older_by: Mutex::default(),
            deletions: Semaphore::new(Semaphore::MAX_PERMITS),
            deletions_begun: AtomicUsize::new(0),
            uploads: Arc::default(),
        })
    }

    pub(crate) fn fail(&self, at: At, path: impl ToString) {
        self.faults.lock().unwrap().push((at, path.to_string()));
    }

    pub(crate) fn heal(&self) {
        self.faults.lock().unwrap().clear();
    }

    pub(crate) fn list_older_by(&self, age: Duration) {
        *self.listed_older_by.lock().unwrap() = age;
    }

    fn strikes(&self, at: At, path: &Path) -> bool {
        let faults = self.faults.lock().unwrap();
        faults.iter().any(|(place, text)| *place == at && path.as_ref().contains(text))
    }

    fn strike(&self, at: At, path: &Path) -> Result<()> {
        if self.strikes(at, path) { Err(injected(at)) } else { Ok(()) }
    }
}

fn injected(at: At) -> Error {
    Error::Generic { store: "Faulty", source: format!("injected at {at:?}").into() }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.strike(At::Put, location)?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        self.uploads.begun.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FaultyUpload {
            inner,
            fail_part: self.strikes(At::Part, location),
            fail_complete: self.strikes(At::Complete, location),
            uploads: Arc::clone(&self.uploads),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.strike(At::Get, location)?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        // The trait asks for a stream without borrows; one deletion at a time is all that is used.
        let location =
            locations.map(|location| location.unwrap()).collect::<Vec<_>>().now_or_never();
        let location = location.unwrap().remove(0);
        self.deletions_begun.fetch_add(1, Ordering::SeqCst);
        assert!(!self.strikes(At::DeletePanics, &location), "injected panic");
        if let Err(error) = self.strike(At::Delete, &location) {
            return futures::stream::iter([Err(error)]).boxed();
        }
        let inner = self.inner.clone();
        match self.deletions.try_acquire() {
            Ok(permit) => {
                permit.forget();
                inner.delete_stream(futures::stream::iter([Ok(location)]).boxed())
            }
            // Never finishes: the test that closes the gate gives up on it.
            Err(_) => futures::stream::pending().boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let age = *self.listed_older_by.lock().unwrap();
        let failing: Vec<String> = {
            let faults = self.faults.lock().unwrap();
            let of_list = faults.iter().filter(|(at, _)| *at == At::ListEntry);
            of_list.map(|(_, text)| text.clone()).collect()
        };
        let listing = self.inner.list(prefix);
        listing
            .and_then(move |mut meta| {
                meta.last_modified -= age;
                let fails = failing.iter().any(|text| meta.location.as_ref().contains(text));
                std::future::ready(if fails { Err(injected(At::ListEntry)) } else { Ok(meta) })
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    fail_part: bool,
    fail_complete: bool,
    uploads: Arc<Uploads>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        if self.fail_part {
            return std::future::ready(Err(injected(At::Part))).boxed();
        }
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.fail_complete {
            return Err(injected(At::Complete));
        }
        self.uploads.completed.fetch_add(1, Ordering::SeqCst);
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.uploads.aborted.fetch_add(1, Ordering::SeqCst);
        self.inner.abort().await
    }
}
