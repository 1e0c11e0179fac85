//! How long artifacts are kept.

use std::time::Duration;

use crate::name::folder::Folder;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the artifacts of each folder are kept after they were stored.
///
/// A day is 24 hours whatever the calendar says; [`Duration::MAX`] keeps for ever.
///
/// ```
/// use std::time::Duration;
/// use portrait_storage::RetentionPolicy;
///
/// let policy = RetentionPolicy { d_id_videos: Duration::MAX, ..RetentionPolicy::default() };
/// assert_eq!(policy.temp, Duration::from_secs(3600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// `uploads/`. Default: 7 days.
    pub uploads: Duration,
    /// `detected_persons/`. Default: 3 days.
    pub detected_persons: Duration,
    /// `background_removed/`. Default: 3 days.
    pub background_removed: Duration,
    /// `d_id_videos/`. Default: 30 days.
    pub d_id_videos: Duration,
    /// `temp/`, and half-written files that a crash left in any folder. Default: 1 hour.
    pub temp: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            uploads: 7 * DAY,
            detected_persons: 3 * DAY,
            background_removed: 3 * DAY,
            d_id_videos: 30 * DAY,
            temp: HOUR,
        }
    }
}

impl RetentionPolicy {
    /// The retention of `folder`.
    #[must_use]
    pub fn of(&self, folder: Folder) -> Duration {
        match folder {
            Folder::Uploads => self.uploads,
            Folder::DetectedPersons => self.detected_persons,
            Folder::BackgroundRemoved => self.background_removed,
            Folder::DIdVideos => self.d_id_videos,
            Folder::Temp => self.temp,
        }
    }
}
