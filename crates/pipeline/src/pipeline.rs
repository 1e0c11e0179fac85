//! The handle.

use crate::closing::Pass;
use crate::context::Context;
use crate::error::Error;
use crate::inner::Inner;
use crate::models::Model;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::timing::within;
use portrait_gpu_scheduling::Snapshot;
use portrait_storage::{PhotoId, Storage};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From a photo to talking portraits. A cheap handle: clones share models, devices and storage.
///
/// Every step can be called alone ([`detect`](Self::detect), [`cut_out`](Self::cut_out),
/// [`animate`](Self::animate)), or all of them by [`run`](Self::run). Who asks and who is told of
/// it is said once, by [`with`](Self::with). Dropping a future cancels what has not started.
#[derive(Debug, Clone)]
pub struct Pipeline {
    pub(crate) inner: Arc<Inner>,
    pub(crate) context: Arc<Context>,
    /// Held by the handles of calls that are under way.
    pass: Option<Arc<Pass>>,
}

impl Pipeline {
    pub(crate) fn new(inner: Inner) -> Self {
        let progress = Progress::default().with_estimates(inner.estimates.clone());
        let context = Arc::new(Context { progress, ..Context::default() });
        Self { inner: Arc::new(inner), context, pass: None }
    }

    /// The same pipeline for one caller: whose place in the queues it takes, how long it may take
    /// and who is told. Every step can be called on the handle.
    ///
    /// ```
    /// # async fn run(pipeline: portrait_pipeline::Pipeline, photo: portrait_pipeline::Photo)
    /// # -> Result<(), portrait_pipeline::Error> {
    /// use portrait_pipeline::{Context, DetectOptions};
    ///
    /// let tenant = Context { flow: Some("tenant 7".into()), ..Context::default() };
    /// let found = pipeline.with(tenant).detect(&photo, &DetectOptions::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(&self, context: Context) -> Self {
        let progress = context.progress.with_estimates(self.inner.estimates.clone());
        Self { context: Arc::new(Context { progress, ..context }), ..self.clone() }
    }

    /// The devices that run the networks: `cpu`, `cuda:0`, or `cuda:0, cuda:1`.
    pub fn device(&self) -> &str {
        self.inner.engine.device()
    }

    /// What runs, waits and happened so far, by device and by network; and of NVIDIA cards, their
    /// utilisation and memory where the driver tells.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.engine.snapshot()
    }

    /// Takes a device out of work, such as `cuda:1`, as [`snapshot`](Self::snapshot) names it: it
    /// gets nothing new, finishes what it has, and is closed, networks and all. What waits goes to
    /// the other devices, and is refused ([`Error::DeviceLost`]) where there is none.
    ///
    /// Dropped before its end, the device is out of work all the same but may stay open.
    ///
    /// # Errors
    /// [`Error::Option`] for a device that the pipeline does not have; [`Error::Closing`].
    pub async fn drain_device(&self, name: &str) -> Result<(), Error> {
        self.admit()?.inner.engine.drain_device(name).await
    }

    /// Brings a device back that was [drained](Self::drain_device) or lost: opens it anew and gives
    /// it work. Networks are loaded when they are first needed there, or by
    /// [`warm_up`](Self::warm_up).
    ///
    /// # Errors
    /// [`Error::Option`] for a device that the pipeline does not have; [`Error::Device`] or
    /// [`Error::DeviceLost`] when it cannot be opened: then it stays out; [`Error::Closing`].
    pub async fn restore_device(&self, name: &str) -> Result<(), Error> {
        self.admit()?.inner.engine.restore_device(name).await
    }

    /// Ends the pipeline, for all its handles: refuses new calls ([`Error::Closing`]), lets those
    /// that are under way finish within `grace`, talks included, and drops networks and devices.
    ///
    /// What is still under way after that ends with [`Error::Closing`] where it stands. What was
    /// paid for by then is on record and is found by [`resume`](Self::resume) in the next process.
    /// [`Duration::MAX`] waits for everything.
    pub async fn close(&self, grace: Duration) {
        self.inner.closing.close(grace).await;
        self.inner.engine.close().await;
    }

    /// A handle for a call that is under way; what it calls is part of it.
    pub(crate) fn admit(&self) -> Result<Self, Error> {
        let pass = match &self.pass {
            Some(pass) => pass.clone(),
            None => Arc::new(self.inner.closing.enter()?),
        };
        Ok(Self { pass: Some(pass), ..self.clone() })
    }

    /// Runs a call on this photo until it ends, the photo is deleted or the pipeline is closed.
    pub(crate) async fn while_wanted<T>(
        &self,
        photo: PhotoId,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let work_on = self.inner.deletions.work_on(photo)?;
        tokio::select! {
            biased;
            () = self.inner.closing.cut_off() => Err(Error::Closing),
            () = work_on.deleted() => Err(Error::Deleted { photo }),
            result = work => result,
        }
    }

    /// Gives a step up after its time, or at the caller's deadline.
    pub(crate) async fn in_time<T>(
        &self,
        stage: Stage,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        within(stage, self.context.limit(limit), work).await
    }

    /// Tells the caller and the observer of a step that runs on no device.
    pub(crate) async fn watch<T>(
        &self,
        stage: Stage,
        person_id: Option<usize>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let result = self.context.progress.watch(stage, person_id, work).await;
        self.inner.watch.ended(stage, None, start, &result);
        result
    }

    /// The model that detects persons.
    pub fn detection_model(&self) -> &Model {
        &self.inner.detection
    }

    /// The model that cuts persons out.
    pub fn segmentation_model(&self) -> &Model {
        &self.inner.segmentation
    }

    /// Where photos, cut-outs and videos are kept.
    pub fn storage(&self) -> &Storage {
        &self.inner.storage
    }

    /// Loads both models on every device now, so that the first request does not wait for them.
    /// On a GPU each runs once.
    ///
    /// # Errors
    /// [`Error::Weights`] when a checkpoint is missing or wrong; [`Error::OutOfMemory`],
    /// [`Error::DeviceLost`], [`Error::Closing`].
    pub async fn warm_up(&self) -> Result<(), Error> {
        let this = self.admit()?;
        this.inner.engine.warm_up(&this.context.progress).await
    }
}
