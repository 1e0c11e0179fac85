//! Telling how far a download is.

use std::fmt;
use std::sync::Arc;

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The repository and the file, for the label of a bar.
    pub file: &'a str,
    /// Bytes on disk, counting what an earlier attempt left.
    pub done: u64,
    /// Bytes of the whole file; `None` until the hub has said so, and where it does not.
    pub total: Option<u64>,
    /// What is being done.
    pub state: State,
}

/// The steps of a download, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Asking the hub for size and digest.
    Connecting,
    /// Another task or program is downloading the same file; waiting for it.
    Waiting,
    /// Bytes are arriving.
    Downloading,
    /// All bytes are there; digest and header are being checked.
    Verifying,
    /// The file is in its place.
    Done,
}

/// Gets every step of a download. Called on the task that downloads: it must not block.
#[derive(Clone)]
pub struct OnProgress(Arc<dyn Fn(&Progress<'_>) + Send + Sync>);

impl OnProgress {
    /// Calls `f` at every step.
    pub fn new(f: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(f))
    }

    pub(crate) fn call(&self, progress: &Progress<'_>) {
        (self.0)(progress);
    }
}

impl Default for OnProgress {
    /// Tells nobody.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for OnProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnProgress")
    }
}
