//! Content, artifacts and backends for the tests.

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use portrait_storage::object_store::ObjectStore;
use portrait_storage::object_store::local::LocalFileSystem;
use portrait_storage::object_store::memory::InMemory;
use portrait_storage::object_store::path::Path;
use portrait_storage::object_store::prefix::PrefixStore;
use portrait_storage::{
    Artifact, Description, Folder, Format, Key, Meta, Origin, PhotoId, RecipeId, Storage, TaskId,
    TempName, VideoId,
};
use tempfile::TempDir;

/// A storage, the store below it, and what must live as long.
pub(crate) struct Backend {
    pub(crate) storage: Storage,
    pub(crate) raw: Arc<dyn ObjectStore>,
    _dir: Option<TempDir>,
}

impl Backend {
    pub(crate) fn memory() -> Self {
        let raw: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        Self { storage: Storage::new(Arc::clone(&raw)), raw, _dir: None }
    }

    pub(crate) fn local() -> Self {
        let dir = TempDir::new().unwrap();
        let storage = Storage::local(dir.path()).unwrap();
        let raw = Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
        Self { storage, raw, _dir: Some(dir) }
    }

    /// A file system that the storage knows as nothing more than an object store.
    pub(crate) fn file_system() -> Self {
        let dir = TempDir::new().unwrap();
        let raw: Arc<dyn ObjectStore> =
            Arc::new(LocalFileSystem::new_with_prefix(dir.path()).unwrap());
        Self { storage: Storage::new(Arc::clone(&raw)), raw, _dir: Some(dir) }
    }

    /// A part of a store that something else uses too.
    pub(crate) fn prefixed() -> Self {
        let raw: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(InMemory::new(), "portrait/v1"));
        Self { storage: Storage::new(Arc::clone(&raw)), raw, _dir: None }
    }
}

/// Content of `len` bytes in `format`; `seed` makes it differ.
pub(crate) fn content(format: Format, len: usize, seed: u8) -> Bytes {
    let head: &[u8] = match format {
        Format::Jpeg => b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01",
        Format::Png => b"\x89PNG\r\n\x1a\n\0\0\0\r",
        Format::WebP => b"RIFF\x24\0\0\0WEBP",
        Format::Mp4 => b"\0\0\0\x20ftypisom",
        Format::Mov => b"\0\0\0\x14ftypqt  ",
        Format::Json => b"{\"version\":1}",
        Format::Wav => b"RIFF\x24\0\0\0WAVE",
        Format::Mp3 => b"ID3\x04\0\0\0\0\0\0\0\0",
    };
    let mut bytes = head.to_vec();
    bytes.extend((0..len.saturating_sub(head.len())).map(|i| (i % 253) as u8 ^ seed));
    bytes.into()
}

/// `content` as a stream of pieces, as a download gives it.
pub(crate) fn pieces(
    content: &Bytes,
    len: usize,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Send + Unpin + 'static {
    let content = content.clone();
    let starts = (0..content.len()).step_by(len);
    let pieces: Vec<_> =
        starts.map(|at| Ok(content.slice(at..(at + len).min(content.len())))).collect();
    stream::iter(pieces)
}

/// One artifact of each kind, of the same photo and task.
pub(crate) fn one_of_each(photo: PhotoId, task: TaskId) -> [Artifact; 5] {
    [
        Artifact::Upload { photo },
        Artifact::Person { photo, person: 0, recipe: None },
        Artifact::CutOut { photo, person: 0, recipe: None },
        Artifact::Video { photo, person: 0, video: VideoId::generate() },
        Artifact::Temp { task, name: TempName::Mask },
    ]
}

/// One recipe of many; the same for the same `seed`.
pub(crate) fn recipe(seed: u8) -> RecipeId {
    RecipeId::from_digest(&[seed; 32])
}

/// One artifact of each kind that [`one_of_each`] leaves out, of the same photo, sorted.
pub(crate) fn one_of_each_record(photo: PhotoId) -> [Artifact; 8] {
    let video = VideoId::generate();
    [
        Artifact::Sound { photo, sound: recipe(1) },
        Artifact::Person { photo, person: 0, recipe: Some(recipe(2)) },
        Artifact::Detections { photo, recipe: recipe(3) },
        Artifact::CutOut { photo, person: 0, recipe: Some(recipe(4)) },
        Artifact::CutOut { photo, person: 0, recipe: Some(recipe(5)) },
        Artifact::WholeCutOut { photo, recipe: recipe(6) },
        Artifact::Order { photo, person: 0, video },
        Artifact::Deletion { photo },
    ]
}

/// Stores a small `artifact` in the first of its formats.
pub(crate) async fn put_small(storage: &Storage, artifact: Artifact) -> Key {
    let format = artifact.formats()[0];
    storage.put(artifact, content(format, 64, 0)).await.unwrap().key
}

/// A description with all that one can have.
pub(crate) fn described(origin: Origin) -> Description {
    Description::new(origin)
        .with_owner("customer \"17\" / ü")
        .with_recipe(serde_json::json!({ "model": "birefnet-small", "padding": 0.1 }))
}

/// Where the description of `key` lies.
pub(crate) fn beside(key: Key) -> Path {
    format!("{key}.about.json").as_str().into()
}

/// Lets other tasks work until `done`, but not for ever.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !done() {
        assert!(begun.elapsed().as_secs() < 60, "did not come about: {what}");
        tokio::task::yield_now().await;
    }
}

/// Everything in the storage, sorted.
pub(crate) async fn everything(storage: &Storage) -> Vec<Meta> {
    let mut all = Vec::new();
    for folder in Folder::ALL {
        let mut listing = storage.list(folder);
        while let Some(meta) = listing.next().await {
            all.push(meta.unwrap());
        }
    }
    all.sort_unstable();
    all
}
