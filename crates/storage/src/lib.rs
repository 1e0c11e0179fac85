//! Artifacts and their retention over [`object_store`].
//!
//! An artifact is a photo, a crop or cut-out of a person, a sound, a video, a record about one of
//! these, or a temporary file. It is named by ids only, never by text from outside, and lies in one
//! of five folders:
//!
//! | [`Artifact`] | key | kept for |
//! |---|---|---|
//! | [`Upload`](Artifact::Upload) | `uploads/{photo}.{jpg,png,webp}` | 7 days |
//! | [`Sound`](Artifact::Sound) | `uploads/{photo}_sound_{sound}.{wav,mp3}` | 7 days |
//! | [`Person`](Artifact::Person) | `detected_persons/{photo}_person_{n}[_{recipe}].{jpg,png,webp}` | 3 days |
//! | [`Detections`](Artifact::Detections) | `detected_persons/{photo}_detections_{recipe}.json` | 3 days |
//! | [`CutOut`](Artifact::CutOut) | `background_removed/{photo}_person_{n}[_{recipe}]_nobg.png` | 3 days |
//! | [`WholeCutOut`](Artifact::WholeCutOut) | `background_removed/{photo}_{recipe}_nobg.png` | 3 days |
//! | [`Video`](Artifact::Video) | `d_id_videos/{photo}_person_{n}_{video}.{mp4,mov}` | 30 days |
//! | [`Order`](Artifact::Order) | `d_id_videos/{photo}_person_{n}_{video}_order.json` | 30 days |
//! | [`Deletion`](Artifact::Deletion) | `d_id_videos/{photo}_deletion.json` | until the photo is deleted |
//! | [`Temp`](Artifact::Temp) | `temp/{task}/{input,cropped,mask,result}.{…}` | 1 hour |
//!
//! `{recipe}` ([`RecipeId`]) says how something was made, so what was made in another way does not
//! replace it.
//!
//! - [`Storage::put`] and [`Storage::put_stream`] take the format from the content itself and make
//!   the artifact visible at once and whole, or not at all.
//! - [`Storage::put_described`] also keeps whose the artifact is, where it came from and how it was
//!   made, in a small JSON file beside it (`{key}.about.json`), which [`Storage::about`] reads. It
//!   is no artifact: it is not listed, and it goes with its artifact.
//! - [`Storage::delete_photo`] removes a photo and all that came from it. The record of a
//!   [`Deletion`](Artifact::Deletion) goes last, so [`Storage::unfinished_deletions`] finds what
//!   was cut off.
//! - A [`Sweeper`] deletes by [`RetentionPolicy`], but not what a running job [holds](Hold).
//!
//! [`Storage::observed`] tells of every operation, such as for metrics.
//!
//! The backend is a folder on disk ([`Storage::local`]), memory ([`Storage::memory`]) or any other
//! object store ([`Storage::new`]).
//!
//! ```
//! use portrait_storage::{Artifact, PhotoId, RetentionPolicy, Storage, Sweeper};
//! use time::{Duration, OffsetDateTime};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let storage = Storage::memory(); // or Storage::local("data")?
//! let photo = PhotoId::generate();
//! let png = b"\x89PNG\r\n\x1a\n and the rest of the file".as_slice();
//!
//! // The name says what it is; the extension follows the content.
//! let upload = storage.put(Artifact::Upload { photo }, png).await?;
//! assert_eq!(upload.key.to_string(), format!("uploads/{photo}.png"));
//! let cut_out = storage.put(Artifact::CutOut { photo, person: 0, recipe: None }, png).await?;
//! assert_eq!(storage.get(cut_out.key).await?, png);
//!
//! // Four days later the cut-out has expired and the upload has not …
//! let sweeper = Sweeper::new(storage.clone(), RetentionPolicy::default());
//! let later = OffsetDateTime::now_utc() + Duration::days(4);
//! // … but a job that holds the photo is not disturbed.
//! let hold = storage.hold(photo).await;
//! assert_eq!(sweeper.sweep_once(later).await.removed().count(), 0);
//! drop(hold);
//! assert_eq!(sweeper.sweep_once(later).await.removed().count(), 1);
//!
//! // The user wants everything gone.
//! let report = storage.delete_photo(photo).await.complete()?;
//! assert_eq!(report.removed[0].key, upload.key);
//! assert!(storage.list_photo(photo).await?.is_empty());
//! # Ok::<(), portrait_storage::Error>(())
//! # }).unwrap();
//! ```

mod about;
mod blocking;
mod delete;
mod error;
mod hold;
mod list;
mod local;
mod lock;
mod meta;
mod name;
mod observe;
mod read;
mod report;
mod retention;
mod storage;
mod sweep;
mod write;

pub use about::description::{About, Description, Origin};
pub use delete::DeletionReport;
pub use error::Error;
pub use hold::Hold;
pub use meta::{Failure, Meta, Removed};
pub use name::artifact::Artifact;
pub use name::folder::{Folder, TempName};
pub use name::format::Format;
pub use name::id::{PhotoId, TaskId, VideoId};
pub use name::key::Key;
pub use name::recipe::RecipeId;
pub use name::subject::Subject;
/// The object stores that [`Storage::new`] takes, and [`GetRange`](object_store::GetRange).
pub use object_store;
pub use observe::{Ended, Operation, StorageCall};
pub use read::Content;
pub use report::{FolderReport, SweepReport};
pub use retention::RetentionPolicy;
pub use storage::Storage;
pub use sweep::Sweeper;
pub use write::input::StreamOptions;
pub use write::put::Stored;
