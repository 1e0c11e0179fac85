//! What all handles of a pipeline share.

use crate::closing::Closing;
use crate::deletions::Deletions;
use crate::devices::{Cores, Engine};
use crate::fair::FairPermits;
use crate::models::Model;
use crate::observer::Watch;
use crate::progress::Estimates;
use crate::timeouts::Timeouts;
use crate::video::{Orders, Voices};
use portrait_d_id::Client;
use portrait_detection::Yolov8Config;
use portrait_storage::Storage;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) detection: Model,
    /// The detection model's architecture, read once.
    pub(crate) detection_config: Yolov8Config,
    pub(crate) segmentation: Model,
    pub(crate) storage: Storage,
    pub(crate) d_id: Option<Client>,
    pub(crate) orders: Orders,
    pub(crate) deletions: Deletions,
    /// Talks in work at once.
    pub(crate) talks: FairPermits,
    pub(crate) voices: Voices,
    pub(crate) timeouts: Timeouts,
    pub(crate) engine: Engine,
    pub(crate) cores: Cores,
    pub(crate) estimates: Arc<Estimates>,
    pub(crate) closing: Arc<Closing>,
    pub(crate) watch: Watch,
}
