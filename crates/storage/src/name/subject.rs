//! What is held and deleted as a whole.

use std::fmt;

use crate::name::id::{PhotoId, TaskId};

/// What is held and deleted as a whole: a photo with all that came from it, or a task's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A photo, and all that was made from it.
    Photo(PhotoId),
    /// The temporary files of a task.
    Task(TaskId),
}

impl From<PhotoId> for Subject {
    fn from(photo: PhotoId) -> Self {
        Self::Photo(photo)
    }
}

impl From<TaskId> for Subject {
    fn from(task: TaskId) -> Self {
        Self::Task(task)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Photo(photo) => write!(f, "photo {photo}"),
            Self::Task(task) => write!(f, "task {task}"),
        }
    }
}
