//! What a sweep did.

use time::OffsetDateTime;

use crate::meta::{Failure, Removed};
use crate::name::folder::Folder;
use crate::name::key::Key;

/// How many foreign files a report names; the others are counted.
const FOREIGN_NAMED: usize = 100;

/// What became of one thing that a sweep came upon.
#[derive(Debug)]
pub(crate) enum Outcome {
    Kept,
    Removed(Removed),
    HalfWritten(u64),
    Orphan,
    Held(Key),
    Vanished,
    Foreign(String),
    Failed(Failure),
    /// A half-written file that may still be completed, or a description of what is there.
    Ignored,
}

/// What a sweep did in one folder.
#[derive(Debug)]
pub struct FolderReport {
    /// The folder.
    pub folder: Folder,
    /// The artifacts whose retention has not ended, and records of deletions under way.
    pub kept: u64,
    /// The artifacts that were deleted, sorted by key.
    pub removed: Vec<Removed>,
    /// The artifacts whose retention has ended, but that are held, sorted by key.
    pub held: Vec<Key>,
    /// Artifacts that something else deleted during the sweep.
    pub vanished: u64,
    /// Files and folders that this crate did not write. They stay.
    pub foreign: u64,
    /// The paths of the first 100 of these.
    pub foreign_paths: Vec<String>,
    /// Half-written files that a crash left and that were deleted.
    pub half_written: u64,
    /// The bytes these took.
    pub half_written_bytes: u64,
    /// Descriptions whose artifact is gone and that were deleted.
    pub orphaned_descriptions: u64,
    /// Empty folders of tasks that were removed.
    pub empty_folders_removed: u64,
    /// What could not be listed, looked at or deleted. The next sweep tries again.
    pub failures: Vec<Failure>,
}

impl FolderReport {
    fn new(folder: Folder) -> Self {
        Self {
            folder,
            kept: 0,
            removed: Vec::new(),
            held: Vec::new(),
            vanished: 0,
            foreign: 0,
            foreign_paths: Vec::new(),
            half_written: 0,
            half_written_bytes: 0,
            orphaned_descriptions: 0,
            empty_folders_removed: 0,
            failures: Vec::new(),
        }
    }

    /// The bytes of the deleted artifacts.
    #[must_use]
    pub fn removed_bytes(&self) -> u64 {
        self.removed.iter().map(|removed| removed.size).sum()
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Kept => self.kept += 1,
            Outcome::Removed(removed) => self.removed.push(removed),
            Outcome::HalfWritten(size) => {
                self.half_written += 1;
                self.half_written_bytes += size;
            }
            Outcome::Orphan => self.orphaned_descriptions += 1,
            Outcome::Held(key) => self.held.push(key),
            Outcome::Vanished => self.vanished += 1,
            Outcome::Foreign(path) => {
                self.foreign += 1;
                if self.foreign_paths.len() < FOREIGN_NAMED {
                    self.foreign_paths.push(path);
                }
            }
            Outcome::Failed(failure) => self.failures.push(failure),
            Outcome::Ignored => {}
        }
    }

    pub(crate) fn sort(&mut self) {
        self.removed.sort_unstable();
        self.held.sort_unstable();
        self.foreign_paths.sort_unstable();
    }
}

/// What a sweep did.
#[derive(Debug)]
pub struct SweepReport {
    /// The time as of which it swept.
    pub now: OffsetDateTime,
    /// One report for each folder, in the order of [`Folder::ALL`].
    pub folders: [FolderReport; Folder::ALL.len()],
}

impl SweepReport {
    pub(crate) fn new(now: OffsetDateTime) -> Self {
        Self { now, folders: Folder::ALL.map(FolderReport::new) }
    }

    /// The report for one folder.
    #[must_use]
    pub fn folder(&self, folder: Folder) -> &FolderReport {
        &self.folders[folder as usize]
    }

    pub(crate) fn folder_mut(&mut self, folder: Folder) -> &mut FolderReport {
        &mut self.folders[folder as usize]
    }

    /// All that was deleted.
    pub fn removed(&self) -> impl Iterator<Item = &Removed> {
        self.folders.iter().flat_map(|folder| &folder.removed)
    }

    /// All that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.folders.iter().flat_map(|folder| &folder.failures)
    }

    pub(crate) fn log(&self) {
        for folder in &self.folders {
            tracing::info!(
                folder = %folder.folder,
                kept = folder.kept,
                removed = folder.removed.len(),
                removed_bytes = folder.removed_bytes(),
                held = folder.held.len(),
                vanished = folder.vanished,
                foreign = folder.foreign,
                half_written = folder.half_written,
                orphaned_descriptions = folder.orphaned_descriptions,
                failures = folder.failures.len(),
                "swept"
            );
        }
        for failure in self.failures() {
            let error: &(dyn std::error::Error + 'static) = &failure.error;
            tracing::warn!(path = failure.path, error, "the sweep left something behind");
        }
    }
}
